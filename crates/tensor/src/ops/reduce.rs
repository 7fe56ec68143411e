//! Reductions: many numbers into one, along some axes or all.
//!
//! The axes are an argument, `x.sum(0)`, `x.sum([0, 2])`, `x.sum(..)`; reduced axes disappear, or stay with size 1 in the
//! `_keepdim` forms. What is added in which order depends on the shape alone (see `kernels::reduce`). The means and norms that are
//! built on these stand in `statistics`, what needs the elements in order in `order`.

use std::convert::identity;
use std::ops::Range;

use crate::kernels::reduce;
use crate::shape::Axes;
use crate::{Element, MAX_RANK, Number, Shape, Tensor};

/// Which axes are reduced, and what is left.
pub(super) struct Reduction {
    mask: [bool; MAX_RANK],
    /// How many elements go into each result.
    pub count: usize,
    /// The shape without the reduced axes.
    pub kept: Shape,
}

impl Reduction {
    #[track_caller]
    pub fn new(op: &str, shape: &Shape, axes: impl Axes) -> Self {
        let mask = axes.mask(op, shape);
        let sizes = || shape.iter().copied().zip(mask);
        let kept: Vec<usize> = sizes().filter(|&(_, gone)| !gone).map(|(n, _)| n).collect();
        let count = sizes().filter(|&(_, gone)| gone).map(|(n, _)| n).product();
        Reduction { mask, count, kept: Shape::from(kept) }
    }

    /// This reduction, or a panic if a result would be taken over no elements.
    #[track_caller]
    pub fn of_some(&self, op: &str, shape: &Shape) -> &Self {
        let empty = self.count == 0 && self.kept.numel() > 0;
        assert!(!empty, "{op}: shape {shape} has no element to choose from along these axes");
        self
    }

    /// Runs of neighbouring reduced axes, the last run first.
    fn groups(&self, rank: usize) -> Vec<Range<usize>> {
        let mut groups: Vec<Range<usize>> = vec![];
        for axis in (0..rank).rev().filter(|&axis| self.mask[axis]) {
            match groups.last_mut() {
                Some(group) if group.start == axis + 1 => group.start = axis,
                _ => groups.push(axis..axis + 1),
            }
        }
        groups
    }

    /// The block and the `keepdim` shape of [`around`], if the reduced axes are neighbours.
    pub fn block(&self, shape: &Shape) -> Option<([usize; 3], Shape)> {
        let groups = self.groups(shape.rank());
        let [axes] = &groups[..] else { return None };
        Some(around(shape, axes.clone()))
    }
}

/// `shape` as a block `[outer, n, inner]` around a run of axes, and with these axes at size 1.
pub(super) fn around(shape: &Shape, axes: Range<usize>) -> ([usize; 3], Shape) {
    let product = |range: Range<usize>| shape[range].iter().product();
    let block = [product(0..axes.start), product(axes.clone()), product(axes.end..shape.rank())];
    let mut reduced = *shape;
    reduced[axes].fill(1);
    (block, reduced)
}

/// Reductions, each with its twin that keeps the reduced axes: doc, names, arguments before and after the axes, and the result in the
/// `keepdim` shape from the tensor and its [`Reduction`].
macro_rules! reductions {
    ($($(#[$doc:meta])* $name:ident $keepdim:ident ($($arg:ident: $Arg:ty)?; $($last:ident: $Last:ty)?) -> $Out:ty = |$x:ident, $r:ident| $y:expr;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        #[must_use]
        pub fn $name(&self, $($arg: $Arg,)? axes: impl crate::Axes $(, $last: $Last)?) -> Tensor<$Out> {
            let ($x, $r) = (self, super::reduce::Reduction::new(stringify!($name), self.shape(), axes));
            let kept = $r.kept;
            $y.reshape(kept)
        }

        #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name), "), keeping the reduced axes with size 1.")]
        #[track_caller]
        #[must_use]
        pub fn $keepdim(&self, $($arg: $Arg,)? axes: impl crate::Axes $(, $last: $Last)?) -> Tensor<$Out> {
            let ($x, $r) = (self, super::reduce::Reduction::new(stringify!($name), self.shape(), axes));
            $y
        }
    )*};
}
pub(super) use reductions;

impl<T: Element> Tensor<T> {
    /// The fold of `f(so far, position, element)` in the `keepdim` shape, for an `f` that may be applied in any grouping.
    pub(super) fn fold_of(
        &self,
        reduction: &Reduction,
        init: T,
        f: impl Fn(T, usize, T) -> T + Sync,
    ) -> Tensor<T> {
        let mut y = self.contiguous();
        for group in reduction.groups(self.rank()) {
            let (block, shape) = around(y.shape(), group);
            y = Tensor::build(shape, |out| reduce::fold(y.values(), block, out, init, &f));
        }
        y
    }

    /// The elements that go into each result as one row, in row-major order: `[results, count]`, contiguous. And the `keepdim` shape.
    pub(super) fn rows_of(&self, reduction: &Reduction) -> (Tensor<T>, Shape) {
        let rank = self.rank();
        let order = |gone: bool| (0..rank).filter(move |&axis| reduction.mask[axis] == gone);
        let order: Vec<usize> = order(false).chain(order(true)).collect();
        let rows = self.view_with(self.layout().permuted(&order)).contiguous();
        let mut keepdim = *self.shape();
        (0..rank).filter(|&axis| reduction.mask[axis]).for_each(|axis| keepdim[axis] = 1);
        (rows.reshape([reduction.kept.numel(), reduction.count]), keepdim)
    }
}

impl<T: Number> Tensor<T> {
    /// `Σ f(x)`, in the `keepdim` shape: the last run of axes first, through `f`, then the others.
    pub(super) fn sum_of<U: Number>(&self, reduction: &Reduction, f: impl Fn(T) -> U + Sync) -> Tensor<U> {
        let groups = reduction.groups(self.rank());
        let Some((last, others)) = groups.split_first() else { return self.map(f) };
        let x = self.contiguous();
        let (block, shape) = around(x.shape(), last.clone());
        let mut y = Tensor::build(shape, |out| reduce::sum(x.values(), block, out, f));
        for group in others {
            let (block, shape) = around(y.shape(), group.clone());
            y = Tensor::build(shape, |out| reduce::sum(y.values(), block, out, identity));
        }
        y
    }

    reductions! {
        /// `Σ x` over `axes`; 0 over nothing. Integers wrap: cast to a wider type first, as PyTorch does by itself, if the sum may be too large.
        ///
        /// ```
        /// use ravine_tensor::Tensor;
        ///
        /// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
        /// assert_eq!(x.sum(0).to_vec(), [4.0, 6.0]);
        /// assert_eq!(x.sum_keepdim(-1).shape(), &[2, 1]);
        /// assert_eq!(x.sum(..).item(), 10.0);
        /// ```
        sum sum_keepdim(;) -> T = |x, r| x.sum_of(&r, identity);
        /// The product over `axes`; 1 over nothing. Integers wrap.
        prod prod_keepdim(;) -> T = |x, r| x.fold_of(&r, T::ONE, |a, _, v| a.times(v));
        /// The largest element over `axes`; NaN if there is one.
        ///
        /// # Panics
        /// If there is nothing to choose from.
        #[doc(alias = "amax")]
        max max_keepdim(;) -> T = |x, r| x.max_of(r.of_some("max", x.shape()));
        /// The smallest element over `axes`; NaN if there is one.
        ///
        /// # Panics
        /// If there is nothing to choose from.
        #[doc(alias = "amin")]
        min min_keepdim(;) -> T = |x, r| x.min_of(r.of_some("min", x.shape()));
        /// Where the largest element over `axes` stands: the first one if there are several, a NaN before all others. Over
        /// several axes, indices count in row-major order: `x.argmax(..)` is the index in [`to_vec`](Self::to_vec).
        ///
        /// # Panics
        /// If there is nothing to choose from.
        argmax argmax_keepdim(;) -> i64 = |x, r| x.place_of(r.of_some("argmax", x.shape()), |v, best| v > best);
        /// Where the smallest element over `axes` stands: the first one if there are several, a NaN before all others. Over
        /// several axes, indices count in row-major order.
        ///
        /// # Panics
        /// If there is nothing to choose from.
        argmin argmin_keepdim(;) -> i64 = |x, r| x.place_of(r.of_some("argmin", x.shape()), |v, best| v < best);
    }

    pub(super) fn max_of(&self, reduction: &Reduction) -> Tensor<T> {
        self.fold_of(reduction, T::ZERO, |a, j, v| if j == 0 || v > a || v.unordered() { v } else { a })
    }

    pub(super) fn min_of(&self, reduction: &Reduction) -> Tensor<T> {
        self.fold_of(reduction, T::ZERO, |a, j, v| if j == 0 || v < a || v.unordered() { v } else { a })
    }

    /// The index of the best element of each result, the first of several, a NaN before all.
    fn place_of(&self, reduction: &Reduction, better: impl Fn(T, T) -> bool + Sync) -> Tensor<i64> {
        let choose = |(i, a): (i64, T), j: usize, v: T| {
            // Without a branch, which no processor could predict.
            let takes = (j == 0) | better(v, a) | (v.unordered() & !a.unordered());
            (if takes { j as i64 } else { i }, if takes { v } else { a })
        };
        let one = reduction.groups(self.rank());
        let (x, block, shape) = if let [axes] = &one[..] {
            let x = self.contiguous();
            let (block, shape) = around(x.shape(), axes.clone());
            (x, block, shape)
        } else {
            let (rows, shape) = self.rows_of(reduction);
            let block = [rows.shape()[0], reduction.count, 1];
            (rows, block, shape)
        };
        let mut best = vec![(0i64, T::ZERO); block[0] * block[2]];
        reduce::fold(x.values(), block, &mut best, (0, T::ZERO), choose);
        Tensor::from_fn(shape, |i| best[i].0)
    }

    /// The sum that undoes a broadcast: over the axes along which `shape` was repeated to become the shape of this tensor.
    ///
    /// # Panics
    /// If `shape` does not broadcast to the shape of this tensor.
    #[track_caller]
    #[must_use]
    pub fn sum_to(&self, shape: &Shape) -> Tensor<T> {
        if self.shape() == shape {
            return self.clone();
        }
        let from = self.shape();
        assert!(from.broadcast(shape) == Some(*from), "sum_to: {shape} does not broadcast to {from}");
        let missing = from.rank() - shape.rank();
        let axes: Vec<usize> =
            (0..from.rank()).filter(|&d| d < missing || (shape[d - missing] == 1 && from[d] != 1)).collect();
        self.sum_keepdim(&axes[..]).reshape(shape)
    }
}

impl Tensor<bool> {
    reductions! {
        /// Whether all are true over `axes`; true over nothing.
        ///
        /// ```
        /// use ravine_tensor::Tensor;
        ///
        /// let x = Tensor::from([[1.0, f32::NAN], [3.0, 4.0]]);
        /// assert_eq!(x.is_finite().all(1).to_vec(), [false, true]);
        /// assert!(x.is_nan().any(..).item());
        /// ```
        all all_keepdim(;) -> bool = |x, r| x.fold_of(&r, true, |a, _, v| a & v);
        /// Whether any is true over `axes`; false over nothing.
        any any_keepdim(;) -> bool = |x, r| x.fold_of(&r, false, |a, _, v| a | v);
    }
}

impl<T: Element> Tensor<T> {
    reductions! {
        /// How many elements over `axes` are not 0 (or not false).
        count_nonzero count_nonzero_keepdim(;) -> i64 = |x, r| x.map(|v| i64::from(v != T::ZERO)).sum_of(&r, identity);
    }

    /// How many elements satisfy `f`.
    #[doc(alias = "count_nonzero")]
    pub fn count(&self, f: impl Fn(T) -> bool) -> usize {
        self.iter().filter(|&v| f(v)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_axes() {
        let x = Tensor::<i64>::from_fn([2, 3, 4, 5], |i| (i * i % 101) as i64);
        for bits in 0..16usize {
            let axes: Vec<usize> = (0..4).filter(|d| bits >> d & 1 == 1).collect();
            let sum = x.sum_keepdim(&axes[..]);
            let max = x
                .permute([3, 1, 0, 2])
                .max(&axes.iter().map(|&d| [2usize, 1, 3, 0][d]).collect::<Vec<_>>()[..]);
            assert_eq!(max.numel(), sum.numel());
            for at in 0..120 {
                let index = [at / 60, at / 20 % 3, at / 5 % 4, at % 5];
                let keep: [usize; 4] = std::array::from_fn(|d| if axes.contains(&d) { 0 } else { index[d] });
                let same = |i: &usize| {
                    let other = [i / 60, i / 20 % 3, i / 5 % 4, i % 5];
                    (0..4).all(|d| axes.contains(&d) || other[d] == index[d])
                };
                let want: i64 = (0..120).filter(same).map(|i| (i * i % 101) as i64).sum();
                assert_eq!(sum.at(keep), want, "{axes:?}");
            }
        }
        assert_eq!(x.max(..).item(), x.iter().max().unwrap());
        assert_eq!(x.min([0, 1, 2, 3]).item(), 0);
    }

    #[test]
    fn choosing() {
        let x = Tensor::from([[1.0, 3.0, 3.0], [f32::NAN, 5.0, f32::NAN]]);
        assert_eq!(x.argmax(1).to_vec(), [1, 0]);
        assert_eq!(x.argmin(0).to_vec(), [1, 0, 1]);
        assert_eq!((x.argmax(..).item(), x.argmin_keepdim([0, 1]).shape()), (3, &Shape::from([1, 1])));
        assert!(x.max(1).at([1]).is_nan() && x.min(..).item().is_nan());
        assert_eq!(x.max(1).at([0]), 3.0);
        assert_eq!(Tensor::from([f32::NEG_INFINITY]).max(..).item(), f32::NEG_INFINITY);
        assert_eq!(Tensor::<f32>::zeros([0, 2]).max(1).shape(), &[0]);
    }

    #[test]
    fn a_place_over_several_axes_counts_in_row_major_order() {
        let x = Tensor::<f64>::from_fn([3, 2, 4], |i| (i * 7 % 24) as f64);
        for (place, middle) in x.argmax([0, 2]).iter().zip(0..) {
            let (i, k) = (place as usize / 4, place as usize % 4);
            assert_eq!(x.at([i, middle, k]), x.max([0, 2]).at([middle]));
        }
    }

    #[test]
    fn logic() {
        let x = Tensor::from([[true, false, true], [true, true, true]]);
        assert_eq!((x.all(1).to_vec(), x.any(0).to_vec()), (vec![false, true], vec![true; 3]));
        assert_eq!(x.t().all_keepdim(0).shape(), &[1, 2]);
        assert!(Tensor::scalar(true).all(..).item());
        assert_eq!(x.count_nonzero(1).to_vec(), [2, 3]);
        assert_eq!(Tensor::from([0.0, -0.0, f32::NAN, 2.0]).count_nonzero(..).item(), 2);
    }

    #[test]
    fn over_nothing() {
        let empty = Tensor::<f32>::zeros([2, 0]);
        assert_eq!(empty.sum(1).to_vec(), [0.0, 0.0]);
        assert_eq!(empty.prod(1).to_vec(), [1.0, 1.0]);
        assert!(Tensor::<bool>::zeros([0]).all(..).item() && !Tensor::<bool>::zeros([0]).any(..).item());
        assert_eq!(Tensor::<f32>::zeros([2, 3, 0]).sum(1).shape(), &[2, 0]);
        assert_eq!(Tensor::<f32>::zeros([2, 3, 0]).max(1).shape(), &[2, 0]);
    }

    #[test]
    fn undoing_a_broadcast() {
        let x = Tensor::<f32>::ones([4, 3, 2]);
        assert_eq!(x.sum_to(&Shape::from([3, 1])).to_vec(), [8.0; 3]);
        assert_eq!(x.sum_to(&Shape::from(())).item(), 24.0);
    }

    #[test]
    #[should_panic(expected = "max: shape [2, 0] has no element to choose from")]
    fn nothing_to_choose_from() {
        let _ = Tensor::<f32>::zeros([2, 0]).max(1);
    }
}
