//! Sums, means, variances and extremes over axes.

use ravine_tensor::{Axes, Float, Shape, Tensor};

use crate::var::{Var, record};

/// `shape` with the axes that are reduced at size 1, and the number of elements that go into one result.
#[track_caller]
fn reduced(op: &str, shape: &Shape, axes: &impl Axes) -> (Shape, usize) {
    let mask = axes.mask(op, shape);
    let (mut kept, mut count) = (*shape, 1);
    for axis in (0..shape.rank()).filter(|&axis| mask[axis]) {
        count *= kept[axis];
        kept[axis] = 1;
    }
    (kept, count)
}

impl<T: Float> Var<T> {
    /// `y = Σ x` over `axes`. Backward: `dx = dy`, broadcast.
    #[track_caller]
    #[must_use]
    pub fn sum(&self, axes: impl Axes) -> Var<T> {
        let (from, (kept, _)) = (*self.shape(), reduced("sum", self.shape(), &axes));
        record("sum", [self], self.value().sum(axes), move |dy, _| [Some(dy.reshape(kept).expand(from))])
    }

    /// [`sum`](Self::sum), keeping the reduced axes with size 1. Backward: `dx = dy`, broadcast.
    #[track_caller]
    #[must_use]
    pub fn sum_keepdim(&self, axes: impl Axes) -> Var<T> {
        let from = *self.shape();
        record("sum_keepdim", [self], self.value().sum_keepdim(axes), move |dy, _| [Some(dy.expand(from))])
    }

    /// The sum that undoes a broadcast from `shape`. Backward: `dx = dy`, broadcast.
    #[track_caller]
    #[must_use]
    pub fn sum_to(&self, shape: impl Into<Shape>) -> Var<T> {
        let from = *self.shape();
        record("sum_to", [self], self.value().sum_to(&shape.into()), move |dy, _| [Some(dy.expand(from))])
    }

    /// `y = Σ x / n` over `axes`. Backward: `dx = dy / n`, broadcast.
    #[track_caller]
    #[must_use]
    pub fn mean(&self, axes: impl Axes) -> Var<T> {
        let (from, (kept, n)) = (*self.shape(), reduced("mean", self.shape(), &axes));
        record("mean", [self], self.value().mean(axes), move |dy, _| {
            [Some((dy.reshape(kept) / T::of(n as f64)).expand(from))]
        })
    }

    /// [`mean`](Self::mean), keeping the reduced axes with size 1. Backward: `dx = dy / n`, broadcast.
    #[track_caller]
    #[must_use]
    pub fn mean_keepdim(&self, axes: impl Axes) -> Var<T> {
        let (from, (_, n)) = (*self.shape(), reduced("mean", self.shape(), &axes));
        record("mean_keepdim", [self], self.value().mean_keepdim(axes), move |dy, _| {
            [Some((dy / T::of(n as f64)).expand(from))]
        })
    }

    /// The variance `y = Σ (x - mean)² / (n - correction)` over `axes`. Backward: `dx = 2 (x - mean) dy / (n - correction)`.
    #[track_caller]
    #[must_use]
    pub fn var(&self, axes: impl Axes, correction: usize) -> Var<T> {
        let (kept, n) = reduced("var", self.shape(), &axes);
        let y = self.value().var(axes, correction);
        let (x, scale) = (self.saved(), T::of(2.0 / (n as f64 - correction as f64)));
        record("var", [self], y, move |dy, _| {
            let x = x.on(dy);
            let mean = x.sum_to(kept) / T::of(n as f64);
            [Some((x - mean) * (dy.reshape(kept) * scale))]
        })
    }

    /// The largest element over `axes`. Backward: to the largest, in equal shares where several are.
    #[track_caller]
    #[must_use]
    pub fn max(&self, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("max", self.shape(), &axes);
        self.extreme_over("max", self.value().max(axes), kept)
    }

    /// The smallest element over `axes`. Backward: to the smallest, in equal shares where several are.
    #[track_caller]
    #[must_use]
    pub fn min(&self, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("min", self.shape(), &axes);
        self.extreme_over("min", self.value().min(axes), kept)
    }

    #[track_caller]
    fn extreme_over(&self, op: &'static str, y: Tensor<T>, kept: Shape) -> Var<T> {
        let (x, extreme) = (self.value().clone(), y.clone());
        record(op, [self], y, move |dy, _| {
            let hit = x.zip(&extreme.reshape(kept), |x, y| if x == y { T::ONE } else { T::ZERO });
            let share = &hit / &hit.sum_to(&kept);
            [Some(dy.reshape(kept) * dy.constant(share))]
        })
    }

    /// `y = log Σ eˣ` over `axes`, taken relative to the largest so that nothing overflows. Backward: `dx = dy eˣ⁻ʸ`.
    #[track_caller]
    #[must_use]
    pub fn logsumexp(&self, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("logsumexp", self.shape(), &axes);
        // An infinite maximum would give ∞ - ∞; relative to 0 the sum is right as it is.
        let max = self.value().max(axes).map(|m| if m.is_finite() { m } else { T::ZERO });
        let y = (self.value() - &max.reshape(kept)).exp().sum_to(&kept).log().reshape(*max.shape()) + &max;
        let x = self.saved();
        crate::var::record_with_output("logsumexp", [self], y, move |dy, y, _| {
            [Some(dy.reshape(kept) * (x.on(dy) - y.reshape(kept)).exp())]
        })
    }
}
