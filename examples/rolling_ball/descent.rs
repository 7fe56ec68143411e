//! Optimizers on problems small enough to look at, step by step, in `f64`.

use ravine::prelude::*;

/// A rule at work on a few numbers.
pub struct Descent<R> {
    rule: R,
    rate: f64,
    w: Tensor<f64>,
    slots: Vec<Tensor<f64>>,
    count: u64,
}

impl<R: Rule<f64>> Descent<R> {
    /// Before the first step.
    pub fn new(rule: R, rate: f64, start: &[f64]) -> Self {
        let w = Tensor::from_slice(start, start.len());
        let slots = rule.slots().iter().map(|_| w.zeros_like()).collect();
        Descent { rule, rate, w, slots, count: 0 }
    }

    /// One step by this gradient.
    pub fn step(&mut self, gradient: &[f64]) {
        self.count += 1;
        let gradient = Tensor::from_slice(gradient, gradient.len());
        self.rule.update(Step::new(
            &self.rule,
            self.rate,
            self.count,
            &mut self.w,
            &gradient,
            &mut self.slots,
        ));
    }

    /// The current position.
    pub fn place(&self) -> Vec<f64> {
        self.w.to_vec()
    }

    /// What the rule keeps in its first slot; zeros if it keeps nothing.
    pub fn velocity(&self) -> Vec<f64> {
        self.slots.first().map_or_else(|| vec![0.0; self.w.numel()], Tensor::to_vec)
    }

    /// The initial position, and the position after each of `steps` steps.
    pub fn walk(mut self, steps: usize, gradient: impl Fn(&[f64]) -> Vec<f64>) -> Vec<Vec<f64>> {
        let mut places = vec![self.place()];
        for _ in 0..steps {
            self.step(&gradient(&places[places.len() - 1]));
            places.push(self.place());
        }
        places
    }
}

/// `count` numbers from `from` to `to`, equally far apart.
pub fn spaced(from: f64, to: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| from + (to - from) * i as f64 / (count - 1) as f64).collect()
}

/// `count` numbers from `from` to `to`, each the same multiple of the one before.
pub fn by_factor(from: f64, to: f64, count: usize) -> Vec<f64> {
    spaced(from.ln(), to.ln(), count).into_iter().map(f64::exp).collect()
}

/// A curve over steps.
pub fn over_steps(values: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
    values.into_iter().enumerate().map(|(step, value)| (step as f64, value)).collect()
}

/// The same with fewer points: each of the first fifty, then one for each two percent of the way.
pub fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept = Vec::new();
    let mut next = 0;
    for (i, &point) in points.iter().enumerate() {
        if i >= next || i + 1 == points.len() {
            kept.push(point);
            next = if i < 50 { i + 1 } else { i + i / 50 };
        }
    }
    kept
}
