//! An optimizer of one's own, in a few lines.
//!
//! ```text
//! cargo run --release --example custom_optimizer
//! ```
//!
//! A rule says what happens to one weight. The schedule, groups, clipping, weight decay, frozen parameters, saving, loading and
//! threads are the driver's, and the conformance kit tells what a rule gets wrong.

use ravine::optim::{conformance, sign};
use ravine::prelude::*;

/// Goes a fixed length against each gradient's sign. Bernstein et al. 2018, 'signSGD'.
#[derive(Clone)]
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
#[derive(Clone)]
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Each rule goes through all checks: descent, threads, saving, groups, decay, odd shapes, ...
    conformance::check(SignSgd);
    conformance::check(CarefulBall { beta: 0.9 });
    println!("both rules pass {} checks", conformance::names().len());

    let (x, y) = spirals(&mut Rng::new(1));
    println!("{:<12} loss {:.4}", "SignSgd", train(SignSgd, 0.001, &x, &y)?);
    println!("{:<12} loss {:.4}", "CarefulBall", train(CarefulBall { beta: 0.9 }, 0.1, &x, &y)?);
    println!("{:<12} loss {:.4}", "Sgd", train(Sgd::momentum(0.9), 0.1, &x, &y)?);
    Ok(())
}

/// The loss that is left after 500 steps on the whole of the data.
fn train(rule: impl Rule, rate: f64, x: &Tensor, y: &Tensor<i64>) -> Result<f32, Box<dyn std::error::Error>> {
    let rng = &mut Rng::new(0);
    let model =
        sequential![Linear::new(2, 32, rng), Relu, Linear::new(32, 32, rng), Relu, Linear::new(32, 2, rng)];
    // What the rule does not have to know about:
    let mut optimizer = Optimizer::new(&model, rule, Cosine::new(rate, 500).warmup(20))
        .clip_norm(1.0)
        .weight_decay(1e-4)
        .group(Group::new(|path, _shape| path.ends_with("bias")).weight_decay(0.0));
    let mut last = f32::NAN;
    for _ in 0..500 {
        let tape = Tape::new();
        let loss = model.forward(&tape.input(x.clone())).cross_entropy(y);
        last = loss.item();
        optimizer.step(loss.backward())?;
    }
    Ok(last)
}

/// Points on two spirals that are wound around each other, and on which of them each is.
fn spirals(rng: &mut Rng) -> (Tensor, Tensor<i64>) {
    let points = 400;
    let noise: Tensor = Tensor::randn([points, 2], rng) * 0.03;
    let x = Tensor::from_fn([points, 2], |i| {
        let (point, axis) = (i / 2, i % 2);
        let way = (point / 2) as f32 / (points / 2) as f32;
        let angle = 7.0 * way + std::f32::consts::PI * (point % 2) as f32;
        (0.1 + 0.9 * way) * if axis == 0 { angle.cos() } else { angle.sin() }
    });
    (x + noise, Tensor::from_fn(points, |i| (i % 2) as i64))
}
