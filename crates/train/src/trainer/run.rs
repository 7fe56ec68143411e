//! A run under way.

mod end;
mod kept;

use std::cell::RefCell;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ravine_autograd::{Module, Tape, Visitor};
use ravine_data::{DataError, Dataset, Epochs, Pick, Plan, read_ahead};
use ravine_optim::{OptimError, Optimize};
use ravine_tensor::Rng;

use super::store::Store;
use super::watch::Watch;
use super::{Ended, Length, Report, Trainer, Unsaved};
use crate::callback::{Callback, CallbackResult, Flow, Moment};
use crate::guard::{self, Guard, Trouble};
use crate::progress::Display;
use crate::replay::Verification;
use crate::step::step_fetched;
use crate::{FileError, Outcome, Record, Scores, StepRecord, TrainError, evaluate, step, weights_hash};

/// The shards of a step with their numbers of samples, fetched ahead of it.
type Fetched<B> = Result<Vec<(usize, B)>, DataError>;

/// The random stream of the steps, below the seed's.
const STEPS: u64 = 0x0073_7465_7073;

/// A model behind a reference, of whatever size.
struct Borrowed<'a, M: ?Sized>(&'a M);

impl<M: Module + ?Sized> Module for Borrowed<'_, M> {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.visit(visitor);
    }
}

pub(super) struct Run<'a, M: ?Sized> {
    trainer: &'a Trainer,
    model: Borrowed<'a, M>,
    optimizer: &'a mut (dyn Optimize + Send),
    plan: Plan,
    /// Where to stop, and where the run would be whole.
    end: usize,
    whole: usize,
    /// What the bits depend on, ...
    settings: Vec<(String, String)>,
    /// ... and all that is to be said of the run.
    described: Vec<(String, String)>,
    store: Option<Store>,
    logs: RefCell<Vec<Box<dyn Callback>>>,
    verification: Option<Verification<'a>>,
    watch: Watch,
    display: Display,

    step: usize,
    /// The scores since the last evaluation, and those of the last one with all that is not saved.
    running: Scores,
    details: Option<Scores>,
    history: Vec<Record>,
    trace: Vec<StepRecord>,
    guard: Guard,
    /// The step of the checkpoint on the disk, and whether the loss on its weights was in order.
    saved: Option<usize>,
    proven: bool,
    unsaved: usize,
    samples: usize,
    training: Duration,
}

impl<'a, M: Module + Sync + ?Sized> Run<'a, M> {
    /// A run at its beginning, or where its checkpoint says.
    pub fn start(
        trainer: &'a Trainer,
        model: &'a M,
        optimizer: &'a mut (dyn Optimize + Send),
        samples: usize,
    ) -> Result<Self, TrainError> {
        let plan = trainer.plan(samples);
        let whole = trainer.whole(plan.batches_per_epoch());
        let end = trainer.max_steps.map_or(whole, |max| max.min(whole));
        let settings = trainer.fingerprint(samples)?;
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
            plan: plan.clone(),
            end,
            whole,
            settings,
            described,
            store: None,
            logs: RefCell::default(),
            verification,
            watch: Watch::new(model),
            display: Display::new(trainer.progress, whole, plan.batches_per_epoch()),
            step: 0,
            running: Scores::default(),
            details: None,
            history: Vec::new(),
            trace: Vec::new(),
            guard: Guard::default(),
            saved: None,
            proven: false,
            unsaved: 0,
            samples: 0,
            training: Duration::ZERO,
        };
        run.open()?;
        Ok(run)
    }

    /// Trains to the end, or until something stops it.
    pub fn train<B: Send + 'static>(
        mut self,
        train: &dyn Dataset<Batch = B>,
        test: Option<&dyn Dataset<Batch = B>>,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
    ) -> Result<Report, TrainError> {
        let begin = Instant::now();
        let epochs = Epochs::new(self.plan.clone());
        let (first, end, shards) = (self.step, self.end, self.shards());
        let workers = match self.trainer.workers {
            Some(workers) => workers,
            None if train.costly() => rayon::current_num_threads(),
            None => 0,
        };
        let ended = if workers == 0 {
            self.steps(train, test, pass, &epochs, None)?
        } else {
            let fetch = |k| {
                let place = epochs.plan().position(first + k);
                (first + k < end).then(|| {
                    let fetch = |shard: Pick<'_>| Ok((shard.indices.len(), train.batch(shard)?));
                    epochs.get(place.epoch).batch(place.batch).shards(shards).map(fetch).collect()
                })
            };
            read_ahead(workers, 2 * workers, fetch, |fetched| {
                self.steps(train, test, pass, &epochs, Some(fetched))
            })?
        };
        self.finish(ended, test, pass, begin)
    }

    /// All steps that are left, with what was `fetched` for them, or each fetching for itself; and how they ended.
    fn steps<B: Send + 'static>(
        &mut self,
        train: &dyn Dataset<Batch = B>,
        test: Option<&dyn Dataset<Batch = B>>,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
        epochs: &Epochs,
        mut fetched: Option<&mut dyn Iterator<Item = Fetched<B>>>,
    ) -> Result<Ended, TrainError> {
        let rng = Rng::new(self.trainer.seed).child(STEPS);
        let mut flow = self.tell(|callback, moment| callback.start(moment))?;
        while self.step < self.end && flow == Flow::GoOn && !self.stopped() && !self.impatient() {
            let place = self.plan.position(self.step);
            let epoch = epochs.get(place.epoch);
            let clock = Instant::now();
            let shards = fetched.as_mut().and_then(|fetched| fetched.next()).transpose()?;
            let (stepped, rate) =
                self.train_step(train, epoch.batch(place.batch), shards, &rng, pass, clock)?;
            flow = stepped;
            if self.evaluates() {
                let evaluated = self.evaluate(test, rate, pass)?;
                flow = if evaluated == Flow::Stop { evaluated } else { flow };
                self.keep_best()?;
                self.save(self.step == self.whole || self.impatient())?;
            } else if self.trainer.checkpoint_every.is_some_and(|every| self.step.is_multiple_of(every)) {
                self.save(false)?;
            }
        }
        Ok(match flow {
            _ if self.step == self.whole => Ended::Whole,
            Flow::Stop => Ended::Callback,
            Flow::GoOn if self.impatient() => Ended::Patience,
            Flow::GoOn => Ended::Interrupted,
        })
    }

    /// Into how many shards a step is cut.
    fn shards(&self) -> usize {
        self.trainer.shards * self.trainer.accumulate
    }

    /// Whether the run was asked to stop.
    fn stopped(&self) -> bool {
        self.trainer.stop.load(Ordering::Relaxed)
    }

    /// Whether the goal was out of sight for too long.
    fn impatient(&self) -> bool {
        self.trainer.patience.is_some_and(|patience| self.trainer.goal.stale(&self.history) >= patience)
    }

    /// Whether the model is to be evaluated after the step that was just done.
    fn evaluates(&self) -> bool {
        let every = self.trainer.evaluate_every.unwrap_or(self.plan.batches_per_epoch());
        self.step == self.whole || self.step.is_multiple_of(every)
    }

    /// One step, which began at `clock`, and its learning rate.
    fn train_step<B: Send + 'static>(
        &mut self,
        data: &dyn Dataset<Batch = B>,
        pick: Pick<'_>,
        fetched: Option<Vec<(usize, B)>>,
        rng: &Rng,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
        clock: Instant,
    ) -> Result<(Flow, f64), TrainError> {
        let shards = self.shards();
        let rng = rng.child(self.step as u64);
        let result = match fetched {
            Some(fetched) => step_fetched(fetched, &rng, pass),
            None => step(data, pick, shards, &rng, pass)?,
        };
        let loss = result.scores.loss();
        if let Err(trouble) = self.guard.see(loss, self.trainer.explosion) {
            let parameter = guard::bad_weight(&self.model)
                .or_else(|| guard::bad_gradient(&self.model, &result.gradients));
            let op = guard::first_anomaly(data, pick, shards, &rng, pass);
            return Err(self.diverged(loss, trouble, parameter, op));
        }
        if self.saved == Some(self.step) && !self.guard.exploded(loss, self.trainer.explosion) {
            self.proven = true;
        }
        let kept = self
            .trainer
            .log_every
            .is_some_and(|every| self.step == 0 || (self.step + 1).is_multiple_of(every));
        let measured = kept && (self.trainer.folder.is_some() || !self.trainer.callbacks.0.is_empty());
        let before = if measured { self.watch.values() } else { Vec::new() };
        let outcome = match self.optimizer.step(result.gradients) {
            Err(OptimError::NonFinite { path }) => {
                let op = guard::first_anomaly(data, pick, shards, &rng, pass);
                return Err(self.diverged(loss, Trouble::Gradient, Some(path), op));
            }
            outcome => outcome?,
        };
        result.updates.apply();
        self.step += 1;
        self.samples += result.scores.samples();
        self.running.add(&result.scores);
        let record = StepRecord {
            step: self.step,
            loss,
            learning_rate: outcome.rate,
            gradient_norm: outcome.gradient_norm,
            update_ratios: self.watch.ratios(&before),
        };
        self.training += clock.elapsed();
        if kept {
            self.trace.push(record.clone());
            if let Some(verification) = &mut self.verification {
                verification.step(&record)?;
            }
        }
        self.display.step(self.step, &self.running, self.samples as f64 / self.training.as_secs_f64());
        let flow = self.tell(|callback, moment| callback.step(moment, &record))?;
        Ok((flow, outcome.rate))
    }

    /// Scores the model, and writes down what was found.
    fn evaluate<B: Send + 'static>(
        &mut self,
        test: Option<&dyn Dataset<Batch = B>>,
        learning_rate: f64,
        pass: &(impl Fn(&Tape, &B) -> Outcome + Sync),
    ) -> Result<Flow, TrainError> {
        self.details = self.score(test, pass)?;
        let record = Record {
            epoch: (self.step - 1) / self.plan.batches_per_epoch(),
            steps: self.step,
            learning_rate,
            train: std::mem::take(&mut self.running),
            test: self.details.clone(),
            weights_hash: Some(weights_hash(&self.model)),
        };
        self.optimizer.observe(record.scores().loss());
        let goal = &self.trainer.goal;
        if record.scores().metric(&goal.metric).is_none() {
            let known: Vec<&str> = record.scores().metrics().map(|(name, _)| name).collect();
            return Err(TrainError::NoMetric {
                metric: goal.metric.clone(),
                known: ["loss"].iter().chain(&known).copied().collect::<Vec<_>>().join(", "),
            });
        }
        if let Some(verification) = &mut self.verification {
            verification.evaluated(&record)?;
        }
        self.display.evaluated(&record, self.samples as f64 / self.training.as_secs_f64());
        self.history.push(Record { test: record.test.as_ref().map(Scores::settle), ..record.clone() });
        self.tell(|callback, moment| callback.evaluated(moment, &record))
    }

    /// The scores on the test set, of the average of the weights where there is one.
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

    /// The run as it stands.
    fn moment(&self) -> Moment<'_> {
        Moment {
            model: &self.model,
            epoch: self.step / self.plan.batches_per_epoch(),
            step: self.step,
            steps: self.whole,
            history: &self.history,
            trace: &self.trace,
            watched: &self.watch.paths,
            settings: &self.described,
            folder: self.store.as_ref().map(|store| store.folder.as_path()),
        }
    }

    /// Tells logs and callbacks of a turn.
    fn tell(
        &mut self,
        mut turn: impl FnMut(&mut dyn Callback, &Moment<'_>) -> CallbackResult,
    ) -> Result<Flow, TrainError> {
        let (mut flow, mut failed) = (Flow::GoOn, None);
        let moment = self.moment();
        for log in self.logs.borrow_mut().iter_mut() {
            if let Err(error) = turn(log.as_mut(), &moment) {
                failed = Some(error);
            }
        }
        for callback in &self.trainer.callbacks.0 {
            let mut callback = callback.lock().unwrap_or_else(PoisonError::into_inner);
            if turn(&mut *callback, &moment).map_err(TrainError::Callback)? == Flow::Stop {
                flow = Flow::Stop;
            }
        }
        match failed.map(|error| error.downcast::<FileError>()) {
            Some(Ok(error)) => self.excuse(*error)?,
            Some(Err(error)) => return Err(TrainError::Callback(error)),
            None => {}
        }
        Ok(flow)
    }

    /// A file could not be written: the end, or only a pity.
    fn excuse(&mut self, error: FileError) -> Result<(), TrainError> {
        if self.trainer.unsaved == Unsaved::Stop {
            return Err(error.into());
        }
        self.unsaved += 1;
        self.display.line(&format!("warning: {error}; the run goes on"));
        Ok(())
    }
}
