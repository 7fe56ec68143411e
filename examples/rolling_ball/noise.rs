//! Gradients of a few examples, and what their noise does.

use ravine::plot::{Axis, BLUE, GREEN, GREY, ORANGE, Plot, RED};
use ravine::prelude::*;

use crate::descent::{Descent, by_factor, spaced, thinned};
use crate::page::{Figure, Section};

const EXAMPLES: usize = 512;

/// A line through noisy points, whose two weights can be drawn.
struct Fit {
    x: Tensor,
    y: Tensor,
}

impl Fit {
    fn new() -> Self {
        let rng = &mut Rng::new(11);
        let x = Tensor::randn([EXAMPLES, 2], rng) * Tensor::from([[0.8f32, 1.3]]);
        let y = x.matmul(&Tensor::from([[1.0f32], [-0.5]])) + Tensor::<f32>::randn([EXAMPLES, 1], rng);
        Fit { x, y }
    }

    /// The gradient at `w` of the mean square over examples that are drawn for this step.
    fn loss(&self, tape: &Tape, w: &Param, batch: usize, step: u64) -> Var {
        let rng = &mut Rng::new(5).child(step);
        let at = |full: &Tensor, rows: &Tensor<i64>| tape.input(full.index_select(0, rows));
        // Without replacement, so that the whole set has no noise.
        let rows = Tensor::<i64>::randperm(EXAMPLES, rng).narrow(0, 0, batch).contiguous();
        (at(&self.x, &rows).matmul(&tape.param(w)) - at(&self.y, &rows)).square().mean(..) / 2.0
    }

    fn gradient(&self, w: &Param, batch: usize, step: u64) -> (f64, f64) {
        let gradients = self.loss(&Tape::new(), w, batch, step).backward();
        gradients.get(w).map_or((0.0, 0.0), |g| (f64::from(g.at([0, 0])), f64::from(g.at([1, 0]))))
    }

    /// The loss of all examples.
    fn full(&self, a: f64, b: f64) -> f64 {
        let w = Param::new(Tensor::from([[a as f32], [b as f32]]));
        f64::from(self.loss(&Tape::new(), &w, EXAMPLES, 0).item())
    }
}

/// Gradient noise against batch size.
pub fn batches() -> Section {
    const SIZES: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
    let fit = Fit::new();
    let here = || Param::new(Tensor::from([[-1.0f32], [1.0]]));
    let true_gradient = fit.gradient(&here(), EXAMPLES, 0);
    let clouds =
        SIZES.map(|batch| -> Vec<(f64, f64)> { (0..160).map(|s| fit.gradient(&here(), batch, s)).collect() });
    let spread = |cloud: &Vec<(f64, f64)>| {
        let squares =
            cloud.iter().map(|(x, y)| (x - true_gradient.0).powi(2) + (y - true_gradient.1).powi(2));
        (squares.sum::<f64>() / cloud.len() as f64).sqrt()
    };
    let spreads: Vec<(f64, f64)> =
        SIZES.iter().zip(&clouds).map(|(&b, cloud)| (b as f64, spread(cloud))).collect();
    let mut against = Plot::new(
        "how far gradients are from the true one",
        Axis::log("batch size", 0.9, 560.0),
        Axis::log("root mean square distance", 0.05, 6.0),
    );
    against.dots("measured, 160 batches each", BLUE, 3.6, &spreads);
    let first = spreads[0].1;
    let law = |b: f64| first / b.sqrt() * ((EXAMPLES as f64 - b) / (EXAMPLES as f64 - 1.0)).max(0.0).sqrt();
    against.dashed(
        "1/√batch (and none left at 512)",
        RED,
        &by_factor(1.0, 511.9, 200).into_iter().map(|b| (b, law(b))).collect::<Vec<_>>(),
    );
    let against = against.svg();

    let variant = |(batch, cloud): (usize, &Vec<(f64, f64)>)| {
        let mut scatter = Plot::new(
            &format!("160 gradients at one place, batches of {batch}"),
            Axis::linear("gradient of the first weight", -6.0, 3.0),
            Axis::linear("of the second", -3.0, 8.0),
        );
        scatter.thin(GREY, &[(0.0, 0.0), true_gradient]);
        scatter.dots("of a batch", BLUE, 2.2, cloud);
        scatter.dots("of all examples", ORANGE, 5.0, &[true_gradient]);

        let w = here();
        let mut optimizer = Optimizer::new(&w, Sgd::default(), 0.1);
        let mut path = vec![(-1.0, 1.0)];
        for step in 0..120 {
            let step = optimizer.step(fit.loss(&Tape::new(), &w, batch, 1000 + step).backward());
            step.expect("a finite gradient");
            path.push((f64::from(w.value().at([0, 0])), f64::from(w.value().at([1, 0]))));
        }
        let mut walk = Plot::new(
            "120 steps with them",
            Axis::linear("first weight", -1.6, 2.0),
            Axis::linear("second", -1.6, 1.6),
        );
        contours(&fit, &mut walk);
        walk.line("", BLUE, &path);
        walk.dots("", ORANGE, 4.0, &path[path.len() - 1..]);
        (format!("{batch}"), vec![scatter.svg(), walk.svg(), against.clone()])
    };
    Section {
        title: "Stochastic gradient descent follows an approximate gradient",
        text: "<p>The gradient of the whole loss needs all examples. That of one example, or of a few, is right \
            on average, and wrong by an amount that falls with the root of their number: four times the work \
            for half the noise. Far from the minimum that hardly matters, which is why small batches are \
            good at first. Near it, noise is all there is.</p>"
            .into(),
        figures: vec![Figure {
            name: "batches",
            slider: "examples in a batch",
            variants: SIZES.into_iter().zip(&clouds).map(variant).collect(),
            first: 3,
            stacked: false,
        }],
    }
}

/// Where the loss of all examples is the same: an ellipse, as it is a quadratic.
fn contours(fit: &Fit, plot: &mut Plot) {
    // From values at six places to the quadratic itself.
    let [f, fx, fy, fxx, fyy, fxy] =
        [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (2.0, 0.0), (0.0, 2.0), (1.0, 1.0)].map(|(a, b)| fit.full(a, b));
    let (h11, h22, h12) = (fxx - 2.0 * fx + f, fyy - 2.0 * fy + f, fxy - fx - fy + f);
    let (g1, g2) = (fx - f - h11 / 2.0, fy - f - h22 / 2.0);
    let determinant = h11 * h22 - h12 * h12;
    let best = ((-g1 * h22 + g2 * h12) / determinant, (g1 * h12 - g2 * h11) / determinant);
    for level in [0.02, 0.1, 0.25, 0.5, 0.9, 1.4, 2.0, 2.8] {
        let ring = spaced(0.0, std::f64::consts::TAU, 80).into_iter().map(|t| {
            let (c, s) = (t.cos(), t.sin());
            let radius = (2.0 * level / (h11 * c * c + 2.0 * h12 * c * s + h22 * s * s)).sqrt();
            (best.0 + radius * c, best.1 + radius * s)
        });
        plot.thin(GREY, &ring.collect::<Vec<_>>());
    }
}

/// How near noise lets weights come.
pub fn floor() -> Section {
    const WEIGHTS: usize = 512;
    let variant = |beta: f64| {
        let mut plot = Plot::new(
            &format!("momentum {beta}"),
            Axis::log("step", 1.0, 2000.0),
            Axis::log("mean square distance", 1e-3, 30.0),
        );
        for (rate, colour) in [(0.4, ORANGE), (0.1, BLUE), (0.025, GREEN)] {
            let mut balls = Descent::new(Sgd::momentum(beta), rate, &[4.0; WEIGHTS]);
            let mut curve = Vec::new();
            for step in 0..2000u64 {
                let noise = Tensor::<f64>::randn([WEIGHTS], &mut Rng::new(5).child(step)).to_vec();
                let push: Vec<f64> = balls.place().iter().zip(noise).map(|(x, noise)| x + noise).collect();
                balls.step(&push);
                let square = balls.place().iter().map(|x| x * x).sum::<f64>() / WEIGHTS as f64;
                curve.push((step as f64 + 1.0, square));
            }
            let floor = rate * (1.0 + beta) / ((1.0 - beta) * (2.0 * (1.0 + beta) - rate));
            plot.line(&format!("rate {rate}: floor {floor:.4}"), colour, &thinned(&curve));
            plot.dashed("", colour, &[(1.0, floor), (2000.0, floor)]);
        }
        plot.svg()
    };
    let momenta = [0.0, 0.5, 0.8, 0.9, 0.95];
    let floors = |beta: f64| {
        let mut plot =
            Plot::new("the floor, by rate", Axis::log("rate", 0.005, 1.0), Axis::log("floor", 1e-3, 30.0));
        for (other, name) in [(0.0, "momentum 0"), (0.5, "0.5"), (0.9, "0.9"), (0.95, "0.95")] {
            let formula = |r: f64| r * (1.0 + other) / ((1.0 - other) * (2.0 * (1.0 + other) - r));
            let colour = if other == beta { RED } else { GREY };
            plot.dashed(
                name,
                colour,
                &by_factor(0.005, 1.0, 60).into_iter().map(|r| (r, formula(r))).collect::<Vec<_>>(),
            );
        }
        let seen: Vec<(f64, f64)> =
            by_factor(0.02, 0.8, 7).into_iter().map(|rate| (rate, settled(rate, beta))).collect();
        plot.dots("measured", BLUE, 3.4, &seen);
        plot.svg()
    };
    Section {
        title: "Noise keeps the ball off the floor, and a smaller rate lowers it",
        text: "<p>With noise in each gradient the distance falls at first, quickly at a large rate, and then no \
            further. How far it gets is rate · (1 + momentum) / ((1 − momentum) (2 (1 + momentum) − rate)), \
            for curvature and noise of 1: the dashed lines. A tenth of the rate comes ten times nearer, and \
            takes ten times as long. This is why rates are scheduled: large steps first, then smaller. And \
            momentum is no way around it: 0.9 raises the floor at rate 0.1 from 0.05263 to 0.51351.</p>"
            .into(),
        figures: vec![Figure {
            name: "noise-floor",
            slider: "momentum",
            variants: momenta.map(|beta| (format!("{beta}"), vec![variant(beta), floors(beta)])).into(),
            first: 0,
            stacked: false,
        }],
    }
}

/// The mean square distance in the long run.
fn settled(rate: f64, beta: f64) -> f64 {
    const WEIGHTS: usize = 256;
    let wait = (8.0 * (1.0 / rate).max(1.0 / (1.0 - beta))) as u64;
    let mut balls = Descent::new(Sgd::momentum(beta), rate, &[0.0; WEIGHTS]);
    let mut sum = 0.0;
    for step in 0..wait + 600 {
        let noise = Tensor::<f64>::randn([WEIGHTS], &mut Rng::new(6).child(step)).to_vec();
        let push: Vec<f64> = balls.place().iter().zip(noise).map(|(x, noise)| x + noise).collect();
        balls.step(&push);
        if step >= wait {
            sum += balls.place().iter().map(|x| x * x).sum::<f64>() / WEIGHTS as f64;
        }
    }
    sum / 600.0
}
