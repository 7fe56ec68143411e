//! Chains of layers.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use ravine_autograd::{Module, Var, Visitor};

use crate::Layer;

/// `y = f_n(... f_1(f_0(x)))`: layers one after another. Parameters are named by position: `0.weight`. Printed, it is a tree.
///
/// Shapes: what the first takes, what the last gives.
///
/// Initialisation: as of the layers.
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
/// assert_eq!(mlp.to_string(), "\
/// Sequential: 67 parameters
/// ├─ 0: Linear
/// │  ├─ weight [8, 4]
/// │  └─ bias [8]
/// ├─ 1: Relu
/// ├─ 2: Dropout (p 0.2)
/// └─ 3: Linear
///    ├─ weight [3, 8]
///    └─ bias [3]
/// ");
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

/// Its tree.
impl fmt::Display for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tree().fmt(f)
    }
}

impl Layer for Sequential {
    /// Repeats a layer's panic with the line of the caller and the position of the layer: a layer called through `dyn` does not know that line.
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let mut x = x.clone();
        for (place, layer) in self.layers.iter().enumerate() {
            match catch_unwind(AssertUnwindSafe(|| layer.forward_owned(x))) {
                Ok(y) => x = y,
                Err(panic) => match text_of(&*panic) {
                    Some(text) => panic!("{text} (layer {place} of Sequential)"),
                    None => resume_unwind(panic),
                },
            }
        }
        x
    }
}

/// The message of a panic.
fn text_of(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}
