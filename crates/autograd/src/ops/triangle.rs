//! Diagonals and triangles of matrices.

use ravine_tensor::Float;

use super::zeros;
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The diagonal of axes `row` and `column`, `offset` places right of the main one, as the last axis. Backward: `dx = dy` on the
    /// diagonal, 0 elsewhere ([`diagonal_scatter`](Self::diagonal_scatter)).
    ///
    /// # Panics
    /// If both are the same axis.
    #[track_caller]
    #[must_use]
    pub fn diagonal(&self, offset: isize, row: isize, column: isize) -> Var<T> {
        let (from, y) = (*self.shape(), self.value().diagonal(offset, row, column));
        record("diagonal", [self], y, move |dy, _| {
            [Some(zeros(dy, from).diagonal_scatter(dy, offset, row, column))]
        })
    }

    /// `y = x`, but `values`, broadcast, on a [`diagonal`](Self::diagonal). Backward: `dx = dy` but 0 on the diagonal; of `values` it is
    /// the diagonal of `dy`.
    ///
    /// # Panics
    /// If both are the same axis, or `values` do not broadcast to the diagonal.
    #[track_caller]
    #[must_use]
    pub fn diagonal_scatter(&self, values: &Var<T>, offset: isize, row: isize, column: isize) -> Var<T> {
        let y = self.value().diagonal_scatter(values.value(), offset, row, column);
        record("diagonal_scatter", [self, values], y, move |dy, needs| {
            [
                needs[0].then(|| dy.diagonal_scatter(&zeros(dy, ()), offset, row, column)),
                needs[1].then(|| dy.diagonal(offset, row, column)),
            ]
        })
    }

    /// Square matrices, whose rows and columns are the new axes `row` and `column`, with the last axis of `x` on their diagonal and zeros
    /// elsewhere. Backward: `dx` is the [`diagonal`](Self::diagonal) of `dy`.
    ///
    /// # Panics
    /// If `x` is a scalar, or both are the same axis.
    #[track_caller]
    #[must_use]
    pub fn diag_embed(&self, offset: isize, row: isize, column: isize) -> Var<T> {
        let y = self.value().diag_embed(offset, row, column);
        record("diag_embed", [self], y, move |dy, _| [Some(dy.diagonal(offset, row, column))])
    }

    /// The lower triangle of each matrix, up to `diagonal` places right of the main one; zeros above. Backward: `dx` is that of `dy`.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn tril(&self, diagonal: isize) -> Var<T> {
        record("tril", [self], self.value().tril(diagonal), move |dy, _| [Some(dy.tril(diagonal))])
    }

    /// The upper triangle of each matrix, from `diagonal` places right of the main one on; zeros below. Backward: `dx` is that of `dy`.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn triu(&self, diagonal: isize) -> Var<T> {
        record("triu", [self], self.value().triu(diagonal), move |dy, _| [Some(dy.triu(diagonal))])
    }
}
