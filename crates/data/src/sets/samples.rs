//! A data set of single samples in memory.

use crate::{Collate, DataError, Dataset, Pick};

/// Samples one by one, which [collate](Collate) into batches: where they differ in length, say.
///
/// ```
/// use ravine_data::{Dataset, Pick, Samples, Sequence};
/// use ravine_tensor::Tensor;
///
/// let set = Samples::new(vec![(Sequence(Tensor::from([1, 2])), 0i64), (Sequence(Tensor::from([3])), 1)]);
/// let (words, labels) = set.batch(Pick { epoch: 0, indices: &[1, 0] })?;
/// assert_eq!(words.values, Tensor::from([[3, 0], [1, 2]]));
/// assert_eq!(words.lengths, [1, 2]);
/// assert_eq!(labels, Tensor::from([1, 0]));
/// # Ok::<(), ravine_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Samples<S> {
    samples: Vec<S>,
}

impl<S> Samples<S> {
    /// These samples.
    pub fn new(samples: Vec<S>) -> Self {
        Samples { samples }
    }

    /// All samples.
    pub fn samples(&self) -> &[S] {
        &self.samples
    }
}

impl<S: Collate + Clone + Send + Sync> Dataset for Samples<S> {
    type Batch = S::Batch;

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn batch(&self, pick: Pick<'_>) -> Result<S::Batch, DataError> {
        S::collate(pick.indices.iter().map(|&index| self.samples[index].clone()).collect())
    }
}
