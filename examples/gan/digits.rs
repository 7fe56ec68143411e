//! Images of digits.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use ravine::nn::{LeakyRelu, Unflatten};
use ravine::plot::{Axis, BLUE, Plot};
use ravine::prelude::*;
use ravine::train::png_grid;
use ravine_examples::{check_size, make_folder, write_file};

use crate::{Args, Gan, Usual};

/// How many random numbers an image is made of.
const LATENT: usize = 64;

/// `[n, 64]` to images `[n, 784]`, with values from 0 to 1.
fn generator(rng: &mut Rng) -> Sequential {
    let twice = |from, to, rng: &mut Rng| ConvTranspose2d::new(from, to, 4, rng).stride(2).padding(1);
    sequential![
        Linear::new(LATENT, 64 * 7 * 7, rng),
        Relu,
        Unflatten::new(1, [64, 7, 7]),
        twice(64, 32, rng), // [n, 32, 14, 14]
        Relu,
        twice(32, 1, rng), // [n, 1, 28, 28]
        Sigmoid,
        Flatten,
    ]
}

/// Images `[n, 784]` to what they are worth, `[n, 1]`. No batch norm: the penalty is on the slope at each image by itself.
fn critic(rng: &mut Rng) -> Sequential {
    let half = |from, to, rng: &mut Rng| Conv2d::new(from, to, 4, rng).stride(2).padding(1);
    sequential![
        Unflatten::new(1, [1, 28, 28]),
        half(1, 32, rng), // [n, 32, 14, 14]
        LeakyRelu::new(0.2),
        half(32, 64, rng), // [n, 64, 7, 7]
        LeakyRelu::new(0.2),
        Flatten,
        Linear::new(64 * 7 * 7, 1, rng),
    ]
}

/// Trains on images, judges, and draws.
pub fn run(args: &Args, data: &Path) -> Result<(), Box<dyn Error>> {
    let (begin, folder) = (Instant::now(), args.run.folder("gan"));
    let data = Mnist::load(data)?.normalize(0.0, 1.0);
    check_size(&data.train)?;
    make_folder(&folder)?;
    let judge = Judge::new(&data.train)?;
    let rng = &mut Rng::new(args.run.seed);
    let gan = Gan { generator: generator(rng), critic: critic(rng), latent: LATENT };
    let before = judge.score(&gan.make(2000, rng));

    let real = |n: usize, rng: &mut Rng| {
        let chosen = Tensor::uniform([n], 0.0, data.train.len() as f32, rng);
        let chosen: Vec<usize> = chosen.iter().map(|i| (i as usize).min(data.train.len() - 1)).collect();
        data.train.select(&chosen).0.flatten(1)
    };
    let usual = Usual { steps: 2000, batch_size: 64, lr: 5e-4, penalty: 10.0 };
    let trained = gan.train(args, usual, real)?;
    let distances = &trained.distances;

    let made = gan.make(2000, rng);
    let score = judge.score(&made);
    let real =
        judge.score(&data.test.select(&(0..data.test.len().min(2000)).collect::<Vec<_>>()).0.flatten(1));
    let some = made.narrow(0, 0, 100).reshape([100, 1, 28, 28]);
    let picture = folder.join("digits.png");
    write_file(&picture, png_grid(&some, 10, 2))?;
    write_file(&folder.join("distance.svg"), draw(distances).svg())?;
    let last = mean(&distances[distances.len().saturating_sub(100)..]);
    let highest = distances.chunks(100).map(mean).fold(f64::MIN, f64::max);
    if args.run.json {
        let result = serde_json::json!({
            "steps": distances.len(),
            "score_before": before,
            "score": score,
            "score_of_real_images": real,
            "highest_distance": highest,
            "distance": last,
            "seconds": begin.elapsed().as_secs_f64(),
            "weights_hash": weights_hash(&gan.generator),
        });
        println!("{result}");
    } else {
        println!("score {score:.2} (before training {before:.2}, of real images {real:.2})");
        println!("distance {last:.2}, at its highest {highest:.2}\n{}", picture.display());
    }
    trained.end()
}

/// A network that reads digits.
struct Judge {
    network: Sequential,
}

impl Judge {
    /// One that has gone once through the images.
    fn new(images: &ImageSet) -> Result<Self, Box<dyn Error>> {
        let rng = &mut Rng::new(0);
        let network = sequential![
            Conv2d::new(1, 8, 5, rng).stride(2).padding(2),
            Relu,
            Conv2d::new(8, 16, 5, rng).stride(2).padding(2),
            Relu,
            Flatten,
            Linear::new(16 * 7 * 7, 10, rng),
        ];
        let mut optimizer = Optimizer::new(&network, Adam::default(), 2e-3);
        eprintln!("the judge learns to read");
        Trainer::new().progress(Progress::auto()).run(
            &network,
            &mut optimizer,
            images,
            None,
            |tape, (x, labels)| Outcome::classification(&network.forward(&tape.input(x.clone())), labels),
        )?;
        Ok(Judge { network })
    }

    /// `exp(E KL(p(y|x) ‖ p(y)))` for images `[n, 784]`: from 1, if all look the same to the judge, to 10, if it is sure of each, and they are of all ten
    /// classes. Salimans et al. 2016, 'Improved techniques for training GANs', with another judge.
    fn score(&self, images: &Tensor) -> f64 {
        let images = images.reshape([images.size(0), 1, 28, 28]);
        let probabilities = self.network.forward(&Tape::eval().input(images)).softmax().into_value();
        let of_all = probabilities.mean_keepdim(0);
        let surprise = probabilities.clamp(1e-12, 1.0).log() - of_all.clamp(1e-12, 1.0).log();
        f64::from((&probabilities * &surprise).sum(1).mean(..).item()).exp()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// How far made images were from real ones, in means over 20 steps.
fn draw(distances: &[f64]) -> Plot {
    const STEPS: usize = 20;
    let curve: Vec<(f64, f64)> = distances
        .chunks(STEPS)
        .enumerate()
        .map(|(i, some)| ((i * STEPS + some.len()) as f64, mean(some)))
        .collect();
    let highest = curve.iter().fold(1e-3, |highest: f64, &(_, distance)| highest.max(distance));
    let (steps, distance) = (
        Axis::linear("step", 0.0, distances.len().max(1) as f64),
        Axis::linear("distance", 0.0, 1.1 * highest),
    );
    let mut plot = Plot::new("made and real digits, as the critic sees them", steps, distance);
    plot.line("", BLUE, &curve);
    plot
}
