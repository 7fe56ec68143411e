//! Looks for a learning rate before training, in one call.
//!
//! ```text
//! cargo run --release --example lr_finder                     a network on MNIST, SGD with momentum; writes runs/lr_finder/sgd.svg
//! cargo run --release --example lr_finder -- --optimizer adam
//! ```
//!
//! It suggests 0.02 for SGD with momentum, where the curvature says that rates above 0.65 diverge, and 0.0018 for Adam.
//!
//! The rate grows from batch to batch; the loss first falls, then explodes. Smith 2017, 'Cyclical learning rates for training neural networks'.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use ravine::optim::{RateCurve, RateFinder};
use ravine::prelude::*;
use ravine_examples::{RunFlags, above_zero, bundled_mnist, make_folder, start, write_file};

/// Finds a learning rate for a small network on MNIST.
#[derive(Parser)]
struct Args {
    /// The rule that is to use the rate.
    #[arg(long, value_enum, default_value_t = Rules::Sgd)]
    optimizer: Rules,
    /// How many rates to try.
    #[arg(long, default_value_t = 160, value_parser = clap::value_parser!(u64).range(2..))]
    steps: u64,
    /// Images per step.
    #[arg(long, default_value_t = 64, value_parser = above_zero::<usize>)]
    batch_size: usize,
    /// The folder with the four IDX files, gzipped or not [default: the bundled MNIST].
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    run: RunFlags,
}

#[derive(Clone, Copy, ValueEnum)]
enum Rules {
    /// With momentum 0.9.
    Sgd,
    Adam,
}

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let data = Mnist::load(args.data.clone().unwrap_or_else(bundled_mnist))?.train;
    let folder = args.run.folder("lr_finder");
    make_folder(&folder)?;
    let batches = Plan::new(data.len(), args.batch_size, Order::Shuffled { seed: args.run.seed }).epoch(0);
    let rng = &mut Rng::new(args.run.seed);
    let pixels = data.shape().iter().product();
    let model = sequential![Flatten, Linear::new(pixels, 128, rng), Relu, Linear::new(128, 10, rng)];
    let before = weights_hash(&model);

    let finder = RateFinder { steps: args.steps, ..RateFinder::default() };
    // It may stop before its last rate, and measures the curvature afterwards: the number of passes is not known.
    let bar = Progress::auto().task("trying rates", 0);
    let loss = |tape: &Tape, step: u64| {
        bar.advance(1);
        let batch = batches.batch(step as usize % batches.len());
        let (images, labels) = data.batch(batch).expect("images in memory");
        model.forward(&tape.input(images)).cross_entropy(&labels)
    };
    let found: RateCurve = args.run.pool()?.install(|| match args.optimizer {
        Rules::Sgd => finder.run(&model, Sgd::momentum(0.9), loss),
        Rules::Adam => finder.run(&model, Adam::default(), loss),
    })?;
    drop(bar);
    assert_eq!(before, weights_hash(&model), "the model is as it was, bit for bit");

    let name = if matches!(args.optimizer, Rules::Sgd) { "sgd.svg" } else { "adam.svg" };
    let picture = folder.join(name);
    write_file(&picture, found.svg())?;
    if args.run.json {
        let result = serde_json::json!({
            "suggestion": found.suggestion(),
            "curvature": found.curvature,
            "bound": found.bound,
            "seconds": begin.elapsed().as_secs_f64(),
        });
        println!("{result}");
        return Ok(());
    }
    match found.suggestion() {
        Some(rate) => println!("train with a rate of about {rate:.1e}"),
        None => println!("the loss never fell: look at the data and the model first"),
    }
    if let (Some(curvature), Some(bound)) = (found.curvature, found.bound) {
        println!("the largest curvature is {curvature:.3}, so that rates above {bound:.2e} diverge");
    }
    println!("{}", picture.display());
    Ok(())
}
