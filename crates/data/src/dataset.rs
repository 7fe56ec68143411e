//! The interface of data sets.

use std::sync::Arc;

use crate::{Augmented, DataError, Draws, Pick, Subset};

/// A number of samples, any of which can be fetched together.
///
/// The batch can be of any type, such as a tuple of tensors: only the model that it is made for looks into it.
///
/// ```
/// use ravine_data::{DataError, Dataset, Loader, Order, Pick};
/// use ravine_tensor::Tensor;
///
/// /// The function x ↦ x² at `n` points.
/// struct Squares(usize);
///
/// impl Dataset for Squares {
///     type Batch = (Tensor, Tensor);
///
///     fn len(&self) -> usize {
///         self.0
///     }
///
///     fn batch(&self, pick: Pick) -> Result<Self::Batch, DataError> {
///         let x = Tensor::from_fn([pick.indices.len(), 1], |i| pick.indices[i] as f32 / self.0 as f32);
///         let y = x.square();
///         Ok((x, y))
///     }
/// }
///
/// let loader = Loader::new(Squares(1000), 50, Order::Shuffled { seed: 3 });
/// assert_eq!(loader.epoch(0).count(), 20);
/// ```
///
/// References, boxes and `Arc`s of a data set are data sets too, and `Box<dyn Dataset<Batch = B>>` is one of several kinds.
pub trait Dataset: Send + Sync {
    /// Several samples, joined into the input of a forward pass.
    type Batch: Send + 'static;

    /// The number of samples. Must not change.
    fn len(&self) -> usize;

    /// Whether there is no sample at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether fetching a batch takes long enough to be done ahead of use on threads of its own, as it does where there is
    /// a disk to wait for or a file to decode. A hint, on which no result depends. Data in memory says no, as this does unless overridden: whoever
    /// trains on them fetches them faster himself.
    fn costly(&self) -> bool {
        false
    }

    /// The samples that `pick` lists, in its order.
    ///
    /// Must be a function of `pick` alone, as it may be called on any thread, ahead of use, and again when a run is resumed. What
    /// is to differ from epoch to epoch takes its randomness from `pick.epoch`, as [`augment`](Self::augment) does.
    ///
    /// # Errors
    /// If a sample cannot be fetched. Data in memory has no errors; data elsewhere can wrap its own in [`DataError::other`].
    ///
    /// # Panics
    /// May panic if an index is not below [`len`](Self::len).
    fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError>;

    /// The samples at these indices, as a data set.
    ///
    /// # Panics
    /// If an index is not below [`len`](Self::len).
    #[track_caller]
    fn subset(self, indices: Vec<usize>) -> Subset<Self>
    where
        Self: Sized,
    {
        Subset::new(Arc::new(self), indices)
    }

    /// The first `n` samples, or all if they are fewer.
    fn take(self, n: usize) -> Subset<Self>
    where
        Self: Sized,
    {
        let n = n.min(self.len());
        self.subset((0..n).collect())
    }

    /// Two data sets that have each sample once: `second` of them, drawn with `seed`, in the second one and the others in the first.
    ///
    /// ```
    /// # use ravine_data::{Dataset, TensorSet};
    /// # use ravine_tensor::Tensor;
    /// let set = TensorSet::new(Tensor::<f32>::arange(100), Tensor::<i64>::arange(100));
    /// let (train, valid) = set.split(20, 7);
    /// assert_eq!((train.len(), valid.len()), (80, 20));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than `second` samples.
    #[doc(alias = "random_split")]
    #[track_caller]
    fn split(self, second: usize, seed: u64) -> (Subset<Self>, Subset<Self>)
    where
        Self: Sized,
    {
        Subset::split(Arc::new(self), second, seed)
    }

    /// As [`split`](Self::split), and each class has the same share in both parts, as far as whole samples allow. `labels` are the classes of the
    /// samples.
    ///
    /// ```
    /// # use ravine_data::{Dataset, TensorSet};
    /// # use ravine_tensor::Tensor;
    /// let set = TensorSet::new(Tensor::<f32>::arange(100), Tensor::<i64>::arange(100).map(|i| i % 10));
    /// let labels = set.y().to_vec();
    /// let (train, valid) = set.split_stratified(20, &labels, 7);
    /// assert_eq!(valid.indices().iter().filter(|&&i| labels[i] == 3).count(), 2);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than `second` samples, or not as many labels as samples.
    #[track_caller]
    fn split_stratified<L: Ord>(self, second: usize, labels: &[L], seed: u64) -> (Subset<Self>, Subset<Self>)
    where
        Self: Sized,
    {
        Subset::split_stratified(Arc::new(self), second, labels, seed)
    }

    /// Passes every batch through `f`, with a random stream for each sample that depends on the seed, the epoch and its index alone. Give
    /// another seed than to other changes of the same set, whose numbers it would draw.
    ///
    /// ```
    /// # use ravine_data::{Dataset, TensorSet};
    /// # use ravine_tensor::Tensor;
    /// # let set = TensorSet::new(Tensor::<f32>::arange(100), Tensor::<i64>::arange(100));
    /// let noisy = set.augment(7, |(x, y), draws| {
    ///     let noise = draws.stack(|rng| Tensor::normal(&x.shape()[1..], 0.0, 0.1, rng));
    ///     (x + noise, y)
    /// });
    /// ```
    fn augment<B, F>(self, seed: u64, f: F) -> Augmented<Self, F>
    where
        Self: Sized,
        B: Send + 'static,
        F: Fn(Self::Batch, &mut Draws) -> B + Send + Sync,
    {
        Augmented::new(self, seed, f)
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            type Batch = D::Batch;

            fn len(&self) -> usize {
                (**self).len()
            }

            fn costly(&self) -> bool {
                (**self).costly()
            }

            fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError> {
                (**self).batch(pick)
            }
        }
    )*};
}
forward!(&D, Box<D>, Arc<D>);

#[cfg(test)]
mod tests {
    use ravine_tensor::Tensor;

    use super::*;
    use crate::TensorSet;

    #[test]
    fn pointers_and_trait_objects_are_data_sets() {
        type Batch = (Tensor, Tensor<i64>);
        let set = TensorSet::new(Tensor::<f32>::arange(6), Tensor::<i64>::arange(6));
        let pick = Pick { epoch: 0, indices: &[4, 1] };
        let expected = set.batch(pick).unwrap();
        assert_eq!((&set).take(5).batch(pick).unwrap(), expected);
        let either: [Box<dyn Dataset<Batch = Batch>>; 2] =
            [Box::new(set.clone()), Box::new(Arc::new(set).take(5))];
        for set in either {
            assert_eq!(set.batch(pick).unwrap(), expected);
            assert!(!set.is_empty());
        }
    }
}
