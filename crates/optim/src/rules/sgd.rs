//! Stochastic gradient descent.

use ravine_tensor::Float;

use super::shares;
use crate::{Rule, Step};

/// Stochastic gradient descent, with momentum in PyTorch's convention:
///
/// ```text
/// v <- momentum v + (1 - dampening) g      (the first time: v <- g)
/// w <- w - rate v                          (Nesterov: w <- w - rate (g + momentum v))
/// ```
///
/// [`Momentum`] names the other conventions, which libraries do not agree on.
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
    /// What the velocity is.
    pub convention: Momentum,
}

/// What [`Sgd`] keeps as its velocity. Under a constant rate all conventions walk the same path, at rates that differ by
/// [`rate_factor`](Self::rate_factor); when the rate changes, Keras' does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Momentum {
    /// A sum of gradients: `v <- momentum v + g`, `w <- w - rate v`. A new rate acts at once.
    #[default]
    PyTorch,
    /// A sum of steps: `v <- momentum v + rate g`, `w <- w - v`. A new rate acts on new gradients only. (Keras' own `v` has the
    /// other sign.) Sutskever, Martens, Dahl and Hinton 2013.
    Keras,
    /// A mean of gradients: `v <- momentum v + (1 - momentum) g`, `w <- w - rate v`. It has the size of a gradient.
    Ema,
}

impl Momentum {
    /// The factor from a rate in this convention to the rate in another with which, if it is constant, the weights are the same.
    ///
    /// ```
    /// use ravine_optim::Momentum;
    ///
    /// let factor = Momentum::PyTorch.rate_factor(Momentum::Ema, 0.75);
    /// assert_eq!(factor, 4.0);
    /// ```
    pub fn rate_factor(self, to: Momentum, momentum: f64) -> f64 {
        let in_pytorch = |convention| if convention == Momentum::Ema { 1.0 - momentum } else { 1.0 };
        in_pytorch(self) / in_pytorch(to)
    }

    /// The factor from a velocity in this convention to the same in another, `rate` being the (constant) rate in this one.
    pub fn velocity_factor(self, to: Momentum, momentum: f64, rate: f64) -> f64 {
        let of_sum = |convention, rate| match convention {
            Momentum::PyTorch => 1.0,
            Momentum::Keras => rate,
            Momentum::Ema => 1.0 - momentum,
        };
        of_sum(to, rate * self.rate_factor(to, momentum)) / of_sum(self, rate)
    }
}

impl Sgd {
    /// With this momentum, without dampening.
    ///
    /// # Panics
    /// If it is not from 0 to below 1.
    #[track_caller]
    pub fn momentum(momentum: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&momentum),
            "Sgd::momentum: found {momentum}, expected from 0 to below 1 (usual: 0.9)"
        );
        Sgd { momentum, ..Sgd::default() }
    }

    /// The share of a gradient that gets into the velocity, after the first.
    fn share(&self) -> f64 {
        if self.momentum == 0.0 { 1.0 } else { 1.0 - self.dampening }
    }

    /// The factor from a rate to the same in PyTorch's convention.
    fn unit(&self) -> f64 {
        self.convention.rate_factor(Momentum::PyTorch, self.momentum)
    }
}

impl<T: Float> Rule<T> for Sgd {
    const NAME: &'static str = "Sgd";

    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["velocity"] }
    }

    fn stability_limit(&self) -> Option<f64> {
        let Sgd { momentum, nesterov, .. } = *self;
        let (share, unit) = (self.share(), self.unit());
        let push = if nesterov { 1.0 + momentum + momentum * share } else { share };
        Some(2.0 * (1.0 + momentum) / (unit * push))
    }

    // With u the product of rate and curvature, the squares of x, from 1 and at rest, add up to
    //
    //     ((1 - momentum)² / u + (1 + momentum)² / (2 + 2 momentum - u)) / (2 - 2 momentum),
    //
    // which is least at u = 1 - momentum², and 1 / u there. For Nesterov's ball there is no such short formula.
    fn quickest(&self) -> Option<f64> {
        let Sgd { momentum, nesterov, .. } = *self;
        let known = !nesterov || momentum == 0.0;
        known.then(|| (1.0 - momentum * momentum) / (self.unit() * self.share()))
    }

    fn fault(&self) -> Option<String> {
        let dampening = self.dampening;
        let fault = || format!("dampening: found {dampening}, expected a finite number");
        shares(&[("momentum", self.momentum)]).or_else(|| (!dampening.is_finite()).then(fault))
    }

    fn update(&self, step: Step<T>) {
        let share = if step.count == 1 { 1.0 } else { 1.0 - self.dampening };
        // v <- momentum v + taken g;  w <- w - rate v, or in Nesterov's way w - rate (ahead g + momentum v).
        let (taken, ahead, rate) = match self.convention {
            Momentum::PyTorch => (share, 1.0, step.rate),
            Momentum::Keras => (share * step.rate, step.rate, 1.0),
            Momentum::Ema => (share * (1.0 - self.momentum), 1.0 - self.momentum, step.rate),
        };
        let [momentum, taken, ahead, rate] = [self.momentum, taken, ahead, rate].map(T::of);
        if self.momentum == 0.0 {
            let rate = T::of(step.rate);
            step.each(|w, g, []| *w -= rate * g);
        } else if self.nesterov {
            step.each(|w, g, [v]| {
                *v = momentum * *v + taken * g;
                *w -= rate * (ahead * g + momentum * *v);
            });
        } else {
            step.each(|w, g, [v]| {
                *v = momentum * *v + taken * g;
                *w -= rate * *v;
            });
        }
    }
}
