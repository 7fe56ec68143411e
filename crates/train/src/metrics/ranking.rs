//! How well scores separate positive samples from negative ones.

use ravine_tensor::Tensor;

/// The scores of positive and of negative samples.
///
/// ```
/// use ravine_tensor::Tensor;
/// use ravine_train::metrics::Ranking;
///
/// let ranking = Ranking::of(&Tensor::from([0.1, 0.4, 0.35, 0.8]), &Tensor::from([0, 0, 1, 1]));
/// assert_eq!(ranking.auroc(), Some(0.75));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    positives: Vec<f32>,
    negatives: Vec<f32>,
}

impl Ranking {
    /// The ranking of scores `[samples]` with labels `[samples]`: 1 for positive samples, 0 for negative ones.
    ///
    /// # Panics
    /// If the numbers of elements differ, or a label is neither 0 nor 1.
    #[track_caller]
    pub fn of(scores: &Tensor, labels: &Tensor<i64>) -> Self {
        assert!(
            scores.numel() == labels.numel(),
            "Ranking::of: scores {} for labels {}",
            scores.shape(),
            labels.shape()
        );
        let mut ranking = Ranking::default();
        for (score, label) in scores.iter().zip(labels.iter()) {
            match label {
                0 => ranking.negatives.push(score),
                1 => ranking.positives.push(score),
                _ => panic!("Ranking::of: label {label}; 0 or 1 is needed"),
            }
        }
        ranking
    }

    /// The area under the ROC curve: the probability that a positive sample has a higher score than a negative one, where a tie counts
    /// half. `None` if one of the two kinds is missing, and NaN if one of the scores is. Hanley and McNeil 1982.
    ///
    /// Exact: it is the Mann-Whitney statistic, not a sum over thresholds.
    pub fn auroc(&self) -> Option<f64> {
        let (positives, negatives) = (self.positives.len() as u64, self.negatives.len() as u64);
        if positives == 0 || negatives == 0 {
            return None;
        }
        if self.positives.iter().chain(&self.negatives).any(|score| score.is_nan()) {
            return Some(f64::NAN);
        }
        let mut negative = self.negatives.clone();
        negative.sort_by(f32::total_cmp);
        // Twice the number of pairs in the right order, so that a tie counts 1.
        let wins: u64 = (self.positives.iter())
            .map(|&score| {
                let below = negative.partition_point(|&n| n < score);
                let not_above = negative.partition_point(|&n| n <= score);
                (below + not_above) as u64
            })
            .sum();
        Some(wins as f64 / (2 * positives * negatives) as f64)
    }

    /// Adds the scores of other samples.
    pub fn add(&mut self, other: &Ranking) {
        self.positives.extend(&other.positives);
        self.negatives.extend(&other.negatives);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_share_of_pairs_in_order() {
        let scores: Tensor = Tensor::from_fn([60], |i| (i * 17 % 11) as f32);
        let labels = Tensor::from_fn([60], |i| i64::from(i * 7 % 5 < 2));
        let (mut wins, mut pairs) = (0.0, 0.0);
        for (a, positive) in scores.iter().zip(labels.iter()) {
            for (b, negative) in scores.iter().zip(labels.iter()) {
                if positive == 1 && negative == 0 {
                    pairs += 1.0;
                    wins += if a > b { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 };
                }
            }
        }
        let mut halves = Ranking::of(&scores.narrow(0, 0, 25), &labels.narrow(0, 0, 25));
        halves.add(&Ranking::of(&scores.narrow(0, 25, 35), &labels.narrow(0, 25, 35)));
        assert_eq!(halves.auroc(), Some(wins / pairs));
        assert_eq!(Ranking::of(&scores, &Tensor::zeros([60])).auroc(), None);
    }

    #[test]
    fn what_is_no_number_has_no_place() {
        for place in 0..4 {
            let scores: Tensor = Tensor::from_fn([4], |i| if i == place { f32::NAN } else { i as f32 });
            let area = Ranking::of(&scores, &Tensor::from([0, 0, 1, 1])).auroc();
            assert!(area.unwrap().is_nan(), "{place}: {area:?}");
        }
    }
}
