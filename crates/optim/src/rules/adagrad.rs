//! Adagrad and Adadelta.

use ravine_tensor::Float;

use super::{not_negative, shares};
use crate::{Rule, Step};

/// The gradient, divided by the root of the sum of all squared gradients so far:
///
/// ```text
/// s <- s + g²                        (s = initial_accumulator at first)
/// w <- w - rate / (1 + (t - 1) rate_decay) · g / (√s + eps)
/// ```
///
/// Duchi, Hazan and Singer 2011, 'Adaptive subgradient methods'. A usual rate is 1e-2.
///
/// ```
/// use ravine_optim::Adagrad;
///
/// assert_eq!(Adagrad::default().eps, 1e-10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// How the rate falls, besides its schedule.
    pub rate_decay: f64,
    /// Where the sums begin.
    pub initial_accumulator: f64,
    /// Added to the divisor.
    pub eps: f64,
}

impl Default for Adagrad {
    fn default() -> Self {
        Adagrad { rate_decay: 0.0, initial_accumulator: 0.0, eps: 1e-10 }
    }
}

impl<T: Float> Rule<T> for Adagrad {
    const NAME: &'static str = "Adagrad";

    fn slots(&self) -> &'static [&'static str] {
        &["sum_square"]
    }

    fn fault(&self) -> Option<String> {
        not_negative(&[
            ("rate_decay", self.rate_decay),
            ("initial_accumulator", self.initial_accumulator),
            ("eps", self.eps),
        ])
    }

    fn update(&self, step: Step<T>) {
        let rate = step.rate / (1.0 + (step.count - 1) as f64 * self.rate_decay);
        let initial = if step.count == 1 { self.initial_accumulator } else { 0.0 };
        let [rate, initial, eps] = [rate, initial, self.eps].map(T::of);
        step.each(|w, g, [s]| {
            *s += initial + g * g;
            *w -= rate * g / (s.sqrt() + eps);
        });
    }
}

/// Steps in the units of the weights, from a mean of past squared steps:
///
/// ```text
/// v <- rho v + (1 - rho) g²
/// Δ = √(a + eps) / √(v + eps) · g
/// a <- rho a + (1 - rho) Δ²
/// w <- w - rate Δ
/// ```
///
/// Zeiler 2012, 'ADADELTA: an adaptive learning rate method'. The usual rate is 1.
///
/// ```
/// use ravine_optim::Adadelta;
///
/// assert_eq!(Adadelta::default(), Adadelta { rho: 0.9, eps: 1e-6 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adadelta {
    /// The share of the means that stays.
    pub rho: f64,
    /// Added to both means.
    pub eps: f64,
}

impl Default for Adadelta {
    fn default() -> Self {
        Adadelta { rho: 0.9, eps: 1e-6 }
    }
}

impl<T: Float> Rule<T> for Adadelta {
    const NAME: &'static str = "Adadelta";

    fn slots(&self) -> &'static [&'static str] {
        &["mean_square", "mean_square_step"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("rho", self.rho)]).or_else(|| not_negative(&[("eps", self.eps)]))
    }

    fn update(&self, step: Step<T>) {
        let [rate, rho, rest, eps] = [step.rate, self.rho, 1.0 - self.rho, self.eps].map(T::of);
        step.each(|w, g, [v, a]| {
            *v = rho * *v + rest * g * g;
            let delta = (*a + eps).sqrt() / (*v + eps).sqrt() * g;
            *a = rho * *a + rest * delta * delta;
            *w -= rate * delta;
        });
    }
}
