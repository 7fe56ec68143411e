//! Learns to read handwritten digits.
//!
//! ```text
//! cargo run --release --example mnist                       LeNet-5, to 99 %
//! cargo run --release --example mnist -- --model mlp        784-128-10
//! cargo run --release --example mnist -- --help
//! ```
//!
//! The file has four parts: the command line, the models, the optimizer, and the run.

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use ravine::prelude::*;
use ravine_examples::{bundled_mnist, idx_files, stop_on_ctrl_c};

/// Trains a model on MNIST, or on any other set of images in the same format.
#[derive(Parser)]
struct Args {
    /// What to train.
    #[arg(long, value_enum, default_value_t = Model::Lenet)]
    model: Model,
    /// How often to go through the training images.
    #[arg(long, default_value_t = 12)]
    epochs: usize,
    /// Images per step.
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// The rule by which weights follow gradients.
    #[arg(long, value_enum, default_value_t = Rules::Sgd)]
    optimizer: Rules,
    /// The learning rate at its highest [default: 0.05 for SGD, 0.001 for Adam and AdamW].
    #[arg(long)]
    lr: Option<f64>,
    /// The share of SGD's velocity that stays from step to step.
    #[arg(long, default_value_t = 0.9)]
    momentum: f64,
    /// How strongly weights are pulled towards zero.
    #[arg(long, default_value_t = 0.0)]
    weight_decay: f64,
    /// How the learning rate changes.
    #[arg(long, value_enum, default_value_t = Rates::Cosine)]
    schedule: Rates,
    /// Into how many parts to cut a batch, for as many threads. The weights depend on it.
    #[arg(long, default_value_t = 2)]
    shards: usize,
    /// Threads; 0 means one for each processor. The weights do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// The seed of initial weights, shuffling and dropout.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The folder with the four IDX files, gzipped or not [default: the bundled MNIST].
    #[arg(long)]
    data: Option<PathBuf>,
    /// The folder for checkpoints, metrics and the report [default: runs/mnist-MODEL].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write the checkpoint every so many steps, besides every epoch.
    #[arg(long, value_name = "STEPS")]
    checkpoint_every: Option<usize>,
    /// Keep the checkpoints of the best so many epochs, too.
    #[arg(long, value_name = "N")]
    keep_best: Option<usize>,
    /// Stop when the test accuracy was no higher for so many epochs in a row.
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<usize>,
    /// Add up the gradients of so many batches for each step.
    #[arg(long, default_value_t = 1, value_name = "BATCHES")]
    accumulate: usize,
    /// Log for TensorBoard.
    #[arg(long)]
    tensorboard: bool,
    /// Repeat the run of this record and say where it first differs; nothing is saved.
    #[arg(long, value_name = "run.json")]
    verify: Option<PathBuf>,
    /// Go on from the checkpoint in the folder.
    #[arg(long)]
    resume: bool,
    /// Stop after so many steps.
    #[arg(long, value_name = "N")]
    max_steps: Option<usize>,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Model {
    /// 784-128-10.
    Mlp,
    /// LeNet-5 with ReLU and max pooling.
    Lenet,
    /// Two 3x3 convolutions of 32 and 64 channels, max pooling, 9216-128-10.
    Cnn,
    /// A small network with batch norm and dropout.
    Bn,
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
    /// A tenth of it after two thirds of the steps.
    Step,
    /// Half a wave of the cosine, down to zero.
    Cosine,
    /// A linear rise over a tenth of the steps, then the cosine.
    Warmup,
}

// ---------------------------------------------------------------------------------------------------------------- models

/// 784-128-10: images `[batch, 1, 28, 28]` to logits `[batch, 10]`, as all of them.
#[derive(Module)]
struct Mlp {
    hidden: Linear,
    output: Linear,
}

impl Mlp {
    fn new(rng: &mut Rng) -> Self {
        Mlp { hidden: Linear::new(784, 128, rng), output: Linear::new(128, 10, rng) }
    }
}

impl Layer for Mlp {
    fn forward(&self, x: &Var) -> Var {
        self.output.forward(&self.hidden.forward(&x.flatten(1)).relu())
    }
}

/// LeCun et al. 1998, with today's activation and pooling.
#[derive(Module)]
struct LeNet {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
    output: Linear,
}

impl LeNet {
    fn new(rng: &mut Rng) -> Self {
        LeNet {
            conv1: Conv2d::new(1, 6, 5, rng).padding(2),
            conv2: Conv2d::new(6, 16, 5, rng),
            fc1: Linear::new(400, 120, rng),
            fc2: Linear::new(120, 84, rng),
            output: Linear::new(84, 10, rng),
        }
    }
}

impl Layer for LeNet {
    fn forward(&self, x: &Var) -> Var {
        let pool = MaxPool2d::new(2);
        let x = pool.forward(&self.conv1.forward(x).relu()); // [batch, 6, 14, 14]
        let x = pool.forward(&self.conv2.forward(&x).relu()); // [batch, 16, 5, 5]
        let x = self.fc1.forward(&x.flatten(1)).relu();
        self.output.forward(&self.fc2.forward(&x).relu())
    }
}

/// The same can be said as a chain.
fn cnn(rng: &mut Rng) -> Sequential {
    sequential![
        Conv2d::new(1, 32, 3, rng),
        Relu,
        Conv2d::new(32, 64, 3, rng),
        Relu,
        MaxPool2d::new(2),
        Flatten,
        Linear::new(9216, 128, rng),
        Relu,
        Linear::new(128, 10, rng),
    ]
}

/// Batch norm and dropout ask the tape whether this is training.
fn with_batch_norm(rng: &mut Rng) -> Sequential {
    sequential![
        Conv2d::new(1, 8, 3, rng).no_bias(),
        BatchNorm2d::new(8),
        Relu,
        MaxPool2d::new(2),
        Conv2d::new(8, 16, 3, rng).no_bias(),
        BatchNorm2d::new(16),
        Relu,
        MaxPool2d::new(2),
        Flatten,
        Dropout::new(0.1),
        Linear::new(400, 10, rng),
    ]
}

// ------------------------------------------------------------------------------------------------------------- optimizer

fn rate(args: &Args) -> f64 {
    let adaptive = matches!(args.optimizer, Rules::Adam | Rules::Adamw);
    args.lr.unwrap_or(if adaptive { 0.001 } else { 0.05 })
}

fn optimizer(args: &Args, model: &dyn Module, steps: u64) -> Box<dyn Optimize> {
    let &Args { momentum, weight_decay, .. } = args;
    let lr = rate(args);
    let schedule: Box<dyn Schedule> = match args.schedule {
        Rates::Constant => Box::new(lr),
        Rates::Step => Box::new(StepDecay { initial: lr, every: steps * 2 / 3, factor: 0.1 }),
        Rates::Cosine => Box::new(Cosine::new(lr, steps)),
        Rates::Warmup => Box::new(Cosine::new(lr, steps - steps / 10).warmup(steps / 10)),
    };
    match args.optimizer {
        Rules::Sgd | Rules::Nesterov => {
            let nesterov = matches!(args.optimizer, Rules::Nesterov);
            let rule = Sgd { nesterov, ..Sgd::momentum(momentum) };
            Box::new(Optimizer::new(model, rule, schedule).weight_decay(weight_decay))
        }
        Rules::Adam => Box::new(Optimizer::new(model, Adam::default(), schedule).weight_decay(weight_decay)),
        Rules::Adamw => {
            Box::new(Optimizer::new(model, AdamW::default(), schedule).weight_decay(weight_decay))
        }
    }
}

// ------------------------------------------------------------------------------------------------------------------- run

fn main() {
    if let Err(error) = run(&Args::parse()) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let folder = args.data.clone().unwrap_or_else(bundled_mnist);
    let reading = Progress::auto().task("reading images", 0);
    let data = Mnist::load(&folder)?;
    drop(reading);

    let rng = &mut Rng::new(args.seed);
    let (name, model): (_, Box<dyn Layer + Send + Sync>) = match args.model {
        Model::Mlp => ("mlp", Box::new(Mlp::new(rng))),
        Model::Lenet => ("lenet", Box::new(LeNet::new(rng))),
        Model::Cnn => ("cnn", Box::new(cnn(rng))),
        Model::Bn => ("bn", Box::new(with_batch_norm(rng))),
    };
    let batch_size = args.batch_size.saturating_mul(args.accumulate).max(1);
    let steps = args.epochs * data.train.len().div_ceil(batch_size);
    let mut optimizer = optimizer(args, &model, steps as u64);

    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("runs/mnist-{name}")));
    eprintln!("{name}: {} parameters, {} training images", model.num_params(), data.train.len());
    let mut trainer = Trainer::new()
        .epochs(args.epochs)
        .batch_size(args.batch_size)
        .accumulate(args.accumulate)
        .shards(args.shards)
        .threads(args.threads)
        .seed(args.seed)
        .max_steps(args.max_steps)
        .goal(Goal::highest("accuracy"))
        .patience(args.patience)
        .note("model", name)
        .note("optimizer", format!("{:?}", args.optimizer))
        .note("learning rate", format!("{}, {:?}", rate(args), args.schedule))
        .note("momentum", args.momentum)
        .note("weight decay", args.weight_decay)
        .data_files(idx_files(&folder)?)
        .progress(Progress::auto())
        .stop_flag(stop_on_ctrl_c()?);
    trainer = match &args.verify {
        Some(record) => trainer.verify(RunRecord::load(record)?),
        None => trainer
            .folder(&out)
            .checkpoint_every(args.checkpoint_every)
            .keep_best(args.keep_best)
            .resume(args.resume)
            .tensorboard(args.tensorboard)
            .report(true),
    };
    let report = trainer.run(
        &model,
        optimizer.as_mut(),
        &data.train,
        Some(&data.test),
        |tape, (images, labels)| Outcome::classification(&model.forward(&tape.input(images.clone())), labels),
    )?;

    let (accuracy, loss) = match report.test() {
        Some(test) => (test.metric("accuracy"), Some(test.loss())),
        None => (None, None),
    };
    if args.json {
        let result = serde_json::json!({
            "model": name,
            "epochs": report.epochs,
            "steps": report.steps,
            "test_accuracy": accuracy,
            "test_loss": loss,
            "images_per_second": report.samples_per_second().round(),
            "seconds": start.elapsed().as_secs_f64(),
            "weights_hash": weights_hash(&model),
        });
        println!("{result}");
    } else if let Some(accuracy) = accuracy {
        println!("{name}: {:.2} % of the test images are read right", 100.0 * accuracy);
    }
    Ok(())
}
