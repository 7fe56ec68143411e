//! Takes over what another network has learned: from a file that PyTorch made, to digits that it has never seen.
//!
//! ```text
//! cargo run --release --example transfer                      three images of each of the digits 6, 7, 8 and 9
//! cargo run --release --example transfer -- --images 10
//! ```
//!
//! From twelve images, a network that starts from scratch learns to read 84.0 % of the digits 6 to 9, one with a new head on the old convolutions 88.4 %,
//! and with all of it tuned 88.7 %, in the mean over five choices of images. From four images (`--images 1`) they are 66.3, 75.7 and 76.9 %.
//!
//! `tools/pretrained_digits.py` trained the network in PyTorch on the digits 0 to 5 and saved it. Three networks then learn the other digits from
//! the same few images: one from scratch, one that takes over the convolutions and learns a new head (the rest is frozen), and one that
//! goes on from there with everything, in small steps. Yosinski et al. 2014, 'How transferable are features in deep neural networks?'

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use ravine::prelude::*;
use ravine_examples::{bundled_mnist, stop_on_ctrl_c};

/// Learns the digits 6 to 9 from few images, with and without what was learned of the digits 0 to 5.
#[derive(Parser)]
struct Args {
    /// How many images of each digit to learn from.
    #[arg(long, default_value_t = 3)]
    images: usize,
    /// How often to choose other images; the accuracies are means.
    #[arg(long, default_value_t = 5)]
    repeats: u64,
    /// How often to go through them.
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Images per step.
    #[arg(long, default_value_t = 20)]
    batch_size: usize,
    /// The learning rate at its highest; a tenth of it where all that was taken over goes on learning.
    #[arg(long, default_value_t = 3e-3)]
    lr: f64,
    /// Which images are chosen, and the seed of new weights and shuffling.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The state_dict of the network for the digits 0 to 5 [default: the bundled one].
    #[arg(long)]
    weights: Option<PathBuf>,
    /// The folder with the four IDX files, gzipped or not [default: the bundled MNIST].
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

// ----------------------------------------------------------------------------------------------------------------- model

/// Images `[batch, 1, 28, 28]` to logits `[batch, classes]`; the names are those of the network in PyTorch: `features.0.weight`, `head.bias`.
#[derive(Module)]
#[module(display)]
struct Net {
    features: Sequential,
    head: Linear,
}

impl Net {
    fn new(classes: usize, rng: &mut Rng) -> Self {
        let conv = |from, to, rng: &mut Rng| Conv2d::new(from, to, 3, rng).padding(1).no_bias();
        Net {
            features: sequential![
                conv(1, 8, rng),
                BatchNorm2d::new(8),
                Relu,
                MaxPool2d::new(2),
                conv(8, 16, rng),
                BatchNorm2d::new(16),
                Relu,
                MaxPool2d::new(2),
                conv(16, 32, rng),
                BatchNorm2d::new(32),
                Relu,
                MaxPool2d::new(2),
                Flatten,
            ],
            head: Linear::new(32 * 3 * 3, classes, rng),
        }
    }
}

impl Layer for Net {
    fn forward(&self, x: &Var) -> Var {
        self.head.forward(&self.features.forward(x))
    }
}

// ------------------------------------------------------------------------------------------------------------------ data

/// The images whose digits are among `digits`, which become the classes from 0 on; so many of each, or all.
fn choose(set: &ImageSet, digits: std::ops::Range<u8>, each: Option<usize>, seed: u64) -> TensorSet {
    let mut left = [each.unwrap_or(usize::MAX); 256];
    let chosen: Vec<usize> = Tensor::randperm(set.len(), &mut Rng::new(seed))
        .iter()
        .map(|i| i as usize)
        .filter(|&i| {
            let digit = set.labels()[i];
            let wanted = digits.contains(&digit) && left[digit as usize] > 0;
            left[digit as usize] -= usize::from(wanted);
            wanted
        })
        .collect();
    let (images, labels) = set.select(&chosen);
    TensorSet::new(images, labels - i64::from(digits.start))
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
    // Pixels from 0 to 1, as the network saw them in PyTorch (its ToTensor gives them so).
    let data = Mnist::load(args.data.clone().unwrap_or_else(bundled_mnist))?.normalize(0.0, 1.0);
    let test = choose(&data.test, 6..10, None, 0);
    let bundled =
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits_0_to_5/pytorch.safetensors"));
    let state = StateDict::read(args.weights.clone().unwrap_or_else(bundled))?;
    let stop = stop_on_ctrl_c()?;

    // Into the architecture that it is of, every tensor has its place; and it reads what it read in PyTorch.
    let six = Net::new(6, &mut Rng::new(args.seed));
    state.load_into(&six)?;
    let old = accuracy(&six, &choose(&data.test, 0..6, None, 0));
    eprintln!("{six}the digits 0 to 5: {:.2} % are read right", 100.0 * old);
    // With four digits, the head has another shape: the rest would be loaded, and the report says so.
    eprintln!("taking over: {}", state.compare(&Net::new(4, &mut Rng::new(args.seed))));

    let mut means = [0.0; 3];
    let bar = Progress::auto().task("learning", 3 * args.repeats as usize);
    for seed in args.seed..args.seed + args.repeats {
        let train = choose(&data.train, 6..10, Some(args.images), seed);
        let learn = |net: &Net, lr: f64| -> Result<f64, Box<dyn Error>> {
            let steps = args.epochs * train.len().div_ceil(args.batch_size.max(1));
            let mut optimizer = Optimizer::new(net, Adam::default(), Cosine::new(lr, steps as u64));
            Trainer::new()
                .epochs(args.epochs)
                .batch_size(args.batch_size)
                .shards(1)
                .seed(seed)
                .stop_flag(stop.clone())
                .run(net, &mut optimizer, &train, None, |tape, (images, labels)| {
                    Outcome::classification(&net.forward(&tape.input(images.clone())), labels)
                })?;
            bar.advance(1);
            Ok(accuracy(net, &test))
        };
        // From scratch.
        let scratch = learn(&Net::new(4, &mut Rng::new(seed)), args.lr)?;
        // With all but the head taken over: first the head alone ...
        let net = Net::new(4, &mut Rng::new(seed));
        let _ = state.load_what_fits(&net);
        net.freeze(|path| !path.starts_with("head."));
        let frozen = learn(&net, args.lr)?;
        // ... then everything, in small steps.
        net.freeze(|_| false);
        let tuned = learn(&net, args.lr / 10.0)?;
        for (mean, accuracy) in means.iter_mut().zip([scratch, frozen, tuned]) {
            *mean += accuracy / args.repeats as f64;
        }
    }
    drop(bar);

    if args.json {
        let result = serde_json::json!({
            "images": 4 * args.images,
            "accuracy_on_0_to_5": old,
            "accuracy_from_scratch": means[0],
            "accuracy_with_a_new_head": means[1],
            "accuracy_tuned": means[2],
            "seconds": start.elapsed().as_secs_f64(),
        });
        println!("{result}");
    } else {
        println!("of the digits 6 to 9, after {} images, are read right:", 4 * args.images);
        for (way, accuracy) in ["from scratch", "with a new head", "all tuned"].into_iter().zip(means) {
            println!("{:>6.2} % {way}", 100.0 * accuracy);
        }
    }
    Ok(())
}

/// The share of a set that is read right.
fn accuracy(net: &Net, set: &TensorSet) -> f64 {
    let right = |begin: usize| {
        let some: Vec<usize> = (begin..set.len().min(begin + 500)).collect();
        let (images, labels) = set.select(&some);
        net.forward(&Tape::eval().input(images)).value().argmax(-1).eq(&labels).count(|hit| hit)
    };
    (0..set.len()).step_by(500).map(right).sum::<usize>() as f64 / set.len() as f64
}
