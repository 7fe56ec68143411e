//! The data-parallel step, and evaluation.

use ravine_autograd::{BufferUpdates, Gradients, Tape};
use ravine_data::{DataError, Dataset, Order, Pick, Plan};
use ravine_tensor::{Rng, Tensor, sequential};
use rayon::prelude::*;

use crate::{Outcome, Scores};

/// The result of a forward and backward pass over all samples of a batch.
pub struct StepResult {
    /// The gradient of the mean loss.
    pub gradients: Gradients,
    /// The updates of the model's buffers, to be applied after the step.
    pub updates: BufferUpdates,
    /// The loss and the metrics.
    pub scores: Scores,
}

/// The gradient of the mean loss over a batch that is cut into shards, each of which runs on a tape and a thread of its own.
///
/// `shards` gives each shard with its number of samples, and `forward` runs the model over one. Shard `i` draws from `rng.child(i)`.
/// A shard without samples is left out.
/// Losses, gradients and buffer updates are summed over a binary tree of the shards, weighted by samples. So the result depends on how the
/// batch is cut, but not on the number of threads: every thread computes the same bits for a shard, and the tree stays the same.
///
/// Losses and gradients are weighted by the samples that the passes counted ([`Outcome::new`]). If these are, for example, the tokens of
/// padded sentences, of which shards have different numbers, the gradient is still that of the mean over all tokens. Likewise
/// [`Outcome::total_weight`] for weighted means.
///
/// Runs on rayon's current pool ([`rayon::ThreadPool::install`] chooses another). With several shards, the kernels of each stay on its
/// thread. With a single shard, every kernel uses all threads, which changes no bit either: this suits batches that cannot be cut, and
/// models of wide layers, where each thread then reads and changes its own rows of the weights. Other models are mostly faster in shards,
/// which keep the threads busier.
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
    let filled: Vec<usize> = (0..shards.len()).filter(|&index| shards[index].0 > 0).collect();
    let run = |place: usize| {
        let index = filled[place];
        let (samples, data) = &shards[index];
        let pass = || {
            let tape = Tape::train(rng.child(index as u64));
            let Outcome { loss, scores } = forward(&tape, data)?;
            // The shard's weight is the seed of its backward pass, which costs nothing.
            let weight = Tensor::full(*loss.shape(), *samples as f32 / total as f32);
            // With several shards, summing the gradients finds the norms.
            let gradients =
                if filled.len() == 1 { loss.backward_with_norms(weight) } else { loss.backward_from(weight) };
            let result = StepResult { gradients, updates: tape.take_buffer_updates(), scores };
            Ok(Part { samples: *samples, result })
        };
        if filled.len() == 1 { pass() } else { sequential(pass) }
    };
    let result = tree(0..filled.len(), &run)?.result;
    Ok(StepResult { scores: result.scores.by_samples(), ..result })
}

/// The joint result of some of the shards.
struct Part {
    /// The samples in the shards, as the caller counts them. The gradient is weighted by them.
    samples: usize,
    result: StepResult,
}

impl Part {
    /// Joins the part that comes after this one.
    fn join(self, other: Part) -> Part {
        let samples = self.samples + other.samples;
        let (mut sum, mut next) = (self.result, other.result);
        // The mean is over the samples that the passes counted or weighted, which are known only now. Where they are not in proportion to the
        // caller's, the weights of the gradients are corrected. (The products are exact up to batches of a hundred million.)
        let counted = [&sum, &next].map(|part| part.scores.weight());
        if counted[0] * other.samples as f64 != counted[1] * self.samples as f64 {
            let all = counted[0] + counted[1];
            let factor = |of: usize, counted: f64| samples as f64 / of as f64 * (counted / all);
            sum.gradients.scale(factor(self.samples, counted[0]) as f32);
            next.gradients.scale(factor(other.samples, counted[1]) as f32);
        }
        match counted {
            // A mean over nothing is NaN, so its gradient cannot be added with weight 0.
            [none, some] if none == 0.0 && some > 0.0 => sum.gradients = next.gradients,
            [some, none] if none == 0.0 && some > 0.0 => {}
            _ => sum.gradients.add(next.gradients),
        }
        sum.scores.add(&next.scores);
        sum.updates = BufferUpdates::merge(vec![sum.updates, next.updates]);
        Part { samples, result: sum }
    }
}

/// Runs the shards of `range` and joins their results: the first half with the second, each joined likewise.
fn tree<E: Send>(
    range: std::ops::Range<usize>,
    run: &(impl Fn(usize) -> Result<Part, E> + Sync),
) -> Result<Part, E> {
    if range.len() == 1 {
        return run(range.start);
    }
    let middle = range.start + range.len().div_ceil(2);
    let (first, second) = rayon::join(|| tree(range.start..middle, run), || tree(middle..range.end, run));
    Ok(first?.join(second?))
}

/// The data-parallel step over the samples of `pick`, cut into `shards` shards, each fetched from `data` on its own thread.
///
/// # Errors
/// If the data set cannot fetch a sample.
///
/// # Panics
/// If there is no sample, or `shards` is 0.
#[track_caller]
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
///
/// # Panics
/// If `batch_size` is 0.
#[track_caller]
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
    let all = parts.iter().fold(Scores::default(), |mut sum, part| {
        sum.add(part);
        sum
    });
    Ok(all.by_samples())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use ravine_autograd::Param;

    use super::*;

    /// Loss and gradient of `weight · mean(x)` over the words `len · 1, .., len · len` of sentences of these lengths, in so many shards.
    fn loss_and_gradient(lengths: &[usize], shards: usize) -> (f64, f32) {
        let weight = Param::new(Tensor::scalar(1.0));
        let size = lengths.len().div_ceil(shards);
        let shards: Vec<(usize, &[usize])> = lengths.chunks(size).map(|part| (part.len(), part)).collect();
        let step = data_parallel(&shards, &Rng::new(0), |tape, part| {
            let all: Vec<f32> =
                part.iter().flat_map(|&len| (1..=len).map(move |word| (len * word) as f32)).collect();
            let x = tape.input(Tensor::from_slice(&all, [all.len()]));
            let loss = (x * tape.param(&weight)).sum(..) / all.len() as f32;
            Ok::<_, Infallible>(Outcome::new(loss, all.len()))
        });
        let Ok(step) = step;
        (step.scores.loss(), step.gradients.get(&weight).unwrap().item())
    }

    #[test]
    fn the_gradient_is_that_of_the_mean_over_what_is_counted() {
        for lengths in [&[1, 2, 3, 4][..], &[4, 1, 1, 1, 9, 2, 3], &[0, 0, 3, 2], &[2, 0, 0]] {
            let (loss, gradient) = loss_and_gradient(lengths, 1);
            assert!((loss - f64::from(gradient)).abs() < 1e-5);
            for shards in 2..=lengths.len() {
                let (other_loss, other) = loss_and_gradient(lengths, shards);
                assert!((other_loss - loss).abs() < 1e-5, "{lengths:?} in {shards}: {other_loss} for {loss}");
                assert!((other - gradient).abs() < 1e-5, "{lengths:?} in {shards}: {other} for {gradient}");
            }
        }
    }

    #[test]
    fn a_weighted_mean_is_over_the_whole_batch() {
        let (x, weights) = ([1.0, -2.0, 3.0, 5.0, 4.0], [0.0, 0.0, 2.5, 0.25, 1.0]);
        let want = x.iter().zip(weights).map(|(x, w)| x * w).sum::<f32>() / weights.iter().sum::<f32>();
        for cuts in [&[5][..], &[2, 3], &[1, 1, 3], &[3, 2], &[2, 1, 2], &[1; 5]] {
            let weight = Param::new(Tensor::scalar(1.0));
            let ends = cuts.iter().scan(0, |end, len| {
                *end += len;
                Some(*end)
            });
            let shards: Vec<_> = cuts.iter().zip(ends).map(|(&len, end)| (len, end - len..end)).collect();
            let Ok(step) = data_parallel(&shards, &Rng::new(0), |tape, rows| {
                let [x, w] = [&x, &weights].map(|all| Tensor::from_slice(&all[rows.clone()], [rows.len()]));
                let total = w.sum(..).item();
                let loss = (tape.input(x * w) * tape.param(&weight)).sum(..) / total;
                Ok::<_, Infallible>(Outcome::new(loss, rows.len()).total_weight(total.into()))
            });
            let found = [step.scores.loss() as f32, step.gradients.get(&weight).unwrap().item()];
            assert!(found.iter().all(|found| (found - want).abs() < 1e-5), "{cuts:?}: {found:?} for {want}");
            assert_eq!(step.scores.samples(), 5);
        }
    }

    #[test]
    fn shards_of_no_samples_are_left_out() {
        let weight = Param::new(Tensor::scalar(1.0));
        let (none, some) = (Tensor::zeros([0]), Tensor::from([1.0, 2.0, 3.0]));
        for shards in
            [vec![(0, none.clone()), (3, some.clone())], vec![(3, some.clone()), (0, none), (0, some)]]
        {
            let step = data_parallel(&shards, &Rng::new(0), |tape, x| {
                let loss = (tape.input(x.clone()) * tape.param(&weight)).mean(..);
                Ok::<_, Infallible>(Outcome::new(loss, x.numel()))
            });
            let Ok(step) = step;
            assert_eq!((step.scores.loss(), step.scores.samples()), (2.0, 3));
            assert_eq!(step.gradients.get(&weight).unwrap().item(), 2.0);
        }
    }

    #[test]
    fn no_number_of_no_samples_stays_with_them() {
        let of = |x: Tensor| Outcome::new(Tape::eval().input(x.clone()).mean(..), x.numel()).scores;
        let mut scores = of(Tensor::zeros([0]));
        assert!(scores.loss().is_nan());
        scores.add(&of(Tensor::from([1.0, 2.0])));
        scores.add(&of(Tensor::zeros([0])));
        assert_eq!(scores.loss(), 1.5);
    }
}
