//! Choosing between values, element by element. Where the choice is made, the gradient follows it.

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// `y = value` where `mask`, else `x`. Backward: `dx = 0` where `mask`, else `dy`.
    ///
    /// `mask` broadcasts to the shape of `x`.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    #[must_use]
    pub fn masked_fill(&self, mask: &Tensor<bool>, value: T) -> Var<T> {
        assert!(
            self.shape().broadcast(mask.shape()) == Some(*self.shape()),
            "masked_fill: a mask of shape {} does not broadcast to {}",
            mask.shape(),
            self.shape()
        );
        let y = self.value().zip(mask, |x, masked| if masked { value } else { x });
        let mask = mask.clone();
        record("masked_fill", [self], y, move |dy, _| [Some(dy.masked_fill(&mask, T::ZERO))])
    }

    /// `y = a` where `mask`, else `b`, after broadcasting all three. Backward: `da = dy` where `mask`, `db = dy` elsewhere.
    #[track_caller]
    #[must_use]
    pub fn select(mask: &Tensor<bool>, a: &Var<T>, b: &Var<T>) -> Var<T> {
        let y = mask.select(a.value(), b.value());
        let mask = mask.clone();
        record("select", [a, b], y, move |dy, needs| {
            [
                needs[0].then(|| dy.masked_fill(&mask.map(|m| !m), T::ZERO)),
                needs[1].then(|| dy.masked_fill(&mask, T::ZERO)),
            ]
        })
    }

    /// `y = max(a, b)`. Backward: to the larger; half to each where they are equal.
    #[track_caller]
    #[must_use]
    pub fn maximum(&self, other: &Var<T>) -> Var<T> {
        self.extreme("maximum", other, self.value().maximum(other.value()))
    }

    /// `y = min(a, b)`. Backward: to the smaller; half to each where they are equal.
    #[track_caller]
    #[must_use]
    pub fn minimum(&self, other: &Var<T>) -> Var<T> {
        self.extreme("minimum", other, self.value().minimum(other.value()))
    }

    #[track_caller]
    fn extreme(&self, op: &'static str, other: &Var<T>, y: Tensor<T>) -> Var<T> {
        // The share of `a`: all, half or nothing.
        let share = |x: &Tensor<T>, other: &Tensor<T>| {
            let chosen = x.zip(&y, |x, y| if x == y { T::ONE } else { T::ZERO });
            let tied = other.zip(&y, |x, y| if x == y { T::of(2.0) } else { T::ONE });
            chosen / tied
        };
        let (a, b) = (share(self.value(), other.value()), share(other.value(), self.value()));
        record(op, [self, other], y, move |dy, needs| {
            [needs[0].then(|| dy * dy.constant(a.clone())), needs[1].then(|| dy * dy.constant(b.clone()))]
        })
    }

    /// `y = min(max(x, low), high)`. Backward: `dx = dy` where `low < x < high`, else 0 (also at the kinks).
    ///
    /// # Panics
    /// If `low > high`.
    #[track_caller]
    #[must_use]
    pub fn clamp(&self, low: T, high: T) -> Var<T> {
        let x = self.saved();
        record("clamp", [self], self.value().clamp(low, high), move |dy, _| {
            [Some(dy.masked_fill(&x.value().map(|x| x <= low || x >= high), T::ZERO))]
        })
    }
}
