//! Reductions: many numbers into one, along some axes or all.
//!
//! The axes are an argument, `x.sum(0)`, `x.sum([0, 2])`, `x.sum(..)`; reduced axes disappear, or stay with size 1 in the
//! `_keepdim` forms. What is added in which order depends on the shape alone (see `kernels::reduce`).

use std::convert::identity;
use std::ops::Range;

use crate::kernels::reduce;
use crate::shape::Axes;
use crate::{Element, Float, MAX_RANK, Number, Shape, Tensor};

/// Which axes go, and what is left.
struct Reduction {
    mask: [bool; MAX_RANK],
    /// How many elements each result stands for.
    count: usize,
    kept: Shape,
}

impl Reduction {
    #[track_caller]
    fn new(op: &str, shape: &Shape, axes: impl Axes) -> Self {
        let mask = axes.mask(op, shape);
        let sizes = || shape.iter().copied().zip(mask);
        let kept: Vec<usize> = sizes().filter(|&(_, gone)| !gone).map(|(n, _)| n).collect();
        let count = sizes().filter(|&(_, gone)| gone).map(|(n, _)| n).product();
        Reduction { mask, count, kept: Shape::from(kept) }
    }

    /// Runs of neighbouring axes that go, the last run first.
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
}

/// `shape` as a block `[outer, n, inner]` around a run of axes, and with these axes at size 1.
fn around(shape: &Shape, axes: Range<usize>) -> ([usize; 3], Shape) {
    let product = |range: Range<usize>| shape[range].iter().product();
    let block = [product(0..axes.start), product(axes.clone()), product(axes.end..shape.rank())];
    let mut reduced = *shape;
    reduced[axes].fill(1);
    (block, reduced)
}

impl<T: Number> Tensor<T> {
    /// `Σ f(x)`, in the `keepdim` shape: the last run of axes first, through `f`, then the others.
    fn sum_of<U: Number>(&self, reduction: &Reduction, f: impl Fn(T) -> U + Sync) -> Tensor<U> {
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

    /// The fold of `f(so far, position, element)` in the `keepdim` shape, for an `f` that may be applied in any grouping.
    fn fold_of(&self, reduction: &Reduction, init: T, f: impl Fn(T, usize, T) -> T + Sync) -> Tensor<T> {
        let mut y = self.contiguous();
        for group in reduction.groups(self.rank()) {
            let (block, shape) = around(y.shape(), group);
            y = Tensor::build(shape, |out| reduce::fold(y.values(), block, out, init, &f));
        }
        y
    }

    /// `Σ x` over `axes`.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum(0).to_vec(), [4.0, 6.0]);
    /// assert_eq!(x.sum_keepdim(-1).shape(), &[2, 1]);
    /// assert_eq!(x.sum(..).item(), 10.0);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sum(&self, axes: impl Axes) -> Tensor<T> {
        let reduction = Reduction::new("sum", self.shape(), axes);
        self.sum_of(&reduction, identity).reshape(reduction.kept)
    }

    /// [`sum`](Self::sum), keeping the reduced axes with size 1.
    #[track_caller]
    #[must_use]
    pub fn sum_keepdim(&self, axes: impl Axes) -> Tensor<T> {
        self.sum_of(&Reduction::new("sum", self.shape(), axes), identity)
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

    /// The product over `axes`; 1 over nothing.
    #[track_caller]
    #[must_use]
    pub fn prod(&self, axes: impl Axes) -> Tensor<T> {
        let reduction = Reduction::new("prod", self.shape(), axes);
        self.fold_of(&reduction, T::ONE, |a, _, v| a.times(v)).reshape(reduction.kept)
    }

    /// The largest element over `axes`; NaN if there is one.
    ///
    /// # Panics
    /// If there is nothing to choose from.
    #[track_caller]
    #[must_use]
    #[doc(alias = "amax")]
    pub fn max(&self, axes: impl Axes) -> Tensor<T> {
        let reduction = self.choice("max", axes);
        let y =
            self.fold_of(&reduction, T::ZERO, |a, j, v| if j == 0 || v > a || v.unordered() { v } else { a });
        y.reshape(reduction.kept)
    }

    /// The smallest element over `axes`; NaN if there is one.
    ///
    /// # Panics
    /// If there is nothing to choose from.
    #[track_caller]
    #[must_use]
    #[doc(alias = "amin")]
    pub fn min(&self, axes: impl Axes) -> Tensor<T> {
        let reduction = self.choice("min", axes);
        let y =
            self.fold_of(&reduction, T::ZERO, |a, j, v| if j == 0 || v < a || v.unordered() { v } else { a });
        y.reshape(reduction.kept)
    }

    #[track_caller]
    fn choice(&self, op: &str, axes: impl Axes) -> Reduction {
        let reduction = Reduction::new(op, self.shape(), axes);
        let empty = reduction.count == 0 && reduction.kept.numel() > 0;
        assert!(!empty, "{op}: shape {} has no element to choose from along these axes", self.shape());
        reduction
    }

    /// Where the largest element along `axis` stands: the first one if there are several, a NaN before all others.
    ///
    /// # Panics
    /// If the axis has size 0.
    #[track_caller]
    #[must_use]
    pub fn argmax(&self, axis: isize) -> Tensor<i64> {
        self.arg("argmax", axis, |v, best| v > best)
    }

    /// Where the smallest element along `axis` stands: the first one if there are several, a NaN before all others.
    ///
    /// # Panics
    /// If the axis has size 0.
    #[track_caller]
    #[must_use]
    pub fn argmin(&self, axis: isize) -> Tensor<i64> {
        self.arg("argmin", axis, |v, best| v < best)
    }

    #[track_caller]
    fn arg(&self, op: &str, axis: isize, better: impl Fn(T, T) -> bool + Sync) -> Tensor<i64> {
        let reduction = self.choice(op, axis);
        let x = self.contiguous();
        let at = self.shape().axis(op, axis);
        let (block, _) = around(x.shape(), at..at + 1);
        let mut best = vec![(0i64, T::ZERO); block[0] * block[2]];
        reduce::fold(x.values(), block, &mut best, (0, T::ZERO), |(i, a), j, v| {
            if j == 0 || better(v, a) || (v.unordered() && !a.unordered()) { (j as i64, v) } else { (i, a) }
        });
        Tensor::from_fn(reduction.kept, |i| best[i].0)
    }
}

impl<T: Float> Tensor<T> {
    /// `Σ x / n` over `axes`; NaN over nothing.
    #[track_caller]
    #[must_use]
    pub fn mean(&self, axes: impl Axes) -> Tensor<T> {
        let reduction = Reduction::new("mean", self.shape(), axes);
        self.mean_of(&reduction).reshape(reduction.kept)
    }

    /// [`mean`](Self::mean), keeping the reduced axes with size 1.
    #[track_caller]
    #[must_use]
    pub fn mean_keepdim(&self, axes: impl Axes) -> Tensor<T> {
        self.mean_of(&Reduction::new("mean", self.shape(), axes))
    }

    fn mean_of(&self, reduction: &Reduction) -> Tensor<T> {
        self.sum_of(reduction, identity) / T::of(reduction.count as f64)
    }

    /// The variance `Σ (x - mean)² / (n - correction)` over `axes`.
    ///
    /// In two passes, and corrected for the rounding of the mean (Chan, Golub and LeVeque 1983), so that a large mean costs
    /// no digits. `correction` 1 is the unbiased estimate, 0 the second moment about the mean. NaN where `n <= correction`.
    #[track_caller]
    #[must_use]
    pub fn var(&self, axes: impl Axes, correction: usize) -> Tensor<T> {
        let reduction = Reduction::new("var", self.shape(), axes);
        let centred = self - &self.mean_of(&reduction);
        let slip = centred.sum_of(&reduction, identity).square() / T::of(reduction.count as f64);
        let sum = (centred.sum_of(&reduction, |v| v * v) - slip).reshape(reduction.kept);
        let divisor =
            if reduction.count > correction { (reduction.count - correction) as f64 } else { f64::NAN };
        sum / T::of(divisor)
    }
}

impl<T: Float> Tensor<T> {
    /// `Σ x²` over all elements, in `f64`: the square of the Euclidean (Frobenius) norm.
    ///
    /// Of `f32` elements it cannot overflow, so it is finite exactly if all of them are.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::from([3.0f32, -4.0]).norm_squared().sqrt(), 5.0);
    /// ```
    #[must_use]
    pub fn norm_squared(&self) -> f64 {
        let square = |v: T| v.as_f64() * v.as_f64();
        match self.as_slice() {
            Some(values) => reduce::total(values, square),
            None => reduce::total(self.contiguous().values(), square),
        }
    }
}

impl<T: Element> Tensor<T> {
    /// How many elements satisfy `f`.
    pub fn count(&self, f: impl Fn(T) -> bool) -> usize {
        self.iter().filter(|&v| f(v)).count()
    }

    /// Whether every element satisfies `f`.
    pub fn all(&self, f: impl Fn(T) -> bool) -> bool {
        self.iter().all(f)
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
    fn variance_is_stable_far_from_zero() {
        let x = Tensor::<f32>::from_fn(1000, |i| 1e8 + (i % 2) as f32 * 8.0);
        assert_eq!(x.var(.., 0).item(), 16.0);
        assert!((x.var(.., 1).item() - 16.0 * 1000.0 / 999.0).abs() < 1e-4);
        assert!(Tensor::from([1.0f32]).var(.., 1).item().is_nan());
    }

    #[test]
    fn the_norm_is_accurate_and_the_same_for_any_number_of_threads() {
        let x = Tensor::<f32>::from_fn([1000, 777], |i| ((i * 7919) % 1013) as f32 * 1e17 - 3e19);
        let exact: f64 = x.iter().map(|v| f64::from(v) * f64::from(v)).sum();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| x.norm_squared())
        };
        assert!((run(1) / exact - 1.0).abs() < 1e-12);
        assert!([2, 3, 8].iter().all(|&t| run(t).to_bits() == run(1).to_bits()));
        assert_eq!(Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).t().narrow(0, 0, 1).norm_squared(), 10.0);
        assert_eq!(Tensor::<f32>::zeros([0]).norm_squared(), 0.0);
        assert!(Tensor::from([f32::MAX; 4]).norm_squared().is_finite());
        assert!(!Tensor::from([f32::INFINITY, 1.0]).norm_squared().is_finite());
    }

    #[test]
    fn choosing() {
        let x = Tensor::from([[1.0, 3.0, 3.0], [f32::NAN, 5.0, f32::NAN]]);
        assert_eq!(x.argmax(1).to_vec(), [1, 0]);
        assert_eq!(x.argmin(0).to_vec(), [1, 0, 1]);
        assert!(x.max(1).at([1]).is_nan() && x.min(..).item().is_nan());
        assert_eq!(x.max(1).at([0]), 3.0);
        assert_eq!(Tensor::from([f32::NEG_INFINITY]).max(..).item(), f32::NEG_INFINITY);
        assert_eq!(Tensor::<f32>::zeros([0, 2]).max(1).shape(), &[0]);
    }

    #[test]
    fn over_nothing() {
        let empty = Tensor::<f32>::zeros([2, 0]);
        assert_eq!(empty.sum(1).to_vec(), [0.0, 0.0]);
        assert_eq!(empty.prod(1).to_vec(), [1.0, 1.0]);
        assert!(empty.mean(..).item().is_nan());
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
