//! Counting: how often each number occurs, and how many fall into each bin.

use crate::{Float, Number, Tensor};

impl Tensor<i64> {
    /// How often 0, 1, 2, ... occur, up to the largest element, at least `min_length` of them.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::from([1, 3, 1]).bincount(5).to_vec(), [0, 2, 0, 1, 0]);
    /// ```
    ///
    /// # Panics
    /// If an element is negative, or so large that memory has no room for as many counts.
    #[track_caller]
    #[must_use]
    pub fn bincount(&self, min_length: usize) -> Tensor<i64> {
        self.counted("bincount", &Tensor::scalar(1).expand(*self.shape()), min_length)
    }

    /// For each of 0, 1, 2, ... up to the largest element, at least `min_length` of them, the sum of the weights at the positions where it
    /// occurs; added in order.
    ///
    /// # Panics
    /// If an element is negative, or so large that memory has no room for as many sums; or if the shapes differ.
    #[track_caller]
    #[must_use]
    pub fn bincount_weighted<T: Number>(&self, weights: &Tensor<T>, min_length: usize) -> Tensor<T> {
        assert!(
            self.shape() == weights.shape(),
            "bincount_weighted: elements {} and weights {} differ in shape",
            self.shape(),
            weights.shape()
        );
        self.counted("bincount_weighted", weights, min_length)
    }

    #[track_caller]
    fn counted<T: Number>(&self, op: &str, weights: &Tensor<T>, min_length: usize) -> Tensor<T> {
        let (least, most) = self.iter().fold((0, -1), |(least, most), i| (i.min(least), i.max(most)));
        assert!(least == 0, "{op}: element {least} is negative");
        let count = min_length.max(usize::try_from(most.saturating_add(1)).unwrap_or(usize::MAX));
        let mut sums = vec![];
        // The data decide the size, which may exceed the memory.
        let room = sums.try_reserve_exact(count);
        assert!(room.is_ok(), "{op}: there is no memory for {count} counts");
        sums.resize(count, T::ZERO);
        for (i, weight) in self.iter().zip(weights.iter()) {
            sums[i as usize] = sums[i as usize].plus(weight);
        }
        Tensor::from_slice(&sums, [sums.len()])
    }
}

impl<T: Float> Tensor<T> {
    /// How many elements fall into each of `bins` bins of equal width between `low` and `high`, and the `bins + 1` edges of the bins.
    ///
    /// A bin holds its lower edge but not its upper, except for the last, which holds both. Elements outside, and NaNs, are not counted.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let (counts, edges) = Tensor::from([0.0, 0.4, 0.5, 1.0, 2.0]).histogram(2, 0.0, 1.0);
    /// assert_eq!((counts.to_vec(), edges.to_vec()), (vec![2, 2], vec![0.0, 0.5, 1.0]));
    /// ```
    ///
    /// # Panics
    /// If there is no bin, or `low < high` does not hold with both finite.
    #[track_caller]
    #[must_use]
    pub fn histogram(&self, bins: usize, low: T, high: T) -> (Tensor<i64>, Tensor<T>) {
        assert!(
            low < high && low.is_finite() && high.is_finite(),
            "histogram: the range {low} to {high} is not one"
        );
        assert!(bins > 0, "histogram: there must be at least one bin");
        let edges = Tensor::linspace(low, high, bins.saturating_add(1));
        let inner = edges.narrow(0, 1, bins - 1).searchsorted(self, true);
        let inside = self.map(|v| i64::from(v >= low && v <= high));
        (inner.bincount_weighted(&inside, bins), edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting() {
        let x = Tensor::from([[2i64, 0], [2, 5]]);
        assert_eq!(x.t().bincount(0).to_vec(), [1, 0, 2, 0, 0, 1]);
        assert_eq!(x.bincount_weighted(&Tensor::from([[0.5, 1.0], [0.25, 2.0]]), 7).at([2]), 0.75);
        assert_eq!(Tensor::zeros([0]).bincount(0).shape(), &[0]);
    }

    #[test]
    fn bins_hold_their_lower_edge_and_the_last_both() {
        let x = Tensor::from([-1.0, 0.0, 1.0, 2.0, 2.9, 3.0, 3.1, f32::NAN]);
        assert_eq!(x.histogram(3, 0.0, 3.0).0.to_vec(), [1, 1, 3]);
        assert_eq!(x.histogram(1, 0.0, 3.0).0.to_vec(), [5]);
        // A bin found by division would be off by one where an edge is not exact.
        let x = Tensor::<f64>::linspace(0.0, 0.7, 8);
        assert_eq!(x.histogram(7, 0.0, 0.7).0.to_vec(), [1, 1, 1, 1, 1, 1, 2]);
    }

    #[test]
    #[should_panic(expected = "bincount: there is no memory for 9223372036854775807 counts")]
    fn more_bins_than_memory_has() {
        let _ = Tensor::from([i64::MAX - 1]).bincount(0);
    }

    #[test]
    #[should_panic(expected = "bincount: element -1 is negative")]
    fn negative() {
        let _ = Tensor::from([3, -1]).bincount(0);
    }
}
