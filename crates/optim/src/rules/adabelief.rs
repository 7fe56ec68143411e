//! AdaBelief and Yogi: other second moments for Adam.

use ravine_tensor::Float;

use super::{not_negative, power, shares, sign};
use crate::{Rule, Step};

/// Adam that divides by how far gradients stray from their mean, so that it takes large steps where they agree:
///
/// ```text
/// m <- beta1 m + (1 - beta1) g
/// s <- beta2 s + (1 - beta2) (g - m)² + eps
/// w <- w - rate m̂ / (√ŝ + eps)            where m̂ = m / (1 - beta1ᵗ), ŝ = s / (1 - beta2ᵗ)
/// ```
///
/// Zhuang et al. 2020, 'AdaBelief optimizer: adapting stepsizes by the belief in observed gradients'. A usual rate is 1e-3.
///
/// ```
/// use ravine_optim::AdaBelief;
///
/// assert_eq!(AdaBelief::default().eps, 1e-16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaBelief {
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// The share of the mean squared deviation that stays.
    pub beta2: f64,
    /// Added to the deviation, and to the divisor.
    pub eps: f64,
}

impl Default for AdaBelief {
    fn default() -> Self {
        AdaBelief { beta1: 0.9, beta2: 0.999, eps: 1e-16 }
    }
}

impl<T: Float> Rule<T> for AdaBelief {
    const NAME: &'static str = "AdaBelief";

    fn slots(&self) -> &'static [&'static str] {
        &["mean", "mean_square_deviation"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta1", self.beta1), ("beta2", self.beta2)]).or_else(|| not_negative(&[("eps", self.eps)]))
    }

    fn update(&self, step: Step<T>) {
        let AdaBelief { beta1, beta2, eps } = *self;
        let rate = step.rate / (1.0 - power(beta1, step.count));
        let scale = 1.0 / (1.0 - power(beta2, step.count)).sqrt();
        let [rate, scale, eps] = [rate, scale, eps].map(T::of);
        let [beta2, rest1, rest2] = [beta2, 1.0 - beta1, 1.0 - beta2].map(T::of);
        step.each(|w, g, [m, s]| {
            *m += rest1 * (g - *m);
            let deviation = g - *m;
            *s = beta2 * *s + rest2 * deviation * deviation + eps;
            *w -= rate * *m / (s.sqrt() * scale + eps);
        });
    }
}

/// Adam whose second moment moves by an amount that does not depend on its own size, so that it cannot fall suddenly:
///
/// ```text
/// m <- beta1 m + (1 - beta1) g
/// v <- v - (1 - beta2) sign(v - g²) g²     (v = initial_accumulator at first)
/// w <- w - rate √(1 - beta2ᵗ) / (1 - beta1ᵗ) · m / (√v + eps)
/// ```
///
/// Zaheer et al. 2018, 'Adaptive methods for nonconvex optimization'. A usual rate is 1e-2.
///
/// ```
/// use ravine_optim::Yogi;
///
/// assert_eq!((Yogi::default().eps, Yogi::default().initial_accumulator), (1e-3, 1e-6));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yogi {
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// One minus the share of a squared gradient by which the second moment moves.
    pub beta2: f64,
    /// Added to the divisor.
    pub eps: f64,
    /// Where the second moment begins.
    pub initial_accumulator: f64,
}

impl Default for Yogi {
    fn default() -> Self {
        Yogi { beta1: 0.9, beta2: 0.999, eps: 1e-3, initial_accumulator: 1e-6 }
    }
}

impl<T: Float> Rule<T> for Yogi {
    const NAME: &'static str = "Yogi";

    fn slots(&self) -> &'static [&'static str] {
        &["mean", "second_moment"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta1", self.beta1), ("beta2", self.beta2)])
            .or_else(|| not_negative(&[("eps", self.eps), ("initial_accumulator", self.initial_accumulator)]))
    }

    fn update(&self, step: Step<T>) {
        let Yogi { beta1, beta2, eps, initial_accumulator } = *self;
        let rate = step.rate * (1.0 - power(beta2, step.count)).sqrt() / (1.0 - power(beta1, step.count));
        let initial = if step.count == 1 { initial_accumulator } else { 0.0 };
        let [rate, eps, initial, rest1, rest2] = [rate, eps, initial, 1.0 - beta1, 1.0 - beta2].map(T::of);
        step.each(|w, g, [m, v]| {
            *m += rest1 * (g - *m);
            *v += initial;
            *v -= rest2 * sign(*v - g * g) * g * g;
            *w -= rate * *m / (v.sqrt() + eps);
        });
    }
}
