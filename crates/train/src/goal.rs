//! Which record of a run is the best one.

use ravine_optim::Better;

use crate::Record;

/// The metric that a run is to optimize: it decides which checkpoints [`Trainer::keep_best`](crate::Trainer::keep_best) keeps, and when
/// [`Trainer::patience`](crate::Trainer::patience) stops the run. It is taken from the scores on the test set, or from those of training if
/// there is no test set.
///
/// ```
/// use ravine_train::Goal;
///
/// let goal = Goal::highest("accuracy").by_at_least(0.001);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    pub(crate) metric: String,
    pub(crate) better: Better,
    pub(crate) margin: f64,
}

impl Goal {
    /// The lowest value of this metric; `loss` is one too.
    pub fn lowest(metric: impl Into<String>) -> Self {
        Goal { metric: metric.into(), better: Better::Lower, margin: 0.0 }
    }

    /// The highest value of this metric.
    pub fn highest(metric: impl Into<String>) -> Self {
        Goal { metric: metric.into(), better: Better::Higher, margin: 0.0 }
    }

    /// By how much a value must improve on the best one so far to count as better for the patience of a run.
    #[must_use]
    pub fn by_at_least(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// The metric in a record; NaN if the record does not have it.
    pub fn value(&self, record: &Record) -> f64 {
        record.scores().metric(&self.metric).unwrap_or(f64::NAN)
    }

    /// The value or its negative, so that the lowest cost is the best.
    pub(crate) fn cost(&self, value: f64) -> f64 {
        if self.better == Better::Lower { value } else { -value }
    }

    /// The indices of the best `k` records, the best first. Of equal ones the earlier comes first; those whose metric is NaN are left out.
    pub fn best(&self, history: &[Record], k: usize) -> Vec<usize> {
        let mut indices: Vec<usize> =
            (0..history.len()).filter(|&i| !self.value(&history[i]).is_nan()).collect();
        let cost = |&i: &usize| self.cost(self.value(&history[i]));
        indices.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        indices.truncate(k);
        indices
    }

    /// How many records have come since the last improvement.
    pub fn stale(&self, history: &[Record]) -> usize {
        let (mut best, mut stale) = (f64::NAN, 0);
        for value in history.iter().map(|record| self.value(record)) {
            let better = match self.better {
                Better::Lower => value < best - self.margin,
                Better::Higher => value > best + self.margin,
            };
            if better || (best.is_nan() && !value.is_nan()) {
                (best, stale) = (value, 0);
            } else {
                stale += 1;
            }
        }
        stale
    }
}

/// The lowest loss.
impl Default for Goal {
    fn default() -> Self {
        Goal::lowest("loss")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scores;

    fn history(losses: &[f64]) -> Vec<Record> {
        let record = |(epoch, &loss): (usize, &f64)| Record {
            epoch,
            steps: epoch + 1,
            learning_rate: 0.1,
            train: Scores::from_sums(1, 9.0, Vec::new()),
            test: Some(Scores::from_sums(2, 2.0 * loss, vec![("minus".into(), -2.0 * loss)])),
            weights_hash: None,
        };
        losses.iter().enumerate().map(record).collect()
    }

    #[test]
    fn the_best_come_first() {
        let history = history(&[3.0, 1.0, f64::NAN, 2.0, 1.0]);
        assert_eq!(Goal::default().best(&history, 3), [1, 4, 3]);
        assert_eq!(Goal::highest("minus").best(&history, 9), [1, 4, 3, 0]);
        assert!(Goal::highest("missing").best(&history, 9).is_empty());
    }

    #[test]
    fn staleness_counts_from_the_last_improvement() {
        let stale = |goal: Goal, losses: &[f64]| goal.stale(&history(losses));
        let losses = [3.0, 2.0, 2.0, 1.9, 2.5];
        assert_eq!(stale(Goal::default(), &losses), 1);
        assert_eq!(stale(Goal::default().by_at_least(0.5), &losses), 3);
        assert_eq!(stale(Goal::highest("minus"), &losses), 1);
        assert_eq!(stale(Goal::default(), &[f64::NAN, f64::NAN]), 2);
        assert_eq!(stale(Goal::default(), &[]), 0);
    }
}
