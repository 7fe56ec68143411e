//! The fully connected layer.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::Rng;

use crate::{Layer, init};

/// `y = x wᵀ + b`. Shapes: `[.., in] -> [.., out]`.
///
/// Initialisation: weight and bias uniform in `±1 / √in`, PyTorch's default.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, Linear};
/// use ravine_tensor::{Rng, Tensor};
///
/// let layer = Linear::new(784, 10, &mut Rng::new(0));
/// let x = Tape::eval().input(Tensor::zeros([64, 784]));
/// assert_eq!(layer.forward(&x).shape(), &[64, 10]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Param,
    /// `[out]`.
    pub bias: Option<Param>,
}

impl Linear {
    /// A layer from `inputs` to `outputs` numbers.
    ///
    /// # Panics
    /// If either is 0.
    #[track_caller]
    pub fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Self {
        assert!(inputs > 0, "Linear: inputs is 0; expected at least 1");
        assert!(outputs > 0, "Linear: outputs is 0; expected at least 1");
        Linear {
            weight: Param::new(init::uniform_by_fan_in([outputs, inputs], inputs, rng)),
            bias: Some(Param::new(init::uniform_by_fan_in(outputs, inputs, rng))),
        }
    }

    /// The layer without its bias.
    #[must_use]
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }
}

impl Layer for Linear {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let tape = x.tape();
        let bias = self.bias.as_ref().map(|bias| tape.param(bias));
        x.linear(&tape.param(&self.weight), bias.as_ref())
    }
}
