//! Choosing elements along an axis, each by an index of its own. Gathering and scattering are each other's derivative.

use ravine_tensor::{Float, Tensor};

use super::zeros;
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// `y[i, j, k] = x[i, index[i, j, k], k]` for `axis` 1, and so for any other. Backward: `dx` is zeros to which `dy` is
    /// [scattered](Self::scatter_add).
    ///
    /// # Panics
    /// If `index` has another rank or is larger than `x` along another axis, or an index is outside `axis`.
    #[track_caller]
    #[must_use]
    pub fn gather(&self, axis: isize, index: &Tensor<i64>) -> Var<T> {
        let (from, y) = (*self.shape(), self.value().gather(axis, index));
        let index = index.clone();
        record("gather", [self], y, move |dy, _| [Some(zeros(dy, from).scatter_add(axis, &index, dy))])
    }

    /// `y = x`, but `y[i, index[i, j, k], k] += source[i, j, k]` for `axis` 1, and so for any other. Backward: `dx = dy`, and of
    /// `source` it is `dy` [gathered](Self::gather).
    ///
    /// # Panics
    /// If `index` has another rank or is larger than `x` along another axis, if `source` does not broadcast to its shape, or if an index is
    /// outside `axis`.
    #[track_caller]
    #[must_use]
    pub fn scatter_add(&self, axis: isize, index: &Tensor<i64>, source: &Var<T>) -> Var<T> {
        let y = self.value().scatter_add(axis, index, source.value());
        let index = index.clone();
        record("scatter_add", [self, source], y, move |dy, needs| {
            [Some(dy.clone()), needs[1].then(|| dy.gather(axis, &index))]
        })
    }

    /// `y = x`, but `y[i, index[i, j, k], k] = source[i, j, k]` for `axis` 1, and so for any other; of several that go to one position,
    /// the last stays. Backward: `dx = dy` but 0 where something was written; of `source` it is `dy` [gathered](Self::gather), but
    /// 0 for what did not stay.
    ///
    /// # Panics
    /// As [`scatter_add`](Self::scatter_add).
    #[track_caller]
    #[must_use]
    pub fn scatter(&self, axis: isize, index: &Tensor<i64>, source: &Var<T>) -> Var<T> {
        let (from, y) = (*self.shape(), self.value().scatter(axis, index, source.value()));
        let index = index.clone();
        record("scatter", [self, source], y, move |dy, needs| {
            let nothing = dy.constant(Tensor::scalar(T::ZERO));
            let stayed = || {
                let numbers = Tensor::<i64>::arange(index.numel()).reshape(index.shape());
                let last = Tensor::zeros(from).scatter(axis, &index, &numbers);
                last.gather(axis, &index).ne(&numbers)
            };
            [
                needs[0].then(|| dy.scatter(axis, &index, &nothing)),
                needs[1].then(|| dy.gather(axis, &index).masked_fill(&stayed(), T::ZERO)),
            ]
        })
    }
}
