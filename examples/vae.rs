//! Learns what handwritten digits look like, draws some of its own, and walks from one digit to another.
//!
//! ```text
//! cargo run --release --example vae                           writes runs/vae/samples.png and walks.png
//! cargo run --release --example vae -- --latent 2
//! ```
//!
//! A variational autoencoder: the encoder says for an image `x` how likely each latent vector `z` is to have made it, as a normal distribution
//! `q(z|x)`; the decoder says how likely each pixel is to be white. The loss, `-E log p(x|z) + KL(q(z|x) ‖ p(z))`, is an upper bound of `-log p(x)`,
//! so models can be compared by it, in nats per image. Pixels are black or white here (above one half or not), for which that is exact.
//!
//! After five epochs, a minute and a half, it is 91.1 nats for a test image. (Pixels that are white as often as in the training images, each for itself, have
//! 205.9.)
//!
//! Kingma and Welling 2013, 'Auto-encoding variational Bayes'.

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use ravine::prelude::*;
use ravine::train::png_grid;
use ravine_examples::{bundled_mnist, stop_on_ctrl_c, write_picture};

/// Trains a variational autoencoder on MNIST, or on any other set of images in the same format.
#[derive(Parser)]
struct Args {
    /// Steps of training; 2345 go through the 60,000 images five times.
    #[arg(long, default_value_t = 2345)]
    steps: usize,
    /// Images per step.
    #[arg(long, default_value_t = 128)]
    batch_size: usize,
    /// The learning rate at its highest.
    #[arg(long, default_value_t = 2e-3)]
    lr: f64,
    /// How many numbers stand for an image.
    #[arg(long, default_value_t = 20)]
    latent: usize,
    /// The seed of weights, shuffling and latent vectors.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The folder with the four IDX files, gzipped or not [default: the bundled MNIST].
    #[arg(long)]
    data: Option<PathBuf>,
    /// The folder for the checkpoint, metrics and pictures.
    #[arg(long, default_value = "runs/vae")]
    out: PathBuf,
    /// Go on from the checkpoint in the folder.
    #[arg(long)]
    resume: bool,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
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
        // A draw from q, such that its gradient by mean and variance is that of this formula.
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

fn main() -> Result<(), Box<dyn Error>> {
    let (args, start) = (Args::parse(), Instant::now());
    let data = Mnist::load(args.data.clone().unwrap_or_else(bundled_mnist))?.normalize(0.0, 1.0);
    let [_, height, width] = data.train.shape();
    let model = Vae::new(height * width, args.latent, &mut Rng::new(args.seed));
    let mut optimizer = Optimizer::new(&model, Adam::default(), Cosine::new(args.lr, args.steps as u64));
    eprintln!("{} parameters, {} training images", model.num_params(), data.train.len());

    let report = Trainer::new()
        .steps(args.steps)
        .batch_size(args.batch_size)
        .shards(2)
        .seed(args.seed)
        .folder(&args.out)
        .resume(args.resume)
        .note("latent", args.latent)
        .progress(Progress::auto())
        .stop_flag(stop_on_ctrl_c()?)
        .run(&model, &mut optimizer, &data.train, Some(&data.test), |tape, (images, _)| {
            let (reconstruction, divergence) = model.bound(&tape.input(black_and_white(images)));
            let n = images.size(0);
            let in_all = f64::from(divergence.item()) * n as f64;
            Outcome::new(reconstruction + divergence, n).metric("divergence", in_all)
        })?;

    // Latent vectors as the model believes them to be before it has seen an image.
    let z = Tensor::randn([100, args.latent], &mut Rng::new(args.seed).child(1));
    let draw = |name: &str, z: Tensor, columns: usize| {
        let images = model.decode(z).reshape([-1, 1, height as isize, width as isize]);
        write_picture(&args.out.join(name), png_grid(&images, columns, 2))
    };
    draw("samples.png", z, 10)?;

    // From each digit to the next, along the straight line between their means.
    let first = |digit: u8| data.test.labels().iter().position(|&label| label == digit);
    let ends: Vec<usize> = (0..10).filter_map(first).collect();
    let ends = black_and_white(&data.test.select(&ends).0);
    let means = model.encode(&Tape::eval().input(ends)).0.into_value();
    let (walks, stages) = (means.size(0), 12);
    let next = means.roll(-1, 0);
    let z = Tensor::from_fn([walks * stages, args.latent], |i| {
        let (at, latent) = (i / args.latent, i % args.latent);
        let (walk, share) = (at / stages, (at % stages) as f32 / (stages - 1) as f32);
        means.at([walk, latent]) * (1.0 - share) + next.at([walk, latent]) * share
    });
    draw("walks.png", z, stages)?;

    let test = report.test();
    let (bound, divergence) = (test.map(Scores::loss), test.and_then(|scores| scores.metric("divergence")));
    if args.json {
        let result = serde_json::json!({
            "test_bound": bound,
            "test_divergence": divergence,
            "steps": report.steps,
            "images_per_second": report.samples_per_second().round(),
            "seconds": start.elapsed().as_secs_f64(),
            "weights_hash": weights_hash(&model),
        });
        println!("{result}");
    } else if let (Some(bound), Some(divergence)) = (bound, divergence) {
        println!(
            "-log p(x) of a test image is at most {bound:.1} nats; the latent vector has {divergence:.1} of them"
        );
        println!("{}", args.out.display());
    }
    Ok(())
}
