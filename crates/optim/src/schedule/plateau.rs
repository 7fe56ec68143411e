//! A rate that falls when a metric stops improving.

/// The rate falls by `factor` when a metric has not become better for more than `patience` observations.
///
/// It is a function of all the metrics observed so far, which the optimizer records and saves: see
/// [`Optimizer::plateau`](crate::Optimizer::plateau).
///
/// ```
/// use ravine_optim::Plateau;
///
/// let plateau = Plateau { factor: 0.5, patience: 1, ..Plateau::default() };
/// assert_eq!(plateau.factor(&[1.0, 0.5, 0.5]), 1.0);
/// assert_eq!(plateau.factor(&[1.0, 0.5, 0.5, 0.5]), 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// The factor on the rate.
    pub factor: f64,
    /// How many observations in a row may be no better.
    pub patience: usize,
    /// By how much a metric must improve on the best one so far: a share of that, or a difference if `absolute` is true.
    pub threshold: f64,
    /// Whether `threshold` is a difference.
    pub absolute: bool,
    /// The number of observations after a fall that do not count towards `patience`.
    pub cooldown: usize,
    /// The smallest factor on the rate after all falls. (PyTorch's `min_lr` is a rate: this factor times the rate of the schedule.)
    pub min_factor: f64,
    /// Falls of the factor by no more than this are ignored. (PyTorch's `eps` is for falls of the rate.)
    pub eps: f64,
    /// Which metrics are better.
    pub better: Better,
}

/// Which of two metrics is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Better {
    /// The lower one: a loss.
    #[default]
    Lower,
    /// The higher one: an accuracy.
    Higher,
}

impl Default for Plateau {
    fn default() -> Self {
        Plateau {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            absolute: false,
            cooldown: 0,
            min_factor: 0.0,
            eps: 1e-8,
            better: Better::Lower,
        }
    }
}

impl Plateau {
    /// Panics unless the factor makes the rate fall.
    #[track_caller]
    pub(crate) fn check(&self) {
        let factor = self.factor;
        assert!((0.0..1.0).contains(&factor), "Plateau: factor: found {factor}, expected from 0 to below 1");
    }

    /// The factor on the rate after these metrics. A metric that is NaN is never better.
    pub fn factor(&self, metrics: &[f64]) -> f64 {
        let worst = if self.better == Better::Lower { f64::INFINITY } else { f64::NEG_INFINITY };
        let (mut factor, mut best) = (1.0f64, worst);
        let (mut bad, mut cooling) = (0, 0);
        for &metric in metrics {
            if self.is_better(metric, best) {
                best = metric;
                bad = 0;
            } else {
                bad += 1;
            }
            if cooling > 0 {
                cooling -= 1;
                bad = 0;
            }
            if bad > self.patience {
                let next = (factor * self.factor).max(self.min_factor);
                factor = if factor - next > self.eps { next } else { factor };
                cooling = self.cooldown;
                bad = 0;
            }
        }
        factor
    }

    fn is_better(&self, metric: f64, best: f64) -> bool {
        // A share of an infinite metric would be infinite, but any finite metric is an improvement on it.
        let share = if best.is_infinite() { 0.0 } else { best };
        let margin = self.threshold * if self.absolute { 1.0 } else { share };
        match self.better {
            Better::Lower => metric < best - margin,
            Better::Higher => metric > best + margin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_infinite_metric_any_finite_one_is_better() {
        let lower = Plateau { factor: 0.5, patience: 1, ..Plateau::default() };
        assert_eq!(lower.factor(&[f64::INFINITY, 5.0, 4.0, 3.0, 2.0, 1.0]), 1.0);
        let higher = Plateau { better: Better::Higher, ..lower };
        assert_eq!(higher.factor(&[f64::NEG_INFINITY, -5.0, -4.0, -3.0]), 1.0);
        assert_eq!(higher.factor(&[f64::NAN, f64::NAN, 1.0]), 0.5);
    }
}
