//! Draws what a tape holds: the pictures of the book's page on the tape.
//!
//! ```text
//! cargo run --example tape_graphs                             writes runs/tape/tape_*.svg
//! cargo run --example tape_graphs -- docs                     those of the book
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ravine::autograd::Graph;
use ravine::prelude::*;
use ravine_examples::{start, write_file};

/// Draws what a tape holds.
#[derive(Parser)]
struct Args {
    /// The folder for the pictures.
    #[arg(default_value = "runs/tape")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    start(run)
}

fn run(Args { folder }: &Args) -> Result<(), Box<dyn Error>> {
    for (name, graph) in [("product", product()), ("residual", residual()), ("slope", slope())] {
        let file = folder.join(format!("tape_{name}.svg"));
        write_file(&file, graph.to_svg())?;
        println!("{}", file.display());
    }
    Ok(())
}

/// A variable, a constant and a parameter.
fn product() -> Graph {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from([1.0, 2.0]));
    let c = tape.input(Tensor::from([10.0, 10.0]));
    let w = Param::new(Tensor::from([0.5, -0.5]));
    let loss = (&x * &c * tape.param(&w)).sum(..);
    Graph::of(&loss).named(&w)
}

/// A value that is used twice.
fn residual() -> Graph {
    let rng = &mut Rng::new(0);
    let model = (Linear::new(4, 16, rng), Linear::new(16, 16, rng));
    let tape = Tape::new();
    let x = model.0.forward(&tape.input(Tensor::ones([8, 4])));
    let y = &x + model.1.forward(&x).relu();
    Graph::of(&y.square().mean(..)).named(&model)
}

/// The derivative of `x³`, recorded.
fn slope() -> Graph {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(2.0));
    let y = x.square() * &x;
    Graph::of(&grad(&y, &[&x], true)[0])
}
