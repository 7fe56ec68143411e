//! Part of a data set.

use std::sync::Arc;

use ravine_tensor::{Rng, Tensor};

use crate::{DataError, Dataset, Normalization, Pick, Picture, Pictures, Strata};

/// Some of the samples of a data set, which several subsets may share. Made by [`Dataset::subset`], [`take`](Dataset::take) and
/// [`split`](Dataset::split).
#[derive(Debug)]
pub struct Subset<D> {
    dataset: Arc<D>,
    indices: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    #[track_caller]
    pub(crate) fn new(dataset: Arc<D>, indices: Vec<usize>) -> Self {
        let len = dataset.len();
        if let Some(index) = indices.iter().find(|&&index| index >= len) {
            panic!("subset: index {index} is out of range for {len} samples");
        }
        Subset { dataset, indices }
    }

    #[track_caller]
    pub(crate) fn split(dataset: Arc<D>, second: usize, seed: u64) -> (Self, Self) {
        let len = dataset.len();
        assert!(second <= len, "split: {second} samples asked for the second part, but there are {len}");
        let mut chosen = vec![false; len];
        for i in Tensor::randperm(len, &mut Rng::new(seed)).iter().take(second) {
            chosen[i as usize] = true;
        }
        // Each part in the order of the whole: which order they are used in is the business of `Order`.
        let (b, a) = (0..len).partition(|&i| chosen[i]);
        (Subset { dataset: Arc::clone(&dataset), indices: a }, Subset { dataset, indices: b })
    }

    #[track_caller]
    pub(crate) fn split_stratified<L: Ord>(
        dataset: Arc<D>,
        second: usize,
        labels: &[L],
        seed: u64,
    ) -> (Self, Self) {
        let len = dataset.len();
        assert!(labels.len() == len, "split_stratified: {} labels for {len} samples", labels.len());
        assert!(
            second <= len,
            "split_stratified: {second} samples asked for the second part, but there are {len}"
        );
        let strata = Strata::new(labels);
        // Each class gives its share, rounded down; those with the largest remainders give one more.
        let shares: Vec<u128> = strata.counts().iter().map(|&n| n as u128 * second as u128).collect();
        let whole = len.max(1) as u128;
        let mut left: Vec<usize> = shares.iter().map(|share| (share / whole) as usize).collect();
        let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
        by_remainder.sort_by_key(|&class| (std::cmp::Reverse(shares[class] % whole), class));
        let missing = second - left.iter().sum::<usize>();
        by_remainder[..missing].iter().for_each(|&class| left[class] += 1);

        let mut chosen = vec![false; len];
        for i in Tensor::randperm(len, &mut Rng::new(seed)).iter().map(|i| i as usize) {
            let left = &mut left[strata.classes()[i]];
            chosen[i] = *left > 0;
            *left = left.saturating_sub(1);
        }
        let (b, a) = (0..len).partition(|&i| chosen[i]);
        (Subset { dataset: Arc::clone(&dataset), indices: a }, Subset { dataset, indices: b })
    }

    /// Where each sample of this subset stands in the whole.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// The whole.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    type Batch = D::Batch;

    fn len(&self) -> usize {
        self.indices.len()
    }

    fn costly(&self) -> bool {
        self.dataset.costly()
    }

    fn batch(&self, pick: Pick<'_>) -> Result<D::Batch, DataError> {
        let indices: Vec<usize> = pick.indices.iter().map(|&i| self.indices[i]).collect();
        self.dataset.batch(Pick { indices: &indices, ..pick })
    }
}

impl<P: Pictures> Pictures for Subset<P> {
    fn picture(&self, epoch: usize, index: usize) -> Result<Picture, DataError> {
        self.dataset.picture(epoch, self.indices[index])
    }

    fn label(&self, index: usize) -> usize {
        self.dataset.label(self.indices[index])
    }

    fn classes(&self) -> usize {
        self.dataset.classes()
    }

    fn shape(&self) -> [usize; 3] {
        self.dataset.shape()
    }

    fn normalization(&self) -> &Normalization {
        self.dataset.normalization()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorSet;

    fn numbers(n: usize) -> TensorSet {
        TensorSet::new(Tensor::<f32>::arange(n), Tensor::<i64>::arange(n))
    }

    #[test]
    fn indices_are_those_of_the_whole() {
        let set = numbers(10).subset(vec![9, 2, 2, 5]).subset(vec![3, 0]);
        assert_eq!(set.len(), 2);
        let (_, y) = set.batch(Pick { epoch: 0, indices: &[1, 0, 1] }).unwrap();
        assert_eq!(y.to_vec(), [9, 5, 9]);
        assert_eq!(numbers(10).take(3).indices(), [0, 1, 2]);
        assert_eq!(numbers(10).take(30).len(), 10);
    }

    #[test]
    fn a_split_has_every_sample_once_and_depends_on_the_seed() {
        let (a, b) = numbers(100).split(30, 5);
        assert_eq!((a.len(), b.len()), (70, 30));
        assert!(std::ptr::eq(a.dataset(), b.dataset()));
        let mut all = [a.indices(), b.indices()].concat();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..100));
        assert!(b.indices().is_sorted());
        assert_eq!(
            b.indices()[..6],
            [0, 2, 12, 15, 16, 18],
            "written down once; a change changes every seeded split"
        );
        assert_eq!(numbers(100).split(30, 5).1.indices(), b.indices());
        assert_ne!(numbers(100).split(30, 6).1.indices(), b.indices());
        assert!(numbers(4).split(4, 0).0.is_empty());
    }

    #[test]
    fn a_stratified_split_has_the_same_share_of_each_class() {
        let labels: Vec<char> = "aaaaaaaaaabbbbbc".repeat(10).chars().collect();
        let parts = |second, seed| numbers(160).split_stratified(second, &labels, seed);
        for (second, expected) in
            [(32, [20, 10, 2]), (16, [10, 5, 1]), (40, [25, 13, 2]), (160, [100, 50, 10])]
        {
            let (a, b) = parts(second, 3);
            let count = |class| b.indices().iter().filter(|&&i| labels[i] == class).count();
            assert_eq!(
                ["a", "b", "c"].map(|class| count(class.chars().next().unwrap())),
                expected,
                "{second}"
            );
            let mut all = [a.indices(), b.indices()].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..160));
        }
        assert_eq!(parts(32, 3).1.indices(), parts(32, 3).1.indices());
        assert_ne!(parts(32, 3).1.indices(), parts(32, 4).1.indices());
        assert!(numbers(0).split_stratified::<u8>(0, &[], 0).0.is_empty());
    }

    #[test]
    #[should_panic(expected = "split_stratified: 9 labels for 10 samples")]
    fn labels_of_others() {
        numbers(10).split_stratified(5, &[1; 9], 0);
    }

    #[test]
    #[should_panic(expected = "split: 11 samples asked for the second part, but there are 10")]
    fn too_large_a_part() {
        numbers(10).split(11, 0);
    }

    #[test]
    #[should_panic(expected = "subset: index 10 is out of range for 10 samples")]
    fn outside() {
        numbers(10).subset(vec![3, 10]);
    }
}
