//! Averaged stochastic gradient descent.

use ravine_tensor::{Float, Shape, Tensor};

use super::not_negative;
use crate::{Rule, Step};

/// Stochastic gradient descent with a falling rate, and the average of its weights:
///
/// ```text
/// w <- (1 - lambd η) w - η g        where η = rate / (1 + lambd rate t)^alpha, of the step before
/// a <- a + (w - a) / max(1, t - 1 - t0)
/// ```
///
/// The average `a` is what the model should be used with: see [`Optimizer::averaged`](crate::Optimizer::averaged).
///
/// Polyak and Juditsky 1992, 'Acceleration of stochastic approximation by averaging'. A usual rate is 1e-2.
///
/// ```
/// use ravine_optim::Asgd;
///
/// assert_eq!(Asgd::default().t0, 1e6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asgd {
    /// How fast weights and rate fall.
    pub lambd: f64,
    /// The power with which the rate falls.
    pub alpha: f64,
    /// The step at which averaging begins.
    pub t0: f64,
}

impl Default for Asgd {
    fn default() -> Self {
        Asgd { lambd: 1e-4, alpha: 0.75, t0: 1e6 }
    }
}

impl<T: Float> Rule<T> for Asgd {
    const NAME: &'static str = "Asgd";

    fn slots(&self) -> &'static [&'static str] {
        &["average", "rate"]
    }

    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        if slot == "rate" { Shape::from(()) } else { *param }
    }

    fn fault(&self) -> Option<String> {
        not_negative(&[("lambd", self.lambd), ("t0", self.t0)])
    }

    fn update(&self, step: Step<T>) {
        let Asgd { lambd, alpha, t0 } = *self;
        let (rate, count) = (step.rate, step.count as f64);
        step.whole(|w, g, [average, eta]| {
            let now = if count == 1.0 { rate } else { eta.item().as_f64() };
            *eta = Tensor::scalar(T::of(rate / (1.0 + lambd * rate * count).powf(alpha)));
            let share = 1.0 / (count - 1.0 - t0).max(1.0);
            let [shrink, now, share] = [1.0 - lambd * now, now, share].map(T::of);
            w.update_with(g, [average], |w, g, [a]| {
                *w = shrink * *w - now * g;
                *a += share * (*w - *a);
            });
        });
    }

    fn averaged(&self, _w: &Tensor<T>, slots: &[Tensor<T>]) -> Option<Tensor<T>> {
        slots.first().cloned()
    }
}
