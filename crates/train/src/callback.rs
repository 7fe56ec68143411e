//! Callbacks: code that is called at the start and the end of a run, after each step and after each evaluation.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ravine_autograd::Module;

use crate::{Record, StepRecord};

/// Whether the run is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Save the run and stop.
    Stop,
}

/// Any error of a callback.
pub type CallbackError = Box<dyn Error + Send + Sync>;

/// What a callback returns.
pub type CallbackResult = Result<Flow, CallbackError>;

/// The state of a run when a callback is called.
#[non_exhaustive]
pub struct RunState<'a> {
    /// The model, between two steps.
    pub model: &'a dyn Module,
    /// The epoch of the next step, counted from 0.
    pub epoch: usize,
    /// How many steps are done.
    pub step: usize,
    /// How many steps the whole run has.
    pub steps: usize,
    /// The records of the evaluations.
    pub history: &'a [Record],
    /// What was recorded of single steps.
    pub trace: &'a [StepRecord],
    /// The paths of the parameters whose updates are measured, in the order of [`StepRecord::update_ratios`].
    pub watched: &'a [String],
    /// The settings of the run, by name.
    pub settings: &'a [(String, String)],
    /// The folder of the run, if it has one.
    pub folder: Option<&'a Path>,
}

/// Code that is called in the course of a run, and may stop it. By default, all methods do nothing.
///
/// ```
/// use ravine_train::{Callback, CallbackResult, Flow, RunState, Record};
///
/// /// Stops a run when it is good enough.
/// struct Enough(f64);
///
/// impl Callback for Enough {
///     fn evaluated(&mut self, _: &RunState, record: &Record) -> CallbackResult {
///         let accuracy = record.scores().metric("accuracy").ok_or("there is no accuracy")?;
///         Ok(if accuracy >= self.0 { Flow::Stop } else { Flow::Continue })
///     }
/// }
///
/// let trainer = ravine_train::Trainer::new().epochs(50).callback(Enough(0.99));
/// ```
///
/// To read a callback's results after the run, share it: an `Arc<Mutex<C>>` is a callback if `C` is one.
/// A callback runs on one of the training threads, between two steps. Its own state is not part of a checkpoint; after a resume,
/// [`start`](Self::start) gets the records of the run, from which it can be rebuilt.
pub trait Callback: Send {
    /// Called before the first step, or the first one after a resume.
    ///
    /// # Errors
    /// Any error ends the run.
    fn start(&mut self, _state: &RunState<'_>) -> CallbackResult {
        Ok(Flow::Continue)
    }

    /// Called after each step.
    ///
    /// # Errors
    /// Any error ends the run.
    fn step(&mut self, _state: &RunState<'_>, _step: &StepRecord) -> CallbackResult {
        Ok(Flow::Continue)
    }

    /// Called after each evaluation. The scores of `record` still have what checkpoints do not save:
    /// [`Scores::confusion`](crate::Scores::confusion) and [`Scores::hardest`](crate::Scores::hardest).
    ///
    /// # Errors
    /// Any error ends the run.
    fn evaluated(&mut self, _state: &RunState<'_>, _record: &Record) -> CallbackResult {
        Ok(Flow::Continue)
    }

    /// Called when the run is complete or stopped, but not when it fails.
    ///
    /// # Errors
    /// Any error becomes the result of the run.
    fn end(&mut self, _state: &RunState<'_>) -> Result<(), CallbackError> {
        Ok(())
    }
}

impl<C: Callback + ?Sized> Callback for Box<C> {
    fn start(&mut self, state: &RunState<'_>) -> CallbackResult {
        (**self).start(state)
    }

    fn step(&mut self, state: &RunState<'_>, step: &StepRecord) -> CallbackResult {
        (**self).step(state, step)
    }

    fn evaluated(&mut self, state: &RunState<'_>, record: &Record) -> CallbackResult {
        (**self).evaluated(state, record)
    }

    fn end(&mut self, state: &RunState<'_>) -> Result<(), CallbackError> {
        (**self).end(state)
    }
}

impl<C: Callback + ?Sized> Callback for Arc<Mutex<C>> {
    fn start(&mut self, state: &RunState<'_>) -> CallbackResult {
        self.lock().unwrap_or_else(PoisonError::into_inner).start(state)
    }

    fn step(&mut self, state: &RunState<'_>, step: &StepRecord) -> CallbackResult {
        self.lock().unwrap_or_else(PoisonError::into_inner).step(state, step)
    }

    fn evaluated(&mut self, state: &RunState<'_>, record: &Record) -> CallbackResult {
        self.lock().unwrap_or_else(PoisonError::into_inner).evaluated(state, record)
    }

    fn end(&mut self, state: &RunState<'_>) -> Result<(), CallbackError> {
        self.lock().unwrap_or_else(PoisonError::into_inner).end(state)
    }
}
