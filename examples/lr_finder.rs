//! Looks for a learning rate before training, in one call.
//!
//! ```text
//! cargo run --release --example lr_finder                     a network on MNIST, SGD with momentum
//! cargo run --release --example lr_finder -- --optimizer adam
//! ```

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use ravine::optim::{RateCurve, RateFinder};
use ravine::prelude::*;
use ravine_examples::bundled_mnist;

/// Finds a learning rate for a small network on MNIST.
#[derive(Parser)]
struct Args {
    /// The rule that is to use the rate.
    #[arg(long, value_enum, default_value_t = Rules::Sgd)]
    optimizer: Rules,
    /// How many rates to try.
    #[arg(long, default_value_t = 160)]
    steps: u64,
    /// Where to draw the loss over the rate.
    #[arg(long, default_value = "runs/lr_finder.svg")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Rules {
    /// With momentum 0.9.
    Sgd,
    Adam,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let data = Mnist::load(bundled_mnist())?.train;
    let batches = Plan::new(data.len(), 64, Order::Shuffled { seed: 0 }).epoch(0);
    let rng = &mut Rng::new(0);
    let model = sequential![Flatten, Linear::new(784, 128, rng), Relu, Linear::new(128, 10, rng)];
    let before = weights_hash(&model);

    let finder = RateFinder { steps: args.steps, ..RateFinder::default() };
    let loss = |tape: &Tape, step: u64| {
        let (images, labels) =
            data.batch(batches.batch(step as usize)).expect("a batch of the bundled images");
        model.forward(&tape.input(images)).cross_entropy(&labels)
    };
    let found: RateCurve = match args.optimizer {
        Rules::Sgd => finder.run(&model, Sgd::momentum(0.9), loss)?,
        Rules::Adam => finder.run(&model, Adam::default(), loss)?,
    };

    match found.suggestion() {
        Some(rate) => println!("train with a rate of about {rate:.1e}"),
        None => println!("the loss never fell: look at the data and the model first"),
    }
    if let (Some(curvature), Some(bound)) = (found.curvature, found.bound) {
        println!("the largest curvature is {curvature:.3}, so that rates above {bound:.2e} diverge");
    }
    assert_eq!(before, weights_hash(&model), "the model is as it was, bit for bit");
    if let Some(folder) = args.out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&args.out, found.svg())?;
    println!("{}", args.out.display());
    Ok(())
}
