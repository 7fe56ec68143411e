//! The training loop with everything that a long run needs: the settings (`settings`, `check`), the loop (`run`), its data (`feed`), its folder
//! (`store`), the measurement of updates (`watch`) and the result (`summary`).

mod check;
mod feed;
mod run;
mod settings;
mod store;
mod summary;
mod watch;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use ravine_autograd::{Module, Tape};
use ravine_data::{Collate, Dataset, Order, Stream, Walk};
use ravine_optim::Optimize;

use crate::{Callback, Goal, Outcome, Progress, RunRecord, TrainError};

use self::feed::Data;
use self::run::Run;
pub use self::settings::Unsaved;
pub(crate) use self::summary::per_second;
pub use self::summary::{Ended, Report};

/// A training run: its settings, and the loop.
///
/// Whatever the number of threads, and however often the run is interrupted and resumed, the weights come out the same, bit for bit.
///
/// ```no_run
/// # extern crate ravine_autograd as ravine;
/// # use ravine_autograd::{Module, Param, Var};
/// # #[derive(Module)] struct Net { weight: Param }
/// # impl Net { fn forward(&self, x: &Var) -> Var { x.clone() } }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let model = Net { weight: Param::new(ravine_tensor::Tensor::zeros([1])) };
/// use ravine_data::Mnist;
/// use ravine_optim::{Optimizer, Sgd};
/// use ravine_train::{Goal, Outcome, Progress, Trainer};
///
/// let data = Mnist::load("examples/data/mnist")?;
/// let mut optimizer = Optimizer::new(&model, Sgd::momentum(0.9), 0.05);
/// let report = Trainer::new()
///     .epochs(20)
///     .batch_size(64)
///     .folder("runs/mnist")
///     .goal(Goal::highest("accuracy"))
///     .keep_best(3)
///     .patience(5)
///     .report(true)
///     .progress(Progress::auto())
///     .run(&model, &mut optimizer, &data.train, Some(&data.test), |tape, (images, labels)| {
///         Outcome::classification(&model.forward(&tape.input(images.clone())), labels)
///     })?;
/// println!("test: {}", report.test().expect("a test set was given"));
/// # Ok(())
/// # }
/// ```
///
/// # The folder of a run
///
/// | File | What it is |
/// |---|---|
/// | `last.ravine` | the last checkpoint, from which a run resumes |
/// | `previous.ravine` | an earlier one, known to have a normal loss: a run that diverges falls back to it |
/// | `best-STEP.ravine` | the best ones, if [`keep_best`](Self::keep_best) is set |
/// | `metrics.csv` | a row for each evaluation |
/// | `metrics.jsonl` | a line for each evaluation and for each step that is kept |
/// | `run.json` | the record for repeating and verifying the run: see [`RunRecord`] |
/// | `tensorboard/` | events for TensorBoard, if [`tensorboard`](Self::tensorboard) is set |
/// | `report.html` | the run on one page, if [`report`](Self::report) is set |
/// | `post-mortem.txt`, `.json` | why it diverged, if it did: see [`PostMortem`](crate::PostMortem) |
/// | `lock` | keeps other runs out while this one goes on |
///
/// After a kill, resuming brings all of them to the state of the checkpoint: no line appears twice, and none is torn.
#[derive(Clone, Debug)]
pub struct Trainer {
    length: Length,
    batch_size: usize,
    accumulate: usize,
    drop_last: bool,
    order: Option<Order>,
    workers: Option<usize>,
    shards: usize,
    threads: usize,
    seed: u64,
    max_steps: Option<usize>,
    evaluate_every: Option<usize>,
    evaluation_batch: usize,
    goal: Goal,
    patience: Option<usize>,
    explosion: f64,
    folder: Option<PathBuf>,
    checkpoint_every: Option<usize>,
    keep_best: Option<usize>,
    resume: bool,
    unsaved: Unsaved,
    log_every: Option<usize>,
    tensorboard: bool,
    report: bool,
    notes: Vec<(String, String)>,
    data_files: Vec<PathBuf>,
    verify: Option<RunRecord>,
    progress: Progress,
    stop: Arc<AtomicBool>,
    callbacks: Callbacks,
}

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Epochs(usize),
    Steps(usize),
}

#[derive(Clone, Default)]
struct Callbacks(Vec<Arc<Mutex<dyn Callback>>>);

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} callbacks", self.0.len())
    }
}

impl Trainer {
    /// Trains `model` on `train`, and scores it on `test` after each epoch. `pass` runs the model over a batch (or a shard of one).
    ///
    /// The two sets may be of different types, if their batches are of the same: one may augment its pictures, and the other not.
    ///
    /// The optimizer gets the [goal](Self::goal)'s metric after each evaluation, for a learning rate that falls on a plateau
    /// ([`Plateau`](ravine_optim::Plateau)). If it keeps an average of the weights ([`Optimize::averaged`]), the average is scored; the
    /// model is left with the trained weights, and `optimizer.averaged().keep()` replaces them by the average.
    ///
    /// # Errors
    /// If a setting is invalid, the data or the checkpoint cannot be read or written, the folder holds another run, a parameter gets no
    /// gradient, a callback fails, or the run diverges. The last checkpoint stays.
    pub fn run<M, B>(
        &self,
        model: &M,
        optimizer: &mut (dyn Optimize + Send),
        train: &dyn Dataset<Batch = B>,
        test: Option<&dyn Dataset<Batch = B>>,
        pass: impl Fn(&Tape, &B) -> Outcome + Sync,
    ) -> Result<Report, TrainError>
    where
        M: Module + Sync + ?Sized,
        B: Send + 'static,
    {
        self.check(Some(train.len()), test.map(|test| test.len()))?;
        let plan = self.plan(train.len());
        self.pool()?.install(|| {
            let run = Run::start(self, model, optimizer, Data::Set { plan: plan.clone() })?;
            let workers = match self.workers {
                Some(workers) => workers,
                None if train.costly() => rayon::current_num_threads(),
                None => 0,
            };
            let feed = feed::of_set(train, plan, run.left(), self.step_shards(), workers > 0);
            run.train((workers, feed), test, &pass)
        })
    }

    /// Trains `model` on a stream for a number of [`steps`](Self::steps), over as many epochs as that takes. Otherwise like [`run`](Self::run).
    ///
    /// The model is evaluated [every so many steps](Self::evaluate_every), and at the end. A thread of its own reads the stream two steps ahead,
    /// unless [`workers`](Self::workers) is 0. The checkpoint has the position in the stream at which a resumed run goes on.
    ///
    /// ```
    /// # extern crate ravine_autograd as ravine;
    /// use ravine_autograd::Param;
    /// use ravine_data::{DataError, Stream};
    /// use ravine_optim::{Optimizer, Sgd};
    /// use ravine_tensor::{Rng, Tensor};
    /// use ravine_train::{Outcome, Trainer};
    ///
    /// // An endless stream of pairs (x, 3 x).
    /// let lines = |epoch: usize| {
    ///     let mut rng = Rng::new(epoch as u64);
    ///     let sample = move || Tensor::<f32>::uniform([1], -1.0, 1.0, &mut rng);
    ///     Ok(std::iter::repeat_with(sample).map(|x| Ok::<_, DataError>((x.clone(), x * 3.0))))
    /// };
    /// let weight = Param::new(Tensor::zeros([1]));
    /// let mut optimizer = Optimizer::new(&weight, Sgd::default(), 0.5);
    /// Trainer::new().steps(50).run_stream(&weight, &mut optimizer, &lines.shuffle(100, 0), None, |tape, (x, y)| {
    ///     let prediction = tape.input(x.clone()) * tape.param(&weight);
    ///     Outcome::regression(&prediction, y)
    /// })?;
    /// assert!((weight.value().item() - 3.0).abs() < 1e-3);
    /// # Ok::<(), ravine_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run), and if an epoch of the stream has no batch.
    pub fn run_stream<M, S, B>(
        &self,
        model: &M,
        optimizer: &mut (dyn Optimize + Send),
        train: &dyn Stream<Sample = S>,
        test: Option<&dyn Dataset<Batch = B>>,
        pass: impl Fn(&Tape, &B) -> Outcome + Sync,
    ) -> Result<Report, TrainError>
    where
        M: Module + Sync + ?Sized,
        S: Collate<Batch = B> + Send + 'static,
        B: Send + 'static,
    {
        self.check(None, test.map(|test| test.len()))?;
        self.pool()?.install(|| {
            let run = Run::start(self, model, optimizer, Data::Stream(&train))?;
            let walk = Walk::new(train, self.step_samples(), run.place()).drop_last(self.drop_last);
            let feed = feed::of_stream(walk, run.left(), self.step_shards());
            run.train((self.workers.unwrap_or(1).min(1), feed), test, &pass)
        })
    }

    fn pool(&self) -> Result<rayon::ThreadPool, TrainError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build();
        pool.map_err(|source| TrainError::Threads { threads: self.threads, source })
    }

    /// The number of samples of a step, of all its micro-batches.
    fn step_samples(&self) -> usize {
        self.batch_size * self.accumulate
    }

    /// The number of shards of a step, of all its micro-batches.
    fn step_shards(&self) -> usize {
        self.shards * self.accumulate
    }
}
