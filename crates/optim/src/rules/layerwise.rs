//! Rules that take a step in proportion to the size of a parameter: LARS and LAMB, for large batches.

use ravine_tensor::Float;

use super::{not_negative, power, shares};
use crate::{Decay, Rule, Step};

/// Stochastic gradient descent with a rate for each layer:
///
/// ```text
/// rate' = rate · trust ‖w‖ / (‖g‖ + weight_decay ‖w‖)      (rate itself where a norm is 0)
/// v <- momentum v + rate' (g + weight_decay w)
/// w <- w - v
/// ```
///
/// You, Gitman and Ginsburg 2017, 'Large batch training of convolutional networks'. Biases and the parameters of norms are
/// best put in a group of their own, without decay.
///
/// ```
/// use ravine_optim::Lars;
///
/// assert_eq!(Lars::default().trust, 1e-3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lars {
    /// The share of the velocity that stays.
    pub momentum: f64,
    /// The size of a step as a share of the weights, at rate 1.
    pub trust: f64,
}

impl Default for Lars {
    fn default() -> Self {
        Lars { momentum: 0.9, trust: 1e-3 }
    }
}

impl<T: Float> Rule<T> for Lars {
    const NAME: &'static str = "Lars";
    const DECAY: Decay = Decay::Own;

    fn slots(&self) -> &'static [&'static str] {
        &["velocity"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("momentum", self.momentum)]).or_else(|| not_negative(&[("trust", self.trust)]))
    }

    fn update(&self, step: Step<T>) {
        let (rate, decay) = (step.rate, step.weight_decay);
        step.whole(|w, g, [v]| {
            let [w_norm, g_norm] = [w.norm_squared().sqrt(), g.norm_squared().sqrt()];
            let trust = if w_norm > 0.0 && g_norm > 0.0 {
                self.trust * w_norm / (g_norm + decay * w_norm)
            } else {
                1.0
            };
            let [rate, momentum, decay] = [rate * trust, self.momentum, decay].map(T::of);
            w.update_with(g, [v], |w, g, [v]| {
                *v = momentum * *v + rate * (g + decay * *w);
                *w -= *v;
            });
        });
    }
}

/// Adam with a rate for each layer:
///
/// ```text
/// m <- beta1 m + (1 - beta1) g
/// v <- beta2 v + (1 - beta2) g²
/// u = m̂ / (√v̂ + eps) + weight_decay w
/// w <- w - rate ‖w‖ / ‖u‖ · u              (rate alone where a norm is 0)
/// ```
///
/// You et al. 2020, 'Large batch optimization for deep learning: training BERT in 76 minutes'.
///
/// ```
/// use ravine_optim::Lamb;
///
/// assert_eq!(Lamb::default().eps, 1e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lamb {
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    pub beta2: f64,
    /// Added to the divisor.
    pub eps: f64,
}

impl Default for Lamb {
    fn default() -> Self {
        Lamb { beta1: 0.9, beta2: 0.999, eps: 1e-6 }
    }
}

impl<T: Float> Rule<T> for Lamb {
    const NAME: &'static str = "Lamb";
    const DECAY: Decay = Decay::Own;

    fn slots(&self) -> &'static [&'static str] {
        &["mean", "mean_square"]
    }

    fn fault(&self) -> Option<String> {
        shares(&[("beta1", self.beta1), ("beta2", self.beta2)]).or_else(|| not_negative(&[("eps", self.eps)]))
    }

    fn update(&self, step: Step<T>) {
        let Lamb { beta1, beta2, eps } = *self;
        let (rate, decay) = (step.rate, T::of(step.weight_decay));
        let corrections = [beta1, beta2].map(|beta| 1.0 - power(beta, step.count));
        let [scale1, scale2, eps] = [1.0 / corrections[0], 1.0 / corrections[1].sqrt(), eps].map(T::of);
        let [beta2, rest1, rest2] = [beta2, 1.0 - beta1, 1.0 - beta2].map(T::of);
        step.whole(|w, g, [m, v]| {
            let mut u = w.clone();
            u.update_with(g, [m, v], |u, g, [m, v]| {
                *m += rest1 * (g - *m);
                *v = beta2 * *v + rest2 * g * g;
                *u = scale1 * *m / (v.sqrt() * scale2 + eps) + decay * *u;
            });
            let [w_norm, u_norm] = [w.norm_squared().sqrt(), u.norm_squared().sqrt()];
            let trust = if w_norm > 0.0 && u_norm > 0.0 { w_norm / u_norm } else { 1.0 };
            let rate = T::of(rate * trust);
            w.zip_(&u, |w, u| *w -= rate * u);
        });
    }
}
