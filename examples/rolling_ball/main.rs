//! What gradient descent and momentum do, in pictures: a page with sliders, and each picture as a file.
//!
//! ```text
//! cargo run --release --example rolling_ball                  writes runs/rolling_ball/index.html
//! cargo run --release --example rolling_ball -- --out DIR
//! ```
//!
//! Everything drawn is measured on the optimizers of `ravine::optim`; `crates/optim/tests/theory` asserts the numbers.

mod descent;
mod learning;
mod momentum;
mod noise;
mod page;
mod rate;
mod regression;
mod well;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ravine_examples::{make_folder, start, write_file};

/// Draws what gradient descent and momentum do.
#[derive(Parser)]
struct Args {
    /// The folder for the page and the pictures.
    #[arg(long, default_value = "runs/rolling_ball")]
    out: PathBuf,
}

fn main() -> ExitCode {
    start(run)
}

fn run(Args { out }: &Args) -> Result<(), Box<dyn Error>> {
    make_folder(out)?;
    let sections = [
        rate::size_of_the_step(),
        rate::three_balls(),
        noise::batches(),
        learning::finder()?,
        learning::update_to_weight()?,
        momentum::ravine(),
        momentum::memory(),
        momentum::convergence(),
        momentum::best(),
        well::double_well(),
        noise::floor(),
        learning::schedules()?,
        regression::features(),
        momentum::lower_bound(),
        learning::optimizers()?,
    ];
    for (name, picture) in sections.iter().flat_map(|section| &section.figures).flat_map(page::Figure::files)
    {
        write_file(&out.join(name), picture)?;
    }
    let index = out.join("index.html");
    write_file(&index, page::html(&sections))?;
    println!("{}", index.display());
    Ok(())
}
