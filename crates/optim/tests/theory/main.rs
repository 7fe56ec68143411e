//! What gradient descent and momentum do on problems whose answer is known, by our own [`Sgd`].
//!
//! The theory is in G. Goh, 'Why Momentum Really Works', Distill 2017 (with the rate of complex roots as `√beta`).

mod many_weights;
mod noise;
mod one_weight;
mod velocity;

use ravine_optim::{Rule, Sgd, Step};
use ravine_tensor::Tensor;

/// Weights and velocity under a rule, step by step, in `f64`.
struct Descent {
    rule: Sgd,
    rate: f64,
    w: Tensor<f64>,
    slots: Vec<Tensor<f64>>,
    count: u64,
}

impl Descent {
    fn new(rate: f64, rule: Sgd, w: &[f64]) -> Self {
        let w = Tensor::from_slice(w, w.len());
        let slots = Rule::<f64>::slots(&rule).iter().map(|_| w.zeros_like()).collect();
        Descent { rule, rate, w, slots, count: 0 }
    }

    /// One step by this gradient.
    fn step(&mut self, g: &[f64]) {
        self.count += 1;
        let g = Tensor::from_slice(g, g.len());
        self.rule.update(Step::new(&self.rule, self.rate, self.count, &mut self.w, &g, &mut self.slots));
    }

    /// One step by a gradient that is a function of each weight alone.
    fn descend(&mut self, gradient: impl Fn(usize, f64) -> f64) {
        let g: Vec<f64> = self.w.iter().enumerate().map(|(i, x)| gradient(i, x)).collect();
        self.step(&g);
    }

    /// The largest weight.
    fn largest(&self) -> f64 {
        self.w.iter().fold(0.0, |most, x| x.abs().max(most))
    }

    fn x(&self) -> f64 {
        self.w.at([0])
    }
}

/// How many steps it takes until `done`, if it happens within `limit`.
fn steps_until(
    mut descent: Descent,
    limit: usize,
    gradient: impl Fn(usize, f64) -> f64,
    done: impl Fn(&Descent) -> bool,
) -> Option<usize> {
    (0..=limit).find(|&k| {
        if k > 0 {
            descent.descend(&gradient);
        }
        done(&descent)
    })
}

#[track_caller]
fn assert_close(found: f64, want: f64, tolerance: f64) {
    assert!((found - want).abs() <= tolerance, "{found} is not {want} (to {tolerance:e})");
}
