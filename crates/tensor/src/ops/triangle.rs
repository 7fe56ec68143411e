//! Diagonals and triangles of matrices.

use crate::{Element, Tensor};

impl<T: Element> Tensor<T> {
    /// The diagonal of axes `row` and `column`, `offset` places right of the main one, as a view with the diagonal as its last axis.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.diagonal(0, 0, 1).to_vec(), [1, 5]);
    /// assert_eq!(x.diagonal(1, -2, -1).to_vec(), [2, 6]);
    /// ```
    ///
    /// # Panics
    /// If both are the same axis.
    #[track_caller]
    #[must_use]
    pub fn diagonal(&self, offset: isize, row: isize, column: isize) -> Self {
        let [row, column] = self.two_axes("diagonal", row, column);
        self.view_with(self.layout().diagonal(row, column, offset))
    }

    /// This tensor with `values`, broadcast, on a [`diagonal`](Self::diagonal).
    ///
    /// # Panics
    /// If both are the same axis, or `values` do not broadcast to the diagonal.
    #[track_caller]
    #[must_use]
    pub fn diagonal_scatter(&self, values: &Tensor<T>, offset: isize, row: isize, column: isize) -> Self {
        let [row, column] = self.two_axes("diagonal_scatter", row, column);
        let mut y = self.contiguous();
        let part = crate::layout::Layout::contiguous(*self.shape()).diagonal(row, column, offset);
        assert!(
            part.shape().broadcast(values.shape()) == Some(*part.shape()),
            "diagonal_scatter: values {} do not broadcast to the diagonal {}",
            values.shape(),
            part.shape()
        );
        y.write_at(&part, values);
        y
    }

    #[track_caller]
    fn two_axes(&self, op: &str, row: isize, column: isize) -> [usize; 2] {
        let axes = [self.shape().axis(op, row), self.shape().axis(op, column)];
        assert!(axes[0] != axes[1], "{op}: {row} and {column} are one axis of shape {}", self.shape());
        axes
    }

    /// Square matrices with this tensor's last axis on their diagonal, `offset` places right of the main one, and zeros elsewhere.
    /// Rows and columns are new axes `row` and `column` of the result.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::from([7, 8]).diag_embed(0, -2, -1), Tensor::from([[7, 0], [0, 8]]));
    /// ```
    ///
    /// # Panics
    /// If this is a scalar, or both are the same axis.
    #[track_caller]
    #[must_use]
    pub fn diag_embed(&self, offset: isize, row: isize, column: isize) -> Self {
        assert!(self.rank() > 0, "diag_embed: a scalar has no axis to put on a diagonal");
        let last = self.rank() - 1;
        let size = self.shape()[last].saturating_add(offset.unsigned_abs());
        let whole = self.shape().removed(last).inserted(last, size).inserted(last, size);
        let mut axes = [whole.axis("diag_embed", row), whole.axis("diag_embed", column)];
        assert!(axes[0] != axes[1], "diag_embed: {row} and {column} are one axis of {whole}");
        axes.sort_unstable();
        let mut shape = self.shape().removed(last);
        axes.into_iter().for_each(|axis| shape = shape.inserted(axis, size));
        Tensor::zeros(shape).diagonal_scatter(self, offset, row, column)
    }

    /// The lower triangle of each matrix of the last two axes, up to `diagonal` places right of the main one; zeros above.
    ///
    /// `Tensor::<bool>::ones([n, n]).tril(0)` is true where a query of causal attention may see a key.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn tril(&self, diagonal: isize) -> Self {
        self.triangle("tril", |row, column| column - row <= diagonal)
    }

    /// The upper triangle of each matrix of the last two axes, from `diagonal` places right of the main one on; zeros below.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn triu(&self, diagonal: isize) -> Self {
        self.triangle("triu", |row, column| column - row >= diagonal)
    }

    #[track_caller]
    fn triangle(&self, op: &str, inside: impl Fn(isize, isize) -> bool) -> Self {
        assert!(self.rank() >= 2, "{op}: shape {} has fewer than two axes", self.shape());
        let (rows, columns) = (self.size(-2), self.size(-1));
        let mut y = self.clone();
        for (i, row) in y.as_mut_slice().chunks_mut(columns.max(1)).enumerate() {
            for (j, v) in row.iter_mut().enumerate() {
                if !inside((i % rows) as isize, j as isize) {
                    *v = T::ZERO;
                }
            }
        }
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triangles_make_the_whole() {
        let x = Tensor::<i32>::from_fn([2, 3, 4], |i| i as i32 + 1);
        assert_eq!(x.tril(-1) + x.triu(0), x);
        assert_eq!(x.index(0, 0).tril(1).to_vec(), [1, 2, 0, 0, 5, 6, 7, 0, 9, 10, 11, 12]);
        assert_eq!(Tensor::<bool>::ones([2, 2]).tril(0).to_vec(), [true, false, true, true]);
    }

    #[test]
    fn a_diagonal_put_back() {
        let x = Tensor::<i32>::from_fn([2, 3, 4], |i| i as i32);
        assert_eq!(x.diagonal_scatter(&x.diagonal(1, 0, 2), 1, 0, 2), x);
        let embedded = x.diag_embed(-1, 0, 2);
        assert_eq!(embedded.shape(), &[5, 2, 5, 3]);
        assert_eq!(embedded.diagonal(-1, 0, 2), x);
    }

    #[test]
    #[should_panic(expected = "diagonal: 1 and -1 are one axis of shape [2, 3]")]
    fn one_axis_twice() {
        let _ = Tensor::<f32>::zeros([2, 3]).diagonal(0, 1, -1);
    }
}
