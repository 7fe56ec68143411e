//! Choosing elements by index. Gathering and scattering are each other's derivative.

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// `y[i, .., j] = x[i, .., index[i, .., j]]`, along the last axis. Backward: `dx` is `dy` [scattered](Self::scatter_add).
    ///
    /// # Panics
    /// If the shapes differ before the last axis, or an index is outside.
    #[track_caller]
    #[must_use]
    pub fn gather(&self, index: &Tensor<i64>) -> Var<T> {
        let (n, y) = (self.size(-1), self.value().gather(index));
        let index = index.clone();
        record("gather", [self], y, move |dy, _| [Some(dy.scatter_add(&index, n))])
    }

    /// Zeros with `n` columns, to which `y[i, .., index[i, .., j]] += x[i, .., j]`. Backward: `dx` is `dy` [gathered](Self::gather).
    ///
    /// # Panics
    /// If the shapes of `x` and `index` differ, or an index is outside `0..n`.
    #[track_caller]
    #[must_use]
    pub fn scatter_add(&self, index: &Tensor<i64>, n: usize) -> Var<T> {
        let y = self.value().scatter_add(index, n);
        let index = index.clone();
        record("scatter_add", [self], y, move |dy, _| [Some(dy.gather(&index))])
    }

    /// The slices of `axis` that `index` lists: `y[.., j, ..] = x[.., index[j], ..]`. Backward: slice `j` of `dy` is added to slice
    /// `index[j]` of `dx` ([`index_add`](Self::index_add)).
    ///
    /// # Panics
    /// If `index` has not one axis, or an index is outside.
    #[track_caller]
    #[must_use]
    pub fn index_select(&self, axis: isize, index: &Tensor<i64>) -> Var<T> {
        let (n, y) = (self.size(axis), self.value().index_select(axis, index));
        let index = index.clone();
        record("index_select", [self], y, move |dy, _| [Some(dy.index_add(axis, &index, n))])
    }

    /// Zeros with `n` slices along `axis`, to which `y[.., index[j], ..] += x[.., j, ..]`. Backward: `dx` is `dy` by
    /// [`index_select`](Self::index_select).
    ///
    /// # Panics
    /// If `index` has not as many entries as `axis`, or one is outside `0..n`.
    #[track_caller]
    #[must_use]
    pub fn index_add(&self, axis: isize, index: &Tensor<i64>, n: usize) -> Var<T> {
        let y = self.value().index_add(axis, index, n);
        let index = index.clone();
        record("index_add", [self], y, move |dy, _| [Some(dy.index_select(axis, &index))])
    }
}
