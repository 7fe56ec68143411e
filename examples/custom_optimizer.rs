//! Two optimizers of your own, in a few lines each.
//!
//! ```text
//! cargo run --release --example custom_optimizer              writes runs/custom_optimizer/{losses.svg, */report.html}
//! ```
//!
//! After 500 steps on two spirals the losses are 0.021 by signs, 0.016 by the careful ball, and 0.017 by SGD with momentum.
//!
//! A rule updates one weight. The driver does the rest: schedule, groups, clipping, weight decay, frozen parameters, saving, loading and
//! threads. The conformance tests find what is wrong with a rule.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use ravine::optim::{conformance, sign};
use ravine::plot::{Axis, COLOURS, Plot};
use ravine::prelude::*;
use ravine::train::Report;
use ravine_examples::{TrainFlags, above_zero, finished, start, write_file};

/// Tells two spirals apart with two optimizers of one's own, and with SGD.
#[derive(Parser)]
struct Args {
    /// Steps of training, each on all points.
    #[arg(long, default_value_t = 500, value_parser = above_zero::<usize>)]
    steps: usize,
    /// How many points there are.
    #[arg(long, default_value_t = 400, value_parser = RangedU64ValueParser::<usize>::new().range(2..))]
    points: usize,
    #[command(flatten)]
    run: TrainFlags,
}

// ----------------------------------------------------------------------------------------------------------------- rules

/// Goes a fixed length against each gradient's sign. Bernstein et al. 2018, 'signSGD'.
struct SignSgd;

impl Rule for SignSgd {
    const NAME: &'static str = "SignSgd";
    fn update(&self, step: Step) {
        let rate = step.rate as f32;
        step.each(|w, g, []| *w -= rate * sign(g));
    }
}

/// A heavy ball whose pushes are weighed by how much they agree with its velocity: with momentum where gradients
/// agree, and careful where they fight.
struct CarefulBall {
    beta: f32,
}

impl Rule for CarefulBall {
    const NAME: &'static str = "CarefulBall";
    fn slots(&self) -> &'static [&'static str] {
        &["velocity"]
    }
    fn update(&self, step: Step) {
        let (beta, rate) = (self.beta, step.rate as f32);
        step.each(|w, g, [v]| {
            let agree = *v * g >= 0.0;
            *v = if agree { beta * *v + g } else { 0.5 * beta * *v + g };
            *w -= rate * *v;
        });
    }
}

// ------------------------------------------------------------------------------------------------------------------ data

/// Points on two spirals that are wound around each other, and on which of them each is.
fn spirals(points: usize, rng: &mut Rng) -> TensorSet {
    let noise: Tensor = Tensor::randn([points, 2], rng) * 0.03;
    let x = Tensor::from_fn([points, 2], |i| {
        let (point, axis) = (i / 2, i % 2);
        let way = (point / 2) as f32 / (points / 2) as f32;
        let angle = 7.0 * way + std::f32::consts::PI * (point % 2) as f32;
        (0.1 + 0.9 * way) * if axis == 0 { angle.cos() } else { angle.sin() }
    });
    TensorSet::new(x + noise, Tensor::from_fn(points, |i| (i % 2) as i64))
}

// ------------------------------------------------------------------------------------------------------------------- run

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    // Each rule goes through all checks: descent, threads, saving, groups, decay, odd shapes, ...
    conformance::check(SignSgd);
    conformance::check(CarefulBall { beta: 0.9 });
    eprintln!("both rules pass {} checks", conformance::names().len());

    let data = spirals(args.points, &mut Rng::new(args.run.seed.wrapping_add(1)));
    let reports = [
        ("SignSgd", train(SignSgd, 0.004, &data, args)?),
        ("CarefulBall", train(CarefulBall { beta: 0.9 }, 0.1, &data, args)?),
        ("Sgd", train(Sgd::momentum(0.9), 0.1, &data, args)?),
    ];

    let (steps, losses) = (Axis::linear("step", 0.0, args.steps as f64), Axis::log("loss", 0.01, 1.0));
    let mut plot = Plot::new("two spirals, by three rules", steps, losses);
    let mut result = serde_json::json!({});
    for ((name, report), colour) in reports.iter().zip(COLOURS) {
        let course: Vec<_> = report.trace.iter().map(|step| (step.step as f64, step.loss)).collect();
        plot.line(name, colour, &course);
        result[name] = finished(report)?.loss().into();
    }
    let picture = args.run.folder("custom_optimizer").join("losses.svg");
    write_file(&picture, plot.svg())?;
    if args.run.json {
        result["seconds"] = begin.elapsed().as_secs_f64().into();
        println!("{result}");
    } else {
        for (name, report) in &reports {
            println!("{name:<12} loss {:.4}", finished(report)?.loss());
        }
        println!("{}", picture.display());
    }
    Ok(())
}

/// A network that learns from all points at each step.
fn train<R: Rule>(rule: R, rate: f64, data: &TensorSet, args: &Args) -> Result<Report, Box<dyn Error>> {
    let rng = &mut Rng::new(args.run.seed);
    let model =
        sequential![Linear::new(2, 32, rng), Relu, Linear::new(32, 32, rng), Relu, Linear::new(32, 2, rng)];
    // What the rule does not have to know about:
    let mut optimizer = Optimizer::new(&model, rule, Cosine::new(rate, args.steps as u64).warmup(20))
        .clip_norm(1.0)
        .weight_decay(1e-4)
        .group(Group::new(|path, _shape| path.ends_with("bias")).weight_decay(0.0));
    let report = args
        .run
        .trainer_of_several(&args.run.folder("custom_optimizer"), R::NAME)?
        .steps(args.steps)
        .batch_size(data.len())
        .shards(1)
        .evaluate_every(args.steps)
        .log_every(5)
        .note("model", R::NAME)
        .run(&model, &mut optimizer, data, Some(data), |tape, (points, labels)| {
            Outcome::classification(&model.forward(&tape.input(points.clone())), labels)
        })?;
    Ok(report)
}
