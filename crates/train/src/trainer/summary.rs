//! The result of a run.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Record, Scores, StepRecord};

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// All its steps were done.
    Completed,
    /// The goal's metric did not improve for as long as [`patience`](crate::Trainer::patience) allows.
    Patience,
    /// A callback stopped it.
    Callback,
    /// It was stopped by its flag or by [`max_steps`](crate::Trainer::max_steps), and can be resumed.
    Interrupted,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The records of all evaluations, including those before a resume.
    pub history: Vec<Record>,
    /// The records of single steps.
    pub trace: Vec<StepRecord>,
    /// The number of steps done, including those before a resume.
    pub steps: usize,
    /// The number of epochs done, including those before a resume.
    pub epochs: usize,
    /// Why it ended.
    pub ended: Ended,
    /// The index of the best evaluation in `history`.
    pub best: Option<usize>,
    /// The checkpoints of the best evaluations, the best first. Evaluations from before [`keep_best`](crate::Trainer::keep_best) was set have
    /// none.
    pub kept: Vec<PathBuf>,
    /// How often a file could not be written.
    pub unsaved: usize,
    /// How many steps of this process were skipped because a gradient was not finite: see [`NonFinite::Skip`](ravine_optim::NonFinite::Skip).
    pub skipped: usize,
    /// The number of samples that this process trained on.
    pub samples: usize,
    /// The time that this process spent training, without evaluations and checkpoints.
    pub training: Duration,
}

/// A rate, also of no time at all.
pub(crate) fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

impl Report {
    /// Samples trained on per second of training.
    pub fn samples_per_second(&self) -> f64 {
        per_second(self.samples, self.training)
    }

    /// Whether the run was stopped before its end, and can be resumed.
    pub fn interrupted(&self) -> bool {
        self.ended == Ended::Interrupted
    }

    /// The scores on the test set at the last evaluation.
    pub fn test(&self) -> Option<&Scores> {
        self.history.last()?.test.as_ref()
    }

    /// The best evaluation.
    pub fn best(&self) -> Option<&Record> {
        self.history.get(self.best?)
    }
}
