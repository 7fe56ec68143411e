//! Chains of layers.

use ravine_autograd::{Module, Var, Visitor};

use crate::Layer;

/// Layers one after another: `y = f_n(... f_1(f_0(x)))`. Parameters are named by position: `0.weight`.
///
/// ```
/// use ravine_autograd::{Module, Tape};
/// use ravine_nn::{Dropout, Layer, Linear, Relu, sequential};
/// use ravine_tensor::{Rng, Tensor};
///
/// let rng = &mut Rng::new(0);
/// let mlp = sequential![Linear::new(4, 8, rng), Relu, Dropout::new(0.2), Linear::new(8, 3, rng)];
/// assert_eq!(mlp.forward(&Tape::eval().input(Tensor::ones([5, 4]))).shape(), &[5, 3]);
/// assert_eq!(mlp.named_params()[2].0, "3.weight");
/// ```
#[derive(Default)]
pub struct Sequential {
    layers: Vec<Box<dyn Layer + Send + Sync>>,
}

impl Sequential {
    /// A chain of no layer: `y = x`.
    pub fn new() -> Self {
        Sequential::default()
    }

    /// The chain with another layer at its end.
    #[must_use]
    pub fn then(mut self, layer: impl Layer + Send + Sync + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// The layers.
    pub fn layers(&self) -> &[Box<dyn Layer + Send + Sync>] {
        &self.layers
    }
}

/// A [`Sequential`] of the given layers.
#[macro_export]
macro_rules! sequential {
    ($($layer:expr),* $(,)?) => {
        $crate::Sequential::new()$(.then($layer))*
    };
}

impl Module for Sequential {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.layers.visit(visitor);
    }
}

impl Layer for Sequential {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        self.layers.iter().fold(x.clone(), |x, layer| layer.forward(&x))
    }
}
