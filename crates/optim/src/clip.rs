//! Keeping gradients from being too large.

/// What is done to the gradients before a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clip {
    /// Nothing.
    #[default]
    None,
    /// Each element is held between `-limit` and `limit`.
    Value(f64),
    /// The gradient of each parameter is scaled to a norm of at most so much.
    Norm(f64),
    /// All gradients together are scaled to a norm of at most so much, so that the direction of the step stays.
    ///
    /// Pascanu, Mikolov and Bengio 2013, 'On the difficulty of training recurrent neural networks'.
    GlobalNorm(f64),
}

/// The factor that brings a norm down to `limit`. As PyTorch's, a little smaller than the quotient, and never above 1.
pub(crate) fn factor(limit: f64, norm: f64) -> f64 {
    (limit / (norm + 1e-6)).min(1.0)
}
