//! The data-parallel step, and evaluation.

use ravine_autograd::{BufferUpdates, Gradients, Tape};
use ravine_data::{DataError, Dataset, Order, Pick, Plan};
use ravine_tensor::{Rng, Tensor, sequential};
use rayon::prelude::*;

use crate::{Outcome, Scores};

/// What one step found over all samples of its batch.
pub struct StepResult {
    /// The gradient of the mean loss.
    pub gradients: Gradients,
    /// What the model's buffers should become.
    pub updates: BufferUpdates,
    /// The loss and the metrics.
    pub scores: Scores,
}

/// The gradient of the mean loss over a batch that is cut into shards, each of which runs on a tape and a thread of its own.
///
/// `shards` gives each shard with its number of samples, and `forward` runs the model over one. Shard `i` draws from `rng.child(i)`.
/// Losses, gradients and buffer updates are summed over a binary tree of the shards, weighted by samples. So the result depends on how the
/// batch is cut, but not on the number of threads: whoever computes a shard computes the same bits, and the tree stays the same.
///
/// Runs on rayon's current pool ([`rayon::ThreadPool::install`] chooses another). A kernel inside one of several shards stays on the shard's
/// thread, as the other threads have shards of their own. A batch in one shard runs on all threads, kernel by kernel, which changes no
/// bit either: for a batch that cannot be cut, and for models of wide layers, where each thread then reads and changes its own rows of the
/// weights. Others are mostly quicker in shards, which keep threads busier.
///
/// ```
/// use ravine_autograd::{Module, Param};
/// use ravine_tensor::{Rng, Tensor};
/// use ravine_train::{Outcome, data_parallel};
///
/// let w = Param::new(Tensor::scalar(1.0));
/// let shards = [(2, Tensor::from([1.0, 2.0])), (1, Tensor::from([3.0]))];
/// let step = data_parallel(&shards, &Rng::new(0), |tape, x| {
///     let x = tape.input(x.clone());
///     Ok::<_, std::convert::Infallible>(Outcome::new((tape.param(&w) * &x).mean(..), x.numel()))
/// })
/// .unwrap();
/// assert_eq!(step.gradients.get(&w).unwrap().item(), 2.0);
/// ```
///
/// # Errors
/// The error of `forward`; that of the first shard, if several fail.
///
/// # Panics
/// If there is no shard or no sample, or if `forward` panics.
#[track_caller]
pub fn data_parallel<S: Sync, E: Send>(
    shards: &[(usize, S)],
    rng: &Rng,
    forward: impl Fn(&Tape, &S) -> Result<Outcome, E> + Sync,
) -> Result<StepResult, E> {
    let total: usize = shards.iter().map(|(samples, _)| samples).sum();
    assert!(total > 0, "data_parallel: there are no samples in {} shards", shards.len());
    let run = |index: usize| {
        let (samples, data) = &shards[index];
        let pass = || {
            let tape = Tape::train(rng.child(index as u64));
            let Outcome { loss, scores } = forward(&tape, data)?;
            // The shard's weight goes in as the seed of its backward pass, which costs nothing.
            let weight = *samples as f32 / total as f32;
            let gradients = loss.backward_from(Tensor::full(*loss.shape(), weight));
            Ok(StepResult { gradients, updates: tape.take_buffer_updates(), scores })
        };
        if shards.len() == 1 { pass() } else { sequential(pass) }
    };
    tree(0..shards.len(), &run)
}

/// Runs the shards of `range` and joins their results: the first half with the second, each joined likewise.
fn tree<E: Send>(
    range: std::ops::Range<usize>,
    run: &(impl Fn(usize) -> Result<StepResult, E> + Sync),
) -> Result<StepResult, E> {
    if range.len() == 1 {
        return run(range.start);
    }
    let middle = range.start + range.len().div_ceil(2);
    let (first, second) = rayon::join(|| tree(range.start..middle, run), || tree(middle..range.end, run));
    let (mut sum, other) = (first?, second?);
    sum.gradients.add(other.gradients);
    sum.scores.add(&other.scores);
    sum.updates = BufferUpdates::merge(vec![sum.updates, other.updates]);
    Ok(sum)
}

/// The data-parallel step over the samples of `pick`, cut into `shards` shards, each fetched from `data` on its own thread.
///
/// # Errors
/// If the data set cannot fetch a sample.
pub fn step<D: Dataset + ?Sized>(
    data: &D,
    pick: Pick<'_>,
    shards: usize,
    rng: &Rng,
    pass: impl Fn(&Tape, &D::Batch) -> Outcome + Sync,
) -> Result<StepResult, DataError> {
    let shards: Vec<(usize, Pick<'_>)> =
        pick.shards(shards).map(|shard| (shard.indices.len(), shard)).collect();
    data_parallel(&shards, rng, |tape, &shard| Ok(pass(tape, &data.batch(shard)?)))
}

/// The scores of a model over a whole data set, on tapes that record nothing and do not train.
///
/// Batches run in parallel on rayon's current pool; their scores are joined in order.
///
/// ```no_run
/// # use ravine_autograd::Var;
/// # fn forward(x: &Var) -> Var { x.clone() }
/// # fn main() -> Result<(), ravine_data::DataError> {
/// use ravine_data::Mnist;
/// use ravine_train::{Outcome, evaluate};
///
/// let test = Mnist::load("examples/data/mnist")?.test;
/// let scores = evaluate(&test, 250, |tape, (images, labels)| {
///     Outcome::classification(&forward(&tape.input(images.clone())), labels)
/// })?;
/// println!("{:.2} %", 100.0 * scores.metric("accuracy").unwrap());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the data set cannot fetch a sample.
pub fn evaluate<D: Dataset + ?Sized>(
    data: &D,
    batch_size: usize,
    pass: impl Fn(&Tape, &D::Batch) -> Outcome + Sync,
) -> Result<Scores, DataError> {
    let epoch = Plan::new(data.len(), batch_size, Order::Sequential).epoch(0);
    let parts: Vec<Scores> = (0..epoch.len())
        .into_par_iter()
        .map(|batch| {
            sequential(|| {
                let batch = data.batch(epoch.batch(batch))?;
                Ok(pass(&Tape::eval(), &batch).scores)
            })
        })
        .collect::<Result<_, DataError>>()?;
    Ok(parts.iter().fold(Scores::default(), |mut sum, part| {
        sum.add(part);
        sum
    }))
}
