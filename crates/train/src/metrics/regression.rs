//! How far predictions are from their targets.

use ravine_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Sums over the errors `prediction - target`, and the scatter of the targets.
///
/// ```
/// use ravine_tensor::Tensor;
/// use ravine_train::metrics::Residuals;
///
/// let residuals = Residuals::of(&Tensor::from([2.0, 0.0, 5.0]), &Tensor::from([1.0, 2.0, 3.0]));
/// assert_eq!(residuals.mae(), 5.0 / 3.0);
/// assert_eq!(residuals.rmse(), 3f64.sqrt());
/// assert_eq!(residuals.r2(), 1.0 - 9.0 / 2.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Residuals {
    count: u64,
    absolute: f64,
    squared: f64,
    /// The mean of the targets, and the sum of their squared distances to it.
    mean: f64,
    scatter: f64,
}

impl Residuals {
    /// The number of elements.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The residuals of predictions and targets of the same shape, element by element.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of(predictions: &Tensor, targets: &Tensor) -> Self {
        assert!(
            predictions.shape() == targets.shape(),
            "Residuals::of: predictions {} for targets {}",
            predictions.shape(),
            targets.shape()
        );
        let mut sums = Residuals { count: targets.numel() as u64, ..Residuals::default() };
        sums.mean = targets.iter().map(f64::from).sum::<f64>() / (sums.count as f64).max(1.0);
        for (prediction, target) in predictions.iter().zip(targets.iter()) {
            let (error, distance) =
                (f64::from(prediction) - f64::from(target), f64::from(target) - sums.mean);
            sums.absolute += error.abs();
            sums.squared += error * error;
            sums.scatter += distance * distance;
        }
        sums
    }

    /// The mean absolute error.
    pub fn mae(&self) -> f64 {
        self.absolute / self.count as f64
    }

    /// The root of the mean squared error.
    pub fn rmse(&self) -> f64 {
        (self.squared / self.count as f64).sqrt()
    }

    /// The coefficient of determination, `1 - Σ error² / Σ (target - mean)²`: 1 for perfect predictions, 0 for always predicting the mean.
    /// If all targets are equal, it is 1 where every prediction is right, and otherwise 0. It is NaN if a prediction is.
    pub fn r2(&self) -> f64 {
        match (self.scatter == 0.0, self.squared == 0.0) {
            (true, true) => 1.0,
            (true, false) if !self.squared.is_nan() => 0.0,
            _ => 1.0 - self.squared / self.scatter,
        }
    }

    /// Adds the residuals of other samples. Chan, Golub and LeVeque 1979.
    pub fn add(&mut self, other: &Residuals) {
        let count = self.count + other.count;
        if count == 0 {
            return;
        }
        let (share, delta) = (other.count as f64 / count as f64, other.mean - self.mean);
        self.scatter += other.scatter + delta * delta * self.count as f64 * share;
        self.mean += delta * share;
        self.absolute += other.absolute;
        self.squared += other.squared;
        self.count = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_join_to_the_whole() {
        // Targets far from zero, where a difference of sums of squares would lose all digits.
        let y: Tensor = Tensor::from_fn([100], |i| 1000.0 + (i * 7 % 13) as f32 / 16.0);
        let x = y.map(|y| y + (y * 3.0).sin() / 8.0);
        let whole = Residuals::of(&x, &y);
        let mut joined = Residuals::default();
        for (start, len) in [(0, 1), (1, 0), (1, 36), (37, 63)] {
            joined.add(&Residuals::of(&x.narrow(0, start, len), &y.narrow(0, start, len)));
        }
        for (a, b) in [(whole.mae(), joined.mae()), (whole.rmse(), joined.rmse()), (whole.r2(), joined.r2())]
        {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
    }

    #[test]
    fn equal_targets() {
        let same = |prediction: f32| Residuals::of(&Tensor::from([prediction]), &Tensor::from([2.0])).r2();
        assert_eq!((same(2.0), same(1.0)), (1.0, 0.0));
        assert!(same(f32::NAN).is_nan());
    }
}
