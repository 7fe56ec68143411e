//! Weight decay.

/// A kind of weight decay. Its coefficient λ is set by [`Optimizer::weight_decay`](crate::Optimizer::weight_decay).
///
/// Each [`Rule`](crate::Rule) has a default kind; [`Optimizer::decay`](crate::Optimizer::decay) sets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// The gradient of the penalty `λ/2 ‖w‖²` is added to that of the loss: `g <- g + λ w`.
    ///
    /// With a rule that divides by the size of the gradient, weights with large gradients decay less than others.
    L2,
    /// Weights shrink independently of the gradient: `w <- (1 - rate λ) w`, before the rule's update.
    ///
    /// Loshchilov and Hutter 2019, 'Decoupled weight decay regularization'.
    Decoupled,
    /// As decoupled, but only where the update moves the weight towards zero as well: `w <- w - rate λ w` if `Δw · w <= 0`.
    ///
    /// Chen et al. 2025, 'Cautious weight decay'.
    Cautious,
    /// As the rule's documentation describes. A rule without a decay of its own ignores it.
    Own,
}
