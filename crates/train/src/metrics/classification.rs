//! The confusion matrix, the scores that follow from it, and top-k accuracy.

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

/// How the scores of the single classes are averaged.
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

/// The counts of one class.
#[derive(Clone, Copy, Default)]
struct Class {
    /// Samples of this class that were taken for it: true positives.
    hits: u64,
    /// Samples that are of this class.
    truth: u64,
    /// Samples that were taken for this class.
    predicted: u64,
}

/// `a / b`, and 0 where `b` is 0.
fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

impl Confusion {
    /// The empty matrix of `classes` classes.
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

    /// The share of samples whose class was predicted correctly.
    pub fn accuracy(&self) -> f64 {
        ratio((0..self.classes).map(|class| self.at(class, class)).sum(), self.samples())
    }

    /// The share of the samples taken for a class that are of that class; 0 where there are none.
    pub fn precision(&self, average: Average) -> f64 {
        self.average(average, |class| ratio(class.hits, class.predicted))
    }

    /// The share of the samples of a class that were taken for that class; 0 where there are none.
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

    /// Adds the counts of other samples.
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

/// How many samples of `scores [samples, classes]` have their label among the `k` highest scores. Of equal scores, that of the lower class
/// counts as higher. NaN counts as higher than every number, but a sample is no hit if the score of its label is NaN.
///
/// # Panics
/// If the shapes do not fit together, or a label is not a class.
#[track_caller]
pub(crate) fn top_k(scores: &Tensor, labels: &Tensor<i64>, k: usize) -> usize {
    let (samples, classes) = check("top_k", scores, labels);
    let scores = scores.contiguous();
    let rows = scores.as_slice().expect("contiguous, as just made").chunks_exact(classes.max(1));
    let is_hit = |row: &[f32], label: usize| {
        let own = row[label];
        let above =
            |(class, &score): (usize, &f32)| score > own || (score == own && class < label) || score.is_nan();
        !own.is_nan() && row.iter().enumerate().filter(|&entry| above(entry)).count() < k
    };
    rows.zip(labels.iter()).take(samples).filter(|(row, label)| is_hit(row, *label as usize)).count()
}

/// The sizes of `scores [samples, classes]`, after a check that they and `labels [samples]` fit together.
#[track_caller]
pub(crate) fn check(name: &str, scores: &Tensor, labels: &Tensor<i64>) -> (usize, usize) {
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
