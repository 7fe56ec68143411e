//! The training loop: the state of a run, its steps and its evaluations.

mod end;
mod kept;

use std::cell::RefCell;
use std::ops::Range;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ravine_autograd::{Module, Tape, Visitor};
use ravine_data::{Dataset, Position};
use ravine_optim::{OptimError, Optimize};
use ravine_tensor::Rng;

use super::feed::{self, Data, Fed, Feed};
use super::store::Store;
use super::summary::per_second;
use super::watch::Watch;
use super::{Ended, Length, Report, Trainer, Unsaved};
use crate::callback::{Callback, CallbackResult, Flow, RunState};
use crate::guard::{self, Guard, Trouble};
use crate::progress::Display;
use crate::replay::Verification;
use crate::{FileError, Outcome, Record, Scores, StepRecord, TrainError, evaluate, weights_hash};

/// The random stream of the steps, below the seed's.
const STEPS: u64 = 0x0073_7465_7073;

/// A reference to a model that may be unsized: a `Module` that can be a `&dyn Module`.
struct Borrowed<'a, M: ?Sized>(&'a M);

impl<M: Module + ?Sized> Module for Borrowed<'_, M> {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.visit(visitor);
    }
}

/// A run. A checkpoint saves its [`Course`], and the states of its model, its optimizer and a stream of data. All else is not saved: it follows
/// from the settings, or concerns this process alone.
pub(super) struct Run<'a, M: ?Sized> {
    trainer: &'a Trainer,
    model: Borrowed<'a, M>,
    optimizer: &'a mut (dyn Optimize + Send),
    data: Data<'a>,
    course: Course,

    /// The step at which to stop, and that at which the run is complete.
    end: usize,
    total_steps: usize,
    /// The settings that the bits depend on.
    settings: Vec<(String, String)>,
    /// All settings and notes that the records list.
    described: Vec<(String, String)>,
    watch: Watch,
    verification: Option<Verification<'a>>,

    store: Option<Store>,
    logs: RefCell<Vec<Box<dyn Callback>>>,
    display: Display,
    /// The last checkpoint that this process wrote.
    written: Option<Written>,
    /// The test scores of the last evaluation, with the fields that checkpoints do not save.
    details: Option<Scores>,
    counts: Counts,
}

/// How far a run has come: what its checkpoint saves of it, so that a resumed run goes on from the same.
#[derive(Clone, Default)]
struct Course {
    /// How many steps are done.
    step: usize,
    /// The position of the next step in the data.
    place: Position,
    /// The training scores since the last evaluation.
    running: Scores,
    history: Vec<Record>,
    trace: Vec<StepRecord>,
    guard: Guard,
}

/// A checkpoint on the disk.
struct Written {
    step: usize,
    /// Whether a loss has been computed with its weights, and was normal.
    proven: bool,
}

/// What this process has done of the run.
#[derive(Default)]
struct Counts {
    /// The numbers of files that could not be written, of steps that were skipped, and of samples trained on.
    unsaved: usize,
    skipped: usize,
    samples: usize,
    /// The time spent in steps.
    training: Duration,
}

impl Counts {
    fn samples_per_second(&self) -> f64 {
        per_second(self.samples, self.training)
    }
}

impl<'a, M: Module + Sync + ?Sized> Run<'a, M> {
    /// Starts a run, or resumes it from its checkpoint.
    pub fn start(
        trainer: &'a Trainer,
        model: &'a M,
        optimizer: &'a mut (dyn Optimize + Send),
        data: Data<'a>,
    ) -> Result<Self, TrainError> {
        let total_steps = trainer.total_steps(&data);
        let end = trainer.max_steps.map_or(total_steps, |max| max.min(total_steps));
        let mut settings = trainer.fingerprint(&data)?;
        settings.extend(trainer.plateau(optimizer.better())?);
        let mut described = settings.clone();
        described.push(match trainer.length {
            Length::Epochs(epochs) => ("epochs".to_owned(), epochs.to_string()),
            Length::Steps(steps) => ("steps".to_owned(), steps.to_string()),
        });
        described.extend(trainer.notes.iter().cloned());
        let verification = trainer.verify.as_ref().map(Verification::new);
        if let Some(verification) = &verification {
            verification.settings(&described)?;
        }
        let mut run = Run {
            trainer,
            model: Borrowed(model),
            optimizer,
            course: Course::default(),
            end,
            total_steps,
            settings,
            described,
            watch: Watch::new(model),
            verification,
            store: None,
            logs: RefCell::default(),
            display: Display::new(trainer.progress, total_steps, data.steps_per_epoch()),
            data,
            written: None,
            details: None,
            counts: Counts::default(),
        };
        run.open()?;
        Ok(run)
    }

    /// The numbers of the steps that are left.
    pub fn left(&self) -> Range<usize> {
        self.course.step..self.end.max(self.course.step)
    }

    /// The position of the next step in the data.
    pub fn place(&self) -> Position {
        self.course.place
    }

    /// Trains to the end, or until something stops the run. `make` makes the samples of the `k`-th of the steps that are [left](Self::left), on
    /// `workers` threads ahead of use.
    pub fn train<'d, B: Send + 'static>(
        mut self,
        (workers, make): (usize, impl Fn(usize) -> Option<Fed<'d, B>> + Sync),
        test: Option<&dyn Dataset<Batch = B>>,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
    ) -> Result<Report, TrainError> {
        let begin = Instant::now();
        let ended = feed::ahead(workers, make, |feeds| self.steps(feeds, test, pass))?;
        self.finish(ended, test, pass, begin)
    }

    /// Does the steps that are left, and returns why they ended.
    fn steps<'d, B: Send + 'static>(
        &mut self,
        feeds: &mut dyn Iterator<Item = Fed<'d, B>>,
        test: Option<&dyn Dataset<Batch = B>>,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
    ) -> Result<Ended, TrainError> {
        let rng = Rng::new(self.trainer.seed).child(STEPS);
        let mut flow = self.notify(|callback, state| callback.start(state))?;
        while flow == Flow::Continue && !self.stopped() && !self.impatient() {
            let clock = Instant::now();
            let Some((feed, next)) = feeds.next().transpose()? else { break };
            let epoch = self.course.place.epoch;
            let (stepped, rate) = self.train_step(&feed, next, &rng, pass, clock)?;
            flow = stepped;
            if self.evaluates() {
                let evaluated = self.evaluate(test, (epoch, rate), pass)?;
                flow = if evaluated == Flow::Stop { evaluated } else { flow };
                self.keep_best()?;
                self.save(self.complete() || self.impatient())?;
            } else if self
                .trainer
                .checkpoint_every
                .is_some_and(|every| self.course.step.is_multiple_of(every))
            {
                self.save(false)?;
            }
        }
        Ok(match flow {
            _ if self.complete() => Ended::Completed,
            Flow::Stop => Ended::Callback,
            Flow::Continue if self.impatient() => Ended::Patience,
            Flow::Continue => Ended::Interrupted,
        })
    }

    /// Whether all steps are done.
    fn complete(&self) -> bool {
        self.course.step == self.total_steps
    }

    /// Whether the run was asked to stop.
    fn stopped(&self) -> bool {
        self.trainer.stop.load(Ordering::Relaxed)
    }

    /// Whether the goal's metric has not improved for too long.
    fn impatient(&self) -> bool {
        self.trainer
            .patience
            .is_some_and(|patience| self.trainer.goal.stale(&self.course.history) >= patience)
    }

    /// Whether the model is to be evaluated after the last step.
    fn evaluates(&self) -> bool {
        let every = self.trainer.evaluate_every.or(self.data.steps_per_epoch());
        self.complete() || every.is_some_and(|every| self.course.step.is_multiple_of(every))
    }

    /// Does a step that began at `clock`, and after which the data go on at `next`. Also returns its learning rate.
    fn train_step<B: Send + 'static>(
        &mut self,
        feed: &Feed<'_, B>,
        next: Position,
        rng: &Rng,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
        clock: Instant,
    ) -> Result<(Flow, f64), TrainError> {
        let rng = rng.child(self.course.step as u64);
        let result = feed.step(&rng, pass)?;
        let loss = result.scores.loss();
        if let Err(trouble) = self.course.guard.see(loss, self.trainer.explosion) {
            let parameter = guard::bad_weight(&self.model)
                .or_else(|| guard::bad_gradient(&self.model, &result.gradients));
            return Err(self.diverged(loss, trouble, parameter, feed.first_anomaly(&rng, pass)));
        }
        if let Some(written) = &mut self.written
            && written.step == self.course.step
            && !self.course.guard.exploded(loss, self.trainer.explosion)
        {
            written.proven = true;
        }
        let kept = self
            .trainer
            .log_every
            .is_some_and(|every| self.course.step == 0 || (self.course.step + 1).is_multiple_of(every));
        let measured = kept && (self.trainer.folder.is_some() || !self.trainer.callbacks.0.is_empty());
        let before = if measured { self.watch.values() } else { Vec::new() };
        let outcome = match self.optimizer.step(result.gradients) {
            Err(OptimError::NonFinite { path }) => {
                let op = feed.first_anomaly(&rng, pass);
                return Err(self.diverged(loss, Trouble::Gradient, Some(path), op));
            }
            outcome => outcome?,
        };
        match outcome.skipped {
            true => self.counts.skipped += 1,
            false => result.updates.apply(),
        }
        let epoch = self.course.place.epoch;
        (self.course.step, self.course.place) = (self.course.step + 1, next);
        self.counts.samples += result.scores.samples();
        self.course.running.add(&result.scores);
        let record = StepRecord {
            step: self.course.step,
            loss,
            learning_rate: outcome.rate,
            gradient_norm: outcome.gradient_norm,
            update_ratios: self.watch.ratios(&before),
        };
        self.counts.training += clock.elapsed();
        if kept {
            self.course.trace.push(record.clone());
            if let Some(verification) = &mut self.verification {
                verification.step(&record)?;
            }
        }
        self.display.step(epoch, self.course.step, &self.course.running, self.counts.samples_per_second());
        let flow = self.notify(|callback, state| callback.step(state, &record))?;
        Ok((flow, outcome.rate))
    }

    /// Scores the model after a step of this epoch and learning rate, and records the result.
    fn evaluate<B: Send + 'static>(
        &mut self,
        test: Option<&dyn Dataset<Batch = B>>,
        (epoch, learning_rate): (usize, f64),
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
    ) -> Result<Flow, TrainError> {
        self.details = self.score(test, pass)?;
        let record = Record {
            epoch,
            steps: self.course.step,
            learning_rate,
            train: std::mem::take(&mut self.course.running),
            test: self.details.clone(),
            weights_hash: Some(weights_hash(&self.model)),
        };
        let goal = &self.trainer.goal;
        if record.scores().metric(&goal.metric).is_none() {
            let known: Vec<&str> = record.scores().metrics().map(|(name, _)| name).collect();
            return Err(TrainError::NoMetric {
                metric: goal.metric.clone(),
                known: ["loss"].iter().chain(&known).copied().collect::<Vec<_>>().join(", "),
            });
        }
        self.optimizer.observe(goal.value(&record));
        if let Some(verification) = &mut self.verification {
            verification.evaluated(&record)?;
        }
        self.display.evaluated(&record, self.counts.samples_per_second());
        self.course.history.push(Record { test: record.test.as_ref().map(Scores::settle), ..record.clone() });
        self.notify(|callback, state| callback.evaluated(state, &record))
    }

    /// The scores on the test set, with the average of the weights if the optimizer keeps one.
    fn score<B: Send + 'static>(
        &self,
        test: Option<&dyn Dataset<Batch = B>>,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
    ) -> Result<Option<Scores>, TrainError> {
        let Some(test) = test else { return Ok(None) };
        let _averaged = self.optimizer.averaged();
        let batch = self.trainer.evaluation_batch;
        let task = self.display.task("evaluating", test.len().div_ceil(batch));
        let scores = evaluate(test, batch, |tape, batch| {
            let outcome = pass(tape, batch);
            task.advance(1);
            outcome
        })?;
        Ok(Some(scores))
    }

    /// The state that callbacks see.
    fn state(&self) -> RunState<'_> {
        RunState {
            model: &self.model,
            epoch: self.course.place.epoch,
            step: self.course.step,
            steps: self.total_steps,
            history: &self.course.history,
            trace: &self.course.trace,
            watched: &self.watch.paths,
            settings: &self.described,
            folder: self.store.as_ref().map(|store| store.folder.as_path()),
        }
    }

    /// Calls a method of all logs and callbacks.
    fn notify(
        &mut self,
        mut method: impl FnMut(&mut dyn Callback, &RunState<'_>) -> CallbackResult,
    ) -> Result<Flow, TrainError> {
        let (mut flow, mut failed) = (Flow::Continue, None);
        let state = self.state();
        for log in self.logs.borrow_mut().iter_mut() {
            if let Err(error) = method(log.as_mut(), &state) {
                failed = Some(error);
            }
        }
        for callback in &self.trainer.callbacks.0 {
            let mut callback = callback.lock().unwrap_or_else(PoisonError::into_inner);
            if method(&mut *callback, &state).map_err(TrainError::Callback)? == Flow::Stop {
                flow = Flow::Stop;
            }
        }
        match failed.map(|error| error.downcast::<FileError>()) {
            Some(Ok(error)) => self.file_failed(*error)?,
            Some(Err(error)) => return Err(TrainError::Callback(error)),
            None => {}
        }
        Ok(flow)
    }

    /// Handles a file that could not be written: by an error or a warning, as the trainer is set.
    fn file_failed(&mut self, error: FileError) -> Result<(), TrainError> {
        if self.trainer.unsaved == Unsaved::Stop {
            return Err(error.into());
        }
        self.counts.unsaved += 1;
        self.display.line(&format!("warning: {error}; the run goes on"));
        Ok(())
    }
}
