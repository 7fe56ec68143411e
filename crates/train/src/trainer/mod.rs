//! The training loop with everything that a long run needs. What it is told, and what it makes of that, is in the rooms beside.

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
/// | `last.ravine` | the last checkpoint; all that resuming needs |
/// | `previous.ravine` | an earlier one, on whose weights the loss was in order: what a run that diverges falls back to |
/// | `best-STEP.ravine` | the best ones, if [`keep_best`](Self::keep_best) asks for them |
/// | `metrics.csv` | a row for each evaluation |
/// | `metrics.jsonl` | a line for each evaluation and for each step that is kept |
/// | `run.json` | what it takes to repeat the run, and to check that it was repeated: see [`RunRecord`] |
/// | `tensorboard/` | events for TensorBoard, if [`tensorboard`](Self::tensorboard) asks for them |
/// | `report.html` | the run on one page, if [`report`](Self::report) asks for it |
/// | `post-mortem.txt`, `.json` | why it diverged, if it did: see [`PostMortem`](crate::PostMortem) |
/// | `lock` | keeps other runs out while this one goes on |
///
/// After a kill, resuming brings all of them to where the checkpoint is: no line is there twice, or torn.
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
    /// Trains `model` on `train`, scoring it on `test` after each epoch. `pass` runs the model over a batch (or a shard of one).
    ///
    /// The two sets need not be of one type, but their batches must: one may change its pictures at random, and the other not.
    ///
    /// The optimizer is told the [goal](Self::goal)'s metric at each evaluation, for a rate that falls when it stands still
    /// ([`Plateau`](ravine_optim::Plateau)). Where it keeps an average of the weights
    /// ([`Optimize::averaged`]), the average is scored; the model is left with the weights that were trained, and
    /// `optimizer.averaged().keep()` gives it the others.
    ///
    /// # Errors
    /// If a setting makes no sense, the data or the checkpoint cannot be read or written, the run in the folder is not this
    /// one, a parameter gets no gradient, a callback fails, or the run diverges. What the last checkpoint holds is not lost.
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
            let feed = feed::of_set(train, plan, run.left(), self.all_shards(), workers > 0);
            run.train((workers, feed), test, &pass)
        })
    }

    /// Trains `model` along a stream, for a number of [`steps`](Self::steps): epoch after epoch, as often as it takes. In all else as [`run`](Self::run).
    ///
    /// It is evaluated [every so many steps](Self::evaluate_every), and at the end. A thread of its own goes along the stream two steps ahead, unless
    /// [`workers`](Self::workers) are 0. The checkpoint has the place in the stream, at which resuming goes on.
    ///
    /// ```
    /// # extern crate ravine_autograd as ravine;
    /// use ravine_autograd::Param;
    /// use ravine_data::{DataError, Stream};
    /// use ravine_optim::{Optimizer, Sgd};
    /// use ravine_tensor::{Rng, Tensor};
    /// use ravine_train::{Outcome, Trainer};
    ///
    /// // 3 x, as long as anybody asks.
    /// let lines = |epoch: usize| {
    ///     let mut rng = Rng::new(epoch as u64);
    ///     let sample = move || Tensor::<f32>::uniform([1], -1.0, 1.0, &mut rng);
    ///     Ok(std::iter::repeat_with(sample).map(|x| Ok::<_, DataError>((x.clone(), x * 3.0))))
    /// };
    /// let weight = Param::new(Tensor::zeros([1]));
    /// let mut optimizer = Optimizer::new(&weight, Sgd::default(), 0.5);
    /// Trainer::new().steps(50).run_stream(&weight, &mut optimizer, &lines.shuffle(100, 0), None, |tape, (x, y)| {
    ///     let found = tape.input(x.clone()) * tape.param(&weight);
    ///     Outcome::regression(&found, y)
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
            let feed = feed::of_stream(walk, run.left(), self.all_shards());
            run.train((self.workers.unwrap_or(1).min(1), feed), test, &pass)
        })
    }

    fn pool(&self) -> Result<rayon::ThreadPool, TrainError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build();
        pool.map_err(|source| TrainError::Threads { threads: self.threads, source })
    }

    /// How many samples a step has, micro-batches and all.
    fn step_samples(&self) -> usize {
        self.batch_size * self.accumulate
    }

    /// Into how many shards it is cut.
    fn all_shards(&self) -> usize {
        self.shards * self.accumulate
    }
}
