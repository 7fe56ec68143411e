//! RAdam.

use ravine_tensor::Float;

use super::{not_negative, power, shares};
use crate::{Rule, Step};

/// Adam that waits with its divisor until the mean square can be trusted, and then corrects for its variance:
///
/// ```text
/// m <- beta1 m + (1 - beta1) g
/// v <- beta2 v + (1 - beta2) g²
/// ρₜ = ρ - 2 t beta2ᵗ / (1 - beta2ᵗ)      where ρ = 2 / (1 - beta2) - 1
/// w <- w - rate m̂                                                                     if ρₜ <= 5
/// w <- w - rate m̂ r / (√v̂ + eps)          where r² = (ρₜ-4) (ρₜ-2) ρ / ((ρ-4) (ρ-2) ρₜ)   else
/// ```
///
/// `m̂` and `v̂` are corrected as in [`Adam`](crate::Adam); `eps` is added before the correction, as in PyTorch.
///
/// Liu et al. 2020, 'On the variance of the adaptive learning rate and beyond'. A usual rate is 1e-3.
///
/// ```
/// use ravine_optim::RAdam;
///
/// assert_eq!(RAdam::default().eps, 1e-8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RAdam {
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    pub beta2: f64,
    /// Added to the divisor.
    pub eps: f64,
}

impl Default for RAdam {
    fn default() -> Self {
        RAdam { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

impl<T: Float> Rule<T> for RAdam {
    const NAME: &'static str = "RAdam";

    fn slots(&self) -> &'static [&'static str] {
        &["mean", "mean_square"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta1", self.beta1), ("beta2", self.beta2)]).or_else(|| not_negative(&[("eps", self.eps)]))
    }

    fn update(&self, step: Step<T>) {
        let RAdam { beta1, beta2, eps } = *self;
        let rate = step.rate / (1.0 - power(beta1, step.count));
        let kept = power(beta2, step.count);
        let longest = 2.0 / (1.0 - beta2) - 1.0;
        let length = longest - 2.0 * step.count as f64 * kept / (1.0 - kept);
        let [beta2, eps, rest1, rest2] = [beta2, eps, 1.0 - beta1, 1.0 - beta2].map(T::of);
        if length <= 5.0 {
            let rate = T::of(rate);
            return step.each(|w, g, [m, v]| {
                *m += rest1 * (g - *m);
                *v = beta2 * *v + rest2 * g * g;
                *w -= rate * *m;
            });
        }
        let rectification =
            (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
        let rate = T::of(rate * (rectification * (1.0 - kept)).sqrt());
        step.each(|w, g, [m, v]| {
            *m += rest1 * (g - *m);
            *v = beta2 * *v + rest2 * g * g;
            *w -= rate * *m / (v.sqrt() + eps);
        });
    }
}
