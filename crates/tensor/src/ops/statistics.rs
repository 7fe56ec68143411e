//! Means, variances and norms over axes.

use std::convert::identity;

use super::reduce::{Reduction, reductions};
use crate::kernels::math::Math;
use crate::kernels::simd::Isa;
use crate::kernels::{norm, reduce};
use crate::{DType, Float, Tensor};

impl<T: Float> Tensor<T> {
    reductions! {
        /// `Σ x / n` over `axes`; NaN over nothing.
        mean mean_keepdim(;) -> T = |x, r| x.mean_of(&r);
        /// The variance `Σ (x - mean)² / (n - correction)` over `axes`.
        ///
        /// In two passes, and corrected for the rounding of the mean (Chan, Golub and LeVeque 1983), so that a large mean costs
        /// no digits. `correction` 1 is the unbiased estimate, 0 the second moment about the mean. NaN where `n <= correction`.
        var var_keepdim(; correction: usize) -> T = |x, r| x.var_of(&r, correction);
        /// The standard deviation over `axes`: the root of [`var`](Self::var).
        std std_keepdim(; correction: usize) -> T = |x, r| x.var_of(&r, correction).sqrt();
        /// The `p`-norm `(Σ |x|ᵖ)^(1/p)` over `axes`, summed in `f64`: for `f32` and `p` up to 2 it neither overflows nor underflows on
        /// the way.
        ///
        /// `p` 2 is the Euclidean (of a matrix, the Frobenius) norm, 1 the sum of magnitudes, `f64::INFINITY` the largest and
        /// `-f64::INFINITY` the smallest magnitude, 0 the number of elements that are not 0 (NaN is not). NaN spreads, but for that.
        ///
        /// ```
        /// use ravine_tensor::Tensor;
        ///
        /// let x = Tensor::from([[3.0f32, -4.0], [1e30, 0.0]]);
        /// assert_eq!(x.norm(2.0, 1).to_vec(), [5.0, 1e30]);
        /// assert_eq!(x.norm(f64::INFINITY, 0).to_vec(), [1e30, 4.0]);
        /// assert_eq!(x.norm(0.0, ..).item(), 3.0);
        /// ```
        ///
        /// # Panics
        /// If `p` is NaN, or infinite where there is nothing to choose from.
        norm norm_keepdim(p: f64;) -> T = |x, r| x.norm_of(&r, p);
        /// `log Σ eˣ` over `axes`, taken relative to the largest so that nothing overflows; `-inf` over nothing.
        ///
        /// ```
        /// use ravine_tensor::Tensor;
        ///
        /// let x = Tensor::from([[1000.0f32, 1000.0], [0.0, f32::NEG_INFINITY]]);
        /// assert_eq!(x.logsumexp(1).to_vec(), [1000.0 + 2f32.ln(), 0.0]);
        /// ```
        logsumexp logsumexp_keepdim(;) -> T = |x, r| x.logsumexp_of(&r);
    }

    fn mean_of(&self, reduction: &Reduction) -> Tensor<T> {
        self.sum_of(reduction, identity) / T::of(reduction.count as f64)
    }

    fn var_of(&self, reduction: &Reduction, correction: usize) -> Tensor<T> {
        let sum = self.squares_about_mean(reduction);
        let freedom =
            if reduction.count > correction { (reduction.count - correction) as f64 } else { f64::NAN };
        sum / T::of(freedom)
    }

    /// `Σ (x - mean)²`, in the `keepdim` shape.
    fn squares_about_mean(&self, reduction: &Reduction) -> Tensor<T> {
        if let Some(([_, n, 1], shape)) = reduction.block(self.shape()) {
            let x = self.contiguous();
            return Tensor::build(shape, |out| norm::squares_about_mean(x.values(), n, out));
        }
        let centred = self - &self.mean_of(reduction);
        let slip = centred.sum_of(reduction, identity).square() / T::of(reduction.count as f64);
        centred.sum_of(reduction, |v| v * v) - slip
    }

    #[track_caller]
    fn norm_of(&self, reduction: &Reduction, p: f64) -> Tensor<T> {
        assert!(!p.is_nan(), "norm: the order p is NaN");
        let sum = |f: fn(f64) -> f64| self.sum_of(reduction, move |v| f(v.as_f64().abs()));
        if p == f64::INFINITY {
            let some = reduction.of_some("norm", self.shape());
            return self.abs().max_of(some);
        } else if p == f64::NEG_INFINITY {
            let some = reduction.of_some("norm", self.shape());
            return self.abs().min_of(some);
        } else if p == 2.0 {
            return sum(|v| v * v).map(|v| T::of(v.sqrt()));
        } else if p == 1.0 {
            return sum(|v| v).map(T::of);
        } else if p == 0.0 {
            return sum(|v| f64::from(u8::from(v != 0.0))).map(T::of);
        }
        self.sum_of(reduction, |v| v.as_f64().abs().powf(p)).map(|v| T::of(v.powf(1.0 / p)))
    }

    fn logsumexp_of(&self, reduction: &Reduction) -> Tensor<T> {
        // An infinite maximum would give ∞ - ∞; relative to 0 the sum is right as it is.
        let larger = |a: T, _, v: T| if v > a || v.unordered() { v } else { a };
        let max = self.fold_of(reduction, T::neg_infinity(), larger);
        let max = max.map(|m| if m.is_finite() { m } else { T::ZERO });
        let sum = self.zip(&max, |x, m| Math::exp(x - m)).sum_of(reduction, identity);
        sum.zip(&max, |sum, m| Math::log(sum) + m)
    }

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
        match self.as_slice() {
            Some(values) => reduce::total(values, add_square()),
            None => reduce::total(self.contiguous().values(), add_square()),
        }
    }

    /// `x += y`, and the [`norm_squared`](Self::norm_squared) of the sum, to the bit, in one pass over memory.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let mut x = Tensor::from([1.0f32, -4.0]);
    /// assert_eq!(x.add_norm_squared(&Tensor::from([2.0, 0.0])), 25.0);
    /// assert_eq!(x.to_vec(), [3.0, -4.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn add_norm_squared(&mut self, y: &Tensor<T>) -> f64 {
        assert!(self.shape() == y.shape(), "add_norm_squared: {} differs from {}", y.shape(), self.shape());
        match y.as_slice() {
            Some(y) => reduce::add_total(self.as_mut_slice(), y, add_square()),
            None => reduce::add_total(self.as_mut_slice(), y.contiguous().values(), add_square()),
        }
    }
}

/// Adds `v²` to a sum in `f64`, where the square of an `f32` cannot overflow.
///
/// That square is also exact, so a fused multiply-add gives the same bits in half the time; a processor without the instruction would
/// call a function.
fn add_square<T: Float>() -> impl Fn(f64, T) -> f64 {
    let fused = T::DTYPE == DType::F32 && Isa::detect() > Isa::Portable;
    #[inline(always)]
    move |sum, v| {
        let v = v.as_f64();
        if fused { v.mul_add(v, sum) } else { sum + v * v }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let half = &x * 0.5;
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut sum = half.t();
            assert_eq!(
                pool.install(|| sum.add_norm_squared(&half.t())).to_bits(),
                x.t().norm_squared().to_bits()
            );
            assert_eq!(sum, x.t());
        }
        assert_eq!(Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).t().narrow(0, 0, 1).norm_squared(), 10.0);
        assert_eq!(Tensor::<f32>::zeros([0]).norm_squared(), 0.0);
        assert!(Tensor::from([f32::MAX; 4]).norm_squared().is_finite());
        assert!(!Tensor::from([f32::INFINITY, 1.0]).norm_squared().is_finite());
    }

    #[test]
    fn norms_of_every_order() {
        let x = Tensor::from([[3.0f64, -4.0, 0.0], [1.0, -1.0, 2.0]]);
        assert_eq!(x.norm(1.0, 1).to_vec(), [7.0, 4.0]);
        assert_eq!(x.norm(2.0, 1).to_vec(), [5.0, 6f64.sqrt()]);
        assert_eq!(x.norm(0.0, 1).to_vec(), [2.0, 3.0]);
        assert_eq!(x.norm(f64::INFINITY, 0).to_vec(), [3.0, 4.0, 2.0]);
        assert_eq!(x.norm_keepdim(f64::NEG_INFINITY, 0).to_vec(), [1.0, 1.0, 0.0]);
        assert!((x.norm(3.0, ..).item() - 101f64.cbrt()).abs() < 1e-12);
        assert!((x.norm(-1.0, 1).at([1]) - 0.4).abs() < 1e-12);
        for p in [0.5, 1.0, 2.0, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Tensor::from([1.0f32, f32::NAN]).norm(p, ..).item().is_nan(), "{p}");
        }
        assert_eq!(Tensor::<f32>::zeros([0]).norm(2.0, ..).item(), 0.0);
        assert_eq!(Tensor::from([1e-30f32, 1e-30]).norm(2.0, ..).item(), 2f32.sqrt() * 1e-30);
    }

    #[test]
    fn log_sum_exp_at_the_edges() {
        let inf = f64::INFINITY;
        let x = Tensor::from([[inf, 0.0], [-inf, -inf], [-1e4, -1e4], [f64::NAN, inf]]);
        let y = x.logsumexp(1);
        assert_eq!((y.at([0]), y.at([1]), y.at([2])), (inf, -inf, -1e4 + 2f64.ln()));
        assert!(y.at([3]).is_nan());
        assert_eq!(Tensor::<f64>::zeros([2, 0]).logsumexp_keepdim(1).to_vec(), [-inf; 2]);
        assert_eq!(Tensor::scalar(3.0f64).logsumexp(..).item(), 3.0);
    }

    #[test]
    fn over_nothing_and_over_a_scalar() {
        assert!(Tensor::<f32>::zeros([0]).mean(..).item().is_nan());
        assert!(Tensor::<f32>::zeros([0]).var(.., 0).item().is_nan());
        assert_eq!((Tensor::scalar(3.0).mean(..).item(), Tensor::scalar(3.0).std(.., 0).item()), (3.0, 0.0));
    }
}
