//! Softmax and its logarithm over the last axis, in one pass over each row, without overflow.

use crate::kernels::math::Math;
use crate::kernels::{reduce, simd::dispatch};
use crate::parallel::split_units;
use crate::{Float, Tensor};

impl<T: Float> Tensor<T> {
    /// `y[i] = e^(x[i] - max) / Σ e^(x[j] - max)` along the last axis.
    ///
    /// # Panics
    /// If this is a scalar.
    #[track_caller]
    #[must_use]
    pub fn softmax(&self) -> Tensor<T> {
        self.by_rows(
            "softmax",
            #[inline(always)]
            |x, y| {
                let max = row_max(x);
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = Math::exp(x - max));
                let scale = T::ONE / reduce::sum_slice(y, &|v| v);
                y.iter_mut().for_each(|y| *y *= scale);
            },
        )
    }

    /// `y[i] = x[i] - log Σ e^x[j]` along the last axis, the sum taken relative to the largest element (log-sum-exp).
    ///
    /// # Panics
    /// If this is a scalar.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(&self) -> Tensor<T> {
        self.by_rows(
            "log_softmax",
            #[inline(always)]
            |x, y| {
                let max = row_max(x);
                let log_sum = reduce::sum_slice(x, &|v: T| Math::exp(v - max)).ln();
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - max) - log_sum);
            },
        )
    }

    #[track_caller]
    fn by_rows(&self, op: &str, row: impl Fn(&[T], &mut [T]) + Sync) -> Tensor<T> {
        assert!(self.rank() > 0, "{op}: a scalar has no axis to normalise along");
        let x = self.contiguous();
        let (x, n) = (x.values(), self.size(-1));
        Tensor::build(*self.shape(), |out| {
            // An exponential counts for about ten elementary operations.
            split_units(out, n, 10 * x.len(), |rows, out| {
                dispatch(
                    #[inline(always)]
                    || {
                        for (r, y) in rows.clone().zip(out.chunks_exact_mut(n.max(1))) {
                            row(&x[r * n..][..n], y);
                        }
                    },
                );
            });
        })
    }
}

#[inline(always)]
fn row_max<T: Float>(x: &[T]) -> T {
    let max = reduce::max_slice(x);
    // A row of -inf alone: subtracting -inf would give NaN where the limit is NaN too, but 0 keeps log-sum-exp at -inf.
    if max == T::neg_infinity() { T::ZERO } else { max }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_logits_neither_overflow_nor_vanish() {
        let x = Tensor::from([[1e4f32, -1e4, 0.0], [1.0, 1.0, 1.0]]);
        assert_eq!(x.softmax().to_vec()[..3], [1.0, 0.0, 0.0]);
        assert_eq!(x.log_softmax().to_vec()[..3], [0.0, -2e4, -1e4]);
        assert!((x.log_softmax().at([1, 2]) + 3f32.ln()).abs() < 1e-6);
        assert!((x.softmax().sum(1).at([1]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn nan_spreads_over_its_row_only() {
        let y = Tensor::from([[f32::NAN, 1.0], [0.0, 0.0]]).softmax();
        assert!(y.at([0, 1]).is_nan() && y.at([1, 0]) == 0.5);
    }
}
