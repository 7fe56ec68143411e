//! Sums, means, products and extremes over axes.

use ravine_tensor::{Axes, Float, Shape, Tensor};

use crate::var::{Var, record};

/// `shape` with the axes that are reduced at size 1, and the number of elements that go into one result.
#[track_caller]
pub(super) fn reduced(op: &str, shape: &Shape, axes: &impl Axes) -> (Shape, usize) {
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

    /// [`max`](Self::max), keeping the reduced axes with size 1. Backward: to the largest, in equal shares.
    #[track_caller]
    #[must_use]
    pub fn max_keepdim(&self, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("max_keepdim", self.shape(), &axes);
        self.extreme_over("max_keepdim", self.value().max_keepdim(axes), kept)
    }

    /// [`min`](Self::min), keeping the reduced axes with size 1. Backward: to the smallest, in equal shares.
    #[track_caller]
    #[must_use]
    pub fn min_keepdim(&self, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("min_keepdim", self.shape(), &axes);
        self.extreme_over("min_keepdim", self.value().min_keepdim(axes), kept)
    }

    /// The median over `axes`, of an even number of elements the lower of the two in the middle. Backward: to the elements equal to
    /// it, in equal shares.
    #[track_caller]
    #[must_use]
    pub fn median(&self, axes: impl Axes) -> Var<T> {
        let (kept, _) = reduced("median", self.shape(), &axes);
        self.extreme_over("median", self.value().median(axes), kept)
    }

    /// The gradient goes in equal shares to the elements that are equal to the result `y`.
    #[track_caller]
    pub(super) fn extreme_over(&self, op: &'static str, y: Tensor<T>, kept: Shape) -> Var<T> {
        let (x, extreme) = (self.value().clone(), y.clone());
        record(op, [self], y, move |dy, _| {
            let hit = x.zip(&extreme.reshape(kept), |x, y| if x == y { T::ONE } else { T::ZERO });
            let share = &hit / &hit.sum_to(&kept);
            [Some(dy.reshape(kept) * dy.constant(share))]
        })
    }

    /// `y = Π x` over `axes`. Backward: `dx = dy` times the product of the other elements, right also where some are 0.
    #[track_caller]
    #[must_use]
    pub fn prod(&self, axes: impl Axes) -> Var<T> {
        let mask = axes.mask("prod", self.shape());
        let kept: Vec<usize> =
            self.shape().iter().zip(mask).filter(|&(_, gone)| !gone).map(|(&n, _)| n).collect();
        let gone = (0..self.rank()).filter(|&axis| mask[axis]);
        gone.fold(self.clone(), |y, axis| y.prod_along(axis as isize)).reshape(&kept[..])
    }

    /// The product along one axis, which stays with size 1.
    #[track_caller]
    fn prod_along(&self, axis: isize) -> Var<T> {
        let x = self.saved();
        record("prod", [self], self.value().prod_keepdim(axis), move |dy, _| {
            let x = x.on(dy);
            let others = x.products_before(axis) * x.flip(axis).products_before(axis).flip(axis);
            [Some(dy * others)]
        })
    }

    /// `y[j] = Π x[..j]` along `axis`: the product of the elements before.
    fn products_before(&self, axis: isize) -> Var<T> {
        if self.size(axis) == 0 {
            return self.clone();
        }
        self.narrow(axis, 0, self.size(axis) - 1).cumprod(axis).with_first(axis, T::ONE)
    }

    /// With `first` before all elements along `axis`.
    pub(super) fn with_first(&self, axis: isize, first: T) -> Var<T> {
        let at = self.shape().axis("with_first", axis);
        let mut shape = *self.shape();
        shape[at] = 1;
        Var::cat(&[&self.constant(Tensor::full(shape, first)), self], axis)
    }
}
