//! Batches assembled on another thread, ahead of use.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use ravine_tensor::sequential;

use crate::{DataError, Dataset, Epoch, Order, Plan, Position};

/// Turns a data set into batches, epoch after epoch.
///
/// ```
/// use ravine_data::{Loader, Order, TensorSet};
/// use ravine_tensor::Tensor;
///
/// let set = TensorSet::new(Tensor::<f32>::arange(10), Tensor::<i64>::arange(10));
/// let loader = Loader::new(set, 4, Order::Sequential).drop_last(true).prefetch(3);
/// let labels: Vec<_> = loader.epoch(0).map(|batch| batch.unwrap().1.to_vec()).collect();
/// assert_eq!(labels, [[0, 1, 2, 3], [4, 5, 6, 7]]);
/// ```
///
/// The samples of each batch are those of the [`Plan`]; how many batches are prefetched, and whether by another thread, changes
/// nothing but the time it takes. Kernels that the data set calls stay on the loader's thread, and out of the way of the
/// threads that train.
///
/// Who would rather fetch the batches himself, or a shard on each thread, needs no loader: [`Plan`] and [`Dataset::batch`] are enough.
#[derive(Debug)]
pub struct Loader<D> {
    dataset: Arc<D>,
    plan: Plan,
    prefetch: usize,
}

impl<D: Dataset + 'static> Loader<D> {
    /// Batches of `batch_size` samples, of which two are prefetched. The last one of an epoch may have fewer samples.
    ///
    /// # Panics
    /// If the batch size is 0.
    #[track_caller]
    pub fn new(dataset: D, batch_size: usize, order: Order) -> Self {
        let plan = Plan::new(dataset.len(), batch_size, order);
        Loader { dataset: Arc::new(dataset), plan, prefetch: 2 }
    }

    /// Whether to leave out the last batch of an epoch if it is not full. By default it comes.
    #[must_use]
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.plan = self.plan.drop_last(drop_last);
        self
    }

    /// How many batches to hold ready, at most. With 0, each is assembled when it is asked for, on the thread that asks.
    #[must_use]
    pub fn prefetch(mut self, batches: usize) -> Self {
        self.prefetch = batches;
        self
    }

    /// Which samples make which batch.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The data set.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    /// The batches of one epoch.
    pub fn epoch(&self, epoch: usize) -> Batches<D> {
        self.batches(Position { epoch, batch: 0 }, epoch + 1)
    }

    /// The batches from `position` on, epoch after epoch without end (but none at all if an epoch has no batch).
    ///
    /// They are the ones that would have come at this place without an interruption.
    ///
    /// # Panics
    /// If there is no batch at this place: see [`Plan::contains`].
    #[track_caller]
    pub fn starting_at(&self, position: Position) -> Batches<D> {
        let per_epoch = self.plan.batches_per_epoch();
        assert!(
            position.batch == 0 || self.plan.contains(position),
            "starting_at: batch {} of an epoch that has {per_epoch}",
            position.batch
        );
        self.batches(position, usize::MAX)
    }

    fn batches(&self, position: Position, end: usize) -> Batches<D> {
        let dataset = Arc::clone(&self.dataset);
        let assembler = Assembler { dataset, plan: self.plan, epoch: None, position, end };
        let source = match self.prefetch {
            0 => Source::Here(assembler),
            n => Source::Ahead(Worker::start(assembler, n)),
        };
        Batches { source, plan: self.plan, position }
    }
}

/// The batches that a [`Loader`] gives, in order. Dropping it stops the loader's thread, after the batch that it may be at.
///
/// If a batch cannot be fetched, its error comes in its place and is the last item; [`position`](Self::position) then still names
/// that batch. A panic of the data set is passed on to the caller of `next`.
pub struct Batches<D: Dataset> {
    source: Source<D>,
    plan: Plan,
    position: Position,
}

impl<D: Dataset> Batches<D> {
    /// The place of the batch that comes next: what to save in order to go on from here later.
    pub fn position(&self) -> Position {
        self.position
    }
}

impl<D: Dataset> Iterator for Batches<D> {
    type Item = Result<D::Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match &mut self.source {
            Source::Here(assembler) => assembler.next(),
            Source::Ahead(worker) => worker.next(),
        }?;
        if item.is_ok() {
            self.position = self.plan.next(self.position);
        }
        Some(item)
    }
}

impl<D: Dataset> fmt::Debug for Batches<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("plan", &self.plan)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

enum Source<D: Dataset> {
    Here(Assembler<D>),
    Ahead(Worker<D::Batch>),
}

/// Makes one batch after the other, on whatever thread it is.
struct Assembler<D> {
    dataset: Arc<D>,
    plan: Plan,
    /// The epoch of `position`, once a batch of it was asked for.
    epoch: Option<Epoch>,
    position: Position,
    /// The epoch before which to stop.
    end: usize,
}

impl<D: Dataset> Iterator for Assembler<D> {
    type Item = Result<D::Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position.epoch >= self.end || !self.plan.contains(self.position) {
            return None;
        }
        let Position { epoch: number, batch } = self.position;
        let epoch = match self.epoch.take() {
            Some(epoch) if epoch.number() == number => epoch,
            _ => self.plan.epoch(number),
        };
        let item = self.dataset.batch(epoch.batch(batch));
        self.epoch = Some(epoch);
        match item {
            Ok(_) => self.position = self.plan.next(self.position),
            Err(_) => self.end = 0,
        }
        Some(item)
    }
}

/// A thread that runs an assembler, and the queue between us.
struct Worker<B> {
    /// `None` only while dropping.
    queue: Option<Receiver<Result<B, DataError>>>,
    /// `None` once it was waited for.
    thread: Option<JoinHandle<()>>,
}

impl<B: Send + 'static> Worker<B> {
    fn start<D: Dataset<Batch = B> + 'static>(assembler: Assembler<D>, prefetch: usize) -> Self {
        // One more batch waits in the thread's hands for a place in the queue.
        let (sender, queue) = sync_channel(prefetch - 1);
        let run = move || {
            sequential(|| {
                for item in assembler {
                    if sender.send(item).is_err() {
                        return;
                    }
                }
            })
        };
        let thread = thread::Builder::new().name("ravine-loader".into()).spawn(run);
        Worker {
            queue: Some(queue),
            thread: Some(thread.expect("the system gives no thread for the loader")),
        }
    }

    fn next(&mut self) -> Option<Result<B, DataError>> {
        if let Some(Ok(item)) = self.queue.as_ref().map(Receiver::recv) {
            return Some(item);
        }
        // The thread hung up: it is done, or it panicked.
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            resume_unwind(panic);
        }
        None
    }
}

impl<B> Drop for Worker<B> {
    fn drop(&mut self) {
        // Without a queue its next `send` fails.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic over a batch that nobody asked for is nobody's.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::Pick;

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
        let plan = *loader(23, 5).plan();
        for prefetch in [0, 1, 2, 7, 100] {
            let loader = loader(23, 5).prefetch(prefetch);
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
        for prefetch in [1, 3] {
            let loader = loader(1000, 1).prefetch(prefetch);
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
        let loader = loader(1000, 1);
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
        for prefetch in [0, 1, 4] {
            let set = Echo { len: 10, fail_at: Some(5), ..Echo::default() };
            let loader = Loader::new(set, 2, Order::Sequential).prefetch(prefetch);
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
