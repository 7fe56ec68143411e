//! Linear equations and factorizations of matrices, with the feature `linalg`. The matrices of a batch are independent.
//!
//! The algorithms are `nalgebra`'s, in `f64`; results for `f32` matrices are rounded. What a factorization leaves open, the signs
//! of vectors, is fixed, so that results are the same on every machine.

mod factor;
mod solve;

use nalgebra::DMatrix;

use crate::{Float, Shape, Tensor};

/// A matrix for which the requested solution or factorization does not exist or was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinalgError {
    op: &'static str,
    shape: Shape,
    /// The index of the matrix in the batch.
    index: usize,
    reason: Unsolvable,
}

/// Why there is no result for a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsolvable {
    /// A pivot is 0: there is no inverse.
    Singular,
    /// There is no Cholesky factor.
    NotPositiveDefinite,
    /// An element is infinite or NaN.
    NotFinite,
    /// The iteration for eigenvalues or singular values did not end.
    NotConverged,
}

impl LinalgError {
    /// What is wrong with the matrix.
    pub fn reason(&self) -> Unsolvable {
        self.reason
    }

    /// Which matrix of the batch it is, counted in row-major order.
    pub fn index(&self) -> usize {
        self.index
    }
}

impl std::fmt::Display for LinalgError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LinalgError { op, shape, index, reason } = self;
        let what = match reason {
            Unsolvable::Singular => "is singular",
            Unsolvable::NotPositiveDefinite => "is not positive definite",
            Unsolvable::NotFinite => "has an element that is infinite or NaN",
            Unsolvable::NotConverged => "needs more iterations than are allowed",
        };
        match shape.rank() {
            2 => write!(f, "{op}: the matrix of shape {shape} {what}"),
            _ => write!(f, "{op}: matrix {index} of shape {shape} {what}"),
        }
    }
}

impl std::error::Error for LinalgError {}

/// The number of rows and columns of the matrices in the last two axes.
#[track_caller]
fn sizes<T: Float>(op: &str, x: &Tensor<T>) -> [usize; 2] {
    assert!(x.rank() >= 2, "{op}: shape {} has fewer than two axes, so there is no matrix", x.shape());
    [x.size(-2), x.size(-1)]
}

/// The size of square matrices.
#[track_caller]
fn square<T: Float>(op: &str, x: &Tensor<T>) -> usize {
    let [n, m] = sizes(op, x);
    assert!(n == m, "{op}: the matrices of shape {} are not square", x.shape());
    n
}

/// The shape of the batch: all axes but the last two.
fn batch<T: Float>(x: &Tensor<T>) -> Shape {
    Shape::new(&x.shape()[..x.rank() - 2])
}

/// One matrix after another, as `f64`.
fn matrices<T: Float>(x: &Tensor<T>) -> impl Iterator<Item = DMatrix<f64>> {
    let (x, [rows, columns]) = (x.contiguous(), [x.size(-2), x.size(-1)]);
    let count = batch(&x).numel();
    (0..count).map(move |i| {
        let values = x.values()[i * rows * columns..][..rows * columns].iter().map(|v| v.as_f64());
        DMatrix::from_row_iterator(rows, columns, values)
    })
}

/// Results of `f` for each matrix of `x`, each of the result's sizes `[rows, columns]`, as tensors with the batch of `x`.
fn for_each<T: Float, const N: usize>(
    op: &'static str,
    x: &Tensor<T>,
    results: [[usize; 2]; N],
    mut f: impl FnMut(DMatrix<f64>, usize) -> Result<[DMatrix<f64>; N], Unsolvable>,
) -> Result<[Tensor<T>; N], LinalgError> {
    let mut values: [Vec<T>; N] = std::array::from_fn(|_| vec![]);
    for (index, matrix) in matrices(x).enumerate() {
        let error = |reason| LinalgError { op, shape: *x.shape(), index, reason };
        if !matrix.iter().all(|v| v.is_finite()) {
            return Err(error(Unsolvable::NotFinite));
        }
        for (values, result) in values.iter_mut().zip(f(matrix, index).map_err(error)?) {
            // `nalgebra` stores matrices by columns, so the elements of the transpose are those of the result by rows.
            values.extend(result.transpose().iter().map(|&v| T::of(v)));
        }
    }
    Ok(std::array::from_fn(|i| {
        let shape = [&batch(x)[..], &results[i]].concat();
        Tensor::from_slice(&values[i], &shape[..])
    }))
}
