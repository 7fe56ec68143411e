//! Layers made of layers.
//!
//! [`Sequential`] runs them one after another, as do `Vec`s and arrays of one kind of layer; [`Residual`] adds what a layer computes to its input;
//! [`Parallel`] gives the same input to several and joins their outputs. `Option` is a layer that may be absent.

mod parallel;
mod residual;
mod sequential;

use ravine_autograd::Var;

pub use parallel::{Join, Parallel};
pub use residual::Residual;
pub use sequential::Sequential;

use crate::Layer;

/// A layer behind a pointer.
impl<L: Layer + ?Sized> Layer for Box<L> {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        (**self).forward(x)
    }
}

/// One after another; the input, if there is none.
impl<L: Layer> Layer for [L] {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        self.iter().fold(x.clone(), |x, layer| layer.forward(&x))
    }
}

/// One after another; the input, if there is none.
///
/// ```
/// use ravine_autograd::{Module, Tape};
/// use ravine_nn::{Layer, Linear};
/// use ravine_tensor::{Rng, Tensor};
///
/// let rng = &mut Rng::new(0);
/// let deep: Vec<Linear> = (0..3).map(|_| Linear::new(4, 4, rng)).collect();
/// assert_eq!(deep.named_params()[4].0, "2.weight");
/// assert_eq!(deep.forward(&Tape::eval().input(Tensor::ones([5, 4]))).shape(), &[5, 4]);
/// ```
impl<L: Layer> Layer for Vec<L> {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        self.as_slice().forward(x)
    }
}

/// One after another.
impl<L: Layer, const N: usize> Layer for [L; N] {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        self.as_slice().forward(x)
    }
}

/// The layer, if it is there; else its input.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, Relu};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([-1.0, 2.0]));
/// assert_eq!(Some(Relu).forward(&x).value().to_vec(), [0.0, 2.0]);
/// assert_eq!(None::<Relu>.forward(&x).value().to_vec(), [-1.0, 2.0]);
/// ```
impl<L: Layer> Layer for Option<L> {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        self.as_ref().map_or_else(|| x.clone(), |layer| layer.forward(x))
    }
}
