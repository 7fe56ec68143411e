//! Choosing elements by a mask. Where the choice is made, the gradient follows it.

use ravine_tensor::{Float, Tensor};

use super::zeros;
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// `y = a` where `mask`, else `b`, after broadcasting all three. Backward: `da = dy` where `mask`, `db = dy` elsewhere.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn where_(mask: &Tensor<bool>, a: &Var<T>, b: &Var<T>) -> Var<T> {
        let y = Tensor::where_(mask, a.value(), b.value());
        let mask = mask.clone();
        record("where_", [a, b], y, move |dy, needs| {
            [
                needs[0].then(|| dy.masked_fill(&!&mask, T::ZERO)),
                needs[1].then(|| dy.masked_fill(&mask, T::ZERO)),
            ]
        })
    }

    /// `y = value` where `mask`, else `x`; `mask` is broadcast to the shape of `x`. Backward: `dx = 0` where `mask`, else `dy`.
    ///
    /// # Panics
    /// If `mask` does not broadcast.
    #[track_caller]
    #[must_use]
    pub fn masked_fill(&self, mask: &Tensor<bool>, value: T) -> Var<T> {
        let y = self.value().masked_fill(mask, value);
        let mask = mask.clone();
        record("masked_fill", [self], y, move |dy, _| [Some(dy.masked_fill(&mask, T::ZERO))])
    }

    /// The elements at which `mask` is true, in row-major order, as one axis; both are broadcast. Backward: `dx = dy` where they came
    /// from, else 0.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn masked_select(&self, mask: &Tensor<bool>) -> Var<T> {
        let y = self.value().masked_select(mask);
        let shape = self.shape().broadcast(mask.shape()).expect("shapes that were broadcast above");
        let mask = mask.clone();
        record("masked_select", [self], y, move |dy, _| [Some(zeros(dy, shape).masked_scatter(&mask, dy))])
    }

    /// `y = x`, but where `mask` is true the elements of `source`, one after another; `mask` is broadcast to the shape of `x`.
    /// Backward: `dx = 0` where `mask`, else `dy`; of `source` it is `dy` where `mask` ([`masked_select`](Self::masked_select)).
    ///
    /// # Panics
    /// If `mask` does not broadcast, or chooses more or fewer elements than `source` has.
    #[track_caller]
    #[must_use]
    pub fn masked_scatter(&self, mask: &Tensor<bool>, source: &Var<T>) -> Var<T> {
        let (from, y) = (*source.shape(), self.value().masked_scatter(mask, source.value()));
        let mask = mask.clone();
        record("masked_scatter", [self, source], y, move |dy, needs| {
            [
                needs[0].then(|| dy.masked_fill(&mask, T::ZERO)),
                needs[1].then(|| dy.masked_select(&mask).reshape(from)),
            ]
        })
    }
}
