//! Augmentation: batches that pass through a function, which may be random.

use ravine_tensor::{Element, Rng, Tensor};

use crate::{DataError, Dataset, Pick};

/// A data set whose batches pass through a function. Made by [`Dataset::augment`].
#[derive(Debug)]
pub struct Augmented<D, F> {
    dataset: D,
    rng: Rng,
    f: F,
}

impl<D, F> Augmented<D, F> {
    pub(crate) fn new(dataset: D, seed: u64, f: F) -> Self {
        Augmented { dataset, rng: Rng::new(seed), f }
    }
}

/// A random stream for each sample of a batch, which depends on the seed, the epoch and the index of the sample alone: so a sample is changed in the
/// same way in whatever batch, or shard of one, it comes.
#[derive(Debug)]
pub struct Draws {
    streams: Vec<Rng>,
}

impl Draws {
    /// The streams, in the order of the samples.
    pub fn streams(&mut self) -> &mut [Rng] {
        &mut self.streams
    }

    /// A tensor drawn for each sample, joined along a new first axis: `[batch, ..]`.
    ///
    /// # Panics
    /// If there is no sample, or the shapes differ.
    #[track_caller]
    pub fn stack<T: Element>(&mut self, draw: impl FnMut(&mut Rng) -> Tensor<T>) -> Tensor<T> {
        let drawn: Vec<Tensor<T>> = self.streams.iter_mut().map(draw).collect();
        Tensor::stack(&drawn.iter().collect::<Vec<_>>(), 0)
    }
}

impl<D, B, F> Dataset for Augmented<D, F>
where
    D: Dataset,
    B: Send + 'static,
    F: Fn(D::Batch, &mut Draws) -> B + Send + Sync,
{
    type Batch = B;

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn costly(&self) -> bool {
        self.dataset.costly()
    }

    fn batch(&self, pick: Pick<'_>) -> Result<B, DataError> {
        let batch = self.dataset.batch(pick)?;
        let epoch = self.rng.child(pick.epoch as u64);
        let streams = pick.indices.iter().map(|&index| epoch.child(index as u64)).collect();
        Ok((self.f)(batch, &mut Draws { streams }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorSet;

    #[test]
    fn the_streams_depend_on_seed_epoch_and_sample() {
        let draw = |seed, epoch, indices: &[usize]| {
            let set = TensorSet::new(Tensor::<f32>::arange(9), Tensor::<i64>::arange(9));
            let drawn =
                set.augment(seed, |(x, _), draws| x + draws.stack(|rng| Tensor::uniform((), 0.0, 0.5, rng)));
            assert_eq!(drawn.len(), 9);
            drawn.batch(Pick { epoch, indices }).unwrap()
        };
        let x = draw(1, 2, &[3, 4]);
        assert_eq!(x.map(f32::floor).to_vec(), [3.0, 4.0]);
        assert_eq!(draw(1, 2, &[3, 4]), x);
        assert_ne!(draw(2, 2, &[3, 4]), x);
        assert_ne!(draw(1, 3, &[3, 4]), x);
        assert_eq!(draw(1, 2, &[4, 3]).flip(0), x);
        assert_eq!(draw(1, 2, &[7, 0, 4]).to_vec()[2], x.to_vec()[1]);
    }

    #[test]
    fn streams_can_be_used_one_by_one() {
        let set = TensorSet::new(Tensor::<f32>::arange(4), Tensor::<i64>::arange(4));
        let counted = set.augment(0, |(_, y), draws| (draws.streams().len(), y));
        assert_eq!(counted.batch(Pick { epoch: 0, indices: &[2, 2, 1] }).unwrap().0, 3);
    }
}
