//! The settings of a training run, and what they are unless it is said otherwise.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use ravine_data::Order;

use super::{Callbacks, Length, Trainer};
use crate::{Callback, Goal, Progress, RunRecord};

/// What a run does when a file of its own cannot be written, because the disk is full or the folder read-only, say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsaved {
    /// It stops with the error. The files are as they were before.
    #[default]
    Stop,
    /// It says so and goes on; [`Report::unsaved`](crate::Report::unsaved) counts the failures.
    GoOn,
}

impl Default for Trainer {
    fn default() -> Self {
        Trainer::new()
    }
}

impl Trainer {
    /// One epoch in batches of 64, each cut into 2 shards, with seed 0, on all processors, silently, without a folder.
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

    /// How often to go through the data.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.length = Length::Epochs(epochs);
        self
    }

    /// How many steps to take, instead of a number of epochs.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.length = Length::Steps(steps);
        self
    }

    /// Samples per step, or per micro-batch of one if there are [several](Self::accumulate).
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// How many batches make a step: their gradients are added up before the weights change.
    ///
    /// Such micro-batches are shards that wait for their turn. So `batch_size(64).shards(2).accumulate(4)` is, bit for bit,
    /// `batch_size(256).shards(8)`, and whichever way it is said, only as many shards are in memory at a time as there are threads.
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

    /// The order in which an epoch visits the samples; unless this says otherwise, shuffled with the [seed](Self::seed) of the run.
    #[must_use]
    pub fn order(mut self, order: impl Into<Option<Order>>) -> Self {
        self.order = order.into();
        self
    }

    /// How many threads fetch batches ahead of their steps; at most twice as many steps are ready or in work. With 0, each shard is fetched by the thread that
    /// trains on it, when it does.
    ///
    /// Unless this says otherwise, it is 0 where fetching is cheap, which is faster there, and as many as there are threads where the training data
    /// say that they are [`costly`](ravine_data::Dataset::costly); a stream is read by one. The bits of the result do not depend on it.
    #[doc(alias = "num_workers")]
    #[must_use]
    pub fn workers(mut self, threads: impl Into<Option<usize>>) -> Self {
        self.workers = threads.into();
        self
    }

    /// Into how many parts to cut each batch; so many threads can work on it, or with 1, all of them on each kernel: models of wide
    /// layers are quickest so, others in as many shards as there are threads. The bits of the result depend on this number, and not on the
    /// number of threads.
    #[must_use]
    #[doc(alias = "DistributedDataParallel")]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// How many threads to use; 0 means as many as there are processors.
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

    /// Stop after this many steps, counted from the beginning of the run, even in the middle of an epoch. The run is then interrupted,
    /// not finished: it can be resumed.
    #[must_use]
    pub fn max_steps(mut self, steps: impl Into<Option<usize>>) -> Self {
        self.max_steps = steps.into();
        self
    }

    /// Evaluate every so many steps, and at the end, instead of after each epoch.
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

    /// The metric that the run is after, for [`keep_best`](Self::keep_best), [`patience`](Self::patience), and the optimizer's
    /// [`Plateau`](ravine_optim::Plateau) if it has one, which must take the same direction for better. Unless this says otherwise, it is the
    /// lowest loss.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    /// Stop when the goal's metric was no better for so many evaluations in a row.
    #[must_use]
    #[doc(alias = "EarlyStopping")]
    pub fn patience(mut self, evaluations: impl Into<Option<usize>>) -> Self {
        self.patience = evaluations.into();
        self
    }

    /// A run diverges when the mean of its last 16 losses is more than so many times that of its first 16: 100, unless this says otherwise.
    /// (That a loss is not finite is always the end.)
    #[must_use]
    pub fn explosion(mut self, times: f64) -> Self {
        self.explosion = times;
        self
    }

    /// Where to keep the run: see [the table](Self#the-folder-of-a-run). The checkpoint is written at the start, after every evaluation, and
    /// when the run stops.
    #[must_use]
    #[doc(alias = "save")]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Write the checkpoint every so many steps, too.
    #[must_use]
    pub fn checkpoint_every(mut self, steps: impl Into<Option<usize>>) -> Self {
        self.checkpoint_every = steps.into();
        self
    }

    /// Keep the checkpoints of the best so many evaluations, besides the last one. [`Report::kept`](crate::Report::kept) lists them.
    #[must_use]
    pub fn keep_best(mut self, checkpoints: impl Into<Option<usize>>) -> Self {
        self.keep_best = checkpoints.into();
        self
    }

    /// Whether to go on from the checkpoint in the folder.
    ///
    /// Model, kind of optimizer, and the settings of the trainer that the bits depend on must be those of the checkpoint, and the run may not end before it. What
    /// else the optimizer is set to, its learning rate perhaps, is taken as it is now; where a [note](Self::note) says otherwise than before, the run warns of it.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// What to do when a file cannot be written.
    #[must_use]
    pub fn unsaved(mut self, unsaved: Unsaved) -> Self {
        self.unsaved = unsaved;
        self
    }

    /// Keep a record of every so many steps (20, unless this says otherwise), and of the first: loss, rate, norm of the gradients,
    /// size of the updates. `None` keeps none.
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

    /// Whether to write `report.html` into the run's folder when it is over or stopped.
    ///
    /// Of a test set whose batches are `(images [batch, channels, height, width], labels [batch])` it shows the images that the model does
    /// worst on.
    #[must_use]
    pub fn report(mut self, report: bool) -> Self {
        self.report = report;
        self
    }

    /// Something else that the records of the run should say: the name of the model, say, or a setting of the optimizer.
    #[must_use]
    pub fn note(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.notes.push((name.into(), value.to_string()));
        self
    }

    /// Files of the data whose checksums the records of the run should have; of a folder, all files in it. The run cannot be resumed
    /// with others. Those of one name, in several folders, are told apart by their order here.
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

    /// How the run shows itself.
    #[must_use]
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// A flag that stops the run after the step under way, once it is set: from a Ctrl-C handler, say.
    #[must_use]
    pub fn stop_flag(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// Something that is told of the turns of the run. Several are told in the order in which they were added.
    #[must_use]
    pub fn callback(mut self, callback: impl Callback + 'static) -> Self {
        self.callbacks.0.push(Arc::new(Mutex::new(callback)));
        self
    }
}
