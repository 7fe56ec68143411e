//! The samples on which a model does worst.

use ravine_tensor::Tensor;

use super::classification::check;

/// A classified sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hard {
    /// Its number, counted from the first sample of the evaluation.
    pub sample: usize,
    /// Its loss: minus the logarithm of the probability that the model gave its class.
    pub loss: f64,
    /// Its class.
    pub label: usize,
    /// The class that it was taken for.
    pub predicted: usize,
    /// The probability that the model gave the predicted class.
    pub confidence: f64,
}

/// The samples with the highest loss, the hardest first; at most [`Hardest::KEPT`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardest {
    list: Vec<Hard>,
}

impl Hardest {
    /// How many are kept.
    pub const KEPT: usize = 24;

    /// The hardest samples of logits `[samples, classes]` with labels `[samples]`.
    ///
    /// # Panics
    /// If the shapes do not fit together, or a label is not a class.
    #[track_caller]
    pub fn of(logits: &Tensor, labels: &Tensor<i64>) -> Self {
        let (_, classes) = check("Hardest::of", logits, labels);
        let logits = logits.contiguous();
        let rows = logits.as_slice().expect("contiguous, as just made").chunks_exact(classes.max(1));
        let list = (rows.zip(labels.iter()).enumerate())
            .map(|(sample, (row, label))| {
                let mut predicted = 0;
                for class in 1..classes {
                    if row[class] > row[predicted] {
                        predicted = class;
                    }
                }
                let highest = f64::from(row[predicted]);
                let total: f64 = row.iter().map(|&x| (f64::from(x) - highest).exp()).sum();
                let loss = highest + total.ln() - f64::from(row[label as usize]);
                Hard { sample, loss, label: label as usize, predicted, confidence: 1.0 / total }
            })
            .collect();
        let mut hardest = Hardest { list };
        hardest.sort();
        hardest
    }

    /// Adds other samples, whose numbers begin at `start`.
    pub(crate) fn add(&mut self, other: &Hardest, start: usize) {
        self.list.extend(other.list.iter().map(|hard| Hard { sample: hard.sample + start, ..*hard }));
        self.sort();
    }

    fn sort(&mut self) {
        self.list.sort_by(|a, b| b.loss.total_cmp(&a.loss).then(a.sample.cmp(&b.sample)));
        self.list.truncate(Self::KEPT);
    }

    /// The samples, the hardest first.
    pub fn iter(&self) -> impl Iterator<Item = &Hard> {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_join_to_the_whole_with_their_places() {
        let logits: Tensor = Tensor::from_fn([100, 3], |i| ((i * 37 % 101) as f32) / 10.0);
        let labels = Tensor::from_fn([100], |i| (i % 3) as i64);
        let whole = Hardest::of(&logits, &labels);
        let mut joined = Hardest::default();
        for (start, len) in [(0, 10), (10, 60), (70, 30)] {
            joined.add(&Hardest::of(&logits.narrow(0, start, len), &labels.narrow(0, start, len)), start);
        }
        assert_eq!(joined, whole);
        let first = whole.iter().next().unwrap();
        let probability = logits.log_softmax().at([first.sample, first.label]);
        assert!((first.loss + f64::from(probability)).abs() < 1e-5);
        assert_eq!(whole.iter().count(), Hardest::KEPT);
        assert!(whole.iter().is_sorted_by(|a, b| a.loss >= b.loss));
    }
}
