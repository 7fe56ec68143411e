//! What a forward pass over some samples found: the loss to differentiate, and the scores to report.

use ravine_autograd::Var;
use ravine_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The result of a forward pass over some samples.
pub struct Outcome {
    /// The mean loss over the samples.
    pub loss: Var,
    /// The loss and the metrics, as numbers.
    pub scores: Scores,
}

impl Outcome {
    /// The outcome with this mean loss over this many samples.
    ///
    /// # Panics
    /// If `loss` is not a single number.
    #[track_caller]
    pub fn new(loss: Var, samples: usize) -> Self {
        assert!(
            loss.numel() == 1,
            "Outcome::new: a loss of shape {} is not a single number; reduce it, with mean(..)",
            loss.shape()
        );
        let sum = f64::from(loss.item()) * samples as f64;
        Outcome { loss, scores: Scores { samples: samples as u64, loss: sum, metrics: Vec::new() } }
    }

    /// The cross-entropy of logits `[batch, classes]` with class indices `[batch]`, and the metric `accuracy`.
    ///
    /// # Panics
    /// If the shapes do not fit together, or a label is not a class.
    #[track_caller]
    pub fn classification(logits: &Var, labels: &Tensor<i64>) -> Self {
        let right = logits.value().argmax(-1).eq(labels).count(|hit| hit);
        Outcome::new(logits.cross_entropy(labels), labels.numel()).metric("accuracy", right as f64)
    }

    /// Adds a metric, given as its sum over the samples; it is reported as the mean.
    #[must_use]
    pub fn metric(mut self, name: &str, sum: f64) -> Self {
        self.scores.metrics.push((name.to_owned(), sum));
        self
    }
}

/// The loss and the metrics of a number of samples, kept as sums so that those of several passes can be joined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    samples: u64,
    loss: f64,
    metrics: Vec<(String, f64)>,
}

impl Scores {
    /// How many samples they are of.
    pub fn samples(&self) -> usize {
        self.samples as usize
    }

    /// The mean loss; NaN of no samples.
    pub fn loss(&self) -> f64 {
        self.loss / self.samples as f64
    }

    /// The mean of a metric, if there is one of this name.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics().find_map(|(found, mean)| (found == name).then_some(mean))
    }

    /// The metrics and their means, in the order in which they were added.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, f64)> {
        self.metrics.iter().map(|(name, sum)| (name.as_str(), sum / self.samples as f64))
    }

    /// Joins the scores of other samples to these.
    pub fn add(&mut self, other: &Scores) {
        self.samples += other.samples;
        self.loss += other.loss;
        for (name, sum) in &other.metrics {
            match self.metrics.iter_mut().find(|(found, _)| found == name) {
                Some((_, total)) => *total += sum,
                None => self.metrics.push((name.clone(), *sum)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Tape;

    use super::*;

    #[test]
    fn classification_counts_what_is_right() {
        let logits = Tape::eval().input(Tensor::from([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [0.0, 1.0]]));
        let scores = Outcome::classification(&logits, &Tensor::from([0, 1, 1, 0])).scores;
        assert_eq!((scores.samples(), scores.metric("accuracy")), (4, Some(0.5)));
        assert!(scores.metric("recall").is_none());
    }

    #[test]
    fn scores_join_by_samples() {
        let scores = |samples, loss, sum| Scores { samples, loss, metrics: vec![("m".into(), sum)] };
        let mut joined = scores(3, 6.0, 3.0);
        joined.add(&scores(1, 0.0, 0.0));
        assert_eq!((joined.loss(), joined.metric("m")), (1.5, Some(0.75)));
    }
}
