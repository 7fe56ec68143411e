//! Streams: samples that come one after the other, of unknown number.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use super::batches::{Batches, Made};
use super::shuffled::Shuffled;
use crate::{Collate, DataError, Position};

/// The samples of an epoch, one after the other.
pub type Coming<S> = Box<dyn Iterator<Item = Result<S, DataError>> + Send>;

/// Samples that can only be had one after the other: lines of a file too large for memory, records of a simulation.
///
/// A function that gives an iterator for each epoch is a stream:
///
/// ```
/// use ravine_data::{DataError, Stream, StreamLoader};
///
/// let squares = |_epoch| Ok((0..1000i64).map(|i| Ok::<_, DataError>((i as f32, i * i))));
/// let loader = StreamLoader::new(squares.shuffle(500, 7), 100);
/// let (x, y) = loader.epoch(0).next().unwrap()?;
/// assert_eq!((x.shape(), y.shape()), (&[100].into(), &[100].into()));
/// # Ok::<(), DataError>(())
/// ```
pub trait Stream: Send + Sync {
    /// One of them.
    type Sample: Collate + Send + 'static;

    /// The samples of an epoch, from the first on. They must be the same whenever they are asked for.
    ///
    /// To resume in the middle of an epoch, the samples before it are skipped by [`nth`](Iterator::nth). An iterator that can skip them without
    /// making each should override `nth`, as that of a [`CsvStream`](crate::CsvStream) does.
    ///
    /// # Errors
    /// If they cannot be read.
    fn samples(&self, epoch: usize) -> Result<Coming<Self::Sample>, DataError>;

    /// The settings that the samples depend on, by name, which must be the same when a run is resumed. The trainer keeps them in checkpoints and
    /// records.
    fn settings(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Notes on where samples are found, such as positions in a file, in an encoding of the stream's own. The trainer keeps them in checkpoints.
    fn marks(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Restores the [`marks`](Self::marks) of an interrupted run. They only save the time of searching for samples again.
    fn recall(&self, _marks: &[u64]) {}

    /// The same samples, mixed in a buffer: see [`Shuffled`].
    ///
    /// # Panics
    /// If the buffer has room for no sample.
    #[track_caller]
    fn shuffle(self, buffer: usize, seed: u64) -> Shuffled<Self>
    where
        Self: Sized,
    {
        Shuffled::new(self, buffer, seed)
    }
}

impl<F, I, S> Stream for F
where
    F: Fn(usize) -> Result<I, DataError> + Send + Sync,
    I: Iterator<Item = Result<S, DataError>> + Send + 'static,
    S: Collate + Send + 'static,
{
    type Sample = S;

    fn samples(&self, epoch: usize) -> Result<Coming<S>, DataError> {
        Ok(Box::new(self(epoch)?))
    }
}

/// Turns a stream into batches, epoch after epoch, on a thread ahead of use.
///
/// As with a [`Loader`](crate::Loader), the batches depend only on the stream and the batch size, and [`Batches::position`] is all that has to be
/// saved. But to resume in the middle of an epoch, the samples up to there are skipped one by one, unless the stream has a faster way
/// (see [`Stream::samples`]).
pub struct StreamLoader<S> {
    stream: Arc<S>,
    batch_size: usize,
    drop_last: bool,
    prefetch: usize,
}

impl<S: Stream + 'static> StreamLoader<S> {
    /// Batches of `batch_size` samples in the order of the stream, of which two are prefetched.
    ///
    /// # Panics
    /// If the batch size is 0.
    #[track_caller]
    pub fn new(stream: S, batch_size: usize) -> Self {
        assert!(batch_size > 0, "batch_size: found 0, expected at least 1");
        StreamLoader { stream: Arc::new(stream), batch_size, drop_last: false, prefetch: 2 }
    }

    /// Whether to leave out the last batch of an epoch if it is not full. By default it comes.
    #[must_use]
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// How many batches to hold ready or in work, at most. With 0, each is assembled when it is asked for, on the thread that asks.
    #[must_use]
    pub fn prefetch(mut self, batches: usize) -> Self {
        self.prefetch = batches;
        self
    }

    /// The batches of one epoch.
    pub fn epoch(&self, epoch: usize) -> Batches<<S::Sample as Collate>::Batch> {
        self.batches(Position { epoch, batch: 0 }, epoch + 1)
    }

    /// The batches from `position` on, epoch after epoch, until one has no batch.
    ///
    /// They are the ones that would have come at this position without an interruption. Behind the last batch of an epoch begins the next one.
    pub fn starting_at(&self, position: Position) -> Batches<<S::Sample as Collate>::Batch> {
        self.batches(position, usize::MAX)
    }

    fn batches(&self, position: Position, end: usize) -> Batches<<S::Sample as Collate>::Batch> {
        let walk = Walk::new(Arc::clone(&self.stream), self.batch_size, position).drop_last(self.drop_last);
        // A single thread goes along the stream.
        let walk = Mutex::new(walk.until(end));
        let walk = Arc::new(walk);
        let make = move |_| {
            let mut walk = walk.lock().unwrap_or_else(PoisonError::into_inner);
            let samples = walk.next()?;
            Some(Made { batch: samples.and_then(S::Sample::collate), next: walk.position() })
        };
        Batches::new(position, 1, self.prefetch, make)
    }
}

/// The settings.
impl<S> fmt::Debug for StreamLoader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamLoader")
            .field("batch_size", &self.batch_size)
            .field("drop_last", &self.drop_last)
            .field("prefetch", &self.prefetch)
            .finish_non_exhaustive()
    }
}

/// A walk along a stream, `batch_size` samples at a time, epoch after epoch until one has no batch: what a [`StreamLoader`] collates, and a trainer cuts into
/// shards. The stream is behind a reference, or an `Arc`.
///
/// ```
/// use ravine_data::{DataError, Position, Walk};
///
/// let numbers = |epoch: usize| Ok((0..5).map(move |i| Ok::<i64, DataError>(10 * epoch as i64 + i)));
/// let mut walk = Walk::new(&numbers, 2, Position { epoch: 3, batch: 2 });
/// assert_eq!(walk.next().unwrap()?, [34]);
/// assert_eq!(walk.next().unwrap()?, [40, 41]);
/// assert_eq!(walk.position(), Position { epoch: 4, batch: 1 });
/// # Ok::<(), DataError>(())
/// ```
///
/// An error is the last item.
pub struct Walk<P: Deref<Target: Stream>> {
    stream: P,
    batch_size: usize,
    drop_last: bool,
    /// The epoch before which to stop.
    end: usize,
    position: Position,
    /// What is left of the epoch of `position`, once a batch of it was asked for.
    samples: Option<Coming<<P::Target as Stream>::Sample>>,
}

impl<P: Deref<Target: Stream>> Walk<P> {
    /// From `position` on.
    ///
    /// # Panics
    /// If the batch size is 0.
    #[track_caller]
    pub fn new(stream: P, batch_size: usize, position: Position) -> Self {
        assert!(batch_size > 0, "batch_size: found 0, expected at least 1");
        Walk { stream, batch_size, drop_last: false, end: usize::MAX, position, samples: None }
    }

    /// Whether to leave out the last batch of an epoch if it is not full.
    #[must_use]
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// Stops before this epoch.
    fn until(mut self, epoch: usize) -> Self {
        self.end = epoch;
        self
    }

    /// The position of the next batch. (After the last batch of an epoch it may name one that does not exist; then the next epoch follows.)
    pub fn position(&self) -> Position {
        self.position
    }

    /// The samples of the next batch, or those that are left of the epoch.
    fn take(&mut self) -> Result<Vec<<P::Target as Stream>::Sample>, DataError> {
        let samples = match &mut self.samples {
            Some(samples) => samples,
            None => {
                let Position { epoch, batch } = self.position;
                let mut samples = self.stream.samples(epoch)?;
                let over = batch.saturating_mul(self.batch_size);
                // An error before this place would have come when it was reached, so there is none.
                if over > 0 && samples.nth(over - 1).transpose()?.is_none() {
                    return Ok(Vec::new());
                }
                self.samples.insert(samples)
            }
        };
        samples.by_ref().take(self.batch_size).collect()
    }
}

impl<P: Deref<Target: Stream>> Iterator for Walk<P> {
    type Item = Result<Vec<<P::Target as Stream>::Sample>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.position.epoch < self.end {
            match self.take() {
                Err(error) => {
                    self.end = 0;
                    return Some(Err(error));
                }
                Ok(taken) if taken.is_empty() || self.drop_last && taken.len() < self.batch_size => {
                    // Epochs without a batch would never end.
                    if self.position.batch == 0 {
                        return None;
                    }
                    self.position = Position { epoch: self.position.epoch + 1, batch: 0 };
                    self.samples = None;
                }
                Ok(taken) => {
                    self.position.batch += 1;
                    return Some(Ok(taken));
                }
            }
        }
        None
    }
}

/// The settings, and the position.
impl<P: Deref<Target: Stream>> fmt::Debug for Walk<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("batch_size", &self.batch_size)
            .field("drop_last", &self.drop_last)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Coming<i64>;

    /// The numbers from 100 times the epoch on.
    fn numbers(n: i64) -> impl Fn(usize) -> Result<Numbers, DataError> {
        move |epoch| Ok(Box::new((0..n).map(move |i| Ok(100 * epoch as i64 + i))))
    }

    fn all<S: Stream<Sample = i64> + 'static>(
        loader: &StreamLoader<S>,
        from: Position,
        n: usize,
    ) -> Vec<Vec<i64>> {
        loader.starting_at(from).take(n).map(|batch| batch.unwrap().to_vec()).collect()
    }

    #[test]
    fn batches_come_in_the_order_of_the_stream() {
        for prefetch in [0, 1, 3] {
            let loader = StreamLoader::new(numbers(5), 2).prefetch(prefetch);
            let expected = [vec![0, 1], vec![2, 3], vec![4], vec![100, 101], vec![102, 103], vec![104]];
            assert_eq!(all(&loader, Position::default(), 6), expected);
            let epoch: Vec<_> = loader.epoch(1).map(|batch| batch.unwrap().to_vec()).collect();
            assert_eq!(epoch, expected[3..]);
            let dropped = loader.drop_last(true);
            assert_eq!(dropped.epoch(0).count(), 2);
            assert_eq!(all(&dropped, Position::default(), 3)[2], [100, 101]);
        }
        assert_eq!(StreamLoader::new(numbers(0), 2).starting_at(Position::default()).count(), 0);
        assert_eq!(
            StreamLoader::new(numbers(1), 2).drop_last(true).starting_at(Position::default()).count(),
            0
        );
    }

    #[test]
    fn from_any_position_it_goes_on_as_if_never_interrupted() {
        let loader = StreamLoader::new(numbers(11).shuffle(5, 1), 3);
        let straight = all(&loader, Position::default(), 10);
        let mut batches = loader.starting_at(Position::default());
        for step in 0..10 {
            assert_eq!(all(&loader, batches.position(), 10 - step), straight[step..], "from step {step}");
            batches.next().unwrap().unwrap();
        }
    }

    #[test]
    fn errors_come_in_their_place_and_end_the_batches() {
        let failing = |_| {
            Ok((0..9).map(|i| if i == 5 { Err(DataError::other("the line is cut")) } else { Ok(i as f32) }))
        };
        for prefetch in [0, 2] {
            let loader = StreamLoader::new(failing, 2).prefetch(prefetch);
            let mut batches = loader.epoch(0);
            assert!(batches.by_ref().take(2).all(|batch| batch.is_ok()));
            assert_eq!(batches.next().unwrap().unwrap_err().to_string(), "the line is cut");
            assert!(batches.next().is_none());
            assert_eq!(batches.position(), Position { epoch: 0, batch: 2 });
        }
        let closed = |_| -> Result<Numbers, DataError> { Err(DataError::other("closed")) };
        let mut batches = StreamLoader::new(closed, 2).epoch(0);
        assert_eq!(batches.next().unwrap().unwrap_err().to_string(), "closed");
    }
}
