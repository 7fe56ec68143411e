//! A stream whose samples are shuffled in a buffer.

use std::vec::IntoIter;

use ravine_tensor::Rng;

use super::stream::{Coming, Stream};
use crate::DataError;
use crate::order::permutation;

/// A stream whose samples come in another order. Made by [`Stream::shuffle`].
///
/// Each window of as many samples as the buffer holds is permuted, by a permutation that depends only on the seed, the epoch and the number of the
/// window. So a sample comes earlier or later by less than the size of the buffer; the larger the buffer, the better the shuffling. While one
/// window is given out, the next one takes its place sample by sample, so the stream is read evenly. To resume at a position, only its window
/// and the next one have to be read.
///
/// ```
/// use ravine_data::{DataError, Stream};
///
/// let numbers = |_epoch| Ok((0..7i64).map(Ok::<_, DataError>));
/// let mixed: Vec<i64> = numbers.shuffle(4, 1).samples(0)?.collect::<Result<_, _>>()?;
/// let (mut first, mut second) = (mixed[..4].to_vec(), mixed[4..].to_vec());
/// first.sort();
/// second.sort();
/// assert_eq!((first, second), (vec![0, 1, 2, 3], vec![4, 5, 6]));
/// # Ok::<(), DataError>(())
/// ```
#[derive(Debug)]
pub struct Shuffled<S> {
    stream: S,
    buffer: usize,
    seed: u64,
}

impl<S> Shuffled<S> {
    #[track_caller]
    pub(super) fn new(stream: S, buffer: usize, seed: u64) -> Self {
        assert!(buffer > 0, "shuffle: a buffer of 0 samples; it must hold at least 1");
        Shuffled { stream, buffer, seed }
    }
}

impl<S: Stream> Stream for Shuffled<S> {
    type Sample = S::Sample;

    fn samples(&self, epoch: usize) -> Result<Coming<S::Sample>, DataError> {
        Ok(Box::new(Windows {
            samples: self.stream.samples(epoch)?,
            size: self.buffer,
            rng: Rng::new(self.seed).child(epoch as u64),
            window: 0,
            order: Vec::new().into_iter(),
            now: Vec::new(),
            next: Vec::new(),
        }))
    }

    fn settings(&self) -> Vec<(String, String)> {
        let mut settings = self.stream.settings();
        let how = format!("{} samples at a time with seed {}", self.buffer, self.seed);
        settings.push(("shuffle".to_owned(), how));
        settings
    }

    fn marks(&self) -> Vec<u64> {
        self.stream.marks()
    }

    fn recall(&self, marks: &[u64]) {
        self.stream.recall(marks);
    }
}

/// The samples of an epoch, window by window.
struct Windows<S> {
    samples: Coming<S>,
    size: usize,
    rng: Rng,
    /// How many windows were begun.
    window: usize,
    /// Which indices of the window are still to be given out, the window, and as much of the next one as was given out of it.
    order: IntoIter<usize>,
    now: Vec<Option<S>>,
    next: Vec<Option<S>>,
}

impl<S> Windows<S> {
    /// Fills the next window up to `len` samples, or to the end of the stream.
    fn fill(&mut self, len: usize) -> Result<(), DataError> {
        while self.next.len() < len {
            match self.samples.next().transpose()? {
                Some(sample) => self.next.push(Some(sample)),
                None => break,
            }
        }
        Ok(())
    }
}

impl<S> Iterator for Windows<S> {
    type Item = Result<S, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.order.len() == 0 {
            if let Err(error) = self.fill(self.size) {
                return Some(Err(error));
            }
            self.now = std::mem::take(&mut self.next);
            self.order = permutation(self.now.len(), &mut self.rng.child(self.window as u64)).into_iter();
            self.window += 1;
        }
        let sample = self.now[self.order.next()?].take()?;
        if let Err(error) = self.fill(self.now.len() - self.order.len()) {
            return Some(Err(error));
        }
        Some(Ok(sample))
    }

    /// At the beginning, whole windows are passed over as the stream itself does it.
    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        let windows = if self.window == 0 { n / self.size } else { 0 };
        if windows > 0
            && let Err(error) = self.samples.nth(windows * self.size - 1)?
        {
            return Some(Err(error));
        }
        self.window += windows;
        for _ in windows * self.size..n {
            if let Err(error) = self.next()? {
                return Some(Err(error));
            }
        }
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// The numbers from 100 times the epoch on.
    fn numbers(n: i64) -> impl Stream<Sample = i64> {
        move |epoch: usize| Ok((0..n).map(move |i| Ok::<_, DataError>(100 * epoch as i64 + i)))
    }

    fn drawn(stream: &impl Stream<Sample = i64>, epoch: usize) -> Vec<i64> {
        stream.samples(epoch).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn every_sample_comes_once_and_near_its_place() {
        for n in [0, 1, 19, 20, 50] {
            let stream = numbers(n).shuffle(20, 3);
            let mut orders = Vec::new();
            for epoch in 0..3 {
                let base = 100 * epoch as i64;
                let found: Vec<i64> = drawn(&stream, epoch).iter().map(|number| number - base).collect();
                assert!(found.iter().enumerate().all(|(place, number)| number / 20 == place as i64 / 20));
                let mut sorted = found.clone();
                sorted.sort_unstable();
                assert!(sorted.into_iter().eq(0..n));
                orders.push(found);
            }
            assert_eq!(drawn(&stream, 0), orders[0]);
            if n == 50 {
                assert!(orders[0] != orders[1] && orders[1] != orders[2]);
                let windows =
                    |order: &[i64]| [order[..20].to_vec(), order[20..40].iter().map(|i| i - 20).collect()];
                assert!(windows(&orders[0])[0] != windows(&orders[0])[1], "no two windows alike");
                assert_ne!(drawn(&numbers(50).shuffle(20, 4), 0), orders[0]);
            }
        }
    }

    #[test]
    fn passing_over_samples_is_taking_them_and_reads_less() {
        for n in [7, 12, 13] {
            let stream = numbers(n).shuffle(4, 1);
            let all = drawn(&stream, 2);
            for begin in 0..15 {
                for over in 0..15 {
                    let mut samples = stream.samples(2).unwrap();
                    let before: Vec<i64> = samples.by_ref().take(begin).map(Result::unwrap).collect();
                    let found = samples.nth(over).map(Result::unwrap);
                    assert_eq!(found.as_ref(), all.get(before.len() + over), "{over} behind {begin} of {n}");
                    let rest: Vec<i64> = samples.map(Result::unwrap).collect();
                    assert_eq!(rest, all[(begin + over + 1).min(all.len())..]);
                }
            }
        }
        // What is passed over is not made, where the stream can do without.
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        let stream = move |_| {
            let count = count.clone();
            Ok(Counted(0..1000, count))
        };
        stream.shuffle(10, 0).samples(0).unwrap().nth(503);
        assert_eq!(made.load(Ordering::Relaxed), 1 + 10 + 4);
    }

    /// Counts how many numbers it makes. (One for each call of `nth`, however many it passes over.)
    struct Counted(std::ops::Range<i64>, Arc<AtomicUsize>);

    impl Iterator for Counted {
        type Item = Result<i64, DataError>;

        fn next(&mut self) -> Option<Self::Item> {
            self.nth(0)
        }

        fn nth(&mut self, n: usize) -> Option<Self::Item> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.nth(n).map(Ok)
        }
    }

    #[test]
    fn errors_come_when_they_are_read() {
        let failing =
            |_| Ok((0..9).map(|i| if i == 5 { Err(DataError::other("the line is cut")) } else { Ok(i) }));
        let mut samples = failing.shuffle(4, 0).samples(0).unwrap();
        let before = samples.by_ref().take_while(Result::is_ok).count();
        assert_eq!(before, 1, "the sixth sample takes the place of the second");
        let error = failing.shuffle(4, 0).samples(0).unwrap().nth(7).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the line is cut");
    }

    #[test]
    #[should_panic(expected = "shuffle: a buffer of 0 samples; it must hold at least 1")]
    fn no_place() {
        numbers(1).shuffle(0, 0);
    }
}
