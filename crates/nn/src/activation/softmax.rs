//! Softmax and its logarithm, along any axis.

use ravine_autograd::{Module, Var};

use crate::Layer;

/// `y[i] = e^x[i] / Σ e^x[j]` along an axis: positive numbers whose sum is 1. Bridle 1990.
///
/// Shapes: any, in and out. The default is the last axis. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, Softmax};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([[1.0, 1e4], [1.0, -1e4]]));
/// assert_eq!(Softmax::new(0).forward(&x).value().to_vec(), [0.5, 1.0, 0.5, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct Softmax {
    axis: isize,
}

impl Softmax {
    /// Along this axis, which may be counted from the end.
    pub fn new(axis: isize) -> Self {
        Softmax { axis }
    }
}

/// Along the last axis.
impl Default for Softmax {
    fn default() -> Self {
        Softmax::new(-1)
    }
}

impl Layer for Softmax {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        along(x, self.axis, |x| x.softmax())
    }
}

/// `y[i] = x[i] - log Σ e^x[j]` along an axis: the logarithm of [`Softmax`], without overflow.
///
/// Shapes: any, in and out. The default is the last axis. No parameters.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, LogSoftmax};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::from([1e4, -1e4]));
/// assert_eq!(LogSoftmax::default().forward(&x).value().to_vec(), [0.0, -2e4]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct LogSoftmax {
    axis: isize,
}

impl LogSoftmax {
    /// Along this axis, which may be counted from the end.
    pub fn new(axis: isize) -> Self {
        LogSoftmax { axis }
    }
}

/// Along the last axis.
impl Default for LogSoftmax {
    fn default() -> Self {
        LogSoftmax::new(-1)
    }
}

impl Layer for LogSoftmax {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        along(x, self.axis, |x| x.log_softmax())
    }
}

/// A function of the last axis, along another one.
#[track_caller]
fn along(x: &Var, axis: isize, f: impl Fn(&Var) -> Var) -> Var {
    let last = x.rank().saturating_sub(1);
    if x.shape().axis("softmax", axis) == last { f(x) } else { f(&x.transpose(axis, -1)).transpose(axis, -1) }
}
