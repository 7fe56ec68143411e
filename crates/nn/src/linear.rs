//! Layers that multiply by a matrix, and the one that does nothing.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::Rng;

use crate::{Layer, check, init};

/// `y = x wᵀ + b`.
///
/// Shapes: `[.., in] -> [.., out]`.
///
/// Initialisation: weight and bias uniform in `±1 / √in`, PyTorch's default.
///
/// Rosenblatt 1958, 'The perceptron', without the threshold.
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
#[module(display)]
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
        check::positive("Linear", &[("inputs", inputs), ("outputs", outputs)]);
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

/// `y[k] = a weight[k] bᵀ + bias[k]`, a form of two inputs.
///
/// Shapes: `a [.., in_a]`, `b [.., in_b]` -> `[.., out]`.
///
/// Initialisation: weight and bias uniform in `±1 / √in_a`, PyTorch's default.
///
/// Tenenbaum and Freeman 2000, 'Separating style and content with bilinear models'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::Bilinear;
/// use ravine_tensor::{Rng, Tensor};
///
/// let layer = Bilinear::new(4, 6, 3, &mut Rng::new(0));
/// let tape = Tape::eval();
/// let (a, b) = (tape.input(Tensor::ones([5, 4])), tape.input(Tensor::ones([5, 6])));
/// assert_eq!(layer.forward(&a, &b).shape(), &[5, 3]);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct Bilinear {
    /// `[out, in_a, in_b]`.
    pub weight: Param,
    /// `[out]`.
    pub bias: Option<Param>,
}

impl Bilinear {
    /// A layer from `in_a` and `in_b` to `outputs` numbers.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn new(in_a: usize, in_b: usize, outputs: usize, rng: &mut Rng) -> Self {
        check::positive("Bilinear", &[("in_a", in_a), ("in_b", in_b), ("outputs", outputs)]);
        Bilinear {
            weight: Param::new(init::uniform_by_fan_in([outputs, in_a, in_b], in_a, rng)),
            bias: Some(Param::new(init::uniform_by_fan_in(outputs, in_a, rng))),
        }
    }

    /// The layer without its bias.
    #[must_use]
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }

    /// The form of `a` and `b`.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn forward(&self, a: &Var, b: &Var) -> Var {
        let shape = self.weight.shape();
        let fits =
            a.rank() == b.rank() && a.rank() > 0 && a.shape()[..a.rank() - 1] == b.shape()[..b.rank() - 1];
        assert!(
            fits && a.size(-1) == shape[1] && b.size(-1) == shape[2],
            "Bilinear: inputs {} and {}; expected [.., {}] and [.., {}] that agree before their last axis",
            a.shape(),
            b.shape(),
            shape[1],
            shape[2]
        );
        let tape = a.tape();
        let products = (a.unsqueeze(-1) * b.unsqueeze(-2)).flatten(-2);
        let bias = self.bias.as_ref().map(|bias| tape.param(bias));
        products.linear(&tape.param(&self.weight).flatten(1), bias.as_ref())
    }
}

/// `y = x`: a layer for where one is asked for and nothing should happen.
///
/// Shapes: any, in and out. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Identity, Layer};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([1.0, 2.0]));
/// assert_eq!(Identity.forward(&x).value(), x.value());
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(display)]
pub struct Identity;

impl Layer for Identity {
    fn forward(&self, x: &Var) -> Var {
        x.clone()
    }
}
