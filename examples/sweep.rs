//! Searches for the settings of a small network on MNIST: successive halving over 27 random points, several at once, with a table and a picture.
//!
//! ```text
//! cargo run --release --example sweep                27 trials: one epoch for all, three for 9 of them, nine for 3;
//!                                                    writes runs/sweep/sweep.{csv, svg}
//! cargo run --release --example sweep -- --quick     the same on a tenth of the images
//! ```
//!
//! Killed or stopped with Ctrl-C, it goes on where it was when it is called again.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ravine::data::Subset;
use ravine::prelude::*;
use ravine::train::{Space, Sweep, TrainError, Trial};
use ravine_examples::{Interrupted, RunFlags, bundled_mnist, start, stop_on_ctrl_c, write_file};

/// Searches for the settings of a small network on MNIST.
#[derive(Parser)]
struct Args {
    /// Train on a tenth of the images.
    #[arg(long)]
    quick: bool,
    /// How many points to try.
    #[arg(long, default_value_t = 27)]
    trials: usize,
    /// The folder with the four IDX files, gzipped or not [default: the bundled MNIST].
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    run: RunFlags,
}

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let (begin, folder) = (Instant::now(), args.run.folder("sweep"));
    let data = Mnist::load(args.data.clone().unwrap_or_else(bundled_mnist))?.train;
    let pixels = data.shape().iter().product();
    // The last tenth of the training images judges; the test images are for the model that is chosen in the end.
    let judged = data.len() * 9 / 10;
    let images = if args.quick { judged / 10 } else { judged };
    let held_out = (&data).subset((judged..data.len()).collect());
    let train = (&data).subset((0..images).collect());

    let space = Space::new()
        .choice("optimizer", ["sgd", "adam"])
        .log("rate", 1e-4, 1.0)
        .int("hidden", 16, 256)
        .uniform("dropout", 0.0, 0.5)
        .log("weight decay", 1e-6, 1e-2);
    let found = Sweep::random(space, args.trials)
        .seed(args.run.seed)
        .halving(1, 3)
        .budget(9)
        .goal(Goal::highest("accuracy"))
        .at_once(args.run.threads)
        .file(folder.join(if args.quick { "quick.jsonl" } else { "sweep.jsonl" }))
        .progress(Progress::auto())
        .stop(stop_on_ctrl_c()?)
        .run(|trial| Ok(accuracy(trial, pixels, &train, &held_out)?))?;

    write_file(&folder.join("sweep.csv"), found.csv())?;
    write_file(&folder.join("sweep.svg"), found.svg())?;
    if args.run.json {
        let best = found.best();
        let settings: serde_json::Map<String, _> = best
            .into_iter()
            .flat_map(|best| best.settings.iter())
            .map(|(name, value)| (name.to_owned(), value.to_string().into()))
            .collect();
        let result = serde_json::json!({
            "runs": found.results.len(),
            "interrupted": found.interrupted,
            "best_accuracy": best.and_then(|best| best.outcome.as_ref().ok()),
            "best_settings": settings,
            "seconds": begin.elapsed().as_secs_f64(),
        });
        println!("{result}");
    } else {
        print!("{}", found.table());
        println!("{}", folder.join("sweep.svg").display());
    }
    if found.interrupted {
        return Err(Interrupted("call it again to go on").into());
    }
    Ok(())
}

/// The accuracy on the images held out, after as many epochs as the trial has.
fn accuracy(
    trial: &Trial,
    pixels: usize,
    train: &Subset<&ImageSet>,
    held_out: &Subset<&ImageSet>,
) -> Result<f64, TrainError> {
    let rng = &mut Rng::new(trial.seed).child(trial.number as u64);
    let hidden = trial.int("hidden") as usize;
    let model = sequential![
        Flatten,
        Linear::new(pixels, hidden, rng),
        Relu,
        Dropout::new(trial.float("dropout")),
        Linear::new(hidden, 10, rng),
    ];
    let rate = trial.float("rate");
    let decay = trial.float("weight decay");
    let mut optimizer: Box<dyn Optimize + Send> = match trial.choice("optimizer") {
        "sgd" => Box::new(Optimizer::new(&model, Sgd::momentum(0.9), rate).weight_decay(decay)),
        _ => Box::new(Optimizer::new(&model, Adam::default(), rate).weight_decay(decay)),
    };
    let report = Trainer::new()
        .epochs(trial.budget)
        .threads(1) // As many trials run at once as there are threads.
        .seed(trial.seed)
        .goal(Goal::highest("accuracy"))
        .run(&model, &mut *optimizer, train, Some(held_out), |tape, (images, labels)| {
            Outcome::classification(&model.forward(&tape.input(images.clone())), labels)
        })?;
    Ok(report.test().and_then(|scores| scores.metric("accuracy")).unwrap_or(f64::NAN))
}
