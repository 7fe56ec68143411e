//! What a run came to.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Record, Scores, StepRecord};

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It came to its end.
    Completed,
    /// The goal's metric was no better for as long as [`patience`](crate::Trainer::patience) lasts.
    Patience,
    /// A callback stopped it.
    Callback,
    /// It was stopped by its flag or by [`max_steps`](crate::Trainer::max_steps), and can be resumed.
    Interrupted,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The evaluations that were done, those before a resume too.
    pub history: Vec<Record>,
    /// What was recorded of single steps.
    pub trace: Vec<StepRecord>,
    /// The steps that are done, those before a resume too.
    pub steps: usize,
    /// The epochs that are done, those before a resume too.
    pub epochs: usize,
    /// Why it ended.
    pub ended: Ended,
    /// The best evaluation: its place in the history.
    pub best: Option<usize>,
    /// The checkpoints of the best evaluations, the best first. An evaluation from before [`keep_best`](crate::Trainer::keep_best) asked for them
    /// has none.
    pub kept: Vec<PathBuf>,
    /// How often a file could not be written.
    pub unsaved: usize,
    /// How many steps of this process changed nothing because a gradient was not finite: see [`NonFinite::Skip`](ravine_optim::NonFinite::Skip).
    pub skipped: usize,
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
