//! RMSprop.

use ravine_tensor::Float;

use super::{not_negative, shares};
use crate::{Rule, Step};

/// The gradient, divided by the root of its mean square:
///
/// ```text
/// v <- alpha v + (1 - alpha) g²
/// d = √v + eps                       (centered: a <- alpha a + (1 - alpha) g,  d = √(v - a²) + eps)
/// w <- w - rate g / d                (with momentum: b <- momentum b + g / d,  w <- w - rate b)
/// ```
///
/// Tieleman and Hinton 2012, lecture 6.5 of 'Neural networks for machine learning'; centered: Graves 2013, 'Generating
/// sequences with recurrent neural networks'. A usual rate is 1e-2.
///
/// ```
/// use ravine_optim::RmsProp;
///
/// let centered = RmsProp { centered: true, momentum: 0.9, ..RmsProp::default() };
/// assert_eq!(centered.alpha, 0.99);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// The share of the means that stays.
    pub alpha: f64,
    /// Added to the divisor.
    pub eps: f64,
    /// The share of the velocity that stays.
    pub momentum: f64,
    /// Whether to divide by the standard deviation instead of the mean square.
    pub centered: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        RmsProp { alpha: 0.99, eps: 1e-8, momentum: 0.0, centered: false }
    }
}

impl<T: Float> Rule<T> for RmsProp {
    const NAME: &'static str = "RmsProp";

    fn slots(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum != 0.0) {
            (false, false) => &["mean_square"],
            (false, true) => &["mean_square", "velocity"],
            (true, false) => &["mean_square", "mean"],
            (true, true) => &["mean_square", "mean", "velocity"],
        }
    }

    fn fault(&self) -> Option<String> {
        shares(&[("alpha", self.alpha), ("momentum", self.momentum)])
            .or_else(|| not_negative(&[("eps", self.eps)]))
    }

    fn update(&self, step: Step<T>) {
        let RmsProp { alpha, eps, momentum, centered } = *self;
        let [rate, alpha, rest, eps, mu] = [step.rate, alpha, 1.0 - alpha, eps, momentum].map(T::of);
        let scaled = |g: T, v: &mut T| {
            *v = alpha * *v + rest * g * g;
            g / (v.sqrt() + eps)
        };
        let scaled_centered = |g: T, v: &mut T, mean: &mut T| {
            *v = alpha * *v + rest * g * g;
            *mean += rest * (g - *mean);
            // Rounding must not make a variance negative.
            g / ((*v - *mean * *mean).max(T::ZERO).sqrt() + eps)
        };
        match (centered, momentum != 0.0) {
            (false, false) => step.each(|w, g, [v]| *w -= rate * scaled(g, v)),
            (false, true) => step.each(|w, g, [v, b]| {
                *b = mu * *b + scaled(g, v);
                *w -= rate * *b;
            }),
            (true, false) => step.each(|w, g, [v, mean]| *w -= rate * scaled_centered(g, v, mean)),
            (true, true) => step.each(|w, g, [v, mean, b]| {
                *b = mu * *b + scaled_centered(g, v, mean);
                *w -= rate * *b;
            }),
        }
    }
}
