//! Distances between numbers.

use ravine_autograd::{Var, record};
use ravine_tensor::Float;

use super::{Reduction, same_shape};

/// The squared error `(x - y)²`.
///
/// Shapes: both `[..]` -> `[..]`, then reduced.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, mse_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.variable(Tensor::from([1.0, 4.0]));
/// let loss = mse_loss(&x, &tape.input(Tensor::zeros([2])), Reduction::Mean);
/// assert_eq!(loss.item(), 8.5);
/// assert_eq!(loss.backward().wrt(&x).unwrap().to_vec(), [1.0, 4.0]);
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn mse_loss<T: Float>(input: &Var<T>, target: &Var<T>, reduction: Reduction) -> Var<T> {
    same_shape("mse_loss", input.shape(), "target", target.shape());
    reduction.of((input - target).square())
}

/// The absolute error `|x - y|`; its gradient is 0 where both are equal.
///
/// Shapes: both `[..]` -> `[..]`, then reduced.
///
/// Boscovich 1757, before least squares.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, l1_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.variable(Tensor::from([1.0, -4.0, 0.0]));
/// let loss = l1_loss(&x, &tape.input(Tensor::zeros(3)), Reduction::Sum);
/// assert_eq!(loss.item(), 5.0);
/// assert_eq!(loss.backward().wrt(&x).unwrap().to_vec(), [1.0, -1.0, 0.0]);
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn l1_loss<T: Float>(input: &Var<T>, target: &Var<T>, reduction: Reduction) -> Var<T> {
    same_shape("l1_loss", input.shape(), "target", target.shape());
    reduction.of((input - target).abs())
}

/// `d² / 2β` where `d = |x - y| < β`, else `d - β/2`: the squared error near 0, the absolute one far away, with slope at most 1.
///
/// A `beta` of 0 is [`l1_loss`].
///
/// Shapes: both `[..]` -> `[..]`, then reduced. Girshick 2015, 'Fast R-CNN', where `β = 1`.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, smooth_l1_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.variable(Tensor::from([0.5, -4.0]));
/// let loss = smooth_l1_loss(&x, &tape.input(Tensor::zeros(2)), 1.0, Reduction::None);
/// assert_eq!(loss.value().to_vec(), [0.125, 3.5]);
/// ```
///
/// # Panics
/// If the shapes differ or `beta` is negative.
#[track_caller]
pub fn smooth_l1_loss<T: Float>(input: &Var<T>, target: &Var<T>, beta: f64, reduction: Reduction) -> Var<T> {
    same_shape("smooth_l1_loss", input.shape(), "target", target.shape());
    assert!(beta >= 0.0, "smooth_l1_loss: beta is {beta}; expected at least 0");
    let difference = input - target;
    reduction.of(if beta == 0.0 { difference.abs() } else { rounded_abs(&difference, beta) })
}

/// `d² / 2` where `d = |x - y| < δ`, else `δ (d - δ/2)`: [`smooth_l1_loss`] times `δ`, with slope at most `δ`.
///
/// Shapes: both `[..]` -> `[..]`, then reduced. Huber 1964, 'Robust estimation of a location parameter'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, huber_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.variable(Tensor::from([1.0, -4.0]));
/// let loss = huber_loss(&x, &tape.input(Tensor::zeros(2)), 2.0, Reduction::None);
/// assert_eq!(loss.value().to_vec(), [0.5, 6.0]);
/// ```
///
/// # Panics
/// If the shapes differ or `delta` is not above 0.
#[track_caller]
pub fn huber_loss<T: Float>(input: &Var<T>, target: &Var<T>, delta: f64, reduction: Reduction) -> Var<T> {
    same_shape("huber_loss", input.shape(), "target", target.shape());
    assert!(delta > 0.0, "huber_loss: delta is {delta}; expected more than 0");
    reduction.of(rounded_abs(&(input - target), delta) * T::of(delta))
}

/// `y = x² / 2β` where `|x| < β`, else `|x| - β/2`. Backward: `dx = dy x/β`, clamped to `±dy`.
#[track_caller]
fn rounded_abs<T: Float>(x: &Var<T>, beta: f64) -> Var<T> {
    let (beta, half) = (T::of(beta), T::of(0.5));
    let y = x.value().map(|x| {
        let size = x.abs();
        if size < beta { half * size * size / beta } else { size - half * beta }
    });
    let saved = x.saved();
    record("smooth_l1", [x], y, move |dy, _| [Some(dy * (saved.on(dy) / beta).clamp(-T::ONE, T::ONE))])
}
