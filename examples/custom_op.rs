//! An op of your own: a rational activation whose coefficients are learned.
//!
//! ```text
//! cargo run --release --example custom_op                     writes runs/custom_op/{wave.svg, */report.html}
//! ```
//!
//! Eight rectified units leave a mean squared error of 0.033 of a wave, eight rational ones 0.0002.
//!
//! `docs/custom_op.md` explains the steps. Molina, Schramowski and Kersting 2020, 'Padé activation units'.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ravine::autograd::{gradcheck, gradgradcheck, record};
use ravine::plot::{Axis, BLUE, GREY, ORANGE, Plot};
use ravine::prelude::*;
use ravine::tensor::Float;
use ravine_examples::{TrainFlags, above_zero, finished, positive, start, write_file};

/// Fits a wave with two networks: one with rectified units, and one whose units learn their own activation.
#[derive(Parser)]
struct Args {
    /// Steps of training, each on all points.
    #[arg(long, default_value_t = 1500, value_parser = above_zero::<usize>)]
    steps: usize,
    /// How many units are in the middle.
    #[arg(long, default_value_t = 8, value_parser = above_zero::<usize>)]
    units: usize,
    /// The peak learning rate.
    #[arg(long, default_value_t = 0.02, value_parser = positive::<f64>)]
    lr: f64,
    #[command(flatten)]
    run: TrainFlags,
}

// -------------------------------------------------------------------------------------------------------------------- op

/// `y = p(x) / q(x)`, where `p(x) = a0 + a1 x + a2 x² + a3 x³` and `q(x) = 1 + (b1 x)² + (b2 x²)²`, so that no pole is met.
///
/// Backward, with `s = dy / q`: `dx = s (p' - y q')`, `da[k] = Σ s xᵏ`, `db[1] = -Σ s y 2 b1 x²`, `db[2] = -Σ s y 2 b2 x⁴`.
///
/// Shapes: `x [..]`, `a [4]`, `b [2]` -> `[..]`.
#[track_caller]
fn rational<T: Float>(x: &Var<T>, a: &Var<T>, b: &Var<T>) -> Var<T> {
    let (a_at, b_at) = (a.value().to_vec(), b.value().to_vec());
    // One pass over memory; as a composition of ops it would be a dozen, and keep as many tensors.
    let value = x.value().map(|x| {
        let p = ((a_at[3] * x + a_at[2]) * x + a_at[1]) * x + a_at[0];
        let (u, v) = (b_at[0] * x, b_at[1] * x * x);
        p / (T::ONE + u * u + v * v)
    });
    let (x_saved, a_saved, b_saved) = (x.saved(), a.saved(), b.saved());
    record("rational", [x, a, b], value, move |dy, needs| {
        let (x, a, b) = (x_saved.on(dy), a_saved.on(dy), b_saved.on(dy));
        let ([a0, a1, a2, a3], [b1, b2]) =
            ([0, 1, 2, 3].map(|k| a.index(0, k)), [0, 1].map(|k| b.index(0, k)));
        let x2 = x.square();
        let x4 = x2.square();
        let q = b1.square() * &x2 + b2.square() * &x4 + T::ONE;
        let p = ((&a3 * &x + &a2) * &x + &a1) * &x + &a0;
        let (y, share) = (p / &q, dy / &q);
        [
            needs[0].then(|| {
                let slope_p = (&a3 * &x * T::of(3.0) + &a2 * T::of(2.0)) * &x + &a1;
                let slope_q = (b1.square() * &x + b2.square() * (&x2 * &x) * T::of(2.0)) * T::of(2.0);
                &share * (slope_p - &y * slope_q)
            }),
            needs[1].then(|| {
                let powers = [share.clone(), &share * &x, &share * &x2, &share * &x2 * &x];
                Var::stack(&powers.each_ref().map(|power| power.sum(..)).each_ref(), 0)
            }),
            needs[2].then(|| {
                let down = -(&share * &y) * T::of(2.0);
                let parts = [(&down * &x2).sum(..) * &b1, (&down * &x4).sum(..) * &b2];
                Var::stack(&parts.each_ref(), 0)
            }),
        ]
    })
}

// ----------------------------------------------------------------------------------------------------------------- layer

/// The activation as a layer. It begins near the leaky rectifier.
#[derive(Module)]
struct Rational {
    a: Param,
    b: Param,
}

impl Rational {
    fn new() -> Self {
        Rational {
            a: Param::new(Tensor::from([0.02, 0.5, 0.7, 0.3])),
            b: Param::new(Tensor::from([0.6, 0.1])),
        }
    }
}

impl Layer for Rational {
    fn forward(&self, x: &Var) -> Var {
        rational(x, &x.tape().param(&self.a), &x.tape().param(&self.b))
    }
}

// ------------------------------------------------------------------------------------------------------------------- run

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    // First the check: every derivative against finite differences, to second order.
    let point = [
        Tensor::from([[-1.5, -0.2], [0.4, 2.0]]),
        Tensor::from([0.1, 0.9, -0.4, 0.3]),
        Tensor::from([0.7, 0.2]),
    ];
    gradcheck(|v| rational(v[0], v[1], v[2]), &point)?;
    gradgradcheck(|v| rational(v[0], v[1], v[2]), &point)?;
    eprintln!("the derivatives are right");

    // Then the use: a wave on [-3, 3].
    let x: Tensor = Tensor::linspace(-3.0, 3.0, 200).reshape([200, 1]);
    let y = x.map(|x: f32| (2.0 * x).sin() * (-0.1 * x * x).exp());
    let (rectified, by_rectified) = train("rectified", Relu, &x, &y, args)?;
    let (rational, by_rational) = train("rational", Rational::new(), &x, &y, args)?;

    let title = format!("a wave by {} units", args.units);
    let mut plot = Plot::new(&title, Axis::linear("x", -3.0, 3.0), Axis::linear("y", -1.1, 1.1));
    for (name, colour, y) in
        [("wave", GREY, &y), ("rectified", ORANGE, &by_rectified), ("rational", BLUE, &by_rational)]
    {
        plot.line(
            name,
            colour,
            &x.iter().zip(y.iter()).map(|(x, y)| (x.into(), y.into())).collect::<Vec<_>>(),
        );
    }
    let picture = args.run.folder("custom_op").join("wave.svg");
    write_file(&picture, plot.svg())?;
    if args.run.json {
        let result = serde_json::json!({
            "loss_rectified": rectified,
            "loss_rational": rational,
            "seconds": begin.elapsed().as_secs_f64(),
        });
        println!("{result}");
    } else {
        println!("rectified: loss {rectified:.5}\nrational:  loss {rational:.5}\n{}", picture.display());
    }
    Ok(())
}

/// The loss that is left, and the curve that was learned.
fn train(
    name: &str,
    activation: impl Layer + Send + Sync + 'static,
    x: &Tensor,
    y: &Tensor,
    args: &Args,
) -> Result<(f64, Tensor), Box<dyn Error>> {
    let (rng, data) = (&mut Rng::new(args.run.seed), TensorSet::new(x.clone(), y.clone()));
    let model = sequential![Linear::new(1, args.units, rng), activation, Linear::new(args.units, 1, rng)];
    let mut optimizer = Optimizer::new(&model, Adam::default(), Cosine::new(args.lr, args.steps as u64));
    let report = args
        .run
        .trainer_of_several(&args.run.folder("custom_op"), name)?
        .steps(args.steps)
        .batch_size(data.len())
        .shards(1)
        .evaluate_every(args.steps)
        .note("model", name)
        .note("learning rate", args.lr)
        .run(&model, &mut optimizer, &data, Some(&data), |tape, (x, y)| {
            Outcome::regression(&model.forward(&tape.input(x.clone())), y)
        })?;
    Ok((finished(&report)?.loss(), model.forward(&Tape::eval().input(x.clone())).into_value()))
}
