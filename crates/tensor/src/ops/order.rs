//! Medians and quantiles over axes.

use super::reduce::reductions;
use super::sort::ascending;
use crate::{Float, Number, Tensor};

impl<T: Number> Tensor<T> {
    reductions! {
        /// The median over `axes`: the middle element in sorted order, or the lower of the two middle ones, as in
        /// PyTorch (the mean of the two is [`quantile(0.5, axes)`](Self::quantile)). NaN if there is one.
        ///
        /// # Panics
        /// If there is nothing to choose from.
        median median_keepdim(;) -> T = |x, r| {
            let (rows, shape) = x.rows_of(r.of_some("median", x.shape()));
            let mut row = vec![];
            Tensor::from_fn(shape, |i| {
                row.clear();
                row.extend_from_slice(&rows.values()[i * r.count..][..r.count]);
                if let Some(&nan) = row.iter().find(|v| v.unordered()) {
                    return nan;
                }
                *row.select_nth_unstable_by((r.count - 1) / 2, ascending).1
            })
        };
    }
}

impl<T: Float> Tensor<T> {
    reductions! {
        /// The `q`-quantile over `axes`, `0 <= q <= 1`: the sorted elements at position `q (n - 1)`, interpolated linearly between
        /// neighbours. NaN if there is one.
        ///
        /// ```
        /// use ravine_tensor::Tensor;
        ///
        /// let x = Tensor::from([3.0, 1.0, 4.0, 1.0]);
        /// assert_eq!((x.quantile(0.5, 0).item(), x.median(0).item()), (2.0, 1.0));
        /// ```
        ///
        /// # Panics
        /// If `q` is outside 0 to 1, or there is nothing to choose from.
        quantile quantile_keepdim(q: f64;) -> T = |x, r| {
            let (rows, shape) = x.rows_of(r.of_some("quantile", x.shape()));
            assert!((0.0..=1.0).contains(&q), "quantile: q is {q}, but must lie between 0 and 1");
            let place = q * (r.count.max(1) - 1) as f64;
            let (below, weight) = (place.floor() as usize, T::of(place.fract()));
            let mut row = vec![];
            Tensor::from_fn(shape, |i| {
                row.clear();
                row.extend_from_slice(&rows.values()[i * r.count..][..r.count]);
                if let Some(&nan) = row.iter().find(|v| v.unordered()) {
                    return nan;
                }
                let (_, &mut low, above) = row.select_nth_unstable_by(below, ascending);
                let high = above.iter().copied().reduce(|a, b| if b < a { b } else { a });
                high.map_or(low, |high| between(low, high, weight))
            })
        };
    }
}

/// `low + weight (high - low)`, also for infinite ends, where the difference would give NaN.
fn between<T: Float>(low: T, high: T, weight: T) -> T {
    let stays = weight == T::ZERO || low == high || (low.is_infinite() && high.is_finite());
    let distance = high - low;
    match distance.is_infinite() && low.is_finite() && high.is_finite() {
        _ if stays => low,
        // The difference overflows.
        true => low * (T::ONE - weight) + high * weight,
        false => low + weight * distance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles() {
        let x = Tensor::from([[5.0, 1.0, 3.0, 2.0], [4.0, f64::NAN, 0.0, 1.0]]);
        assert_eq!(x.median(1).at([0]), 2.0);
        assert_eq!(x.quantile(0.5, 1).at([0]), 2.5);
        assert_eq!(x.quantile(1.0, 1).at([0]), 5.0);
        assert_eq!(x.quantile_keepdim(0.1, 0).shape(), &[1, 4]);
        assert!((x.quantile(0.1, 0).at([0]) - 4.1).abs() < 1e-12);
        assert!(x.median(1).at([1]).is_nan() && x.quantile(0.25, 1).at([1]).is_nan());
        assert_eq!(x.narrow(0, 0, 1).t().median(..).item(), 2.0);
        assert_eq!(Tensor::from([[1, 9], [3, 7]]).median([0, 1]).item(), 3);
        assert_eq!(Tensor::from([f32::INFINITY, 1.0, f32::INFINITY]).quantile(0.75, 0).item(), f32::INFINITY);
    }

    #[test]
    fn quantiles_between_infinities() {
        let inf = f32::INFINITY;
        let quantile = |x: [f32; 2], q: f64| Tensor::from(x).quantile(q, 0).item();
        assert_eq!((quantile([inf, 1.0], 0.0), quantile([inf, 1.0], 0.5)), (1.0, inf));
        assert_eq!((quantile([-inf, 1.0], 0.25), quantile([-inf, 1.0], 0.75)), (-inf, -inf));
        assert_eq!((quantile([-inf, 1.0], 1.0), quantile([-inf, -inf], 0.5)), (1.0, -inf));
        assert!(quantile([-inf, inf], 0.5).is_nan());
        assert_eq!(quantile([f32::MIN, f32::MAX], 0.5), 0.0);
    }

    #[test]
    #[should_panic(expected = "median: shape [2, 0] has no element to choose from")]
    fn of_nothing() {
        let _ = Tensor::<f32>::zeros([2, 0]).median(1);
    }
}
