//! Rules that follow the sign of a mean gradient: Signum and Lion.

use ravine_tensor::Float;

use super::{shares, sign};
use crate::{Decay, Rule, Step};

/// The sign of the mean gradient:
///
/// ```text
/// m <- beta m + (1 - beta) g
/// w <- w - rate sign(m)
/// ```
///
/// With `beta = 0` this is signSGD. Bernstein et al. 2018, 'signSGD: compressed optimisation for non-convex problems'. A usual
/// rate is 1e-4.
///
/// ```
/// use ravine_optim::Signum;
///
/// assert_eq!(Signum::default().beta, 0.9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signum {
    /// The share of the mean that stays.
    pub beta: f64,
}

impl Default for Signum {
    fn default() -> Self {
        Signum { beta: 0.9 }
    }
}

impl<T: Float> Rule<T> for Signum {
    const NAME: &'static str = "Signum";

    fn slots(&self) -> &'static [&'static str] {
        &["mean"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta", self.beta)])
    }

    fn update(&self, step: Step<T>) {
        let [rate, beta, rest] = [step.rate, self.beta, 1.0 - self.beta].map(T::of);
        step.each(|w, g, [m]| {
            *m = beta * *m + rest * g;
            *w -= rate * sign(*m);
        });
    }
}

/// The sign of a mean in which the present gradient counts more than it will later ('evolved sign momentum'):
///
/// ```text
/// w <- w - rate sign(beta1 m + (1 - beta1) g)
/// m <- beta2 m + (1 - beta2) g
/// ```
///
/// Its weight decay is decoupled. A usual rate is a third to a tenth of AdamW's, with as much more decay.
///
/// Chen et al. 2023, 'Symbolic discovery of optimization algorithms'.
///
/// ```
/// use ravine_optim::Lion;
///
/// assert_eq!(Lion::default(), Lion { beta1: 0.9, beta2: 0.99 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// The share of the mean in the step.
    pub beta1: f64,
    /// The share of the mean that stays.
    pub beta2: f64,
}

impl Default for Lion {
    fn default() -> Self {
        Lion { beta1: 0.9, beta2: 0.99 }
    }
}

impl<T: Float> Rule<T> for Lion {
    const NAME: &'static str = "Lion";
    const DECAY: Decay = Decay::Decoupled;

    fn slots(&self) -> &'static [&'static str] {
        &["mean"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta1", self.beta1), ("beta2", self.beta2)])
    }

    fn update(&self, step: Step<T>) {
        let [rate, beta1, rest1] = [step.rate, self.beta1, 1.0 - self.beta1].map(T::of);
        let [beta2, rest2] = [self.beta2, 1.0 - self.beta2].map(T::of);
        step.each(|w, g, [m]| {
            *w -= rate * sign(beta1 * *m + rest1 * g);
            *m = beta2 * *m + rest2 * g;
        });
    }
}
