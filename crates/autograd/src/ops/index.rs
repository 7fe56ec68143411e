//! Choosing whole slices by their index. Selecting and adding are each other's derivative.

use ravine_tensor::{Float, Tensor};

use super::zeros;
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The slices of `axis` that `index` lists: `y[.., j, ..] = x[.., index[j], ..]`. Backward: slice `j` of `dy` is added to slice
    /// `index[j]` of `dx` ([`index_add`](Self::index_add)).
    ///
    /// # Panics
    /// If `index` has not one axis, or an index is outside.
    #[track_caller]
    #[must_use]
    pub fn index_select(&self, axis: isize, index: &Tensor<i64>) -> Var<T> {
        let (from, y) = (*self.shape(), self.value().index_select(axis, index));
        let index = index.clone();
        record("index_select", [self], y, move |dy, _| [Some(zeros(dy, from).index_add(axis, &index, dy))])
    }

    /// `y = x`, but `y[.., index[j], ..] += source[.., j, ..]`, in the order of `j`. Backward: `dx = dy`, and of `source` it is `dy` by
    /// [`index_select`](Self::index_select).
    ///
    /// # Panics
    /// If `index` has not as many entries as `source` has slices, if the shapes differ along other axes, or if an index is outside.
    #[track_caller]
    #[must_use]
    pub fn index_add(&self, axis: isize, index: &Tensor<i64>, source: &Var<T>) -> Var<T> {
        let y = self.value().index_add(axis, index, source.value());
        let index = index.clone();
        record("index_add", [self, source], y, move |dy, needs| {
            [Some(dy.clone()), needs[1].then(|| dy.index_select(axis, &index))]
        })
    }

    /// The elements that `index` lists, counted in row-major order whatever the shape. Backward: each element of `dy` is added to
    /// `dx` where it came from.
    ///
    /// # Panics
    /// If an index is outside.
    #[track_caller]
    #[must_use]
    pub fn take(&self, index: &Tensor<i64>) -> Var<T> {
        let (from, y) = (*self.shape(), self.value().take(index));
        let index = index.reshape([-1]);
        record("take", [self], y, move |dy, _| {
            let flat = zeros(dy, from.numel()).index_add(0, &index, &dy.reshape([-1]));
            [Some(flat.reshape(from))]
        })
    }

    /// The rows of this table that `index` lists: `y[i, j, ..] = x[index[i, j], ..]`, whatever the shape of `index`. Backward: each row of
    /// `dy` is added to the row of `dx` that it came from; row `padding`, if there is one, gets nothing.
    ///
    /// # Panics
    /// If `x` is a scalar, or an index or `padding` is outside its first axis.
    #[track_caller]
    #[must_use]
    pub fn embedding(&self, index: &Tensor<i64>, padding: Option<usize>) -> Var<T> {
        let (from, y) = (*self.shape(), self.value().embedding(index));
        if let Some(row) = padding {
            assert!(row < from[0], "embedding: the padding row {row} is not in a table of shape {from}");
        }
        let index = index.reshape([-1]);
        record("embedding", [self], y, move |dy, _| {
            let mut rows = from;
            rows[0] = index.numel();
            let sum = zeros(dy, from).index_add(0, &index, &dy.reshape(rows));
            let Some(row) = padding else { return [Some(sum)] };
            [Some(sum.slice_assign(row, &dy.constant(Tensor::scalar(T::ZERO))))]
        })
    }
}
