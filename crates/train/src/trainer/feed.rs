//! The training data of a run, a data set or a stream, cut into the samples of its steps.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ravine_autograd::Tape;
use ravine_data::{
    Collate, DataError, Dataset, Epoch, Epochs, Pick, Plan, Position, Stream, Walk, read_ahead,
};
use ravine_tensor::Rng;

use crate::{Outcome, StepResult, data_parallel, guard, step};

/// The kind of training data, for the settings of a run.
pub(super) enum Data<'a> {
    /// A set of samples, in the batches of this plan.
    Set { plan: Plan },
    /// A stream.
    Stream(&'a dyn AnyStream),
}

/// The methods of a [`Stream`] that do not depend on the type of its samples.
pub(super) trait AnyStream: Sync {
    fn settings(&self) -> Vec<(String, String)>;
    fn marks(&self) -> Vec<u64>;
    fn recall(&self, marks: &[u64]);
}

impl<S: Collate + Send + 'static> AnyStream for &dyn Stream<Sample = S> {
    fn settings(&self) -> Vec<(String, String)> {
        (**self).settings()
    }

    fn marks(&self) -> Vec<u64> {
        (**self).marks()
    }

    fn recall(&self, marks: &[u64]) {
        (**self).recall(marks);
    }
}

impl Data<'_> {
    /// The number of steps of an epoch, if it is known.
    pub fn steps_per_epoch(&self) -> Option<usize> {
        match self {
            Data::Set { plan } => Some(plan.batches_per_epoch()),
            Data::Stream(_) => None,
        }
    }
}

/// The samples of a step, and the position of those of the next one.
pub(super) type Fed<'d, B> = Result<(Feed<'d, B>, Position), DataError>;

/// The samples of a step, cut into shards.
pub(super) enum Feed<'d, B> {
    /// Each shard is fetched by the thread that trains on it.
    Here { data: &'d dyn Dataset<Batch = B>, epoch: Arc<Epoch>, batch: usize, shards: usize },
    /// Shards fetched ahead, each with its number of samples. (In a mutex, as a batch is `Send` but need not be `Sync`.)
    Fetched(Vec<(usize, Mutex<B>)>),
}

impl<B: Send + 'static> Feed<'_, B> {
    /// The data-parallel step over them.
    pub fn step(
        &self,
        rng: &Rng,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
    ) -> Result<StepResult, DataError> {
        match self {
            Feed::Here { data, epoch, batch, shards } => step(*data, epoch.batch(*batch), *shards, rng, pass),
            Feed::Fetched(shards) => {
                let result = data_parallel(shards, rng, |tape, batch| {
                    Ok::<_, Infallible>(pass(tape, &batch.lock().unwrap_or_else(PoisonError::into_inner)))
                });
                match result {
                    Ok(result) => Ok(result),
                }
            }
        }
    }

    /// Runs the step once more, shard by shard, and describes the first anomaly in a forward or backward pass.
    pub fn first_anomaly(&self, rng: &Rng, pass: &impl Fn(&Tape, &B) -> Outcome) -> Option<String> {
        let run = |(shard, batch): (usize, &B)| guard::anomaly(rng.child(shard as u64), batch, pass);
        match self {
            Feed::Here { data, epoch, batch, shards } => {
                let mut shards = epoch.batch(*batch).shards(*shards).enumerate();
                shards.find_map(|(shard, pick)| run((shard, &data.batch(pick).ok()?)))
            }
            Feed::Fetched(shards) => shards.iter().enumerate().find_map(|(shard, (_, batch))| {
                run((shard, &batch.lock().unwrap_or_else(PoisonError::into_inner)))
            }),
        }
    }
}

/// The samples of some steps over a data set, `fetched` ahead or not.
pub(super) fn of_set<'d, B: Send + 'static>(
    data: &'d dyn Dataset<Batch = B>,
    plan: Plan,
    steps: Range<usize>,
    shards: usize,
    fetched: bool,
) -> impl Fn(usize) -> Option<Fed<'d, B>> + Sync {
    let epochs = Epochs::new(plan);
    move |k| {
        let step = steps.clone().nth(k)?;
        let Position { epoch, batch } = epochs.plan().position(step);
        let epoch = epochs.get(epoch);
        let fetch = |shard: Pick<'_>| Ok((shard.indices.len(), Mutex::new(data.batch(shard)?)));
        let feed = match fetched {
            true => epoch.batch(batch).shards(shards).map(fetch).collect::<Result<_, _>>().map(Feed::Fetched),
            false => Ok(Feed::Here { data, epoch, batch, shards }),
        };
        Some(feed.map(|feed| (feed, epochs.plan().position(step + 1))))
    }
}

/// The samples of some steps along a stream, which must be asked for in their order.
pub(super) fn of_stream<'d, S, B>(
    walk: Walk<&'d dyn Stream<Sample = S>>,
    steps: Range<usize>,
    shards: usize,
) -> impl Fn(usize) -> Option<Fed<'d, B>> + Sync
where
    S: Collate<Batch = B> + Send + 'static,
    B: Send + 'static,
{
    let walk = Mutex::new(walk);
    move |k| {
        if k >= steps.len() {
            return None;
        }
        let mut walk = walk.lock().unwrap_or_else(PoisonError::into_inner);
        let samples = walk.next().unwrap_or_else(|| {
            Err(DataError::Invalid {
                file: "stream".into(),
                field: format!("samples of epoch {}", walk.position().epoch),
                found: "too few".into(),
                expected: "enough for one batch".into(),
            })
        });
        Some(samples.and_then(|samples| Ok((Feed::Fetched(cut(samples, shards)?), walk.position()))))
    }
}

/// Cuts samples into shards, as [`Pick::shards`] does, and collates each.
fn cut<S: Collate>(samples: Vec<S>, shards: usize) -> Result<Vec<(usize, Mutex<S::Batch>)>, DataError> {
    let indices: Vec<usize> = (0..samples.len()).collect();
    let mut samples = samples.into_iter();
    let collate = |shard: Pick<'_>| {
        let samples: Vec<S> = samples.by_ref().take(shard.indices.len()).collect();
        Ok((samples.len(), Mutex::new(S::collate(samples)?)))
    };
    Pick { epoch: 0, indices: &indices }.shards(shards).map(collate).collect()
}

/// Passes the items that `make` makes to `take`: made ahead of use by `workers` threads, or on demand if that is 0.
pub(super) fn ahead<T: Send, R>(
    workers: usize,
    make: impl Fn(usize) -> Option<T> + Sync,
    take: impl FnOnce(&mut dyn Iterator<Item = T>) -> R,
) -> R {
    match workers {
        0 => take(&mut (0..).map_while(make)),
        _ => read_ahead(workers, 2 * workers, make, take),
    }
}
