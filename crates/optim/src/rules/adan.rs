//! Adan.

use ravine_tensor::Float;

use super::{not_negative, power, shares};
use crate::{Decay, Rule, Step};

/// Nesterov's momentum from differences of gradients, so that no gradient at another point is needed:
///
/// ```text
/// m <- beta1 m + (1 - beta1) g
/// d <- beta2 d + (1 - beta2) (g - g')              where g' is the gradient of the step before
/// n <- beta3 n + (1 - beta3) (g + beta2 (g - g'))²
/// w <- (w - rate (m̂ + beta2 d̂) / (√n̂ + eps)) / (1 + rate weight_decay)
/// ```
///
/// The means are corrected as in [`Adam`](crate::Adam). The shares are one minus those of the paper, as in its code.
///
/// Xie et al. 2022, 'Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models'. A usual rate is 1e-3.
///
/// ```
/// use ravine_optim::Adan;
///
/// assert_eq!(Adan::default().beta2, 0.92);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adan {
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// The share of the mean difference that stays.
    pub beta2: f64,
    /// The share of the mean square that stays.
    pub beta3: f64,
    /// Added to the divisor.
    pub eps: f64,
}

impl Default for Adan {
    fn default() -> Self {
        Adan { beta1: 0.98, beta2: 0.92, beta3: 0.99, eps: 1e-8 }
    }
}

impl<T: Float> Rule<T> for Adan {
    const NAME: &'static str = "Adan";
    const DECAY: Decay = Decay::Own;

    fn slots(&self) -> &'static [&'static str] {
        &["mean", "mean_difference", "mean_square", "previous"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta1", self.beta1), ("beta2", self.beta2), ("beta3", self.beta3)])
            .or_else(|| not_negative(&[("eps", self.eps)]))
    }

    fn update(&self, step: Step<T>) {
        let Adan { beta1, beta2, beta3, eps } = *self;
        let [c1, c2, c3] = [beta1, beta2, beta3].map(|beta| 1.0 - power(beta, step.count));
        let [m_rate, d_rate, scale] = [step.rate / c1, step.rate * beta2 / c2, 1.0 / c3.sqrt()].map(T::of);
        let shrink = T::of(1.0 / (1.0 + step.rate * step.weight_decay));
        let changes = T::of(if step.count == 1 { 0.0 } else { 1.0 });
        let [rest1, rest2, rest3] = [beta1, beta2, beta3].map(|beta| T::of(1.0 - beta));
        let [beta2, eps] = [beta2, eps].map(T::of);
        step.each(|w, g, [m, d, n, previous]| {
            let difference = changes * (g - *previous);
            let ahead = g + beta2 * difference;
            *m += rest1 * (g - *m);
            *d += rest2 * (difference - *d);
            *n += rest3 * (ahead * ahead - *n);
            *w = shrink * (*w - (m_rate * *m + d_rate * *d) / (n.sqrt() * scale + eps));
            *previous = g;
        });
    }
}
