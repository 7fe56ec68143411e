//! Adamax.

use ravine_tensor::Float;

use super::{not_negative, power, shares};
use crate::{Rule, Step};

/// Adam with the largest recent gradient in place of the mean square:
///
/// ```text
/// m <- beta1 m + (1 - beta1) g
/// u <- max(beta2 u, |g| + eps)
/// w <- w - rate / (1 - beta1ᵗ) · m / u
/// ```
///
/// Kingma and Ba 2015, 'Adam: a method for stochastic optimization', section 7.1. A usual rate is 2e-3.
///
/// ```
/// use ravine_optim::Adamax;
///
/// assert_eq!(Adamax::default().beta2, 0.999);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adamax {
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// The share of the largest gradient that stays.
    pub beta2: f64,
    /// Added to the size of the gradient.
    pub eps: f64,
}

impl Default for Adamax {
    fn default() -> Self {
        Adamax { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

impl<T: Float> Rule<T> for Adamax {
    const NAME: &'static str = "Adamax";

    fn slots(&self) -> &'static [&'static str] {
        &["mean", "max"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta1", self.beta1), ("beta2", self.beta2)]).or_else(|| not_negative(&[("eps", self.eps)]))
    }

    fn update(&self, step: Step<T>) {
        let Adamax { beta1, beta2, eps } = *self;
        let rate = T::of(step.rate / (1.0 - power(beta1, step.count)));
        let [rest, beta2, eps] = [1.0 - beta1, beta2, eps].map(T::of);
        step.each(|w, g, [m, u]| {
            *m += rest * (g - *m);
            *u = (beta2 * *u).max(g.abs() + eps);
            *w -= rate * *m / *u;
        });
    }
}
