//! Derivatives checked against finite differences: the kit that every op of this crate goes through, and yours can.
//!
//! A derivative `dy/dx` is compared with the central difference `(f(x + h) - f(x - h)) / 2h` in `f64`, whose error is of order
//! `h²`, element by element. A function that is not a single number is multiplied by fixed, irregular weights and summed first,
//! so that no two errors can cancel.
//!
//! ```
//! use ravine_autograd::{Var, gradcheck, gradgradcheck, record};
//! use ravine_tensor::Tensor;
//!
//! let x = Tensor::from([[0.3, -1.2], [0.7, 2.0]]);
//! gradcheck(|x| x[0].tanh().matmul(x[0]), &[x.clone()]).unwrap();
//! gradgradcheck(|x| x[0].tanh().matmul(x[0]), &[x]).unwrap();
//!
//! // An op whose author forgot a factor of 2.
//! fn square(x: &Var<f64>) -> Var<f64> {
//!     let saved = x.saved();
//!     record("square", [x], x.value().square(), move |dy, _| [Some(dy * saved.on(dy))])
//! }
//! let error = gradcheck(|x| square(x[0]), &[Tensor::from([0.0, 4.0])]).unwrap_err();
//! assert_eq!((error.input, error.element), (0, 1));
//! ```

use ravine_tensor::{Rng, Shape, Tensor};

use crate::{Tape, Var, grad, grad_from};

/// Checks the first derivatives of `f` by all its inputs, at the given point, with the settings of [`Gradcheck::default`].
///
/// `f` must be smooth there, and the same function each time. It runs on training tapes, all with the same random stream, so that
/// the same masks are drawn.
///
/// # Errors
/// The first derivative that differs from its finite difference.
///
/// # Panics
/// If `f` gives two values at the same point.
#[track_caller]
pub fn gradcheck(f: impl Fn(&[&Var<f64>]) -> Var<f64>, inputs: &[Tensor<f64>]) -> Result<(), Mismatch> {
    Gradcheck::default().first(f, inputs)
}

/// Checks the second derivatives of `f`: that the gradient, as a function of the inputs and of the gradient `dy` that comes in, has the right
/// gradient. That finds a derivative that is right but was computed outside the tape, so that it cannot be differentiated again.
///
/// # Errors
/// The first derivative that differs from its finite difference.
///
/// # Panics
/// If `f` gives two gradients at the same point.
#[track_caller]
pub fn gradgradcheck(f: impl Fn(&[&Var<f64>]) -> Var<f64>, inputs: &[Tensor<f64>]) -> Result<(), Mismatch> {
    Gradcheck::default().second(f, inputs)
}

/// The checks with settings of one's own.
#[derive(Clone, Copy, Debug)]
pub struct Gradcheck {
    /// Half the distance of the two points of a difference, 10⁻⁵ by default: in `f64`, near the cube root of the rounding error,
    /// where rounding and truncation are equally small.
    pub step: f64,
    /// The largest error allowed, relative to 1 + the magnitude of the derivative; 10⁻⁶ by default.
    pub tolerance: f64,
}

impl Default for Gradcheck {
    fn default() -> Self {
        Gradcheck { step: 1e-5, tolerance: 1e-6 }
    }
}

/// A derivative that differs from its finite difference.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mismatch {
    /// 1 for a first derivative, 2 for a second one.
    pub order: u32,
    /// The number of the input; of a second derivative also the number of inputs, which stands for the gradient `dy` that comes in.
    pub input: usize,
    /// Whether it is by that `dy`, and so not by an input.
    pub by_dy: bool,
    /// The shape of the input, or of `dy`.
    pub shape: Shape,
    /// The position in it, in row-major order.
    pub element: usize,
    /// What was found: the derivative that backward gave.
    pub backward: f64,
    /// What was expected: the finite difference.
    pub difference: f64,
    /// The error that was allowed.
    pub tolerance: f64,
}

impl Mismatch {
    /// The index of the element along each axis.
    pub fn index(&self) -> Vec<usize> {
        let mut rest = self.element;
        let mut index: Vec<usize> = self
            .shape
            .iter()
            .rev()
            .map(|&n| {
                let i = rest % n;
                rest /= n;
                i
            })
            .collect();
        index.reverse();
        index
    }

    /// The error, relative to 1 + the magnitude of the derivative.
    pub fn error(&self) -> f64 {
        (self.backward - self.difference).abs() / (1.0 + self.difference.abs())
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Mismatch { input, shape, backward, difference, tolerance, .. } = self;
        let what = if self.order == 1 { "the derivative" } else { "the second derivative" };
        let by =
            if self.by_dy { "dy, the gradient that comes in".to_owned() } else { format!("input {input}") };
        write!(
            f,
            "{what} by element {:?} of {by}, of shape {shape}: found {backward} by backward, expected {difference} by \
             finite difference (relative error {:.1e}, allowed {tolerance:.1e})",
            self.index(),
            self.error()
        )
    }
}

impl std::error::Error for Mismatch {}

impl Gradcheck {
    /// See [`gradcheck`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn first(
        &self,
        f: impl Fn(&[&Var<f64>]) -> Var<f64>,
        inputs: &[Tensor<f64>],
    ) -> Result<(), Mismatch> {
        self.check(1, f, inputs)
    }

    /// See [`gradgradcheck`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn second(
        &self,
        f: impl Fn(&[&Var<f64>]) -> Var<f64>,
        inputs: &[Tensor<f64>],
    ) -> Result<(), Mismatch> {
        let gradient = |vars: &[&Var<f64>]| {
            let (dy, x) = vars.split_last().expect("dy was put there");
            let sums = grad_from(&f(x), x, dy, true);
            sums.iter().map(weighted_sum).reduce(|sum, x| sum + x).expect("at least one input")
        };
        let tape = Tape::train(Rng::new(0));
        let vars: Vec<_> = inputs.iter().map(|x| tape.input(x.clone())).collect();
        let dy = weights(*f(&vars.iter().collect::<Vec<_>>()).shape());
        self.check(2, gradient, &[inputs, &[dy]].concat())
    }

    #[track_caller]
    fn check(
        &self,
        order: u32,
        f: impl Fn(&[&Var<f64>]) -> Var<f64>,
        inputs: &[Tensor<f64>],
    ) -> Result<(), Mismatch> {
        let run = |inputs: &[Tensor<f64>]| {
            let tape = Tape::train(Rng::new(0));
            let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x.clone())).collect();
            let y = weighted_sum(&f(&vars.iter().collect::<Vec<_>>()));
            (y, vars)
        };
        let (y, vars) = run(inputs);
        let gradients = grad(&y, &vars.iter().collect::<Vec<_>>(), false);
        let again = run(inputs).0.item();
        assert!(
            again == y.item() || (again.is_nan() && y.item().is_nan()),
            "gradcheck: the function gave {} and then {again} at the same point; it must be the same each time",
            y.item()
        );
        let mut moved = inputs.to_vec();
        for (input, gradient) in gradients.iter().enumerate() {
            for (element, backward) in gradient.value().iter().enumerate() {
                let mut at = |h: f64| {
                    moved[input] = nudged(&inputs[input], element, h);
                    run(&moved).0.item()
                };
                let difference = (at(self.step) - at(-self.step)) / (2.0 * self.step);
                let (shape, tolerance) = (*inputs[input].shape(), self.tolerance);
                let by_dy = order == 2 && input + 1 == inputs.len();
                let mismatch =
                    Mismatch { order, input, by_dy, shape, element, backward, difference, tolerance };
                if mismatch.error().is_nan() || mismatch.error() > tolerance {
                    return Err(mismatch);
                }
            }
            moved[input] = inputs[input].clone();
        }
        Ok(())
    }
}

/// `Σ c[i] x[i]` with fixed irregular `c[i]` between 0.5 and 1.5.
fn weighted_sum(x: &Var<f64>) -> Var<f64> {
    (x * x.constant(weights(*x.shape()))).sum(..)
}

fn weights(shape: Shape) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| 0.5 + (0.618_033_988_749_895 * (i as f64 + 1.0)).fract())
}

/// `x` with `h` added to one element, in the same layout where that is not contiguous: views are checked as views.
fn nudged(x: &Tensor<f64>, element: usize, h: f64) -> Tensor<f64> {
    let mut change = x.zeros_like();
    change.as_mut_slice()[element] = h;
    if x.is_contiguous() || x.rank() < 2 { x + &change } else { (x + &change).t().contiguous().t() }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::record;

    #[test]
    fn a_wrong_derivative_is_found_and_named() {
        let wrong = |x: &[&Var<f64>]| {
            let saved = x[1].saved();
            record("wrong", [x[1]], x[1].value().square(), move |dy, _| [Some(dy * saved.on(dy) * 2.001)])
        };
        let inputs = [Tensor::from([1.0]), Tensor::from([[0.0, 0.0], [0.0, 3.0]])];
        let error = gradcheck(wrong, &inputs).unwrap_err();
        assert_eq!((error.input, error.element, error.index()), (1, 3, vec![1, 1]));
        assert!((error.difference - error.backward / 1.0005).abs() < 1e-6);
        let message = error.to_string();
        assert!(
            message.starts_with("the derivative by element [1, 1] of input 1, of shape [2, 2]: found "),
            "{message}"
        );
        assert!(
            message.contains(" by backward, expected ") && message.ends_with("allowed 1.0e-6)"),
            "{message}"
        );
        Gradcheck { tolerance: 1e-2, ..Gradcheck::default() }.first(wrong, &inputs).unwrap();
    }

    #[test]
    fn a_second_derivative_that_was_cut_off_is_found() {
        let cut = |x: &[&Var<f64>]| {
            let saved = x[0].saved();
            record("cut", [x[0]], x[0].value().square(), move |dy, _| {
                [Some(dy * saved.on(dy).detach() * 2.0)]
            })
        };
        let x = [Tensor::from([2.0])];
        gradcheck(cut, &x).unwrap();
        let error = gradgradcheck(cut, &x).unwrap_err();
        assert!(error.to_string().starts_with("the second derivative by element [0] of input 0"), "{error}");
    }

    #[test]
    fn a_gradient_that_came_in_and_was_cut_off_is_found() {
        // Linear in `x`, so nothing is wrong with the second derivative by that.
        let cut = |x: &[&Var<f64>]| {
            record("cut", [x[0]], x[0].value() * 3.0, |dy, _| [Some(dy.constant(dy.value() * 3.0))])
        };
        let x = [Tensor::from([2.0, 1.0])];
        gradcheck(cut, &x).unwrap();
        let error = gradgradcheck(cut, &x).unwrap_err();
        assert!(error.by_dy && error.backward == 0.0 && error.shape == Shape::from([2]));
        let says = "the second derivative by element [0] of dy, the gradient that comes in, of shape [2]: found 0 by backward";
        assert!(error.to_string().starts_with(says), "{error}");
    }

    #[test]
    #[should_panic(expected = "at the same point; it must be the same each time")]
    fn a_function_that_changes_is_no_function() {
        let calls = Cell::new(0.0);
        let _ = gradcheck(
            |x| {
                calls.set(calls.get() + 1.0);
                x[0] * calls.get()
            },
            &[Tensor::from([2.0])],
        );
    }
}
