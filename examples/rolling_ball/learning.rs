//! A small network and its learning rate: finding it, lowering it, and one for each optimizer.

use std::error::Error;

use ravine::optim::{
    Cycle, Cyclic, Exponential, InverseTime, Linear as Falling, Lion, Muon, Noam, OneCycle, Polynomial,
    RateCurve, RateFinder, Rex, RmsProp, WarmRestarts, Wsd,
};
use ravine::plot::{Axis, BLUE, COLOURS, GREEN, ORANGE, Plot, RED};
use ravine::prelude::*;

use crate::descent::{by_factor, over_steps};
use crate::page::{Figure, Section};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Which of three rings a point is on: 1024 points, a tenth of the answers wrong.
struct Rings {
    x: Tensor,
    y: Tensor<i64>,
}

const BATCH: usize = 32;

impl Rings {
    fn new() -> Self {
        let rng = &mut Rng::new(2);
        let x = Tensor::uniform([1024, 2], -1.0, 1.0, rng);
        let wrong: Tensor = Tensor::uniform([1024], 0.0, 1.0, rng);
        let ring = x.square().sum(-1).map(|r: f32| (r.sqrt() * 2.2) as i64 % 3);
        let y = ring.zip(&wrong, |ring, wrong| if wrong < 0.1 { (ring + 1) % 3 } else { ring });
        Rings { x, y }
    }

    fn model(seed: u64) -> Sequential {
        let rng = &mut Rng::new(seed);
        sequential![Linear::new(2, 32, rng), Relu, Linear::new(32, 32, rng), Relu, Linear::new(32, 3, rng)]
    }

    fn loss(&self, model: &impl Layer, tape: &Tape, step: u64) -> Var {
        let place = Tensor::<f64>::uniform([BATCH], 0.0, 1024.0, &mut Rng::new(7).child(step));
        let rows: Tensor<i64> = place.map(|place| place as i64);
        model
            .forward(&tape.input(self.x.index_select(0, &rows)))
            .cross_entropy(&self.y.index_select(0, &rows))
    }

    fn full_loss(&self, model: &impl Layer) -> f64 {
        f64::from(model.forward(&Tape::eval().input(self.x.clone())).cross_entropy(&self.y).item())
    }

    /// The losses over all examples, every twentieth step, and the mean of the last ten of them.
    fn train(
        &self,
        seed: u64,
        steps: u64,
        make: impl FnOnce(&Sequential) -> Box<dyn Optimize>,
    ) -> (Vec<(f64, f64)>, f64) {
        let model = Self::model(seed);
        let mut optimizer = make(&model);
        let mut losses = vec![(0.0, self.full_loss(&model))];
        for step in 0..steps {
            let loss = self.loss(&model, &Tape::train(Rng::new(seed)), seed * 100_000 + step);
            if optimizer.step(loss.backward()).is_err() {
                return (losses, f64::INFINITY);
            }
            if (step + 1) % 20 == 0 {
                losses.push((step as f64 + 1.0, self.full_loss(&model)));
            }
        }
        let last = &losses[losses.len().saturating_sub(10)..];
        let mean = last.iter().map(|(_, loss)| loss).sum::<f64>() / last.len() as f64;
        (losses, mean)
    }
}

/// The best rate depends on the problem and the model.
pub fn finder() -> Result<Section> {
    let rings = Rings::new();
    let rng = &mut Rng::new(3);
    let x: Tensor = Tensor::randn([200, 8], rng) * Tensor::from_fn([1, 8], |i| 0.8f32.powi(i as i32));
    let y = x.matmul(&Tensor::randn([8, 1], rng)) + Tensor::<f32>::randn([200, 1], rng) * 0.1;
    let w = Param::new(Tensor::zeros([8, 1]));
    let line = |tape: &Tape, _| {
        (tape.input(x.clone()).matmul(&tape.param(&w)) - tape.input(y.clone())).square().mean(..)
    };
    let model = Rings::model(1);
    let ring = |tape: &Tape, _| model.forward(&tape.input(rings.x.clone())).cross_entropy(&rings.y);
    let finder = RateFinder { lowest: 1e-5, ..RateFinder::default() };
    let curves = [
        ("regression, SGD", finder.run(&w, Sgd::default(), line)?),
        ("regression, momentum 0.9", finder.run(&w, Sgd::momentum(0.9), line)?),
        ("network, momentum 0.9", finder.run(&model, Sgd::momentum(0.9), ring)?),
        ("network, Adam", finder.run(&model, Adam::default(), ring)?),
    ];
    Ok(Section {
        title: "The best rate depends on the problem and on the model",
        text: "<p>A range test raises the rate from step to step until the loss explodes. The green line is the \
            rate to train with, a third of the one where its first descent ended, if curvature sets no lower limit. \
            The red one is the edge of stability: (2 + 2 · momentum) / λ, where λ is the largest curvature of the \
            loss, found by power iteration on products of the Hessian with a vector. The limit is half of that, \
            and three times the rate that brings a ball down such a parabola quickest, (1 − momentum²) / λ. \
            Adam has no such limits. \
            <code>RateFinder::run</code> does it in one call, and puts the model back.</p>"
            .into(),
        figures: vec![Figure {
            name: "rate-finder",
            slider: "task and optimizer",
            variants: curves.iter().map(|(name, curve)| ((*name).into(), vec![found(name, curve)])).collect(),
            first: 2,
            stacked: false,
        }],
    })
}

fn found(name: &str, curve: &RateCurve) -> String {
    let smoothed: Vec<(f64, f64)> = curve.points.iter().map(|p| (p.rate, p.smoothed)).collect();
    let most = smoothed.iter().map(|p| p.1).take(20).fold(0.0, f64::max) * 1.5;
    let mut plot = Plot::new(name, Axis::log("rate", 1e-5, 100.0), Axis::linear("loss", 0.0, most));
    plot.dots("", "#b7c6dd", 1.8, &curve.points.iter().map(|p| (p.rate, p.loss)).collect::<Vec<_>>());
    plot.line("smoothed loss", BLUE, &smoothed);
    for (rate, colour, name) in
        [(curve.suggestion(), GREEN, "suggestion"), (curve.bound, RED, "edge of stability")]
    {
        if let Some(rate) = rate {
            plot.dashed(&format!("{name} {rate:.2e}"), colour, &[(rate, 0.0), (rate, most)]);
        }
    }
    plot.svg()
}

/// How much of itself a weight changes at each step.
pub fn update_to_weight() -> Result<Section> {
    let rings = Rings::new();
    let mut ratios = Plot::new(
        "size of the step, as a share of the weights",
        Axis::linear("step", 0.0, 400.0),
        Axis::log("‖Δw‖ / ‖w‖", 1e-5, 1.0),
    );
    let mut losses =
        Plot::new("and the loss", Axis::linear("step", 0.0, 400.0), Axis::linear("loss", 0.3, 1.2));
    for (i, rate) in [0.001, 0.01, 0.1, 1.0].into_iter().enumerate() {
        let model = Rings::model(1);
        let mut optimizer = Optimizer::new(&model, Sgd::momentum(0.9), rate);
        let (mut shares, mut course) = (Vec::new(), Vec::new());
        for step in 0..400 {
            let values =
                || -> Vec<Tensor> { model.named_params().iter().map(|(_, param)| param.value()).collect() };
            let before = values();
            if optimizer.step(rings.loss(&model, &Tape::train(Rng::new(1)), step).backward()).is_err() {
                break;
            }
            let after = values();
            let norm = |of: &mut dyn Iterator<Item = f64>| of.sum::<f64>().sqrt();
            let moved = norm(&mut before.iter().zip(&after).map(|(a, b)| (b - a).norm_squared()));
            if step % 5 == 0 {
                shares.push((step as f64, moved / norm(&mut before.iter().map(Tensor::norm_squared))));
                course.push((step as f64, rings.full_loss(&model)));
            }
        }
        let name = format!("rate {rate}");
        ratios.line(&name, COLOURS[i], &shares);
        losses.line(&name, COLOURS[i], &course);
    }
    Ok(Section {
        title: "How large a step is, is seen beside the weight",
        text: "<p>The rate alone says little about how far a network moves; the ratio of the step to the \
            weights does. At a ten-thousandth of the weights a step, this network stands still, and at a \
            tenth it is thrown about; in between it learns.</p>"
            .into(),
        figures: vec![Figure::still("update-to-weight", vec![ratios.svg(), losses.svg()])],
    })
}

const STEPS: u64 = 1200;

/// Large steps first, then smaller: every schedule, under the loss that it leads to.
pub fn schedules() -> Result<Section> {
    const TOP: f64 = 0.2;
    let all: Vec<(&str, Box<dyn Schedule>)> = vec![
        ("constant", Box::new(TOP)),
        ("step", Box::new(StepDecay { initial: TOP, every: 400, factor: 0.1 })),
        ("exponential", Box::new(Exponential { initial: TOP, factor: 0.997 })),
        ("inverse time", Box::new(InverseTime { initial: TOP, decay: 0.01 })),
        ("linear", Box::new(Falling { initial: TOP, last: 0.0, steps: STEPS })),
        ("polynomial", Box::new(Polynomial { initial: TOP, last: 0.0, steps: STEPS, power: 2.0 })),
        ("cosine", Box::new(Cosine::new(TOP, STEPS))),
        ("warm-up, cosine", Box::new(Cosine::new(TOP, STEPS - 100).warmup(100))),
        ("warm restarts", Box::new(WarmRestarts { initial: TOP, last: 0.0, steps: 171, multiplier: 2 })),
        ("cyclic", Box::new(Cyclic { low: 0.002, high: TOP, up: 150, down: 150, cycle: Cycle::Halving })),
        ("one cycle", Box::new(OneCycle::new(TOP, STEPS))),
        ("Noam", Box::new(Noam { factor: TOP * (32.0f64 * 100.0).sqrt(), width: 32, warmup: 100 })),
        ("WSD", Box::new(Wsd { rate: TOP, warmup: 60, stable: 840, decay: 300 })),
        ("REX", Box::new(Rex { initial: TOP, steps: STEPS })),
        ("a function", Box::new(|step: u64| TOP / (1.0 + (step as f64 / 200.0).powi(2)))),
    ];
    let rings = Rings::new();
    let runs: Vec<_> = all
        .into_iter()
        .map(|(name, schedule)| {
            let rates = schedule.curve(STEPS);
            let (losses, last) =
                rings.train(1, STEPS, |model| Box::new(Optimizer::new(model, Sgd::momentum(0.9), schedule)));
            (name, rates, losses, last)
        })
        .collect();
    let variants = runs.iter().map(|(name, rates, losses, last)| {
        let mut course = Plot::new(
            &format!("{name}: loss {last:.3} in the end"),
            Axis::linear("step", 0.0, STEPS as f64),
            Axis::linear("loss of all examples", 0.3, 1.2),
        );
        for (_, _, other, _) in &runs {
            course.thin("#cfd5dd", other);
        }
        course.line("", ORANGE, losses);
        let mut rate = Plot::new(
            "its learning rate",
            Axis::linear("step", 0.0, STEPS as f64),
            Axis::linear("rate", 0.0, 0.21),
        )
        .height(190.0);
        rate.line("", BLUE, &over_steps(rates.iter().copied()));
        (name.to_string(), vec![course.svg(), rate.svg()])
    });
    Ok(Section {
        title: "Large steps first, then smaller",
        text:
            "<p>One network, the same batches of 32, SGD with momentum, and fifteen schedules of the rate; \
            the others' losses are in grey. At a constant rate noise keeps the loss up. Every schedule that \
            falls brings it down when it falls, and most of the fall of the loss comes with the last fall of \
            the rate.</p>"
                .into(),
        figures: vec![Figure {
            name: "schedules",
            slider: "schedule",
            variants: variants.collect(),
            first: 6,
            stacked: true,
        }],
    })
}

/// Each optimizer needs its own rate.
pub fn optimizers() -> Result<Section> {
    type Make = fn(&Sequential, f64) -> Box<dyn Optimize>;
    let all: [(&str, Make); 7] = [
        ("SGD", |m, rate| Box::new(Optimizer::new(m, Sgd::default(), rate))),
        ("momentum 0.9", |m, rate| Box::new(Optimizer::new(m, Sgd::momentum(0.9), rate))),
        ("Adam", |m, rate| Box::new(Optimizer::new(m, Adam::default(), rate))),
        ("AdamW", |m, rate| Box::new(Optimizer::new(m, AdamW::default(), rate))),
        ("RMSprop", |m, rate| Box::new(Optimizer::new(m, RmsProp::default(), rate))),
        ("Lion", |m, rate| Box::new(Optimizer::new(m, Lion::default(), rate))),
        ("Muon", |m, rate| Box::new(Optimizer::new(m, Muon::default(), rate))),
    ];
    let rings = Rings::new();
    let mut tuning = Plot::new(
        "loss after 400 steps, by rate",
        Axis::log("rate", 1e-4, 10.0),
        Axis::linear("mean of the last losses", 0.3, 1.2),
    );
    let mut courses =
        Plot::new("each at its best rate", Axis::linear("step", 0.0, 400.0), Axis::linear("loss", 0.3, 1.2));
    for (i, (name, make)) in all.into_iter().enumerate() {
        let mut found = Vec::new();
        let mut best: Option<(f64, f64, Vec<(f64, f64)>)> = None;
        for rate in by_factor(1e-4, 10.0, 16) {
            let (losses, last) = rings.train(1, 400, |model| make(model, rate));
            found.push((rate, last));
            if best.as_ref().is_none_or(|(least, ..)| last < *least) {
                best = Some((last, rate, losses));
            }
        }
        tuning.line(name, COLOURS[i], &found);
        if let Some((last, rate, losses)) = best {
            tuning.dots("", COLOURS[i], 4.0, &[(rate, last)]);
            courses.line(&format!("{name}, {rate:.1e}"), COLOURS[i], &losses);
        }
    }
    Ok(Section {
        title: "Change the optimizer late, and give each its own rate",
        text: "<p>Seven optimizers on one network: at the rate that is best for one, another stands still or is \
            thrown out. Once each has its own, little is left between them on a task as small as this. So \
            settle the structure of the model first. <code>cargo run --release --example \
            compare_optimizers</code> does it properly, on MNIST: the same budget of tuning for each, \
            several seeds, and intervals.</p>"
            .into(),
        figures: vec![Figure::still("optimizers", vec![tuning.svg(), courses.svg()])],
    })
}
