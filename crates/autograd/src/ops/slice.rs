//! Parts of a tensor. Taking a part and writing one are each other's derivative.

use ravine_tensor::{Along, At, Float, Indices};

use super::zeros;
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The part that an index chooses: `x.i((.., 1..3, -1))`. Backward: `dx = dy` there, 0 elsewhere.
    ///
    /// # Panics
    /// If there are more entries than axes, or one is outside its axis.
    #[track_caller]
    #[must_use]
    pub fn i(&self, index: impl Indices) -> Var<T> {
        let index = index.entries();
        let (from, y) = (*self.shape(), self.value().i(&index[..]));
        record("i", [self], y, move |dy, _| [Some(zeros(dy, from).slice_assign(&index[..], dy))])
    }

    /// The part of `axis` that a range chooses: `x.slice(0, 10..)`. Backward: `dx = dy` there, 0 elsewhere.
    ///
    /// # Panics
    /// If it goes beyond the end, or its start lies beyond its end.
    #[track_caller]
    #[must_use]
    pub fn slice(&self, axis: isize, range: impl Along) -> Var<T> {
        let mut index = vec![(..).at(); self.shape().axis("slice", axis)];
        index.push(range.at());
        let (from, y) = (*self.shape(), self.value().slice(axis, index[index.len() - 1]));
        record("slice", [self], y, move |dy, _| [Some(zeros(dy, from).slice_assign(&index[..], dy))])
    }

    /// `y = x`, but `values`, broadcast, in the part that an index chooses. Backward: `dx = dy` but 0 in the part; of `values` it is that
    /// part of `dy`.
    ///
    /// # Panics
    /// As [`i`](Self::i); and if `values` do not broadcast to the part.
    #[track_caller]
    #[must_use]
    pub fn slice_assign(&self, index: impl Indices, values: &Var<T>) -> Var<T> {
        let index: Vec<At> = index.entries();
        let y = self.value().slice_assign(&index[..], values.value());
        record("slice_assign", [self, values], y, move |dy, needs| {
            [
                needs[0].then(|| dy.slice_assign(&index[..], &zeros(dy, ()))),
                needs[1].then(|| dy.i(&index[..])),
            ]
        })
    }

    /// `len` elements along `axis` from `start` on. Backward: `dx = dy` there, 0 elsewhere.
    #[track_caller]
    #[must_use]
    pub fn narrow(&self, axis: isize, start: usize, len: usize) -> Var<T> {
        let y = self.value().narrow(axis, start, len);
        let after = self.size(axis) - start - len;
        record("narrow", [self], y, move |dy, _| [Some(dy.zero_pad(axis, start, after))])
    }

    /// The elements at `index` along `axis`, which disappears. Backward: `dx = dy` there, 0 elsewhere.
    #[track_caller]
    #[must_use]
    pub fn index(&self, axis: isize, index: usize) -> Var<T> {
        let (from, y) = (*self.shape(), self.value().index(axis, index));
        let at = from.axis("index", axis);
        record("index", [self], y, move |dy, _| {
            [Some(dy.unsqueeze(at as isize).zero_pad(at as isize, index, from[at] - index - 1))]
        })
    }
}
