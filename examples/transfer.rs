//! Takes over what another network has learned: from a file that PyTorch made, to digits that it has never seen.
//!
//! ```text
//! cargo run --release --example transfer                      three images of each of the digits 6, 7, 8 and 9;
//!                                                             writes runs/transfer/{accuracies.svg, */report.html}
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
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ravine::plot::{Axis, COLOURS, Plot};
use ravine::prelude::*;
use ravine::train::evaluate;
use ravine_examples::{
    TrainFlags, above_zero, bundled_mnist, check_size, finished, positive, start, write_file,
};

/// Learns the digits 6 to 9 from few images, with and without what was learned of the digits 0 to 5.
#[derive(Parser)]
struct Args {
    /// How many images of each digit to learn from.
    #[arg(long, default_value_t = 3, value_parser = above_zero::<usize>)]
    images: usize,
    /// How many choices of images to average the accuracies over.
    #[arg(long, default_value_t = 5, value_parser = above_zero::<u64>)]
    repeats: u64,
    /// Epochs: passes over the images.
    #[arg(long, default_value_t = 60, value_parser = above_zero::<usize>)]
    epochs: usize,
    /// Images per step.
    #[arg(long, default_value_t = 20, value_parser = above_zero::<usize>)]
    batch_size: usize,
    /// The peak learning rate; a tenth of it for tuning the whole network.
    #[arg(long, default_value_t = 3e-3, value_parser = positive::<f64>)]
    lr: f64,
    /// The state_dict of the network for the digits 0 to 5 [default: the bundled one].
    #[arg(long)]
    weights: Option<PathBuf>,
    /// The folder with the four IDX files, gzipped or not [default: the bundled MNIST].
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    run: TrainFlags,
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

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    // Pixels from 0 to 1, as the network saw them in PyTorch (its ToTensor gives them so).
    let data = Mnist::load(args.data.clone().unwrap_or_else(bundled_mnist))?.normalize(0.0, 1.0);
    check_size(&data.train)?;
    let test = choose(&data.test, 6..10, None, 0);
    if test.len() == 0 || choose(&data.train, 6..10, Some(1), 0).len() == 0 {
        return Err(
            "--data: found no images of the digits 6 to 9, expected some to train on and some to test".into(),
        );
    }
    let bundled =
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits_0_to_5/pytorch.safetensors"));
    let state = StateDict::read(args.weights.clone().unwrap_or_else(bundled))?;
    let folder = args.run.folder("transfer");

    // The architecture is the file's, so every tensor is loaded; and the network reads the digits as it did in PyTorch.
    let six = Net::new(6, &mut Rng::new(args.run.seed));
    state.load_into(&six)?;
    let old = accuracy(&evaluate(&choose(&data.test, 0..6, None, 0), 250, pass(&six))?);
    eprintln!("{six}the digits 0 to 5: {:.2} % are read right", 100.0 * old);
    // With four digits, the head has another shape: the rest would be loaded, and the report says so.
    eprintln!("taking over: {}", state.compare(&Net::new(4, &mut Rng::new(args.run.seed))));

    let mut accuracies: Vec<[f64; 3]> = Vec::new();
    let bar = Progress::auto().task("learning", 3 * args.repeats as usize);
    for choice in 0..args.repeats {
        let seed = args.run.seed.wrapping_add(choice);
        let train = choose(&data.train, 6..10, Some(args.images), seed);
        let learn = |way: &str, net: &Net, lr: f64| -> Result<f64, Box<dyn Error>> {
            let steps = args.epochs.saturating_mul(train.len().div_ceil(args.batch_size));
            let mut optimizer = Optimizer::new(net, Adam::default(), Cosine::new(lr, steps as u64));
            let report = args
                .run
                .trainer_of_several(&folder, &format!("{choice}-{way}"))?
                .epochs(args.epochs)
                .batch_size(args.batch_size)
                .shards(1)
                .seed(seed)
                .evaluate_every(steps)
                .note("model", format!("choice {choice}, {way}"))
                .note("learning rate", lr)
                .progress(Progress::Silent)
                .run(net, &mut optimizer, &train, Some(&test), pass(net))?;
            bar.advance(1);
            Ok(accuracy(finished(&report)?))
        };
        let scratch = learn("scratch", &Net::new(4, &mut Rng::new(seed)), args.lr)?;
        // With all but the head taken over: first the head alone ...
        let net = Net::new(4, &mut Rng::new(seed));
        let _ = state.load_what_fits(&net);
        net.freeze(|path| !path.starts_with("head."));
        let head = learn("head", &net, args.lr)?;
        // ... then everything, in small steps.
        net.freeze(|_| false);
        let tuned = learn("tuned", &net, args.lr / 10.0)?;
        accuracies.push([scratch, head, tuned]);
    }
    drop(bar);

    let means = [0, 1, 2].map(|way| accuracies.iter().map(|a| a[way]).sum::<f64>() / args.repeats as f64);
    let picture = folder.join("accuracies.svg");
    write_file(&picture, draw(&accuracies, means, 4 * args.images).svg())?;
    if args.run.json {
        let result = serde_json::json!({
            "images": 4 * args.images,
            "accuracy_on_0_to_5": old,
            "accuracy_from_scratch": means[0],
            "accuracy_with_a_new_head": means[1],
            "accuracy_tuned": means[2],
            "seconds": begin.elapsed().as_secs_f64(),
        });
        println!("{result}");
    } else {
        println!("of the digits 6 to 9, after {} images, are read right:", 4 * args.images);
        for (way, accuracy) in WAYS.into_iter().zip(means) {
            println!("{:>6.2} % {way}", 100.0 * accuracy);
        }
        println!("{}", picture.display());
    }
    Ok(())
}

fn pass(net: &Net) -> impl Fn(&Tape, &(Tensor, Tensor<i64>)) -> Outcome + Sync {
    move |tape, (images, labels)| Outcome::classification(&net.forward(&tape.input(images.clone())), labels)
}

fn accuracy(scores: &Scores) -> f64 {
    scores.metric("accuracy").expect("a classification has one")
}

const WAYS: [&str; 3] = ["from scratch", "with a new head", "all tuned"];

/// Each choice of images, and the means of all.
fn draw(accuracies: &[[f64; 3]], means: [f64; 3], images: usize) -> Plot {
    let last = accuracies.len() as f64;
    let low = accuracies.iter().flatten().fold(1.0, |low: f64, &accuracy| low.min(accuracy));
    let mut plot = Plot::new(
        &format!("the digits 6 to 9, learned from {images} images"),
        Axis::linear("choice of images", 0.5, last + 0.5),
        Axis::linear("% read right", (1000.0 * low).floor() / 10.0 - 2.0, 100.0),
    );
    for (way, (name, colour)) in WAYS.into_iter().zip(COLOURS).enumerate() {
        let dots = accuracies.iter().enumerate().map(|(i, a)| (i as f64 + 1.0, 100.0 * a[way]));
        plot.dots(name, colour, 4.0, &dots.collect::<Vec<_>>());
        plot.dashed("", colour, &[(0.5, 100.0 * means[way]), (last + 0.5, 100.0 * means[way])]);
    }
    plot
}
