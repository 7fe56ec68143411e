//! Samples that come one after the other, nobody knows how many.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::RngExt;
use ravine_tensor::Rng;

use super::batches::{Batches, Made};
use crate::{Collate, DataError, Position};

/// The samples of an epoch, one after the other.
pub type Coming<S> = Box<dyn Iterator<Item = Result<S, DataError>> + Send>;

/// Samples that can only be had one after the other: lines of a file too large for memory, records of a simulation.
///
/// A function that gives an iterator for each epoch is a stream:
///
/// ```
/// use ravine_data::{DataError, StreamLoader};
///
/// let squares = |_epoch| Ok((0..1000i64).map(|i| Ok::<_, DataError>((i as f32, i * i))));
/// let loader = StreamLoader::new(squares, 100).shuffle(500, 7);
/// let (x, y) = loader.epoch(0).next().unwrap()?;
/// assert_eq!((x.shape(), y.shape()), (&[100].into(), &[100].into()));
/// # Ok::<(), DataError>(())
/// ```
#[doc(alias = "IterableDataset")]
pub trait Stream: Send + Sync {
    /// One of them.
    type Sample: Collate + Send + 'static;

    /// The samples of an epoch, from the first on. They must be the same whenever they are asked for.
    ///
    /// # Errors
    /// If there is no getting at them.
    fn samples(&self, epoch: usize) -> Result<Coming<Self::Sample>, DataError>;
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
/// As with a [`Loader`](crate::Loader), what comes out depends on the stream, the seed, the batch size and the size of the shuffle buffer alone, and
/// [`Batches::position`] is all that has to be saved. But a stream has no short way to a place: to go on from the middle of an epoch, its samples up to there are
/// taken and thrown away.
pub struct StreamLoader<S> {
    stream: Arc<S>,
    batch_size: usize,
    shuffle: Option<(usize, u64)>,
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
        assert!(batch_size > 0, "a batch size of 0; it must be at least 1");
        StreamLoader { stream: Arc::new(stream), batch_size, shuffle: None, drop_last: false, prefetch: 2 }
    }

    /// Holds so many samples in a buffer, and gives a random one of them each time, in an order that depends on the seed and the epoch. The larger the
    /// buffer, the better they are mixed: a sample comes at most so many places early.
    ///
    /// # Panics
    /// If the buffer has no place.
    #[track_caller]
    #[must_use]
    pub fn shuffle(mut self, buffer: usize, seed: u64) -> Self {
        assert!(buffer > 0, "shuffle: a buffer of 0 samples; it must hold at least 1");
        self.shuffle = Some((buffer, seed));
        self
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
    /// They are the ones that would have come at this place without an interruption. Behind the last batch of an epoch begins the next one.
    pub fn starting_at(&self, position: Position) -> Batches<<S::Sample as Collate>::Batch> {
        self.batches(position, usize::MAX)
    }

    fn batches(&self, position: Position, end: usize) -> Batches<<S::Sample as Collate>::Batch> {
        let cursor = Cursor {
            stream: Arc::clone(&self.stream),
            batch_size: self.batch_size,
            shuffle: self.shuffle,
            drop_last: self.drop_last,
            end,
            position,
            samples: None,
        };
        // A single thread goes along the stream.
        let cursor = Arc::new(Mutex::new(cursor));
        let make = move |_| cursor.lock().unwrap_or_else(PoisonError::into_inner).next();
        Batches::new(position, 1, self.prefetch, make)
    }
}

/// The settings.
impl<S> fmt::Debug for StreamLoader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamLoader")
            .field("batch_size", &self.batch_size)
            .field("shuffle", &self.shuffle)
            .field("drop_last", &self.drop_last)
            .field("prefetch", &self.prefetch)
            .finish_non_exhaustive()
    }
}

/// A place in a stream.
struct Cursor<S: Stream> {
    stream: Arc<S>,
    batch_size: usize,
    shuffle: Option<(usize, u64)>,
    drop_last: bool,
    /// The epoch before which to stop.
    end: usize,
    position: Position,
    /// What is left of the epoch of `position`, once a batch of it was asked for.
    samples: Option<Coming<S::Sample>>,
}

impl<S: Stream> Cursor<S> {
    fn next(&mut self) -> Option<Made<<S::Sample as Collate>::Batch>> {
        while self.position.epoch < self.end {
            let first = self.position.batch == 0;
            match self.take() {
                Err(error) => return Some(Made { batch: Err(error), next: self.position }),
                Ok(taken) if taken.is_empty() || self.drop_last && taken.len() < self.batch_size => {
                    // Epochs without a batch would never end.
                    if first {
                        return None;
                    }
                    self.position = Position { epoch: self.position.epoch + 1, batch: 0 };
                    self.samples = None;
                }
                Ok(taken) => {
                    self.position.batch += 1;
                    return Some(Made { batch: S::Sample::collate(taken), next: self.position });
                }
            }
        }
        None
    }

    /// The samples of the next batch, or those that are left of the epoch.
    fn take(&mut self) -> Result<Vec<S::Sample>, DataError> {
        let samples = match &mut self.samples {
            Some(samples) => samples,
            None => {
                let Position { epoch, batch } = self.position;
                let mut samples = self.stream.samples(epoch)?;
                if let Some((size, seed)) = self.shuffle {
                    let rng = Rng::new(seed).child(epoch as u64);
                    samples = Box::new(Shuffled { samples, buffer: Vec::new(), size, rng });
                }
                for _ in 0..batch * self.batch_size {
                    if samples.next().transpose()?.is_none() {
                        break;
                    }
                }
                self.samples.insert(samples)
            }
        };
        samples.by_ref().take(self.batch_size).collect()
    }
}

/// Samples out of a buffer, at random.
struct Shuffled<S> {
    samples: Coming<S>,
    buffer: Vec<S>,
    size: usize,
    rng: Rng,
}

impl<S> Iterator for Shuffled<S> {
    type Item = Result<S, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.buffer.len() < self.size {
            match self.samples.next() {
                Some(Ok(sample)) => self.buffer.push(sample),
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        if self.buffer.is_empty() {
            return None;
        }
        let chosen = self.rng.random_range(0..self.buffer.len());
        Some(Ok(self.buffer.swap_remove(chosen)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Box<dyn Iterator<Item = Result<i64, DataError>> + Send>;

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
    fn a_buffer_shuffles_and_every_sample_comes_once() {
        let loader = StreamLoader::new(numbers(50), 7).shuffle(20, 3);
        for epoch in 0..3 {
            let drawn: Vec<i64> = loader.epoch(epoch).flat_map(|batch| batch.unwrap().to_vec()).collect();
            let base = 100 * epoch as i64;
            for (place, number) in drawn.iter().enumerate() {
                assert!(number - base < place as i64 + 20, "{number} at {place} comes too early");
            }
            assert_ne!(drawn, (base..base + 50).collect::<Vec<_>>());
            let mut sorted = drawn.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(base..base + 50));
            let again: Vec<i64> = loader.epoch(epoch).flat_map(|batch| batch.unwrap().to_vec()).collect();
            assert_eq!(again, drawn);
            let other = StreamLoader::new(numbers(50), 7).shuffle(20, 4);
            let other: Vec<i64> = other.epoch(epoch).flat_map(|batch| batch.unwrap().to_vec()).collect();
            assert_ne!(other, drawn);
        }
    }

    #[test]
    fn from_any_position_it_goes_on_as_if_never_interrupted() {
        let loader = StreamLoader::new(numbers(11), 3).shuffle(5, 1);
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
