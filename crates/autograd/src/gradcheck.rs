//! Derivatives checked against finite differences.
//!
//! A derivative `dy/dx` is compared with the central difference `(f(x + h) - f(x - h)) / 2h` in `f64`, whose error is of order
//! `h²`, element by element. A function that is not a single number is multiplied by fixed, irregular weights and summed first,
//! so that no two errors can cancel.
//!
//! ```
//! use ravine_autograd::gradcheck::{check, check_second_order};
//! use ravine_tensor::Tensor;
//!
//! let x = Tensor::from([[0.3, -1.2], [0.7, 2.0]]);
//! check(|x| x[0].tanh().matmul(x[0]), &[x.clone()]).unwrap();
//! check_second_order(|x| x[0].tanh().matmul(x[0]), &[x]).unwrap();
//! ```

use ravine_tensor::{Rng, Tensor};

use crate::{Tape, Var, grad};

/// Half the distance of the two points of a difference. In `f64`, near the cube root of the rounding error, where rounding and
/// truncation are equally small.
const STEP: f64 = 1e-5;
/// The largest error allowed, relative to 1 + the magnitude of the derivative.
const TOLERANCE: f64 = 1e-6;

/// A derivative that differs from its finite difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The number of the input.
    pub input: usize,
    /// The position in the input, in row-major order.
    pub element: usize,
    /// The derivative that backward gave.
    pub backward: f64,
    /// The finite difference.
    pub difference: f64,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Mismatch { input, element, backward, difference } = self;
        write!(
            f,
            "the derivative by element {element} of input {input} is {backward} by backward, {difference} by finite difference"
        )
    }
}

impl std::error::Error for Mismatch {}

/// Checks the first derivatives of `f` by all its inputs, at the given point.
///
/// `f` must be smooth there. It runs on training tapes, all with the same random stream, so that the same masks are drawn.
///
/// # Errors
/// The first derivative that differs from its finite difference.
pub fn check(f: impl Fn(&[&Var<f64>]) -> Var<f64>, inputs: &[Tensor<f64>]) -> Result<(), Mismatch> {
    let analytic = {
        let tape = tape();
        let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x.clone())).collect();
        let vars: Vec<_> = vars.iter().collect();
        let gradients = grad(&weighted_sum(&f(&vars)), &vars, false);
        gradients.into_iter().map(Var::into_value).collect::<Vec<_>>()
    };
    let value = |inputs: &[Tensor<f64>]| {
        let tape = tape();
        let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x.clone())).collect();
        weighted_sum(&f(&vars.iter().collect::<Vec<_>>())).item()
    };
    let mut moved = inputs.to_vec();
    for (input, analytic) in analytic.iter().enumerate() {
        assert_eq!(analytic.shape(), inputs[input].shape(), "a gradient has the shape of its variable");
        for (element, backward) in analytic.iter().enumerate() {
            let mut at = |h: f64| {
                // Moved in place in the same layout, so that views are checked as views.
                moved[input] = nudged(&inputs[input], element, h);
                value(&moved)
            };
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let error = (backward - difference).abs() / (1.0 + difference.abs());
            if error.is_nan() || error > TOLERANCE {
                return Err(Mismatch { input, element, backward, difference });
            }
        }
        moved[input] = inputs[input].clone();
    }
    Ok(())
}

/// Checks the second derivatives of `f`: that the gradient, as a function of the inputs, has the right gradient.
///
/// # Errors
/// The first derivative that differs from its finite difference.
pub fn check_second_order(
    f: impl Fn(&[&Var<f64>]) -> Var<f64>,
    inputs: &[Tensor<f64>],
) -> Result<(), Mismatch> {
    let gradient = |vars: &[&Var<f64>]| {
        let sums: Vec<_> = grad(&weighted_sum(&f(vars)), vars, true).iter().map(weighted_sum).collect();
        let mut sums = sums.into_iter();
        let first = sums.next().expect("at least one input");
        sums.fold(first, |sum, x| sum + x)
    };
    check(gradient, inputs)
}

fn tape() -> Tape<f64> {
    Tape::train(Rng::new(0))
}

/// `Σ c[i] x[i]` with fixed irregular `c[i]` between 0.5 and 1.5.
fn weighted_sum(x: &Var<f64>) -> Var<f64> {
    let weights = Tensor::from_fn(*x.shape(), |i| 0.5 + (0.618_033_988_749_895 * (i as f64 + 1.0)).fract());
    (x * x.constant(weights)).sum(..)
}

/// `x` with `h` added to one element, in the same layout where that is not contiguous.
fn nudged(x: &Tensor<f64>, element: usize, h: f64) -> Tensor<f64> {
    let mut change = x.zeros_like();
    change.as_mut_slice()[element] = h;
    if x.is_contiguous() || x.rank() < 2 { x + &change } else { (x + &change).t().contiguous().t() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record;

    #[test]
    fn a_wrong_derivative_is_found() {
        let wrong_square = |x: &[&Var<f64>]| {
            let saved = x[0].saved();
            record("wrong", [x[0]], x[0].value().square(), move |dy, _| [Some(dy * saved.on(dy) * 2.001)])
        };
        let error = check(wrong_square, &[Tensor::from([0.0, 3.0])]).unwrap_err();
        assert_eq!((error.input, error.element), (0, 1));
        assert!((error.difference - error.backward / 1.0005).abs() < 1e-6);
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
        check(cut, &x).unwrap();
        assert!(check_second_order(cut, &x).is_err());
    }
}
