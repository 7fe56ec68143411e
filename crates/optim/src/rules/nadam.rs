//! NAdam.

use ravine_tensor::{Float, Shape, Tensor};

use super::{not_negative, power, shares};
use crate::{Rule, Step};

/// Adam with Nesterov's look ahead, under a momentum `μₜ` that warms up to `beta1`:
///
/// ```text
/// μₜ = beta1 (1 - 0.96^(t · momentum_decay) / 2)
/// m <- beta1 m + (1 - beta1) g
/// v <- beta2 v + (1 - beta2) g²
/// w <- w - rate ((1 - μₜ) / (1 - Πₜ) g + μₜ₊₁ / (1 - Πₜ₊₁) m) / (√(v / (1 - beta2ᵗ)) + eps)      where Πₜ = μ₁ ⋯ μₜ
/// ```
///
/// Dozat 2016, 'Incorporating Nesterov momentum into Adam'. A usual rate is 2e-3.
///
/// ```
/// use ravine_optim::NAdam;
///
/// let nadam = NAdam { beta1: 0.95, ..NAdam::default() };
/// assert_eq!(nadam.momentum_decay, 4e-3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NAdam {
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    pub beta2: f64,
    /// Added to the divisor.
    pub eps: f64,
    /// How fast the momentum warms up.
    pub momentum_decay: f64,
}

impl Default for NAdam {
    fn default() -> Self {
        NAdam { beta1: 0.9, beta2: 0.999, eps: 1e-8, momentum_decay: 4e-3 }
    }
}

impl<T: Float> Rule<T> for NAdam {
    const NAME: &'static str = "NAdam";

    fn slots(&self) -> &'static [&'static str] {
        &["mean", "mean_square", "momentum_product"]
    }

    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        if slot == "momentum_product" { Shape::from(()) } else { *param }
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta1", self.beta1), ("beta2", self.beta2)])
            .or_else(|| not_negative(&[("eps", self.eps), ("momentum_decay", self.momentum_decay)]))
    }

    fn update(&self, step: Step<T>) {
        let NAdam { beta1, beta2, eps, momentum_decay } = *self;
        let (rate, count) = (step.rate, step.count);
        let momentum = |t: u64| beta1 * (1.0 - 0.5 * 0.96f64.powf(t as f64 * momentum_decay));
        let (now, next) = (momentum(count), momentum(count + 1));
        let scale = T::of(1.0 / (1.0 - power(beta2, count)).sqrt());
        let [beta2, eps, rest1, rest2] = [beta2, eps, 1.0 - beta1, 1.0 - beta2].map(T::of);
        step.whole(|w, g, [m, v, product]| {
            let so_far = if count == 1 { 1.0 } else { product.item().as_f64() };
            *product = Tensor::scalar(T::of(so_far * now));
            let so_far = product.item().as_f64();
            let g_rate = T::of(rate * (1.0 - now) / (1.0 - so_far));
            let m_rate = T::of(rate * next / (1.0 - so_far * next));
            w.update_with(g, [m, v], |w, g, [m, v]| {
                *m += rest1 * (g - *m);
                *v = beta2 * *v + rest2 * g * g;
                *w -= (g_rate * g + m_rate * *m) / (v.sqrt() * scale + eps);
            });
        });
    }
}
