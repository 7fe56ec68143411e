//! Running sums, products, extremes and recurrences along an axis.
//!
//! Running sums and products of `f32` are kept in `f64` and rounded once per element, as PyTorch does on the CPU, so their error does
//! not grow with the length.

use crate::kernels::math::Math;
use crate::kernels::scan::scan;
use crate::{Element, Float, Number, Tensor};

impl<T: Number> Tensor<T> {
    /// `y[j] = Σ x[..=j]` along `axis`. Integers wrap.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.cumsum(1).to_vec(), [1.0, 3.0, 6.0, 4.0, 9.0, 15.0]);
    /// assert_eq!(x.cumsum(0).to_vec(), [1.0, 2.0, 3.0, 5.0, 7.0, 9.0]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cumsum(&self, axis: isize) -> Tensor<T> {
        self.running("cumsum", axis, T::Wide::ZERO, |sum, _, v| {
            *sum = sum.plus(v.widen());
            T::narrow(*sum)
        })
    }

    /// `y[j] = Π x[..=j]` along `axis`. Integers wrap.
    #[track_caller]
    #[must_use]
    pub fn cumprod(&self, axis: isize) -> Tensor<T> {
        self.running("cumprod", axis, T::Wide::ONE, |product, _, v| {
            *product = product.times(v.widen());
            T::narrow(*product)
        })
    }

    /// The largest of `x[..=j]` along `axis`, and where it stands: the last one if there are several. NaN from the first NaN on.
    #[track_caller]
    #[must_use]
    pub fn cummax(&self, axis: isize) -> (Tensor<T>, Tensor<i64>) {
        self.running_extreme("cummax", axis, |v, best| v >= best)
    }

    /// The smallest of `x[..=j]` along `axis`, and where it stands: the last one if there are several. NaN from the first NaN on.
    #[track_caller]
    #[must_use]
    pub fn cummin(&self, axis: isize) -> (Tensor<T>, Tensor<i64>) {
        self.running_extreme("cummin", axis, |v, best| v <= best)
    }

    #[track_caller]
    fn running_extreme(
        &self,
        op: &str,
        axis: isize,
        better: impl Fn(T, T) -> bool + Sync,
    ) -> (Tensor<T>, Tensor<i64>) {
        let next = |(best, place): &mut (T, i64), j: usize, v: T| {
            if j == 0 || v.unordered() || better(v, *best) {
                (*best, *place) = (v, j as i64);
            }
        };
        let init = (T::ZERO, 0);
        let values = self.running(op, axis, init, |state, j, v| {
            next(state, j, v);
            state.0
        });
        let places = self.running(op, axis, init, |state, j, v| {
            next(state, j, v);
            state.1
        });
        (values, places)
    }

    /// `y[j] = step(state, j, x[j])` along `axis`, `state` being `init` before the first.
    #[track_caller]
    fn running<A: Copy + Send + Sync, O: Element>(
        &self,
        op: &str,
        axis: isize,
        init: A,
        step: impl Fn(&mut A, usize, T) -> O + Sync,
    ) -> Tensor<O> {
        let at = self.shape().axis(op, axis);
        let (x, (block, _)) = (self.contiguous(), super::reduce::around(self.shape(), at..at + 1));
        let x = x.values();
        Tensor::build(*self.shape(), |out| scan(block, out, init, |state, j, place| step(state, j, x[place])))
    }
}

impl<T: Float> Tensor<T> {
    /// `y[j] = log Σ e^x[..=j]` along `axis`, without overflow.
    #[track_caller]
    #[must_use]
    pub fn logcumsumexp(&self, axis: isize) -> Tensor<T> {
        // The largest element so far, and the sum relative to it; NaN is never left.
        let init = (f64::NEG_INFINITY, 0.0);
        self.running("logcumsumexp", axis, init, |(max, sum), _, v| {
            let v = v.as_f64();
            if v > *max {
                *sum *= Math::exp(*max - v);
                *max = v;
            }
            // At an infinite maximum the difference of equals is 0, not NaN.
            *sum += match v == *max {
                true if v == f64::NEG_INFINITY => 0.0,
                true => 1.0,
                false => Math::exp(v - *max),
            };
            T::of(*max + Math::log(*sum))
        })
    }

    /// `y[j] = x[j] + a[j] y[j - 1]` along `axis`, starting from 0: a moving average with decay `a`, a discounted return when both
    /// are flipped, the state of a linear recurrent layer. `a` broadcasts to the shape of this tensor.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([1.0, 1.0, 1.0, 5.0]);
    /// assert_eq!(x.linear_recurrence(&Tensor::scalar(0.5), 0).to_vec(), [1.0, 1.5, 1.75, 5.875]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, or `a` does not broadcast to the shape of this tensor.
    #[track_caller]
    #[must_use]
    pub fn linear_recurrence(&self, a: &Tensor<T>, axis: isize) -> Tensor<T> {
        let shape = *self.shape();
        assert!(
            shape.broadcast(a.shape()) == Some(shape),
            "linear_recurrence: factors {} do not broadcast to {shape}",
            a.shape()
        );
        let a = a.expand(shape).contiguous();
        let a = a.values();
        let at = shape.axis("linear_recurrence", axis);
        let (x, (block, _)) = (self.contiguous(), super::reduce::around(&shape, at..at + 1));
        let x = x.values();
        Tensor::build(shape, |out| {
            scan(block, out, T::Wide::ZERO, |y, _, place| {
                *y = x[place].widen().plus(a[place].widen().times(*y));
                T::narrow(*y)
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn along_every_axis() {
        let x = Tensor::<i64>::from_fn([3, 4, 5], |i| (i * 7 % 11) as i64 - 4);
        for axis in 0..3 {
            let (sum, product, (max, place)) = (x.cumsum(axis), x.cumprod(axis), x.cummax(axis - 3));
            for at in 0..60 {
                let index = [at / 20, at / 5 % 4, at % 5];
                let line = |j: usize| {
                    let mut index = index;
                    index[axis as usize] = j;
                    x.at(index)
                };
                let until = index[axis as usize] + 1;
                assert_eq!(sum.at(index), (0..until).map(line).sum::<i64>());
                assert_eq!(product.at(index), (0..until).map(line).product::<i64>());
                let largest = (0..until).map(|j| (line(j), j as i64)).max().unwrap();
                assert_eq!((max.at(index), place.at(index)), largest, "the last of several");
            }
        }
    }

    #[test]
    fn a_long_running_sum_keeps_its_digits() {
        let x = Tensor::<f32>::full([1 << 20], 0.1);
        let y = x.cumsum(0);
        for j in [1000, 65_536, (1 << 20) - 1] {
            let exact = f64::from(0.1f32) * (j + 1) as f64;
            assert!((f64::from(y.at([j])) / exact - 1.0).abs() < 1e-7);
        }
        let y = Tensor::<f32>::zeros([1 << 20]).logcumsumexp(0);
        assert_eq!(y.at([(1 << 20) - 1]), (20.0 * 2f64.ln()) as f32);
    }

    #[test]
    fn nan_and_infinity() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let (max, place) = Tensor::from([1.0, 3.0, nan, 5.0]).cummax(0);
        assert!(max.at([1]) == 3.0 && max.at([3]).is_nan());
        assert_eq!(place.to_vec(), [0, 1, 2, 2]);
        assert_eq!(Tensor::from([2.0, 3.0, 2.0]).cummin(0).1.to_vec(), [0, 0, 2]);
        let y = Tensor::from([-inf, -inf, 1000.0, 1000.0, inf, inf, 0.0]).logcumsumexp(0);
        assert_eq!(y.to_vec(), [-inf, -inf, 1000.0, 1000.0 + 2f64.ln(), inf, inf, inf]);
        assert!(Tensor::from([0.0, nan, 1.0]).logcumsumexp(0).to_vec()[1..].iter().all(|v| v.is_nan()));
        for line in [[-inf, nan, -inf, 2.0], [nan, -inf, 1.0, inf]] {
            let y = Tensor::from(line).logcumsumexp(0).to_vec();
            assert!(
                y.iter()
                    .zip(line.iter().scan(false, |seen, v| {
                        *seen |= v.is_nan();
                        Some(*seen)
                    }))
                    .all(|(v, nan)| v.is_nan() == nan),
                "{y:?}"
            );
        }
    }

    #[test]
    fn nothing_and_integers() {
        assert_eq!(Tensor::<f32>::zeros([2, 0]).cumsum(1).shape(), &[2, 0]);
        assert_eq!(Tensor::<f32>::zeros([0, 2]).cummax(1).1.shape(), &[0, 2]);
        assert_eq!(Tensor::from([200u8, 100]).cumsum(0).to_vec(), [200, 44], "integers wrap");
    }
}
