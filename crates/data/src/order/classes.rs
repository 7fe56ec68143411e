//! The weights and classes of samples, for weighted and stratified orders.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rand::RngExt;
use ravine_tensor::Rng;
use sha2::{Digest, Sha256};

use crate::DataError;

/// The relative frequency of each sample. Clones share memory.
#[derive(Clone, PartialEq)]
pub struct Weights {
    /// The sum of the weights up to each sample, with its own.
    sums: Arc<[f64]>,
}

impl Weights {
    /// A weight for each sample; their sum need not be 1.
    ///
    /// # Errors
    /// If there is none, one is negative or not finite, or all are 0.
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Result<Self, DataError> {
        let wrong = |field: String, found: String, expected| {
            Err(DataError::invalid(Path::new("weights"), field, found, expected))
        };
        let (mut sum, mut sums) = (0.0, Vec::new());
        for (row, weight) in weights.into_iter().enumerate() {
            if !(weight >= 0.0 && weight.is_finite()) {
                return wrong(
                    format!("weight of row {row}"),
                    weight.to_string(),
                    "a finite number, not below 0",
                );
            }
            sum += weight;
            sums.push(sum);
        }
        if !(sum > 0.0 && sum.is_finite()) {
            return wrong("sum".into(), sum.to_string(), "a finite number above 0");
        }
        Ok(Weights { sums: sums.into() })
    }

    /// Weights by which each class comes as often as any other: 1 by the number of samples of the class.
    ///
    /// # Panics
    /// If there is no label.
    #[track_caller]
    pub fn balancing<L: Ord>(labels: &[L]) -> Self {
        assert!(!labels.is_empty(), "Weights::balancing: no labels; expected at least 1");
        let strata = Strata::new(labels);
        let weight = |&class: &usize| 1.0 / strata.counts()[class] as f64;
        Weights::new(strata.classes().iter().map(weight)).expect("counts are above 0")
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Always false.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> usize {
        let total = self.sums[self.len() - 1];
        loop {
            let drawn = rng.random::<f64>() * total;
            // Rounding may give the total itself, which is beyond the last sample.
            if drawn < total {
                return self.sums.partition_point(|&sum| sum <= drawn);
            }
        }
    }
}

/// The number, and a part of the checksum.
impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} weights {}", self.len(), digest(self.sums.iter().map(|sum| sum.to_bits())))
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weights({self})")
    }
}

/// The class of each sample. Clones share memory.
#[derive(Clone, PartialEq)]
pub struct Strata {
    classes: Arc<[usize]>,
    counts: Arc<[usize]>,
}

impl Strata {
    /// The classes are the different labels: numbers, or names.
    pub fn new<L: Ord>(labels: &[L]) -> Self {
        let mut names: Vec<&L> = labels.iter().collect();
        names.sort_unstable();
        names.dedup();
        let mut counts = vec![0; names.len()];
        let classes = labels.iter().map(|label| {
            let class = names.binary_search(&label).unwrap_or_else(|_| unreachable!("every label is a name"));
            counts[class] += 1;
            class
        });
        Strata { classes: classes.collect(), counts: counts.into() }
    }

    /// The class of each sample, counted from 0 in the order of the labels.
    pub fn classes(&self) -> &[usize] {
        &self.classes
    }

    /// The number of samples of each class.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }
}

/// The numbers of samples and classes, and a part of the checksum.
impl fmt::Display for Strata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = digest(self.classes.iter().map(|&class| class as u64));
        write!(f, "{} labels of {} classes {digest}", self.classes.len(), self.counts.len())
    }
}

impl fmt::Debug for Strata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Strata({self})")
    }
}

/// The first digits of the SHA-256 sum of some numbers.
fn digest(numbers: impl Iterator<Item = u64>) -> String {
    let mut hasher = Sha256::new();
    numbers.for_each(|number| hasher.update(number.to_le_bytes()));
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_counted_in_the_order_of_their_labels() {
        let strata = Strata::new(&["b", "a", "c", "b", "b"]);
        assert_eq!((strata.classes(), strata.counts()), (&[1, 0, 2, 1, 1][..], &[1, 3, 1][..]));
    }

    #[test]
    fn balancing_weights_give_every_class_the_same_sum() {
        let weights = Weights::balancing(&[5, 5, 5, 9]);
        let sums: Vec<f64> = weights.sums.iter().map(|sum| (sum * 1e9).round() / 1e9).collect();
        assert_eq!(sums, [0.333333333, 0.666666667, 1.0, 2.0]);
    }

    #[test]
    fn weights_that_are_none_are_errors() {
        let message = |weights: &[f64]| Weights::new(weights.iter().copied()).unwrap_err().to_string();
        assert_eq!(
            message(&[1.0, -0.5]),
            "weights: weight of row 1: found -0.5, expected a finite number, not below 0"
        );
        assert!(message(&[f64::NAN]).contains("weight of row 0: found NaN"));
        assert_eq!(message(&[0.0, 0.0]), "weights: sum: found 0, expected a finite number above 0");
        assert!(message(&[]).contains("sum: found 0"));
        assert!(message(&[f64::MAX, f64::MAX]).contains("sum: found inf"));
    }
}
