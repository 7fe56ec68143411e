//! Gated units: one half of the input decides how much of the other goes through.

use ravine_autograd::{Module, Var};

use crate::Layer;

/// `y = a sigmoid(b)`, where `a` and `b` are the halves of the input along an axis. Dauphin et al. 2017.
///
/// Shapes: `[.., 2 n, ..] -> [.., n, ..]` at the axis. The default is the last axis. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Glu, Layer};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([[3.0, 100.0], [4.0, 0.0]]));
/// assert_eq!(Glu::default().forward(&x).value().to_vec(), [3.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct Glu {
    axis: isize,
}

impl Glu {
    /// Along this axis, which may be counted from the end.
    pub fn new(axis: isize) -> Self {
        Glu { axis }
    }
}

/// Along the last axis.
impl Default for Glu {
    fn default() -> Self {
        Glu::new(-1)
    }
}

impl Layer for Glu {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        x.glu(self.axis)
    }
}

/// `y = silu(a) b`, where `a` and `b` are the halves of the input along an axis. Shazeer 2020, 'GLU variants improve transformer'.
///
/// Shapes: `[.., 2 n, ..] -> [.., n, ..]` at the axis. The default is the last axis. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, SwiGlu};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([[100.0, 3.0], [0.0, 4.0]]));
/// assert_eq!(SwiGlu::default().forward(&x).value().to_vec(), [300.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct SwiGlu {
    axis: isize,
}

impl SwiGlu {
    /// Along this axis, which may be counted from the end.
    pub fn new(axis: isize) -> Self {
        SwiGlu { axis }
    }
}

/// Along the last axis.
impl Default for SwiGlu {
    fn default() -> Self {
        SwiGlu::new(-1)
    }
}

impl Layer for SwiGlu {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        x.swiglu(self.axis)
    }
}
