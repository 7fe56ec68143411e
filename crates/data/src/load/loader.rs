//! Batches assembled on other threads, ahead of use.

use std::sync::Arc;

use super::batches::{Batches, Made};
use crate::{Dataset, Epochs, Order, Plan, Position};

/// Turns a data set into batches, epoch after epoch.
///
/// ```
/// use ravine_data::{Loader, Order, TensorSet};
/// use ravine_tensor::Tensor;
///
/// let set = TensorSet::new(Tensor::<f32>::arange(10), Tensor::<i64>::arange(10));
/// let loader = Loader::new(set, 4, Order::Sequential).drop_last(true).workers(2).prefetch(3);
/// let labels: Vec<_> = loader.epoch(0).map(|batch| batch.unwrap().1.to_vec()).collect();
/// assert_eq!(labels, [[0, 1, 2, 3], [4, 5, 6, 7]]);
/// ```
///
/// The samples of each batch are those of the [`Plan`]; how many batches are prefetched, and by how many threads, changes
/// nothing but the time it takes. Kernels that the data set calls stay on the loader's threads, and out of the way of the
/// threads that train.
///
/// To fetch batches on the training thread, or a shard on each thread, no loader is needed: [`Plan`] and [`Dataset::batch`] are enough.
/// (`Trainer` uses them, and reads ahead by itself where that is worth it.)
#[derive(Debug)]
pub struct Loader<D> {
    dataset: Arc<D>,
    epochs: Arc<Epochs>,
    prefetch: usize,
    workers: usize,
}

impl<D: Dataset + 'static> Loader<D> {
    /// Batches of `batch_size` samples, of which a single thread prefetches two. The last one of an epoch may have fewer samples.
    ///
    /// # Panics
    /// If the batch size is 0, or the order is for another number of samples.
    #[track_caller]
    pub fn new(dataset: D, batch_size: usize, order: Order) -> Self {
        let plan = Plan::new(dataset.len(), batch_size, order);
        Loader { dataset: Arc::new(dataset), epochs: Arc::new(Epochs::new(plan)), prefetch: 2, workers: 1 }
    }

    /// Whether to leave out the last batch of an epoch if it is not full. By default it comes.
    #[must_use]
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.epochs = Arc::new(Epochs::new(self.plan().clone().drop_last(drop_last)));
        self
    }

    /// How many batches to hold ready or in work, at most. With 0, each is assembled when it is asked for, on the thread that asks.
    #[must_use]
    pub fn prefetch(mut self, batches: usize) -> Self {
        self.prefetch = batches;
        self
    }

    /// How many threads assemble batches; no more than there are batches to prefetch.
    ///
    /// # Panics
    /// If it is 0: [`prefetch(0)`](Self::prefetch) does without threads.
    #[doc(alias = "num_workers")]
    #[track_caller]
    #[must_use]
    pub fn workers(mut self, threads: usize) -> Self {
        assert!(threads > 0, "workers: 0 threads; expected at least 1, or prefetch(0)");
        self.workers = threads;
        self
    }

    /// Which samples make which batch.
    pub fn plan(&self) -> &Plan {
        self.epochs.plan()
    }

    /// The data set.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    /// The batches of one epoch.
    pub fn epoch(&self, epoch: usize) -> Batches<D::Batch> {
        self.batches(Position { epoch, batch: 0 }, epoch + 1)
    }

    /// The batches from `position` on, epoch after epoch without end (but none at all if an epoch has no batch).
    ///
    /// They are the ones that would have come at this position without an interruption.
    ///
    /// # Panics
    /// If there is no batch at this position: see [`Plan::contains`].
    #[track_caller]
    pub fn starting_at(&self, position: Position) -> Batches<D::Batch> {
        let per_epoch = self.plan().batches_per_epoch();
        assert!(
            position.batch == 0 || self.plan().contains(position),
            "starting_at: batch {} of an epoch that has {per_epoch}",
            position.batch
        );
        self.batches(position, usize::MAX)
    }

    fn batches(&self, start: Position, end: usize) -> Batches<D::Batch> {
        let (dataset, epochs) = (Arc::clone(&self.dataset), Arc::clone(&self.epochs));
        let make = move |k| {
            let plan = epochs.plan();
            if plan.batches_per_epoch() == 0 {
                return None;
            }
            let position = plan.position(plan.step(start) + k);
            (position.epoch < end).then(|| Made {
                batch: dataset.batch(epochs.get(position.epoch).batch(position.batch)),
                next: plan.next(position),
            })
        };
        Batches::new(start, self.workers, self.prefetch, make)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{DataError, Pick};

    /// Gives the indices back, and counts how often it was asked; fails or panics at a certain sample.
    #[derive(Default)]
    struct Echo {
        len: usize,
        asked: AtomicUsize,
        fail_at: Option<usize>,
        panic_at: Option<usize>,
    }

    impl Dataset for Echo {
        type Batch = (usize, Vec<usize>);

        fn len(&self) -> usize {
            self.len
        }

        fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            for &i in pick.indices {
                assert!(Some(i) != self.panic_at, "sample {i} is cursed");
                if Some(i) == self.fail_at {
                    return Err(DataError::other(format!("sample {i} is gone")));
                }
            }
            Ok((pick.epoch, pick.indices.to_vec()))
        }
    }

    fn loader(len: usize, batch_size: usize) -> Loader<Echo> {
        Loader::new(Echo { len, ..Echo::default() }, batch_size, Order::Shuffled { seed: 9 })
    }

    #[test]
    fn prefetching_changes_nothing() {
        let plan = loader(23, 5).plan().clone();
        for (prefetch, workers) in [(0, 1), (1, 1), (2, 1), (2, 2), (2, 5), (7, 3), (100, 4)] {
            let loader = loader(23, 5).prefetch(prefetch).workers(workers);
            let batches: Vec<_> =
                loader.starting_at(Position::default()).take(12).map(Result::unwrap).collect();
            for (step, (number, indices)) in batches.iter().enumerate() {
                let Position { epoch, batch } = plan.position(step);
                assert_eq!(*number, epoch);
                assert_eq!(*indices, plan.epoch(epoch).batch(batch).indices);
            }
            let epoch: Vec<_> = loader.epoch(1).map(Result::unwrap).collect();
            assert_eq!(epoch, batches[5..10]);
        }
    }

    #[test]
    fn from_any_position_it_goes_on_as_if_never_interrupted() {
        let loader = loader(23, 5).drop_last(true);
        let mut batches = loader.starting_at(Position::default());
        let mut straight = Vec::new();
        for step in 0..12 {
            assert_eq!(batches.position(), loader.plan().position(step));
            straight.push(batches.next().unwrap().unwrap());
        }
        for step in 0..12 {
            let resumed =
                loader.starting_at(loader.plan().position(step)).take(12 - step).map(Result::unwrap);
            assert!(resumed.eq(straight[step..].iter().cloned()), "from step {step}");
        }
    }

    #[test]
    fn nothing_comes_of_nothing() {
        for prefetch in [0, 2] {
            assert!(loader(0, 5).prefetch(prefetch).starting_at(Position::default()).next().is_none());
            let none = loader(4, 5).drop_last(true).prefetch(prefetch);
            assert!(none.starting_at(Position { epoch: 3, batch: 0 }).next().is_none());
            assert!(none.epoch(0).next().is_none());
        }
    }

    #[test]
    fn no_more_is_assembled_than_was_asked_to_be_ready() {
        for (prefetch, workers) in [(1, 1), (3, 1), (3, 2), (4, 4)] {
            let loader = loader(1000, 1).prefetch(prefetch).workers(workers);
            let asked = || loader.dataset().asked.load(Ordering::SeqCst);
            let mut batches = loader.epoch(0);
            for taken in 1..20 {
                batches.next().unwrap().unwrap();
                let start = Instant::now();
                while asked() < taken + prefetch && start.elapsed() < Duration::from_secs(10) {
                    thread::yield_now();
                }
                thread::sleep(Duration::from_millis(2));
                assert_eq!(asked(), taken + prefetch);
            }
        }
    }

    #[test]
    fn dropping_the_batches_ends_the_thread() {
        let loader = loader(1000, 1).workers(2);
        for taken in [0, 1, 5] {
            let mut batches = loader.starting_at(Position::default());
            assert_eq!(batches.by_ref().take(taken).count(), taken);
            drop(batches);
            assert_eq!(Arc::strong_count(&loader.dataset), 1);
        }
        // And so does reaching the end.
        let mut batches = loader.epoch(0);
        assert_eq!(batches.by_ref().count(), 1000);
        assert!(batches.next().is_none() && batches.next().is_none());
        assert_eq!(Arc::strong_count(&loader.dataset), 1);
        assert_eq!(batches.position(), Position { epoch: 1, batch: 0 });
    }

    #[test]
    fn an_error_comes_in_its_place_and_ends_the_batches() {
        for (prefetch, workers) in [(0, 1), (1, 1), (4, 1), (4, 3)] {
            let set = Echo { len: 10, fail_at: Some(5), ..Echo::default() };
            let loader = Loader::new(set, 2, Order::Sequential).prefetch(prefetch).workers(workers);
            let mut batches = loader.starting_at(Position::default());
            assert!(batches.by_ref().take(2).all(|batch| batch.is_ok()));
            assert_eq!(batches.next().unwrap().unwrap_err().to_string(), "sample 5 is gone");
            assert_eq!(batches.position(), Position { epoch: 0, batch: 2 });
            assert!(batches.next().is_none() && batches.next().is_none());
        }
    }

    #[test]
    #[should_panic(expected = "sample 5 is cursed")]
    fn a_panic_of_the_data_set_reaches_the_caller() {
        let set = Echo { len: 10, panic_at: Some(5), ..Echo::default() };
        let mut batches = Loader::new(set, 2, Order::Sequential).prefetch(2).epoch(0);
        assert!(batches.by_ref().take(2).all(|batch| batch.is_ok()));
        batches.next();
    }

    #[test]
    fn a_panic_ahead_of_what_was_asked_for_is_nobodys() {
        let set = Echo { len: 10, panic_at: Some(5), ..Echo::default() };
        let batches = Loader::new(set, 2, Order::Sequential).prefetch(4).epoch(0);
        assert_eq!(batches.take(2).count(), 2);
    }

    #[test]
    #[should_panic(expected = "starting_at: batch 5 of an epoch that has 5")]
    fn outside() {
        loader(23, 5).starting_at(Position { epoch: 0, batch: 5 });
    }
}
