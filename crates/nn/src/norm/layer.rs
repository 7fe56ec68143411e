//! Layer norm.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::{Shape, Tensor};

use crate::Layer;

/// `y = (x - mean) / √(var + eps) · weight + bias`, with the mean and the biased variance of the last axes of each sample.
///
/// Shapes: `[.., shape]`, in and out; weight and bias have `shape`. The same in training and after.
///
/// Initialisation: weight 1, bias 0; `eps` 1e-5, as PyTorch's.
///
/// Ba, Kiros and Hinton 2016, 'Layer normalization'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, LayerNorm};
/// use ravine_tensor::{Rng, Tensor};
///
/// let tokens = Tape::eval().input(Tensor::normal([2, 7, 64], 5.0, 2.0, &mut Rng::new(0)));
/// let y = LayerNorm::new(64).forward(&tokens);
/// assert!(y.value().mean(-1).iter().all(|mean| mean.abs() < 1e-5));
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct LayerNorm {
    /// The shape that is normalised.
    pub weight: Option<Param>,
    /// The shape that is normalised.
    pub bias: Option<Param>,
    #[module(setting)]
    shape: Shape,
    eps: f64,
}

impl LayerNorm {
    /// A layer that normalises the last axes, which have this shape: `LayerNorm::new(64)`, `LayerNorm::new([8, 8])`.
    ///
    /// # Panics
    /// If it has no axis or no element.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = normalised_shape("LayerNorm", shape.into());
        LayerNorm {
            weight: Some(Param::new(Tensor::ones(shape))),
            bias: Some(Param::new(Tensor::zeros(shape))),
            shape,
            eps: 1e-5,
        }
    }

    /// The layer without its bias.
    #[must_use]
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }
}

with_no_affine!(LayerNorm);
with_eps!(LayerNorm);

impl Layer for LayerNorm {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        check_last_axes("LayerNorm", x, &self.shape);
        let [weight, bias] = [&self.weight, &self.bias].map(|p| p.as_ref().map(|p| x.tape().param(p)));
        x.layer_norm(self.shape.rank(), weight.as_ref(), bias.as_ref(), self.eps)
    }
}

#[track_caller]
pub(super) fn normalised_shape(layer: &str, shape: Shape) -> Shape {
    assert!(
        shape.rank() > 0 && shape.numel() > 0,
        "{layer}: shape is {shape}; expected at least one axis and one element"
    );
    shape
}

#[track_caller]
pub(super) fn check_last_axes(layer: &str, x: &Var, shape: &Shape) {
    assert!(
        x.shape().ends_with(shape),
        "{layer}: input {}; expected its last axes to be {shape}, which are normalised",
        x.shape()
    );
}
