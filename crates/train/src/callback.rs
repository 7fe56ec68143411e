//! What others may do at the turns of a run.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ravine_autograd::Module;

use crate::{Record, StepRecord};

/// Whether the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Continue,
    /// It is saved and stops here.
    Stop,
}

/// Any error of a callback.
pub type CallbackError = Box<dyn Error + Send + Sync>;

/// What a callback may do at a turn.
pub type CallbackResult = Result<Flow, CallbackError>;

/// A run, as it stands at a turn.
#[non_exhaustive]
pub struct RunState<'a> {
    /// The model, between two steps.
    pub model: &'a dyn Module,
    /// The epoch under way, counted from 0.
    pub epoch: usize,
    /// How many steps are done.
    pub step: usize,
    /// How many there will be.
    pub steps: usize,
    /// What was recorded at the ends of epochs.
    pub history: &'a [Record],
    /// What was recorded of single steps.
    pub trace: &'a [StepRecord],
    /// The parameters of which [`StepRecord::update_ratios`] are.
    pub watched: &'a [String],
    /// The settings of the run, by name.
    pub settings: &'a [(String, String)],
    /// Where the run is kept.
    pub folder: Option<&'a Path>,
}

/// Something that is told of the turns of a run, and may stop it. All methods do nothing unless they are written.
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
/// A callback that should give something back after the run is shared: an `Arc<Mutex<C>>` is a callback if `C` is one.
/// It runs on one of the threads that train, between two steps. What it remembers is not part of a checkpoint: [`start`](Self::start)
/// shows it the records of the run, from which it can know what it would have seen.
pub trait Callback: Send {
    /// Before the first step, or the first after a resume.
    ///
    /// # Errors
    /// Any error ends the run.
    fn start(&mut self, _moment: &RunState<'_>) -> CallbackResult {
        Ok(Flow::Continue)
    }

    /// After each step.
    ///
    /// # Errors
    /// Any error ends the run.
    fn step(&mut self, _moment: &RunState<'_>, _step: &StepRecord) -> CallbackResult {
        Ok(Flow::Continue)
    }

    /// After each evaluation. The record's scores still have what is not saved: [`Scores::confusion`](crate::Scores::confusion) and
    /// [`Scores::hardest`](crate::Scores::hardest).
    ///
    /// # Errors
    /// Any error ends the run.
    fn evaluated(&mut self, _moment: &RunState<'_>, _record: &Record) -> CallbackResult {
        Ok(Flow::Continue)
    }

    /// When the run is over or stopped, not when it fails.
    ///
    /// # Errors
    /// Any error is the run's.
    fn end(&mut self, _moment: &RunState<'_>) -> Result<(), CallbackError> {
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
