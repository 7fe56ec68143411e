//! The training loop with everything that a long run needs.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ravine_autograd::{Module, Tape};
use ravine_data::{Dataset, Order, Plan};
use ravine_optim::Optimize;
use ravine_tensor::Rng;
use serde::{Deserialize, Serialize};

use crate::progress::Display;
use crate::{Checkpoint, FileError, Outcome, Progress, Scores, TrainError, evaluate, step};

/// The random stream of the steps, below the seed's.
const STEPS: u64 = 0x0073_7465_7073;

/// What an epoch came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Which epoch, counted from 0.
    pub epoch: usize,
    /// How many steps were done at its end.
    pub steps: usize,
    /// The learning rate of its last step.
    pub learning_rate: f64,
    /// The mean over its steps, while the model was changing.
    pub train: Scores,
    /// The scores on the test set at its end, if there is one.
    pub test: Option<Scores>,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The epochs that are done, those before a resume too.
    pub history: Vec<EpochRecord>,
    /// The steps that are done, those before a resume too.
    pub steps: usize,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// Samples trained on in this process.
    pub samples: usize,
    /// Time spent training in this process, without evaluation and checkpoints.
    pub training: Duration,
}

impl Report {
    /// Samples trained on per second of training.
    pub fn samples_per_second(&self) -> f64 {
        self.samples as f64 / self.training.as_secs_f64().max(1e-9)
    }

    /// The scores on the test set after the last epoch.
    pub fn test(&self) -> Option<&Scores> {
        self.history.last()?.test.as_ref()
    }
}

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
/// use ravine_train::{Outcome, Progress, Trainer};
///
/// let data = Mnist::load("examples/data/mnist")?;
/// let mut optimizer = Optimizer::new(&model, Sgd::momentum(0.9), 0.05);
/// let report = Trainer::new()
///     .epochs(5)
///     .batch_size(64)
///     .folder("runs/mnist")
///     .progress(Progress::auto())
///     .run(&model, &mut optimizer, &data.train, Some(&data.test), |tape, (images, labels)| {
///         Outcome::classification(&model.forward(&tape.input(images.clone())), labels)
///     })?;
/// println!("{:?}", report.test());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Trainer {
    epochs: usize,
    batch_size: usize,
    drop_last: bool,
    shards: usize,
    threads: usize,
    seed: u64,
    max_steps: Option<usize>,
    folder: Option<PathBuf>,
    checkpoint_every: Option<usize>,
    resume: bool,
    progress: Progress,
    stop: Arc<AtomicBool>,
}

impl Default for Trainer {
    fn default() -> Self {
        Trainer::new()
    }
}

impl Trainer {
    /// One epoch in batches of 64, each cut into 2 shards, with seed 0, on all processors, silently, without a checkpoint.
    pub fn new() -> Self {
        Trainer {
            epochs: 1,
            batch_size: 64,
            drop_last: false,
            shards: 2,
            threads: 0,
            seed: 0,
            max_steps: None,
            folder: None,
            checkpoint_every: None,
            resume: false,
            progress: Progress::Silent,
            stop: Arc::default(),
        }
    }

    /// How often to go through the data.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Samples per step.
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Whether to leave out the last batch of an epoch if it is not full.
    #[must_use]
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// Into how many parts to cut each batch; so many threads can work on it. The bits of the result depend on this number,
    /// and not on the number of threads.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// How many threads to use; 0 means as many as there are processors.
    #[must_use]
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

    /// Stop after this many steps, counted from the beginning of the run, even in the middle of an epoch.
    #[must_use]
    pub fn max_steps(mut self, steps: impl Into<Option<usize>>) -> Self {
        self.max_steps = steps.into();
        self
    }

    /// Where to keep the run's checkpoint, `last.ravine`: written at the start, after every epoch, and when the run stops.
    #[must_use]
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

    /// Whether to go on from the checkpoint in the folder.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
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

    /// Trains `model` on `train`, scoring it on `test` after each epoch. `pass` runs the model over a batch (or a shard of one).
    ///
    /// The optimizer is told the loss of each epoch, on `test` if there is one. Where it keeps an average of the weights
    /// ([`Optimize::averaged`]), the average is scored; the model is left with the weights that were trained, and
    /// `optimizer.averaged().keep()` gives it the others.
    ///
    /// # Errors
    /// If a setting makes no sense, the data or the checkpoint cannot be read or written, the run in the folder is not this
    /// one, a parameter gets no gradient, or the loss is no longer a number. What the last checkpoint holds is not lost.
    pub fn run<M, D>(
        &self,
        model: &M,
        optimizer: &mut (dyn Optimize + Send),
        train: &D,
        test: Option<&D>,
        pass: impl Fn(&Tape, &D::Batch) -> Outcome + Sync,
    ) -> Result<Report, TrainError>
    where
        M: Module + Sync + ?Sized,
        D: Dataset,
    {
        self.check(train)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build()
            .map_err(|source| TrainError::Threads { threads: self.threads, source })?;
        pool.install(|| Run::start(self, model, optimizer, train)?.train(train, test, &pass))
    }

    fn check(&self, train: &impl Dataset) -> Result<(), TrainError> {
        let wrong = |name, found: String, expected| Err(TrainError::Setting { name, found, expected });
        if self.batch_size == 0 {
            return wrong("batch_size", "0".into(), "at least 1");
        }
        if self.shards == 0 {
            return wrong("shards", "0".into(), "at least 1");
        }
        if self.checkpoint_every == Some(0) {
            return wrong("checkpoint_every", "0".into(), "at least 1 step");
        }
        if (self.resume || self.checkpoint_every.is_some()) && self.folder.is_none() {
            return wrong("folder", "none".into(), "a folder to keep the checkpoint in");
        }
        if self.plan(train.len()).batches_per_epoch() == 0 {
            return wrong("training data", format!("{} samples", train.len()), "enough for one batch");
        }
        Ok(())
    }

    fn plan(&self, samples: usize) -> Plan {
        Plan::new(samples, self.batch_size, Order::Shuffled { seed: self.seed }).drop_last(self.drop_last)
    }

    /// What the bits of the run depend on, besides model, optimizer and data.
    fn fingerprint(&self, samples: usize) -> Vec<(String, String)> {
        [
            ("seed", self.seed.to_string()),
            ("batch_size", self.batch_size.to_string()),
            ("shards", self.shards.to_string()),
            ("drop_last", self.drop_last.to_string()),
            ("training samples", samples.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

/// A run under way.
struct Run<'a, M: ?Sized> {
    trainer: &'a Trainer,
    model: &'a M,
    optimizer: &'a mut (dyn Optimize + Send),
    plan: Plan,
    settings: Vec<(String, String)>,
    /// The checkpoint's file, and the lock on its folder as long as the run lasts.
    keep: Option<(PathBuf, File)>,
    step: usize,
    running: Scores,
    history: Vec<EpochRecord>,
    samples: usize,
    training: Duration,
}

impl<'a, M: Module + Sync + ?Sized> Run<'a, M> {
    /// A run at its beginning, or where its checkpoint says.
    fn start<D: Dataset>(
        trainer: &'a Trainer,
        model: &'a M,
        optimizer: &'a mut (dyn Optimize + Send),
        train: &D,
    ) -> Result<Self, TrainError> {
        let keep = match &trainer.folder {
            Some(folder) => Some((folder.join("last.ravine"), lock(folder)?)),
            None => None,
        };
        let mut run = Run {
            trainer,
            model,
            optimizer,
            plan: trainer.plan(train.len()),
            settings: trainer.fingerprint(train.len()),
            keep,
            step: 0,
            running: Scores::default(),
            history: Vec::new(),
            samples: 0,
            training: Duration::ZERO,
        };
        let Some((file, _)) = &run.keep else { return Ok(run) };
        if trainer.resume {
            let checkpoint = Checkpoint::load(file)?;
            run.restore(checkpoint)?;
            return Ok(run);
        }
        // A finished run may be replaced, an interrupted one not by accident. One that cannot be read cannot be resumed either.
        if let Ok(Checkpoint { finished: false, step, .. }) = Checkpoint::load(file)
            && step > 0
        {
            return Err(TrainError::Unfinished { file: file.clone(), step });
        }
        run.save(false)?;
        Ok(run)
    }

    fn restore(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        for (name, expected) in &self.settings {
            let saved = checkpoint.settings.iter().find(|(saved, _)| saved == name);
            let found = saved.map_or("nothing", |(_, value)| value);
            if found != expected {
                return Err(TrainError::Mismatch {
                    what: name.clone(),
                    found: found.to_owned(),
                    expected: expected.clone(),
                });
            }
        }
        // The optimizer checks before it changes anything; if it agrees, only the model can still refuse, and it changes nothing then.
        let before = self.optimizer.state();
        self.optimizer.load_state(&checkpoint.optimizer)?;
        if let Err(error) = checkpoint.restore_model(self.model) {
            self.optimizer.load_state(&before)?;
            return Err(error);
        }
        self.step = checkpoint.step;
        self.running = checkpoint.running;
        self.history = checkpoint.history;
        Ok(())
    }

    fn save(&self, finished: bool) -> Result<(), FileError> {
        let Some((file, _)) = &self.keep else { return Ok(()) };
        let mut checkpoint = Checkpoint::capture(
            self.model,
            self.optimizer,
            self.settings.clone(),
            self.step,
            self.running.clone(),
            self.history.clone(),
        );
        checkpoint.finished = finished;
        checkpoint.save(file)
    }

    fn train<D: Dataset>(
        mut self,
        train: &D,
        test: Option<&D>,
        pass: &(impl Fn(&Tape, &D::Batch) -> Outcome + Sync),
    ) -> Result<Report, TrainError> {
        let trainer = self.trainer;
        let per_epoch = self.plan.batches_per_epoch();
        let whole = trainer.epochs * per_epoch;
        let end = trainer.max_steps.map_or(whole, |max| max.min(whole));
        let mut display = Display::new(trainer.progress, trainer.epochs, end, self.step);
        if self.step > 0 {
            display.line(&format!("resumed at step {} of {end}", self.step));
        }
        let rng = Rng::new(trainer.seed).child(STEPS);
        let stopped = || trainer.stop.load(Ordering::Relaxed);

        while self.step < end && !stopped() {
            let number = self.step / per_epoch;
            let epoch = self.plan.epoch(number);
            let (mut clock, mut rate) = (Instant::now(), f64::NAN);
            while self.step < end && self.step / per_epoch == number && !stopped() {
                let pick = epoch.batch(self.step % per_epoch);
                let result = step(train, pick, trainer.shards, &rng.child(self.step as u64), pass)?;
                if !result.scores.loss().is_finite() {
                    return Err(TrainError::Diverged {
                        step: self.step,
                        loss: result.scores.loss(),
                        learning_rate: self.optimizer.learning_rate(),
                    });
                }
                rate = self.optimizer.learning_rate();
                self.optimizer.step(result.gradients)?;
                result.updates.apply();
                self.step += 1;
                self.samples += result.scores.samples();
                self.running.add(&result.scores);
                if trainer.checkpoint_every.is_some_and(|every| self.step.is_multiple_of(every)) {
                    self.training += clock.elapsed();
                    self.save(false)?;
                    clock = Instant::now();
                }
                let speed = self.samples as f64 / (self.training + clock.elapsed()).as_secs_f64();
                display.step(number, self.step, &self.running, speed);
            }
            self.training += clock.elapsed();
            if self.step.is_multiple_of(per_epoch) {
                let test = {
                    let _averaged = self.optimizer.averaged();
                    test.map(|test| evaluate(test, 250, pass)).transpose()?
                };
                self.optimizer.observe(test.as_ref().unwrap_or(&self.running).loss());
                let record = EpochRecord {
                    epoch: number,
                    steps: self.step,
                    learning_rate: rate,
                    train: std::mem::take(&mut self.running),
                    test,
                };
                display.epoch(&record, self.samples as f64 / self.training.as_secs_f64());
                self.history.push(record);
                self.save(self.step == whole)?;
            }
        }
        let interrupted = self.step < whole;
        if interrupted {
            self.save(false)?;
            if let Some((file, _)) = &self.keep {
                display.line(&format!(
                    "stopped at step {} of {whole}; saved in {}",
                    self.step,
                    file.display()
                ));
            }
        }
        Ok(Report {
            history: self.history,
            steps: self.step,
            interrupted,
            samples: self.samples,
            training: self.training,
        })
    }
}

/// Makes the folder, and keeps other runs out of it until the file that is returned is closed, if only by a kill.
fn lock(folder: &Path) -> Result<File, TrainError> {
    fs::create_dir_all(folder).map_err(FileError::io(folder, "create the folder"))?;
    let path = folder.join("lock");
    let file = File::create(&path).map_err(FileError::io(&path, "create it"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(TrainError::Locked { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => {
            Err(FileError::Io { file: path, action: "lock it", source }.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Param;
    use ravine_data::TensorSet;
    use ravine_optim::{Averaged, Optimizer, Sgd};
    use ravine_tensor::Tensor;

    use super::*;

    #[test]
    fn averages_are_scored_and_the_optimizer_hears_of_it() {
        let w = Param::new(Tensor::scalar(4.0));
        let mut optimizer = Averaged::ema(&w, Optimizer::new(&w, Sgd::default(), 0.1), 0.9);
        let x: Tensor = Tensor::from_fn([8], |i| i as f32);
        let data = TensorSet::new(x.clone(), x);
        let pass = |tape: &Tape, (x, _): &(Tensor, Tensor)| {
            Outcome::new((tape.param(&w) - tape.input(x.clone())).square().mean(..), x.numel())
        };
        let trainer = Trainer::new().epochs(3).batch_size(4);
        let report = trainer.run(&w, &mut optimizer, &data, Some(&data), pass).unwrap();

        let scored = report.test().unwrap().loss();
        let loss = || evaluate(&data, 250, pass).unwrap().loss();
        assert_ne!(loss(), scored);
        let averaged = optimizer.averaged();
        assert_eq!(loss(), scored);
        drop(averaged);
        let heard = optimizer.state().metrics;
        assert_eq!((heard.len(), heard[2]), (3, scored));
    }
}
