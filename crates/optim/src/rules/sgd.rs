//! Stochastic gradient descent.

use ravine_tensor::Tensor;

use super::{Rule, Step};

/// Stochastic gradient descent, with momentum in PyTorch's convention:
///
/// ```text
/// g <- g + weight_decay w
/// v <- momentum v + (1 - dampening) g      (the first time: v <- g)
/// w <- w - rate v                          (Nesterov: w <- w - rate (g + momentum v))
/// ```
///
/// Here the rate multiplies the velocity when it is applied. Sutskever's convention, in Keras, multiplies the gradient before it goes into
/// the velocity; under a constant rate the weights are the same.
///
/// Polyak 1964; Nesterov 1983; Sutskever, Martens, Dahl and Hinton 2013.
///
/// ```
/// use ravine_optim::Sgd;
///
/// let plain = Sgd::default();
/// let heavy_ball = Sgd { momentum: 0.9, ..Sgd::default() };
/// let nesterov = Sgd { momentum: 0.9, nesterov: true, weight_decay: 5e-4, ..Sgd::default() };
/// # let _ = (plain, heavy_ball, nesterov);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sgd {
    /// The share of the velocity that stays from step to step; 0 is plain gradient descent.
    pub momentum: f32,
    /// The share of the gradient that is kept out of the velocity.
    pub dampening: f32,
    /// Whether to look ahead by the velocity.
    pub nesterov: bool,
    /// The coefficient of the L2 penalty `weight_decay / 2 ‖w‖²`, whose gradient is added to that of the loss.
    pub weight_decay: f32,
}

impl Rule for Sgd {
    const SLOTS: &'static [&'static str] = &["velocity"];

    fn update(&self, step: &Step, w: &mut Tensor, g: &Tensor, slots: &mut [Tensor]) {
        let Sgd { momentum, dampening, nesterov, weight_decay } = *self;
        let rate = step.rate;
        let share = if step.count == 1 { 1.0 } else { 1.0 - dampening };
        if momentum == 0.0 {
            return w.update_with(g, &mut [], |w, g, []| *w -= rate * (g + weight_decay * *w));
        }
        w.update_with(g, slots, |w, g, [v]| {
            let g = g + weight_decay * *w;
            *v = momentum * *v + share * g;
            *w -= rate * if nesterov { g + momentum * *v } else { *v };
        });
    }
}
