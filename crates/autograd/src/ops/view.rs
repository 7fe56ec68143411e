//! Other shapes and orders of the same numbers. Forward passes copy nothing.

use ravine_tensor::{Extents, Float, Shape};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The same elements, in row-major order, in another shape; one size may be -1. Backward: `dx = dy` in the shape of `x`.
    #[track_caller]
    #[must_use]
    pub fn reshape(&self, shape: impl Extents) -> Var<T> {
        let from = *self.shape();
        record("reshape", [self], self.value().reshape(shape), move |dy, _| [Some(dy.reshape(from))])
    }

    /// All axes from `start` on as one: `[n, c, h, w].flatten(1)` is `[n, c h w]`. Backward: `dx = dy` in the shape of `x`.
    #[track_caller]
    #[must_use]
    pub fn flatten(&self, start: isize) -> Var<T> {
        let from = *self.shape();
        record("flatten", [self], self.value().flatten(start), move |dy, _| [Some(dy.reshape(from))])
    }

    /// Axis `i` of `y` is axis `order[i]` of `x`. Backward: `dx = dy` in the inverse order.
    #[track_caller]
    #[must_use]
    pub fn permute(&self, order: impl AsRef<[isize]>) -> Var<T> {
        let order = order.as_ref();
        let y = self.value().permute(order);
        let mut inverse = vec![0; order.len()];
        for (i, &axis) in order.iter().enumerate() {
            inverse[self.shape().axis("permute", axis)] = i as isize;
        }
        record("permute", [self], y, move |dy, _| [Some(dy.permute(&inverse))])
    }

    /// Two axes exchanged. Backward: `dx = dy` with them exchanged back.
    #[track_caller]
    #[must_use]
    pub fn transpose(&self, a: isize, b: isize) -> Var<T> {
        record("transpose", [self], self.value().transpose(a, b), move |dy, _| [Some(dy.transpose(a, b))])
    }

    /// The last two axes exchanged: `y = xᵀ`. Backward: `dx = dyᵀ`.
    #[track_caller]
    #[must_use]
    pub fn t(&self) -> Var<T> {
        record("t", [self], self.value().t(), |dy, _| [Some(dy.t())])
    }

    /// Without `axis`, whose size is 1. Backward: `dx = dy` in the shape of `x`.
    #[track_caller]
    #[must_use]
    pub fn squeeze(&self, axis: isize) -> Var<T> {
        let from = *self.shape();
        record("squeeze", [self], self.value().squeeze(axis), move |dy, _| [Some(dy.reshape(from))])
    }

    /// With a new `axis` of size 1. Backward: `dx = dy` in the shape of `x`.
    #[track_caller]
    #[must_use]
    pub fn unsqueeze(&self, axis: isize) -> Var<T> {
        let from = *self.shape();
        record("unsqueeze", [self], self.value().unsqueeze(axis), move |dy, _| [Some(dy.reshape(from))])
    }

    /// Broadcast to `shape`. Backward: `dx = Σ dy` over the axes along which `x` was repeated.
    #[track_caller]
    #[must_use]
    pub fn expand(&self, shape: impl Into<Shape>) -> Var<T> {
        record("expand", [self], self.value().expand(shape), |dy, _| [Some(dy.clone())])
    }

    /// The order along `axis` reversed. Backward: `dx = dy` reversed.
    #[track_caller]
    #[must_use]
    pub fn flip(&self, axis: isize) -> Var<T> {
        record("flip", [self], self.value().flip(axis), move |dy, _| [Some(dy.flip(axis))])
    }
}
