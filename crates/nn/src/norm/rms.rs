//! Root-mean-square norm.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::{Shape, Tensor};

use super::layer::{check_last_axes, normalised_shape};
use crate::Layer;

/// `y = x / √(mean(x²) + eps) · weight` over the last axes: layer norm that leaves the mean where it is.
///
/// Shapes: `[.., shape]`, in and out; weight has `shape`. The same in training and after.
///
/// Initialisation: weight 1; `eps` is the distance from 1 to the next `f32`, 1.2e-7, as PyTorch's.
///
/// Zhang and Sennrich 2019, 'Root mean square layer normalization'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, RmsNorm};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([[3.0, 4.0]]));
/// let y = RmsNorm::new(2).forward(&x);
/// assert!((y.value().square().mean(..).item() - 1.0).abs() < 1e-6);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct RmsNorm {
    /// The shape that is normalised.
    pub weight: Option<Param>,
    #[module(setting)]
    shape: Shape,
    eps: f64,
}

impl RmsNorm {
    /// A layer that normalises the last axes, which have this shape.
    ///
    /// # Panics
    /// If it has no axis or no element.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = normalised_shape("RmsNorm", shape.into());
        RmsNorm { weight: Some(Param::new(Tensor::ones(shape))), shape, eps: f64::from(f32::EPSILON) }
    }

    /// The layer without its weight.
    #[must_use]
    #[doc(alias("elementwise_affine", "affine"))]
    pub fn no_affine(mut self) -> Self {
        self.weight = None;
        self
    }
}

with_eps!(RmsNorm);

impl Layer for RmsNorm {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        check_last_axes("RmsNorm", x, &self.shape);
        let weight = self.weight.as_ref().map(|p| x.tape().param(p));
        x.rms_norm(self.shape.rank(), weight.as_ref(), self.eps)
    }
}
