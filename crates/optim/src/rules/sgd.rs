//! Stochastic gradient descent.

use ravine_tensor::Float;

use crate::{Rule, Step};

/// Stochastic gradient descent, with momentum in PyTorch's convention:
///
/// ```text
/// v <- momentum v + (1 - dampening) g      (the first time: v <- g)
/// w <- w - rate v                          (Nesterov: w <- w - rate (g + momentum v))
/// ```
///
/// Here the rate multiplies the velocity when it is applied. In Sutskever's convention, which is Keras', it multiplies the
/// gradient before that goes into the velocity; under a constant rate the weights are the same.
///
/// Polyak 1964; Nesterov 1983; Sutskever, Martens, Dahl and Hinton 2013.
///
/// ```
/// use ravine_optim::Sgd;
///
/// let plain = Sgd::default();
/// let heavy_ball = Sgd::momentum(0.9);
/// let nesterov = Sgd { nesterov: true, ..Sgd::momentum(0.9) };
/// # let _ = (plain, heavy_ball, nesterov);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sgd {
    /// The share of the velocity that stays from step to step; 0 is plain gradient descent.
    pub momentum: f64,
    /// The share of the gradient that is kept out of the velocity.
    pub dampening: f64,
    /// Whether to look ahead by the velocity.
    pub nesterov: bool,
}

impl Sgd {
    /// With this momentum, without dampening.
    pub fn momentum(momentum: f64) -> Self {
        Sgd { momentum, ..Sgd::default() }
    }
}

impl<T: Float> Rule<T> for Sgd {
    const NAME: &'static str = "Sgd";

    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["velocity"] }
    }

    fn update(&self, step: Step<T>) {
        let share = if step.count == 1 { 1.0 } else { 1.0 - self.dampening };
        let [rate, momentum, share] = [step.rate, self.momentum, share].map(T::of);
        if self.momentum == 0.0 {
            step.each(|w, g, []| *w -= rate * g);
        } else if self.nesterov {
            step.each(|w, g, [v]| {
                *v = momentum * *v + share * g;
                *w -= rate * (g + momentum * *v);
            });
        } else {
            step.each(|w, g, [v]| {
                *v = momentum * *v + share * g;
                *w -= rate * *v;
            });
        }
    }
}
