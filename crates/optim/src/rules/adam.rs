//! Adam and its kin: steps of about the size of the rate, whatever the size of the gradient.

use ravine_tensor::Tensor;

use super::{Rule, Step};

/// Adaptive moment estimation:
///
/// ```text
/// g <- g + weight_decay w
/// m <- beta1 m + (1 - beta1) g
/// v <- beta2 v + (1 - beta2) g²
/// w <- w - rate / (1 - beta1ᵗ) · m / (√(v / (1 - beta2ᵗ)) + eps)
/// ```
///
/// Kingma and Ba 2015, 'Adam: a method for stochastic optimization'. A usual rate is 1e-3.
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
    pub beta1: f32,
    /// The share of the mean squared gradient that stays.
    pub beta2: f32,
    /// Added to the divisor.
    pub eps: f32,
    /// The coefficient of the L2 penalty, whose gradient is added to that of the loss. See [`AdamW`] for the decoupled one.
    pub weight_decay: f32,
}

impl Default for Adam {
    fn default() -> Self {
        Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

impl Rule for Adam {
    const SLOTS: &'static [&'static str] = &["mean", "mean_square"];

    fn update(&self, step: &Step, w: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) {
        let Adam { beta1, beta2, eps, weight_decay } = *self;
        let (rate, scale) = corrected(step, beta1, beta2);
        w.update_with(g, slots, |w, g, [m, v]| {
            let g = g + weight_decay * *w;
            *m += (1.0 - beta1) * (g - *m);
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            *w -= rate * *m / (v.sqrt() * scale + eps);
        });
    }
}

/// [`Adam`] with the weight decay taken from the weights directly, so that it is not divided by the size of the gradient:
///
/// ```text
/// w <- w - rate weight_decay w, then as Adam
/// ```
///
/// Loshchilov and Hutter 2019, 'Decoupled weight decay regularization'.
///
/// ```
/// use ravine_optim::AdamW;
///
/// assert_eq!(AdamW::default().weight_decay, 0.01);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// The share of the mean gradient that stays.
    pub beta1: f32,
    /// The share of the mean squared gradient that stays.
    pub beta2: f32,
    /// Added to the divisor.
    pub eps: f32,
    /// The share of a weight that a step of rate 1 would take away.
    pub weight_decay: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01 }
    }
}

impl Rule for AdamW {
    const SLOTS: &'static [&'static str] = &["mean", "mean_square"];

    fn update(&self, step: &Step, w: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) {
        let AdamW { beta1, beta2, eps, weight_decay } = *self;
        let (rate, scale) = corrected(step, beta1, beta2);
        let kept = 1.0 - step.rate * weight_decay;
        w.update_with(g, slots, |w, g, [m, v]| {
            *m += (1.0 - beta1) * (g - *m);
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            *w = kept * *w - rate * *m / (v.sqrt() * scale + eps);
        });
    }
}

/// `rate / (1 - beta1ᵗ)` and `1 / √(1 - beta2ᵗ)`: both means begin at zero, and are too small by these factors.
fn corrected(step: &Step, beta1: f32, beta2: f32) -> (f32, f32) {
    let missing = |beta: f32| 1.0 - f64::from(beta).powf(step.count as f64);
    ((f64::from(step.rate) / missing(beta1)) as f32, (1.0 / missing(beta2).sqrt()) as f32)
}
