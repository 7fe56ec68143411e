//! Gradient clipping.

use ravine_tensor::Tensor;

/// How gradients are clipped before a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clip {
    /// Not at all.
    #[default]
    None,
    /// Each element is clamped to `-limit` to `limit`.
    Value(f64),
    /// The gradient of each parameter is scaled to a norm of at most this limit.
    Norm(f64),
    /// All gradients together are scaled to a norm of at most this limit, which keeps the direction of the step.
    ///
    /// Pascanu, Mikolov and Bengio 2013, 'On the difficulty of training recurrent neural networks'.
    GlobalNorm(f64),
    /// The gradient of each unit (a row of a matrix, a filter of a convolution, a whole vector) is scaled to a norm of at most this share
    /// of the norm of the unit's weights, which counts as at least 1e-3.
    ///
    /// Brock et al. 2021, 'High-performance large-scale image recognition without normalization'.
    Adaptive(f64),
}

impl Clip {
    /// Panics unless the limit is above 0.
    #[track_caller]
    pub(crate) fn check(self) {
        if let Clip::Value(limit) | Clip::Norm(limit) | Clip::GlobalNorm(limit) | Clip::Adaptive(limit) = self
        {
            assert!(
                limit > 0.0,
                "Optimizer::clip: limit: found {limit}, expected a number above 0 (usual for the norm of all: 1)"
            );
        }
    }
}

/// The factor that reduces a norm to `limit`, at most 1. Like PyTorch's, it is a little smaller than the quotient.
pub(crate) fn factor(limit: f64, norm: f64) -> f64 {
    (limit / (norm + 1e-6)).min(1.0)
}

/// The gradient `g` of `w` with its units clipped; `None` if no unit has to be.
pub(crate) fn adaptive(w: &Tensor, g: &Tensor, limit: f64) -> Option<Tensor> {
    if w.numel() == 0 {
        return None;
    }
    let units = if w.rank() >= 2 { w.size(0) } else { 1 };
    let unit = w.numel() / units;
    let rows = |t: &Tensor| t.reshape([units, unit]).norm_keepdim(2.0, 1);
    let factor = rows(w).zip(&rows(g), |w, g| (limit as f32 * w.max(1e-3) / g.max(1e-6)).min(1.0));
    if factor.iter().all(|f| f == 1.0) {
        return None;
    }
    Some((g.reshape([units, unit]) * factor).reshape(*g.shape()))
}
