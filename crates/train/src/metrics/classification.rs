//! Which class was taken for which.

use ravine_tensor::Tensor;

/// Counts of samples by true class (row) and predicted class (column).
///
/// ```
/// use ravine_train::metrics::{Average, Confusion};
///
/// let mut confusion = Confusion::new(3);
/// for (truth, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1), (2, 0)] {
///     confusion.count(truth, predicted);
/// }
/// assert_eq!(confusion.at(0, 1), 1);
/// assert_eq!(confusion.accuracy(), 0.6);
/// assert_eq!(confusion.recall(Average::Macro), (0.5 + 1.0 + 0.0) / 3.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

/// How the scores of single classes are made one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Average {
    /// The mean over the classes that occur, as labels or as predictions.
    #[default]
    Macro,
    /// One score from the counts of all classes together. With one label and one prediction for each sample, it is the accuracy.
    Micro,
    /// The mean weighted by how many samples are of each class.
    Weighted,
}

/// What is counted of one class.
#[derive(Clone, Copy, Default)]
struct Class {
    hits: u64,
    /// Samples that are of this class.
    truth: u64,
    /// Samples that were taken for this class.
    predicted: u64,
}

/// `a / b`, and 0 of nothing.
fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

impl Confusion {
    /// No sample yet, of `classes` classes.
    pub fn new(classes: usize) -> Self {
        Confusion { classes, counts: vec![0; classes * classes] }
    }

    /// The counts of predictions `[samples]` for labels `[samples]`.
    ///
    /// # Panics
    /// If the lengths differ, or one of the numbers is not a class.
    #[track_caller]
    pub fn of(predicted: &Tensor<i64>, labels: &Tensor<i64>, classes: usize) -> Self {
        assert!(
            predicted.shape() == labels.shape(),
            "Confusion::of: predictions {} for labels {}",
            predicted.shape(),
            labels.shape()
        );
        let mut confusion = Confusion::new(classes);
        for (predicted, truth) in predicted.iter().zip(labels.iter()) {
            confusion.count(truth as usize, predicted as usize);
        }
        confusion
    }

    /// Counts a sample of class `truth` that was taken for `predicted`.
    ///
    /// # Panics
    /// If one of them is not a class.
    #[track_caller]
    pub fn count(&mut self, truth: usize, predicted: usize) {
        let classes = self.classes;
        assert!(
            truth < classes && predicted < classes,
            "count: label {truth} and prediction {predicted} of {classes} classes"
        );
        self.counts[truth * classes + predicted] += 1;
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many samples of class `truth` were taken for `predicted`.
    pub fn at(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * self.classes + predicted]
    }

    /// How many samples were counted.
    pub fn samples(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The share of samples whose class was found.
    pub fn accuracy(&self) -> f64 {
        ratio((0..self.classes).map(|class| self.at(class, class)).sum(), self.samples())
    }

    /// Of the samples that were taken for a class, the share that is of it; 0 where there is none.
    pub fn precision(&self, average: Average) -> f64 {
        self.average(average, |class| ratio(class.hits, class.predicted))
    }

    /// Of the samples that are of a class, the share that was found; 0 where there is none.
    pub fn recall(&self, average: Average) -> f64 {
        self.average(average, |class| ratio(class.hits, class.truth))
    }

    /// The harmonic mean of precision and recall of each class, `2 hits / (labels + predictions)`, averaged.
    pub fn f1(&self, average: Average) -> f64 {
        self.average(average, |class| ratio(2 * class.hits, class.truth + class.predicted))
    }

    fn average(&self, average: Average, score: impl Fn(&Class) -> f64) -> f64 {
        let classes: Vec<Class> = (0..self.classes)
            .map(|class| Class {
                hits: self.at(class, class),
                truth: (0..self.classes).map(|other| self.at(class, other)).sum(),
                predicted: (0..self.classes).map(|other| self.at(other, class)).sum(),
            })
            .filter(|class| class.truth + class.predicted > 0)
            .collect();
        match average {
            Average::Macro => classes.iter().map(&score).sum::<f64>() / (classes.len() as f64).max(1.0),
            Average::Micro => score(&classes.iter().fold(Class::default(), |sum, class| Class {
                hits: sum.hits + class.hits,
                truth: sum.truth + class.truth,
                predicted: sum.predicted + class.predicted,
            })),
            Average::Weighted => {
                let samples = self.samples();
                classes.iter().map(|class| ratio(class.truth, samples) * score(class)).sum()
            }
        }
    }

    /// Joins the counts of other samples to these.
    ///
    /// # Panics
    /// If the numbers of classes differ.
    #[track_caller]
    pub fn add(&mut self, other: &Confusion) {
        assert!(
            self.classes == other.classes,
            "Confusion::add: {} classes and {} classes",
            self.classes,
            other.classes
        );
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| *count += other);
    }
}

/// Of `[samples, classes]` scores, how many samples have their label among the `k` highest; of equal scores the first classes are the higher.
/// A score that is NaN is above all others, and never that of a label that was found.
///
/// # Panics
/// If the shapes do not fit together, or a label is not a class.
#[track_caller]
pub(crate) fn top_k(scores: &Tensor, labels: &Tensor<i64>, k: usize) -> usize {
    let (samples, classes) = matrix("top_k", scores, labels);
    let scores = scores.contiguous();
    let rows = scores.as_slice().expect("contiguous, as just made").chunks_exact(classes.max(1));
    let among = |row: &[f32], label: usize| {
        let own = row[label];
        let above =
            |(class, &score): (usize, &f32)| score > own || (score == own && class < label) || score.is_nan();
        !own.is_nan() && row.iter().enumerate().filter(|&entry| above(entry)).count() < k
    };
    rows.zip(labels.iter()).take(samples).filter(|(row, label)| among(row, *label as usize)).count()
}

/// The two sizes of `[samples, classes]` scores, if they fit labels `[samples]`.
#[track_caller]
pub(crate) fn matrix(name: &str, scores: &Tensor, labels: &Tensor<i64>) -> (usize, usize) {
    let fits = scores.rank() == 2 && labels.rank() == 1 && scores.size(0) == labels.numel();
    assert!(
        fits,
        "{name}: scores {} for labels {}; [samples, classes] and [samples] are needed",
        scores.shape(),
        labels.shape()
    );
    let classes = scores.size(1);
    if let Some(label) = labels.iter().find(|&label| label < 0 || label as usize >= classes) {
        panic!("{name}: label {label} of {classes} classes");
    }
    (scores.size(0), classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_k_break_ties_by_class() {
        let scores = Tensor::from([[0.1, 0.9, 0.5], [1.0, 1.0, 1.0], [3.0, 2.0, 1.0]]);
        let labels = Tensor::from([2, 1, 2]);
        assert_eq!([1, 2, 3].map(|k| top_k(&scores, &labels, k)), [0, 2, 3]);
    }

    #[test]
    fn what_is_no_number_is_above_and_never_found() {
        let nan = f32::NAN;
        let scores = Tensor::from([[nan, 1.0, 2.0], [nan, nan, nan], [1.0, nan, 0.0]]);
        let found = |label| [1, 2, 3].map(|k| top_k(&scores, &Tensor::from([label; 3]), k));
        assert_eq!([0, 1, 2].map(found), [[0, 1, 1], [0, 0, 1], [0, 1, 2]]);
    }

    #[test]
    fn nothing_is_zero_and_parts_join() {
        let mut sum = Confusion::new(2);
        for average in [Average::Macro, Average::Micro, Average::Weighted] {
            assert_eq!((sum.f1(average), sum.precision(average), sum.accuracy()), (0.0, 0.0, 0.0));
        }
        let part = Confusion::of(&Tensor::from([0, 1, 1]), &Tensor::from([0, 0, 1]), 2);
        sum.add(&part);
        sum.add(&part);
        assert_eq!((sum.samples(), sum.at(0, 1), sum.accuracy()), (6, 2, 4.0 / 6.0));
    }

    #[test]
    #[should_panic(expected = "top_k: label 3 of 3 classes")]
    fn no_class() {
        top_k(&Tensor::zeros([1, 3]), &Tensor::from([3]), 1);
    }
}
