//! Running sums, products, extremes and recurrences along an axis. The derivative of each is one of them, run backwards.

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record, record_with_output};

impl<T: Float> Var<T> {
    /// `y[j] = Σ x[..=j]` along `axis`. Backward: `dx[j] = Σ dy[j..]`.
    #[track_caller]
    #[must_use]
    pub fn cumsum(&self, axis: isize) -> Var<T> {
        record("cumsum", [self], self.value().cumsum(axis), move |dy, _| {
            [Some(dy.flip(axis).cumsum(axis).flip(axis))]
        })
    }

    /// `y[j] = Π x[..=j]` along `axis`. Backward: `dx[j] = y[j - 1] s[j]` with `s[j] = dy[j] + x[j + 1] s[j + 1]`; no division, so zeros
    /// do no harm.
    #[track_caller]
    #[must_use]
    pub fn cumprod(&self, axis: isize) -> Var<T> {
        let x = self.saved();
        record_with_output("cumprod", [self], self.value().cumprod(axis), move |dy, y, _| {
            [Some(dy.recurrence_back(&x.on(dy).after(axis), axis) * y.before(axis, T::ONE))]
        })
    }

    /// `y[j] = log Σ e^x[..=j]` along `axis`, without overflow. Backward: `dx[j] = e^(x[j] - y[j]) s[j]` with
    /// `s[j] = dy[j] + e^(y[j] - y[j + 1]) s[j + 1]`, in which no exponent is positive. A `x[j]` of -∞ has no part in any sum, and `dx[j]` is 0.
    #[track_caller]
    #[must_use]
    pub fn logcumsumexp(&self, axis: isize) -> Var<T> {
        let x = self.saved();
        record_with_output("logcumsumexp", [self], self.value().logcumsumexp(axis), move |dy, y, _| {
            let (before, after) = (y.but_last(axis), y.after(axis));
            let infinite = before.value().zip(after.value(), |a, b| a == b && a.is_infinite());
            let decay = (before - after).masked_fill(&infinite, T::ZERO).exp();
            let x = x.on(dy);
            let nothing = x.value().map(|x| x == T::neg_infinity());
            let share = (x - y).masked_fill(&nothing, T::neg_infinity()).exp();
            [Some(dy.recurrence_back(&decay, axis) * share)]
        })
    }

    /// The largest of `x[..=j]` along `axis`, and where it stands: the last one if there are several. Backward: to the largest.
    #[track_caller]
    #[must_use]
    pub fn cummax(&self, axis: isize) -> (Var<T>, Tensor<i64>) {
        let places = self.value().cummax(axis).1;
        (self.gather(axis, &places), places)
    }

    /// The smallest of `x[..=j]` along `axis`, and where it stands: the last one if there are several. Backward: to the smallest.
    #[track_caller]
    #[must_use]
    pub fn cummin(&self, axis: isize) -> (Var<T>, Tensor<i64>) {
        let places = self.value().cummin(axis).1;
        (self.gather(axis, &places), places)
    }

    /// `y[j] = x[j] + a[j] y[j - 1]` along `axis`, starting from 0; `a` broadcasts to the shape of `x`.
    /// Backward: `dx[j] = dy[j] + a[j + 1] dx[j + 1]`, `da[j] = dx[j] y[j - 1]`.
    ///
    /// A moving average with decay `a`, or the state of a linear recurrent layer.
    ///
    /// # Panics
    /// If there is no such axis, or `a` does not broadcast to the shape of `x`.
    #[track_caller]
    #[must_use]
    pub fn linear_recurrence(&self, a: &Var<T>, axis: isize) -> Var<T> {
        let (shape, factors) = (*self.shape(), a.saved());
        let y = self.value().linear_recurrence(a.value(), axis);
        record_with_output("linear_recurrence", [self, a], y, move |dy, y, needs| {
            let dx = dy.recurrence_back(&factors.on(dy).expand(shape).after(axis), axis);
            let da = needs[1].then(|| &dx * y.before(axis, T::ZERO));
            [Some(dx), da]
        })
    }

    /// `s[j] = dy[j] + a[j + 1] s[j + 1]`, from the end, where `next[j] = a[j + 1]`.
    fn recurrence_back(&self, next: &Var<T>, axis: isize) -> Var<T> {
        if self.size(axis) == 0 {
            return self.clone();
        }
        self.flip(axis).linear_recurrence(&next.flip(axis).with_first(axis, T::ZERO), axis).flip(axis)
    }

    /// `y[j] = x[j - 1]` along `axis`, and `first` at 0.
    fn before(&self, axis: isize, first: T) -> Var<T> {
        if self.size(axis) == 0 { self.clone() } else { self.but_last(axis).with_first(axis, first) }
    }

    /// Without the last element along `axis`.
    fn but_last(&self, axis: isize) -> Var<T> {
        self.narrow(axis, 0, self.size(axis).saturating_sub(1))
    }

    /// Without the first element along `axis`.
    fn after(&self, axis: isize) -> Var<T> {
        self.narrow(axis, self.size(axis).min(1), self.size(axis).saturating_sub(1))
    }
}
