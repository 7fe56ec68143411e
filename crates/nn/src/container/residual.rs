//! Residual connections.

use ravine_autograd::{Module, Var};

use crate::{Identity, Layer};

/// `y = shortcut(x) + body(x)`: what the body computes is added to the input, or to what a second layer makes of it where sizes differ.
///
/// Shapes: those of the body, which the shortcut must give, too. Parameters are named `body.…` and `shortcut.…`.
///
/// Initialisation: as of the body and the shortcut.
///
/// He et al. 2016, 'Deep residual learning for image recognition'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{BatchNorm2d, Conv2d, Layer, Relu, Residual, sequential};
/// use ravine_tensor::{Rng, Tensor};
///
/// let rng = &mut Rng::new(0);
/// let conv = |i, o, rng: &mut Rng| Conv2d::new(i, o, 3, rng).padding(1).no_bias();
/// let block = Residual::new(sequential![conv(8, 8, rng), BatchNorm2d::new(8), Relu, conv(8, 8, rng), BatchNorm2d::new(8)]);
/// let wider = Residual::new(conv(8, 16, rng)).shortcut(Conv2d::new(8, 16, 1, rng));
/// let x = Tape::eval().input(Tensor::ones([2, 8, 6, 6]));
/// assert_eq!(wider.forward(&block.forward(&x)).shape(), &[2, 16, 6, 6]);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct Residual<B, S = Identity> {
    /// What is added.
    pub body: B,
    /// What it is added to.
    pub shortcut: S,
}

impl<B: Layer> Residual<B> {
    /// Adds what `body` computes to its input.
    pub fn new(body: B) -> Self {
        Residual { body, shortcut: Identity }
    }
}

impl<B: Layer, S: Layer> Residual<B, S> {
    /// Adds what the body computes to what `shortcut` computes.
    #[must_use]
    pub fn shortcut<N: Layer>(self, shortcut: N) -> Residual<B, N> {
        Residual { body: self.body, shortcut }
    }
}

impl<B: Layer, S: Layer> Layer for Residual<B, S> {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let (y, around) = (self.body.forward(x), self.shortcut.forward(x));
        assert!(
            y.shape() == around.shape(),
            "Residual: body gives {}, shortcut {}; expected the same shape",
            y.shape(),
            around.shape()
        );
        around + y
    }
}
