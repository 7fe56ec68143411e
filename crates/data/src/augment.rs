//! Batches changed on their way, at random or not.

use ravine_tensor::Rng;

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

impl<D, B, F> Dataset for Augmented<D, F>
where
    D: Dataset,
    B: Send + 'static,
    F: Fn(D::Batch, &mut Rng) -> B + Send + Sync,
{
    type Batch = B;

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn batch(&self, pick: Pick<'_>) -> Result<B, DataError> {
        let batch = self.dataset.batch(pick)?;
        // A sample comes once an epoch, so the first one names the batch, or the shard of a batch.
        let first = pick.indices.first().copied().unwrap_or(0);
        let mut rng = self.rng.child(pick.epoch as u64).child(first as u64);
        Ok((self.f)(batch, &mut rng))
    }
}

#[cfg(test)]
mod tests {
    use ravine_tensor::Tensor;

    use super::*;
    use crate::TensorSet;

    #[test]
    fn the_stream_depends_on_seed_epoch_and_samples() {
        let draw = |seed, epoch, indices: &[usize]| {
            let set = TensorSet::new(Tensor::<f32>::arange(9), Tensor::<i64>::arange(9));
            let drawn = set.augment(seed, |(x, _), rng| x + Tensor::uniform(2, 0.0, 0.5, rng));
            assert_eq!(drawn.len(), 9);
            drawn.batch(Pick { epoch, indices }).unwrap()
        };
        let x = draw(1, 2, &[3, 4]);
        assert_eq!(x.map(f32::floor).to_vec(), [3.0, 4.0]);
        assert_eq!(draw(1, 2, &[3, 4]), x);
        assert_ne!(draw(2, 2, &[3, 4]), x);
        assert_ne!(draw(1, 3, &[3, 4]), x);
        assert_ne!(draw(1, 2, &[4, 3]).flip(0), x);
    }
}
