//! Learns what handwritten digits look like, draws some of its own, and walks from one digit to another.
//!
//! ```text
//! cargo run --release --example vae                           writes runs/vae/{report.html, samples.png, walks.png}
//! cargo run --release --example vae -- --latent 2
//! ```
//!
//! A variational autoencoder: for an image `x`, the encoder gives a normal distribution `q(z|x)` of the latent vectors `z` that may have produced it;
//! the decoder gives the probability of each pixel to be white. The loss, `-E log p(x|z) + KL(q(z|x) ‖ p(z))`, is an upper bound of `-log p(x)`,
//! so models can be compared by it, in nats per image. Pixels are black or white here (above one half or not), for which that is exact.
//!
//! After five epochs (a minute or two) it is 91.1 nats for a test image. (A model with independent pixels, each white as often as in the training images, has
//! 205.9.)
//!
//! Kingma and Welling 2013, 'Auto-encoding variational Bayes'.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ravine::prelude::*;
use ravine::train::png_grid;
use ravine_examples::{
    TrainFlags, above_zero, bundled_mnist, finished, one_of_each, positive, start, write_file,
};

/// Trains a variational autoencoder on MNIST, or on any other set of images in the same format.
#[derive(Parser)]
struct Args {
    /// Epochs: passes over the training images.
    #[arg(long, default_value_t = 5, value_parser = above_zero::<usize>)]
    epochs: usize,
    /// Images per step.
    #[arg(long, default_value_t = 128, value_parser = above_zero::<usize>)]
    batch_size: usize,
    /// The peak learning rate.
    #[arg(long, default_value_t = 2e-3, value_parser = positive::<f64>)]
    lr: f64,
    /// How many numbers stand for an image.
    #[arg(long, default_value_t = 20, value_parser = above_zero::<usize>)]
    latent: usize,
    /// The folder with the four IDX files, gzipped or not [default: the bundled MNIST].
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    run: TrainFlags,
}

// ----------------------------------------------------------------------------------------------------------------- model

#[derive(Module)]
struct Vae {
    encoder: Sequential,
    decoder: Sequential,
}

impl Vae {
    fn new(pixels: usize, latent: usize, rng: &mut Rng) -> Self {
        Vae {
            encoder: sequential![Linear::new(pixels, 400, rng), Relu, Linear::new(400, 2 * latent, rng)],
            decoder: sequential![Linear::new(latent, 400, rng), Relu, Linear::new(400, pixels, rng)],
        }
    }

    /// The mean and the logarithm of the variance of `q(z|x)`, each `[batch, latent]`.
    fn encode(&self, x: &Var) -> (Var, Var) {
        let [mean, log_variance] = self.encoder.forward(x).chunk(2, 1).try_into().expect("two halves");
        (mean, log_variance)
    }

    /// The bound of `-log p(x)`, in its two parts, each in nats per image.
    fn bound(&self, x: &Var) -> (Var, Var) {
        let (mean, log_variance) = self.encode(x);
        // The reparametrisation trick: a draw from q as a differentiable function of mean and variance.
        let tape = x.tape();
        let noise = if tape.is_training() {
            tape.with_rng(|rng| Tensor::randn(*mean.shape(), rng))
        } else {
            // An evaluation has no stream of its own, and gives the same number each time.
            Tensor::randn(*mean.shape(), &mut Rng::new(0))
        };
        let z = &mean + (&log_variance * 0.5).exp() * tape.input(noise);
        let logits = self.decoder.forward(&z);
        let reconstruction = (logits.softplus() - &logits * x).sum(1).mean(..);
        let divergence = (mean.square() + log_variance.exp() - log_variance - 1.0).sum(1).mean(..) * 0.5;
        (reconstruction, divergence)
    }

    /// How likely each pixel is to be white, for latent vectors `[n, latent]`.
    fn decode(&self, z: Tensor) -> Tensor {
        self.decoder.forward(&Tape::eval().input(z)).sigmoid().into_value()
    }
}

/// Images `[batch, 1, height, width]` with values from 0 to 1 as black and white pixels `[batch, pixels]`.
fn black_and_white(images: &Tensor) -> Tensor {
    images.flatten(1).map(|pixel| f32::from(pixel > 0.5))
}

// ------------------------------------------------------------------------------------------------------------------- run

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let data = Mnist::load(args.data.clone().unwrap_or_else(bundled_mnist))?.normalize(0.0, 1.0);
    let [_, height, width] = data.train.shape();
    let model = Vae::new(height * width, args.latent, &mut Rng::new(args.run.seed));
    let steps = args.epochs.saturating_mul(data.train.len().div_ceil(args.batch_size));
    let mut optimizer = Optimizer::new(&model, Adam::default(), Cosine::new(args.lr, steps as u64));
    eprintln!("{} parameters, {} training images", model.num_params(), data.train.len());

    let folder = args.run.folder("vae");
    let report = args
        .run
        .trainer(&folder)?
        .epochs(args.epochs)
        .batch_size(args.batch_size)
        .note("model", "variational autoencoder")
        .note("learning rate", args.lr)
        .note("latent", args.latent)
        .run(&model, &mut optimizer, &data.train, Some(&data.test), |tape, (images, _)| {
            let (reconstruction, divergence) = model.bound(&tape.input(black_and_white(images)));
            let n = images.size(0);
            let in_all = f64::from(divergence.item()) * n as f64;
            Outcome::new(reconstruction + divergence, n).metric("divergence", in_all)
        })?;

    let test = finished(&report)?;
    let (bound, divergence) = (test.loss(), test.metric("divergence").unwrap_or(f64::NAN));

    // Latent vectors from the prior.
    let z = Tensor::randn([100, args.latent], &mut Rng::new(args.run.seed).child(1));
    let draw = |name: &str, z: Tensor, columns: usize| {
        let images = model.decode(z).reshape([-1, 1, height as isize, width as isize]);
        write_file(&folder.join(name), png_grid(&images, columns, 2))
    };
    draw("samples.png", z, 10)?;

    // From each digit to the next, along the straight line between their means.
    let ends = black_and_white(&data.test.select(&one_of_each(&data.test)).0);
    let means = model.encode(&Tape::eval().input(ends)).0.into_value();
    let (walks, stages) = (means.size(0), 12);
    let next = means.roll(-1, 0);
    let z = Tensor::from_fn([walks * stages, args.latent], |i| {
        let (at, latent) = (i / args.latent, i % args.latent);
        let (walk, share) = (at / stages, (at % stages) as f32 / (stages - 1) as f32);
        means.at([walk, latent]) * (1.0 - share) + next.at([walk, latent]) * share
    });
    draw("walks.png", z, stages)?;

    if args.run.json {
        let result = serde_json::json!({
            "test_bound": bound,
            "test_divergence": divergence,
            "steps": report.steps,
            "images_per_second": report.samples_per_second().round(),
            "seconds": begin.elapsed().as_secs_f64(),
            "weights_hash": weights_hash(&model),
        });
        println!("{result}");
    } else {
        println!(
            "-log p(x) of a test image is at most {bound:.1} nats; the latent vector has {divergence:.1} of them"
        );
        println!("{}", folder.display());
    }
    Ok(())
}
