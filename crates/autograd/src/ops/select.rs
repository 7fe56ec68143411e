//! Choosing between values, element by element. Where the choice is made, the gradient follows it.

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
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

    /// `y = max(x, low)`. Backward: `dx = dy` where `x > low`, else 0 (also at the kink).
    #[track_caller]
    #[must_use]
    pub fn clamp_min(&self, low: T) -> Var<T> {
        let x = self.value().clone();
        record("clamp_min", [self], self.value().clamp_min(low), move |dy, _| {
            [Some(dy.masked_fill(&x.map(|x| x <= low), T::ZERO))]
        })
    }

    /// `y = min(x, high)`. Backward: `dx = dy` where `x < high`, else 0 (also at the kink).
    #[track_caller]
    #[must_use]
    pub fn clamp_max(&self, high: T) -> Var<T> {
        let x = self.value().clone();
        record("clamp_max", [self], self.value().clamp_max(high), move |dy, _| {
            [Some(dy.masked_fill(&x.map(|x| x >= high), T::ZERO))]
        })
    }
}
