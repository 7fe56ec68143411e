//! Other shapes and orders of the same numbers. Forward passes copy nothing.

use ravine_tensor::{Along, Axes, Extents, Float, Shape};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The same elements, in row-major order, in another shape; one size may be -1. Backward: `dx = dy` in the shape of `x`.
    #[track_caller]
    #[must_use]
    pub fn reshape(&self, shape: impl Extents) -> Var<T> {
        let from = *self.shape();
        record("reshape", [self], self.value().reshape(shape), move |dy, _| [Some(dy.reshape(from))])
    }

    /// [`reshape`](Self::reshape) that never copies. Backward: `dx = dy` in the shape of `x`.
    ///
    /// # Panics
    /// If strides cannot express it, or the new shape has not as many elements.
    #[track_caller]
    #[must_use]
    pub fn view(&self, shape: impl Extents) -> Var<T> {
        let from = *self.shape();
        record("view", [self], self.value().view(shape), move |dy, _| [Some(dy.reshape(from))])
    }

    /// The axes from a first one on, or those of a range, as one: `[n, c, h, w].flatten(1)` is `[n, c h w]`, and so is
    /// `[n, c, h, w].flatten(1..4)`. Backward: `dx = dy` in the shape of `x`.
    ///
    /// # Panics
    /// If there is no such axis, or the range is empty.
    #[track_caller]
    #[must_use]
    pub fn flatten(&self, axes: impl Along) -> Var<T> {
        let from = *self.shape();
        record("flatten", [self], self.value().flatten(axes), move |dy, _| [Some(dy.reshape(from))])
    }

    /// One axis cut into several, of which one size may be -1. Backward: `dx = dy` in the shape of `x`.
    ///
    /// # Panics
    /// If the sizes do not multiply to the size of the axis.
    #[track_caller]
    #[must_use]
    pub fn unflatten(&self, axis: isize, sizes: impl Extents) -> Var<T> {
        let (from, y) = (*self.shape(), self.value().unflatten(axis, sizes));
        record("unflatten", [self], y, move |dy, _| [Some(dy.reshape(from))])
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

    /// Axis `from` moved to place `to`; the others keep their order. Backward: `dx = dy` with it moved back.
    #[track_caller]
    #[must_use]
    pub fn movedim(&self, from: isize, to: isize) -> Var<T> {
        record("movedim", [self], self.value().movedim(from, to), move |dy, _| [Some(dy.movedim(to, from))])
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

    /// Without all axes of size 1. Backward: `dx = dy` in the shape of `x`.
    #[track_caller]
    #[must_use]
    pub fn squeeze_all(&self) -> Var<T> {
        let from = *self.shape();
        record("squeeze_all", [self], self.value().squeeze_all(), move |dy, _| [Some(dy.reshape(from))])
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

    /// The order along each of `axes` reversed. Backward: `dx = dy` reversed.
    #[track_caller]
    #[must_use]
    pub fn flip(&self, axes: impl Axes) -> Var<T> {
        let mask = axes.mask("flip", self.shape());
        let axes: Vec<usize> = (0..self.rank()).filter(|&axis| mask[axis]).collect();
        record("flip", [self], self.value().flip(&axes[..]), move |dy, _| [Some(dy.flip(&axes[..]))])
    }
}
