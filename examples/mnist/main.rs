//! Learns to read handwritten digits.
//!
//! ```text
//! cargo run --release --example mnist                       LeNet-5, to 99 %
//! cargo run --release --example mnist -- --model mlp        784-128-10
//! cargo run --release --example mnist -- --model resnet     a residual net on turned and shifted images, to 99.7 %
//! cargo run --release --example mnist -- --predict seven.png reads a drawing, by the model that was trained
//! cargo run --release --example mnist -- --help
//! ```
//!
//! Four files: this one (the command line, the optimizer, the run), the models, the images, and how a drawing is read.

mod images;
mod models;
mod predict;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use ravine::data::RandomAffine;
use ravine::optim::Averaged;
use ravine::prelude::*;
use ravine::train::{Checkpoint, TrainError};
use ravine_examples::{
    Interrupted, TrainFlags, above_zero, bundled_mnist, positive, share, start, stop_on_ctrl_c,
};

use images::Data;
use models::Kind;
use predict::predict;

/// Trains a model on MNIST, or on any other set of images in the same format.
#[derive(Parser)]
struct Args {
    /// What to train.
    #[arg(long, value_enum, default_value_t = Kind::Lenet)]
    model: Kind,
    /// Epochs: passes over the training images [default: 12; 15 for the residual network].
    #[arg(long, value_parser = above_zero::<usize>)]
    epochs: Option<usize>,
    /// Images per step.
    #[arg(long, default_value_t = 64, value_parser = above_zero::<usize>)]
    batch_size: usize,
    /// The optimizer.
    #[arg(long, value_enum, default_value_t = Rules::Sgd)]
    optimizer: Rules,
    /// The peak learning rate [default: 0.05 for SGD, 0.001 for Adam and AdamW].
    #[arg(long, value_parser = positive::<f64>)]
    lr: Option<f64>,
    /// The momentum of SGD.
    #[arg(long, default_value_t = 0.9, value_parser = share)]
    momentum: f64,
    /// The weight decay [default: 0; 0.0005 for the residual network].
    #[arg(long)]
    weight_decay: Option<f64>,
    /// Score an exponential moving average of the weights, and predict with it; the decay is 0.999 unless given [default: none; 0.999 for the
    /// residual network].
    #[arg(long, value_name = "DECAY", num_args = 0..=1, default_missing_value = "0.999", value_parser = share)]
    ema: Option<f64>,
    /// Whether to rotate, shift, scale and shear the training images at random [default: for the residual network only].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    augment: Option<bool>,
    /// The schedule of the learning rate.
    #[arg(long, value_enum, default_value_t = Rates::Cosine)]
    schedule: Rates,
    /// The number of shards that a batch is cut into, each for a thread. The result depends on it.
    #[arg(long, default_value_t = 2)]
    shards: usize,
    /// The folder with the four IDX files, gzipped or not, or with a sub-folder of PNG or JPEG pictures for each class (or with `train` and `test`, and those
    /// in them) [default: the bundled MNIST].
    #[arg(long)]
    data: Option<PathBuf>,
    /// Write a checkpoint every N steps, besides after every epoch.
    #[arg(long, value_name = "STEPS")]
    checkpoint_every: Option<usize>,
    /// Keep the checkpoints of the N best epochs, too.
    #[arg(long, value_name = "N")]
    keep_best: Option<usize>,
    /// Stop when the test accuracy has not improved for this many epochs.
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<usize>,
    /// Accumulate the gradients of this many batches for each step.
    #[arg(long, default_value_t = 1, value_name = "BATCHES")]
    accumulate: usize,
    /// Write events for TensorBoard.
    #[arg(long)]
    tensorboard: bool,
    /// Repeat the run of this record, and report where it first differs; nothing is saved.
    #[arg(long, value_name = "run.json")]
    verify: Option<PathBuf>,
    /// Instead of training, read the drawing in this PNG or JPEG file, with the checkpoint in the output folder.
    #[arg(long, value_name = "FILE")]
    predict: Option<PathBuf>,
    #[command(flatten)]
    run: TrainFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rules {
    Sgd,
    Nesterov,
    Adam,
    Adamw,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rates {
    /// The same rate throughout.
    Constant,
    /// A tenth of the rate after two thirds of the steps.
    Step,
    /// Cosine decay to zero.
    Cosine,
    /// Linear warm-up over a tenth of the steps, then cosine decay.
    Warmup,
}

impl Args {
    fn is_resnet(&self) -> bool {
        self.model == Kind::Resnet
    }

    fn epochs(&self) -> usize {
        self.epochs.unwrap_or(if self.is_resnet() { 15 } else { 12 })
    }

    fn ema(&self) -> Option<f64> {
        self.ema.or(self.is_resnet().then_some(0.999))
    }

    fn lr(&self) -> f64 {
        let adaptive = matches!(self.optimizer, Rules::Adam | Rules::Adamw);
        self.lr.unwrap_or(if adaptive { 0.001 } else { 0.05 })
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(if self.is_resnet() { 5e-4 } else { 0.0 })
    }

    fn augment(&self) -> bool {
        self.augment.unwrap_or(self.is_resnet())
    }
}

// ------------------------------------------------------------------------------------------------------------- optimizer

fn optimizer(args: &Args, model: &dyn Module, steps: u64) -> Box<dyn Optimize + Send> {
    let (lr, weight_decay) = (args.lr(), args.weight_decay());
    let schedule: Box<dyn Schedule> = match args.schedule {
        Rates::Constant => Box::new(lr),
        Rates::Step => Box::new(StepDecay { initial: lr, every: steps.saturating_mul(2) / 3, factor: 0.1 }),
        Rates::Cosine => Box::new(Cosine::new(lr, steps)),
        Rates::Warmup => Box::new(Cosine::new(lr, steps - steps / 10).warmup(steps / 10)),
    };
    let optimizer: Box<dyn Optimize + Send> = match args.optimizer {
        Rules::Sgd | Rules::Nesterov => {
            let nesterov = matches!(args.optimizer, Rules::Nesterov);
            let rule = Sgd { nesterov, ..Sgd::momentum(args.momentum) };
            Box::new(Optimizer::new(model, rule, schedule).weight_decay(weight_decay))
        }
        Rules::Adam => Box::new(Optimizer::new(model, Adam::default(), schedule).weight_decay(weight_decay)),
        Rules::Adamw => {
            Box::new(Optimizer::new(model, AdamW::default(), schedule).weight_decay(weight_decay))
        }
    };
    match args.ema() {
        Some(decay) => Box::new(Averaged::ema(model, optimizer, decay)),
        None => optimizer,
    }
}

// ------------------------------------------------------------------------------------------------------------------- run

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let reading = Progress::auto().task("reading images", 0);
    let data = Data::load(&args.data.clone().unwrap_or_else(bundled_mnist))?;
    drop(reading);

    let name = args.model.name();
    let out = args.run.folder(&format!("mnist-{name}"));
    let model = args.model.build(data.train.shape(), data.train.classes(), &mut Rng::new(args.run.seed))?;
    let batch_size = args.batch_size.saturating_mul(args.accumulate).max(1);
    let steps = args.epochs().saturating_mul(data.train.len().div_ceil(batch_size));
    let mut optimizer = optimizer(args, &model, steps as u64);
    if let Some(file) = &args.predict {
        let trained = out.join("last.ravine");
        let checkpoint = Checkpoint::load(&trained)
            .map_err(|error| format!("{error}; train the model first, or name its folder with --out"))?;
        checkpoint.restore_model(&model).map_err(|error| match error {
            TrainError::Mismatch { what, found, expected } => {
                format!(
                    "{}: not of --model {name}: {what}: found {found}, expected {expected}",
                    trained.display()
                )
            }
            error => error.to_string(),
        })?;
        if args.ema().is_some() {
            optimizer.load_state(&checkpoint.optimizer)?;
        }
        let _averaged = optimizer.averaged();
        let probabilities = predict(&*model, &*data.train, &data.picture(file)?);
        print_prediction(args, file, &data.names, &probabilities);
        return Ok(());
    }

    // Up to 10 degrees, a tenth of the size, a tenth larger or smaller, and slanted by 10 degrees: still the same digit.
    let affine = RandomAffine::new().degrees(10.0).translate(0.1).scale(0.9, 1.1).shear(10.0);
    let changed = (&data.train).transform(args.run.seed, affine);
    let train: &dyn Dataset<Batch = _> = if args.augment() { &changed } else { &data.train };

    eprintln!("{name}: {} parameters, {} training images", model.num_params(), train.len());
    let mut trainer = Trainer::new()
        .epochs(args.epochs())
        .batch_size(args.batch_size)
        .accumulate(args.accumulate)
        .shards(args.shards)
        .threads(args.run.threads)
        .seed(args.run.seed)
        .max_steps(args.run.max_steps)
        .goal(Goal::highest("accuracy"))
        .patience(args.patience)
        .note("model", name)
        .note("optimizer", format!("{:?}", args.optimizer))
        .note("learning rate", format!("{}, {:?}", args.lr(), args.schedule))
        .note("momentum", args.momentum)
        .note("weight decay", args.weight_decay())
        .note("average of the weights", args.ema().map_or("none".into(), |decay| decay.to_string()))
        .note("changed images", args.augment())
        .data_files(&data.files)
        .progress(Progress::auto())
        .stop_flag(stop_on_ctrl_c()?);
    trainer = match &args.verify {
        Some(record) => trainer.verify(RunRecord::load(record)?),
        None => trainer
            .folder(&out)
            .checkpoint_every(args.checkpoint_every)
            .keep_best(args.keep_best)
            .resume(args.run.resume)
            .tensorboard(args.tensorboard)
            .report(true),
    };
    let report =
        trainer.run(&model, optimizer.as_mut(), train, Some(&data.test), |tape, (images, labels)| {
            Outcome::classification(&model.forward(&tape.input(images.clone())), labels)
        })?;

    let (accuracy, loss) = match report.test() {
        Some(test) => (test.metric("accuracy"), Some(test.loss())),
        None => (None, None),
    };
    if args.run.json {
        let result = serde_json::json!({
            "model": name,
            "epochs": report.epochs,
            "steps": report.steps,
            "interrupted": report.interrupted(),
            "test_accuracy": accuracy,
            "test_loss": loss,
            "images_per_second": report.samples_per_second().round(),
            "seconds": begin.elapsed().as_secs_f64(),
            "weights_hash": weights_hash(&model),
        });
        println!("{result}");
    } else if let Some(accuracy) = accuracy {
        println!("{name}: {:.2} % of the test images are read right", 100.0 * accuracy);
    }
    if report.interrupted() {
        let rest = if args.verify.is_some() { "the rest was not verified" } else { "--resume goes on" };
        return Err(Interrupted(rest).into());
    }
    Ok(())
}

/// The classes by their probabilities, the highest first.
fn print_prediction(args: &Args, file: &Path, names: &[String], probabilities: &[f32]) {
    let mut classes: Vec<(&String, f32)> = names.iter().zip(probabilities.iter().copied()).collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    if args.run.json {
        let probabilities: serde_json::Map<String, _> =
            classes.iter().map(|(name, p)| ((*name).clone(), (*p).into())).collect();
        let prediction = serde_json::json!({
            "file": file.display().to_string(),
            "prediction": classes[0].0,
            "probabilities": probabilities,
        });
        println!("{prediction}");
    } else {
        for (name, probability) in classes {
            println!("{name}  {:6.2} %", 100.0 * probability);
        }
    }
}
