//! Adam and its kin: steps of about the size of the rate, whatever the size of the gradient.

use ravine_tensor::Float;

use super::{not_negative, power, shares};
use crate::{Decay, Rule, Step};

/// Adaptive moment estimation:
///
/// ```text
/// m <- beta1 m + (1 - beta1) g
/// v <- beta2 v + (1 - beta2) g²
/// w <- w - rate m̂ / (√v̂ + eps)      where m̂ = m / (1 - beta1ᵗ), v̂ = v / (1 - beta2ᵗ)
/// ```
///
/// With `amsgrad`, `v̂` is replaced by the largest one so far.
///
/// Kingma and Ba 2015, 'Adam: a method for stochastic optimization'; Reddi, Kale and Kumar 2018, 'On the convergence of
/// Adam and beyond'. A usual rate is 1e-3.
///
/// ```
/// use ravine_optim::Adam;
///
/// let adam = Adam { beta2: 0.99, ..Adam::default() };
/// assert_eq!((adam.beta1, adam.eps), (0.9, 1e-8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    pub beta2: f64,
    /// Added to the divisor.
    pub eps: f64,
    /// Whether the divisor may only grow.
    pub amsgrad: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, amsgrad: false }
    }
}

impl<T: Float> Rule<T> for Adam {
    const NAME: &'static str = "Adam";

    fn slots(&self) -> &'static [&'static str] {
        if self.amsgrad { &["mean", "mean_square", "max_mean_square"] } else { &["mean", "mean_square"] }
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta1", self.beta1), ("beta2", self.beta2)]).or_else(|| not_negative(&[("eps", self.eps)]))
    }

    fn update(&self, step: Step<T>) {
        let Adam { beta1, beta2, eps, amsgrad } = *self;
        let rate = step.rate / (1.0 - power(beta1, step.count));
        let scale = 1.0 / (1.0 - power(beta2, step.count)).sqrt();
        let [rate, scale, eps] = [rate, scale, eps].map(T::of);
        let [beta2, rest1, rest2] = [beta2, 1.0 - beta1, 1.0 - beta2].map(T::of);
        if amsgrad {
            step.each(|w, g, [m, v, max]| {
                *m += rest1 * (g - *m);
                *v = beta2 * *v + rest2 * g * g;
                *max = max.max(*v);
                *w -= rate * *m / (max.sqrt() * scale + eps);
            });
        } else {
            step.each(|w, g, [m, v]| {
                *m += rest1 * (g - *m);
                *v = beta2 * *v + rest2 * g * g;
                *w -= rate * *m / (v.sqrt() * scale + eps);
            });
        }
    }
}

/// [`Adam`] with decoupled weight decay, by default 0.01, so that decay is not divided by the size of the gradient:
///
/// ```text
/// w <- (1 - rate weight_decay) w, then as Adam
/// ```
///
/// Loshchilov and Hutter 2019, 'Decoupled weight decay regularization'.
///
/// ```
/// use ravine_autograd::Param;
/// use ravine_optim::{AdamW, Optimizer};
/// # use ravine_tensor::Tensor;
/// # let model = Param::new(Tensor::zeros([2]));
///
/// let optimizer = Optimizer::new(&model, AdamW::default(), 3e-4).weight_decay(0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    pub beta2: f64,
    /// Added to the divisor.
    pub eps: f64,
    /// Whether the divisor may only grow.
    pub amsgrad: bool,
}

impl Default for AdamW {
    fn default() -> Self {
        AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, amsgrad: false }
    }
}

impl<T: Float> Rule<T> for AdamW {
    const NAME: &'static str = "AdamW";
    const DECAY: Decay = Decay::Decoupled;
    const WEIGHT_DECAY: f64 = 0.01;

    fn slots(&self) -> &'static [&'static str] {
        Rule::<T>::slots(&self.adam())
    }

    fn fault(&self) -> Option<String> {
        Rule::<T>::fault(&self.adam())
    }

    fn update(&self, step: Step<T>) {
        self.adam().update(step);
    }
}

impl AdamW {
    fn adam(&self) -> Adam {
        let AdamW { beta1, beta2, eps, amsgrad } = *self;
        Adam { beta1, beta2, eps, amsgrad }
    }
}
