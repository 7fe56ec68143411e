//! The settings of a training run, and their defaults.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use ravine_data::Order;

use super::{Callbacks, Length, Trainer};
use crate::{Callback, Goal, Progress, RunRecord};

/// What a run does if one of its files cannot be written, for example because the disk is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsaved {
    /// Stop with the error. The file is as it was before.
    #[default]
    Stop,
    /// Warn and go on; [`Report::unsaved`](crate::Report::unsaved) counts the failures.
    Continue,
}

impl Default for Trainer {
    fn default() -> Self {
        Trainer::new()
    }
}

impl Trainer {
    /// A run of one epoch in batches of 64, each cut into 2 shards, with seed 0, on all processors, silently, without a folder.
    pub fn new() -> Self {
        Trainer {
            length: Length::Epochs(1),
            batch_size: 64,
            accumulate: 1,
            drop_last: false,
            order: None,
            workers: None,
            shards: 2,
            threads: 0,
            seed: 0,
            max_steps: None,
            evaluate_every: None,
            evaluation_batch: 250,
            goal: Goal::default(),
            patience: None,
            explosion: 100.0,
            folder: None,
            checkpoint_every: None,
            keep_best: None,
            resume: false,
            unsaved: Unsaved::Stop,
            log_every: Some(20),
            tensorboard: false,
            report: false,
            notes: Vec::new(),
            data_files: Vec::new(),
            verify: None,
            progress: Progress::Silent,
            stop: Arc::default(),
            callbacks: Callbacks::default(),
        }
    }

    /// The number of epochs: passes through the data.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.length = Length::Epochs(epochs);
        self
    }

    /// The number of steps, instead of a number of epochs.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.length = Length::Steps(steps);
        self
    }

    /// Samples per step, or per micro-batch if a step has [several](Self::accumulate).
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Gradient accumulation: the number of micro-batches of a step, whose gradients are added up before the weights change.
    ///
    /// Micro-batches are shards that wait for a free thread. So `batch_size(64).shards(2).accumulate(4)` is, bit for bit, the same as
    /// `batch_size(256).shards(8)`, and in both cases only as many shards are in memory at a time as there are threads.
    ///
    /// The running statistics of batch norm move once in a step, towards the mean over all its shards. Where PyTorch accumulates, they move once for
    /// each micro-batch; a `momentum` of `1 - (1 - m)ᵏ` in place of `m` is as quick with `k` of them.
    #[must_use]
    #[doc(alias = "gradient_accumulation")]
    pub fn accumulate(mut self, batches: usize) -> Self {
        self.accumulate = batches;
        self
    }

    /// Whether to leave out the last batch of an epoch if it is not full.
    #[must_use]
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// The order in which an epoch visits the samples. By default they are shuffled with the [seed](Self::seed) of the run.
    #[must_use]
    pub fn order(mut self, order: impl Into<Option<Order>>) -> Self {
        self.order = order.into();
        self
    }

    /// The number of threads that fetch batches ahead of their steps, at most twice as many steps ahead as there are workers. With 0, the thread
    /// that trains on a shard fetches it.
    ///
    /// By default it is the number of threads if the training data are [`costly`](ravine_data::Dataset::costly) to fetch, and otherwise 0, which
    /// is faster then; a stream is read by one worker. The bits of the result do not depend on it.
    #[doc(alias = "num_workers")]
    #[must_use]
    pub fn workers(mut self, threads: impl Into<Option<usize>>) -> Self {
        self.workers = threads.into();
        self
    }

    /// The number of shards that each batch is cut into. As many threads can work on it; with 1 shard, all threads work on each kernel, which
    /// is fastest for models of wide layers. Others are fastest with as many shards as threads. The bits of the result depend on this
    /// number, but not on the number of threads.
    #[must_use]
    #[doc(alias = "DistributedDataParallel")]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// The number of threads; 0 means as many as there are processors.
    #[must_use]
    #[doc(alias = "set_num_threads")]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The seed of the order of the data and of dropout.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Stop after this many steps, counted from the beginning of the run, even within an epoch. The run is then interrupted, not
    /// complete: it can be resumed.
    #[must_use]
    pub fn max_steps(mut self, steps: impl Into<Option<usize>>) -> Self {
        self.max_steps = steps.into();
        self
    }

    /// Evaluate every `steps` steps and at the end, instead of after each epoch.
    #[must_use]
    pub fn evaluate_every(mut self, steps: impl Into<Option<usize>>) -> Self {
        self.evaluate_every = steps.into();
        self
    }

    /// Samples per pass of an evaluation.
    #[must_use]
    pub fn evaluation_batch(mut self, samples: usize) -> Self {
        self.evaluation_batch = samples;
        self
    }

    /// The metric to optimize, for [`keep_best`](Self::keep_best), [`patience`](Self::patience), and the optimizer's
    /// [`Plateau`](ravine_optim::Plateau) if it has one, which must agree on which direction is better. The lowest loss by default.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    /// Early stopping: stop when the goal's metric has not improved for this many evaluations in a row.
    #[must_use]
    #[doc(alias = "EarlyStopping")]
    pub fn patience(mut self, evaluations: impl Into<Option<usize>>) -> Self {
        self.patience = evaluations.into();
        self
    }

    /// A run counts as diverged when the mean of its last 16 losses is more than `times` that of its first 16; 100 by default.
    /// (A loss that is not finite always ends it.)
    #[must_use]
    pub fn explosion(mut self, times: f64) -> Self {
        self.explosion = times;
        self
    }

    /// The folder of the run: see [the table](Self#the-folder-of-a-run). The checkpoint is written at the start, after every evaluation, and
    /// when the run stops.
    #[must_use]
    #[doc(alias = "save")]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Write the checkpoint also every `steps` steps.
    #[must_use]
    pub fn checkpoint_every(mut self, steps: impl Into<Option<usize>>) -> Self {
        self.checkpoint_every = steps.into();
        self
    }

    /// Keep the checkpoints of this many best evaluations, besides the last one. [`Report::kept`](crate::Report::kept) lists them.
    #[must_use]
    pub fn keep_best(mut self, checkpoints: impl Into<Option<usize>>) -> Self {
        self.keep_best = checkpoints.into();
        self
    }

    /// Whether to resume from the checkpoint in the folder.
    ///
    /// The model, the kind of optimizer, and the trainer's settings on which the bits depend must be those of the checkpoint, and the run must not end before it. The
    /// optimizer's other settings, such as the learning rate, are those that it has now; if a [note](Self::note) differs from that of the checkpoint's run, the run warns of it.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// What to do if a file cannot be written.
    #[must_use]
    pub fn unsaved(mut self, unsaved: Unsaved) -> Self {
        self.unsaved = unsaved;
        self
    }

    /// Record the first step and every `steps`-th (20 by default): loss, learning rate, norm of the gradients and size of the
    /// updates. `None` keeps none.
    #[must_use]
    pub fn log_every(mut self, steps: impl Into<Option<usize>>) -> Self {
        self.log_every = steps.into();
        self
    }

    /// Whether to write events for TensorBoard into the run's folder.
    #[must_use]
    #[doc(alias = "SummaryWriter")]
    pub fn tensorboard(mut self, tensorboard: bool) -> Self {
        self.tensorboard = tensorboard;
        self
    }

    /// Whether to write `report.html` to the run's folder when the run is complete or stopped.
    ///
    /// If the batches of the test set are `(images [batch, channels, height, width], labels [batch])`, it shows the images on which the
    /// model does worst.
    #[must_use]
    pub fn report(mut self, report: bool) -> Self {
        self.report = report;
        self
    }

    /// An entry for the records of the run, such as the name of the model or a setting of the optimizer.
    #[must_use]
    pub fn note(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.notes.push((name.into(), value.to_string()));
        self
    }

    /// Data files, or folders of them, whose checksums go into the records of the run. The run cannot be resumed with other files. Files with
    /// the same name, in several folders, are told apart by their order here.
    #[must_use]
    pub fn data_files(mut self, paths: impl IntoIterator<Item: Into<PathBuf>>) -> Self {
        self.data_files.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Repeats the run of this record, and fails with [`TrainError::Differs`](crate::TrainError::Differs) where it first differs.
    #[must_use]
    pub fn verify(mut self, record: impl Into<Option<RunRecord>>) -> Self {
        self.verify = record.into();
        self
    }

    /// How the run shows its progress.
    #[must_use]
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// A flag that, once set (for example by a Ctrl-C handler), stops the run after the current step.
    #[must_use]
    pub fn stop_flag(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// Adds a callback. Several are called in the order in which they were added.
    #[must_use]
    pub fn callback(mut self, callback: impl Callback + 'static) -> Self {
        self.callbacks.0.push(Arc::new(Mutex::new(callback)));
        self
    }
}
