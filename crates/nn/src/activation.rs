//! Layers without parameters, for chains.

use ravine_autograd::{Module, Var};

use crate::Layer;

/// `y = max(x, 0)`. Nair and Hinton 2010.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, Relu};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([-1.0, 2.0]));
/// assert_eq!(Relu.forward(&x).value().to_vec(), [0.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
pub struct Relu;

impl Layer for Relu {
    fn forward(&self, x: &Var) -> Var {
        x.relu()
    }
}

/// All axes but the first as one: `[batch, c, h, w] -> [batch, c h w]`.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Flatten, Layer};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::zeros([64, 16, 5, 5]));
/// assert_eq!(Flatten.forward(&x).shape(), &[64, 400]);
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
pub struct Flatten;

impl Layer for Flatten {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        x.flatten(1)
    }
}
