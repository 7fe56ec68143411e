//! The batches of a loader, made on its threads or on demand.

use std::fmt;
use std::thread;

use super::ahead::Ahead;
use crate::{DataError, Position};

/// The batches that a [`Loader`](crate::Loader) or a [`StreamLoader`](crate::StreamLoader) gives, in order. Dropping it stops the loader's threads,
/// after the batches that they may be at.
///
/// If a batch cannot be fetched, its error comes in its place and is the last item; [`position`](Self::position) then still names
/// that batch. A panic of the data set is passed on to the caller of `next`.
pub struct Batches<B> {
    source: Source<B>,
    position: Position,
}

/// A batch, or why there is none, and the position of the next one.
pub(super) struct Made<B> {
    pub batch: Result<B, DataError>,
    pub next: Position,
}

enum Source<B> {
    /// Each batch is made on request; the number counts those made.
    Here(Box<dyn FnMut(usize) -> Option<Made<B>> + Send>, usize),
    Ahead(Ahead<'static, Made<B>>),
    Over,
}

impl<B: Send + 'static> Batches<B> {
    /// The batches from `position` on, of which `make` makes the one with the number it is given, counted from there.
    pub(super) fn new(
        position: Position,
        workers: usize,
        prefetch: usize,
        make: impl FnMut(usize) -> Option<Made<B>> + Clone + Send + 'static,
    ) -> Self {
        let source = match prefetch {
            0 => Source::Here(Box::new(make), 0),
            ahead => Source::Ahead(Ahead::start(workers, ahead, make, |work| {
                let thread = thread::Builder::new().name("ravine-loader".into()).spawn(work);
                let thread = thread.expect("the system gives no thread for the loader");
                Box::new(move || thread.join())
            })),
        };
        Batches { source, position }
    }
}

impl<B> Batches<B> {
    /// The position of the next batch, which a checkpoint saves in order to resume here.
    pub fn position(&self) -> Position {
        self.position
    }
}

impl<B> Iterator for Batches<B> {
    type Item = Result<B, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let made = match &mut self.source {
            Source::Here(make, number) => {
                *number += 1;
                make(*number - 1)
            }
            Source::Ahead(ahead) => ahead.next(),
            Source::Over => None,
        };
        match made {
            Some(Made { batch: Ok(batch), next }) => {
                self.position = next;
                Some(Ok(batch))
            }
            other => {
                self.source = Source::Over;
                other.map(|made| made.batch)
            }
        }
    }
}

impl<B> fmt::Debug for Batches<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("position", &self.position).finish_non_exhaustive()
    }
}
