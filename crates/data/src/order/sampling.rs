//! The orders in which an epoch can visit the samples.

use std::fmt;

use rand::RngExt;
use ravine_tensor::{Rng, Tensor};

use super::{Strata, Weights};

/// The order in which an epoch visits the samples: a function of the number of the epoch.
///
/// ```
/// use ravine_data::{Order, Strata, Weights};
///
/// let labels = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
/// let balanced = Order::Weighted { seed: 1, weights: Weights::balancing(&labels) };
/// let ones: usize = (0..100).map(|epoch| balanced.indices(epoch, 10).into_iter().filter(|&i| labels[i] == 1).count()).sum();
/// assert!((400..600).contains(&ones), "about half of 1000");
///
/// let even = Order::Stratified { seed: 1, strata: Strata::new(&labels) };
/// for half in even.indices(0, 10).chunks(5) {
///     assert_eq!(half.iter().filter(|&&i| labels[i] == 1).count(), 1);
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// The order of the data set, in every epoch.
    Sequential,
    /// A new permutation for each epoch, every one equally likely.
    Shuffled {
        /// What the permutations depend on, besides the number of the epoch.
        seed: u64,
    },
    /// As many samples as there are, each drawn from all of them by weight, whether it was drawn before or not.
    Weighted {
        /// What the draws depend on, besides the number of the epoch.
        seed: u64,
        /// How often each sample comes.
        weights: Weights,
    },
    /// A new permutation for each epoch that spreads every class evenly: any part of an epoch, and so every batch, has about the same share of
    /// each. (The number of samples of a class in it is off by less than 2 for each class that there is, usually by less than 1.)
    Stratified {
        /// What the permutations depend on, besides the number of the epoch.
        seed: u64,
        /// Which sample is of which class.
        strata: Strata,
    },
}

impl Order {
    /// Samples out of `0..n`, in the order of this epoch.
    ///
    /// # Panics
    /// If the order is for another number of samples.
    #[track_caller]
    pub fn indices(&self, epoch: usize, n: usize) -> Vec<usize> {
        self.check(n);
        let stream = |seed| Rng::new(seed).child(epoch as u64);
        match self {
            Order::Sequential => (0..n).collect(),
            &Order::Shuffled { seed } => permutation(n, &mut stream(seed)),
            Order::Weighted { seed, weights } => {
                let mut rng = stream(*seed);
                (0..n).map(|_| weights.draw(&mut rng)).collect()
            }
            Order::Stratified { seed, strata } => {
                let mut rng = stream(*seed);
                let shuffled = permutation(n, &mut rng);
                // Sample k of the m of a class stands at (k + u) / m of the epoch, with one u for the class.
                let offsets: Vec<f64> = strata.counts().iter().map(|_| rng.random::<f64>()).collect();
                let mut seen = vec![0; offsets.len()];
                let mut placed: Vec<(f64, usize)> = shuffled
                    .into_iter()
                    .map(|index| {
                        let class = strata.classes()[index];
                        let place = (seen[class] as f64 + offsets[class]) / strata.counts()[class] as f64;
                        seen[class] += 1;
                        (place, index)
                    })
                    .collect();
                placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                placed.into_iter().map(|(_, index)| index).collect()
            }
        }
    }

    /// How many samples it is for, if not for any number.
    pub fn samples(&self) -> Option<usize> {
        match self {
            Order::Sequential | Order::Shuffled { .. } => None,
            Order::Weighted { weights, .. } => Some(weights.len()),
            Order::Stratified { strata, .. } => Some(strata.classes().len()),
        }
    }

    /// Refuses another number of samples than it is for.
    #[track_caller]
    pub(super) fn check(&self, n: usize) {
        if let Some(samples) = self.samples() {
            assert!(samples == n, "an order of {samples} samples, but there are {n}");
        }
    }
}

/// A short description for the records of a run.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Sequential => write!(f, "sequential"),
            Order::Shuffled { seed } => write!(f, "shuffled with seed {seed}"),
            Order::Weighted { seed, weights } => write!(f, "weighted with seed {seed} by {weights}"),
            Order::Stratified { seed, strata } => write!(f, "stratified with seed {seed} by {strata}"),
        }
    }
}

/// The numbers below `n`, each once, in any order.
pub(crate) fn permutation(n: usize, rng: &mut Rng) -> Vec<usize> {
    Tensor::randperm(n, rng).iter().map(|i| i as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_depends_on_seed_and_epoch_alone() {
        // Written down once; a change of these numbers changes every seeded run of every user.
        let order = |seed, epoch| Order::Shuffled { seed }.indices(epoch, 10);
        let pinned = (
            vec![7, 5, 0, 4, 9, 1, 3, 8, 6, 2],
            vec![7, 9, 4, 5, 8, 1, 3, 0, 2, 6],
            vec![1, 7, 2, 4, 0, 8, 6, 9, 5, 3],
        );
        assert_eq!((order(1, 0), order(1, 1), order(2, 0)), pinned);
        assert_eq!(Order::Sequential.indices(3, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn weighted_draws_come_by_weight_and_depend_on_seed_and_epoch_alone() {
        let order =
            |seed| Order::Weighted { seed, weights: Weights::new([0.0, 1.0, 0.0, 3.0, 0.0]).unwrap() };
        let (mut counts, mut different) = ([0; 5], 0);
        for epoch in 0..400 {
            let drawn = order(5).indices(epoch, 5);
            assert_eq!(drawn, order(5).indices(epoch, 5));
            different += usize::from(drawn != order(6).indices(epoch, 5));
            drawn.into_iter().for_each(|index| counts[index] += 1);
        }
        assert!(different > 300);
        assert_eq!((counts[0], counts[2], counts[4]), (0, 0, 0));
        assert!((1400..1600).contains(&counts[3]), "about 1500: {counts:?}");
    }

    #[test]
    fn stratified_epochs_have_every_sample_once_and_every_class_evenly() {
        let labels: Vec<&str> = (0..300)
            .map(|i| {
                if i < 200 {
                    "common"
                } else if i < 290 {
                    "rare"
                } else {
                    "rarest"
                }
            })
            .collect();
        let order =
            |seed, epoch| Order::Stratified { seed, strata: Strata::new(&labels) }.indices(epoch, 300);
        for epoch in 0..5 {
            let indices = order(1, epoch);
            for batch in indices.chunks(30) {
                let count = |class| batch.iter().filter(|&&i| labels[i] == class).count() as i64;
                assert!((count("common") - 20).abs() <= 2 && (count("rare") - 9).abs() <= 2, "{batch:?}");
                assert!(count("rarest") <= 3);
            }
            let mut sorted = indices.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..300));
            assert_eq!(indices, order(1, epoch));
            assert_ne!(indices, order(1, epoch + 1));
            assert_ne!(indices, order(2, epoch));
        }
        let one = Order::Stratified { seed: 0, strata: Strata::new(&[7; 4]) };
        assert_eq!(one.indices(0, 4).len(), 4);
        assert_eq!(Order::Stratified { seed: 0, strata: Strata::new::<u8>(&[]) }.indices(0, 0), [0usize; 0]);
    }

    #[test]
    fn orders_are_told_apart_by_their_text() {
        let weighted = |weights: &[f64]| {
            Order::Weighted { seed: 2, weights: Weights::new(weights.iter().copied()).unwrap() }.to_string()
        };
        assert_eq!(Order::Shuffled { seed: 4 }.to_string(), "shuffled with seed 4");
        assert!(weighted(&[1.0, 2.0]).starts_with("weighted with seed 2 by 2 weights "));
        assert_ne!(weighted(&[1.0, 2.0]), weighted(&[2.0, 1.0]));
        let stratified =
            |labels: &[u8]| Order::Stratified { seed: 2, strata: Strata::new(labels) }.to_string();
        assert_ne!(stratified(&[0, 1]), stratified(&[1, 0]));
    }

    #[test]
    #[should_panic(expected = "an order of 2 samples, but there are 3")]
    fn another_number_of_weights() {
        Order::Weighted { seed: 0, weights: Weights::new([1.0, 2.0]).unwrap() }.indices(0, 3);
    }
}
