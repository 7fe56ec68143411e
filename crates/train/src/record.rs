//! The records that a run keeps of its evaluations and of single steps.

use serde::{Deserialize, Serialize};

use crate::Scores;

/// The result of an evaluation, at the end of an epoch or every [`Trainer::evaluate_every`](crate::Trainer::evaluate_every) steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The epoch of the last step before it, counted from 0.
    pub epoch: usize,
    /// How many steps were done.
    pub steps: usize,
    /// The learning rate of the last of them.
    pub learning_rate: f64,
    /// The mean scores of the training batches since the last record, each taken before its step.
    pub train: Scores,
    /// The scores on the test set, if there is one.
    pub test: Option<Scores>,
    /// The [`weights_hash`](crate::weights_hash()) of the model; `None` in checkpoints of version 1.
    pub weights_hash: Option<String>,
}

impl Record {
    /// The scores on the test set, or those of training if there is none.
    pub fn scores(&self) -> &Scores {
        self.test.as_ref().unwrap_or(&self.train)
    }

    /// The scores of a part of the data.
    pub(crate) fn part(&self, part: Part) -> Option<&Scores> {
        match part {
            Part::Train => Some(&self.train),
            Part::Test => self.test.as_ref(),
        }
    }
}

/// A part of the data, as files and charts tell them apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Train,
    Test,
}

impl Part {
    pub const ALL: [Part; 2] = [Part::Train, Part::Test];

    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Test => "test",
        }
    }
}

/// The result of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The number of the step, counted from 1.
    pub step: usize,
    /// The loss on its batch, before the step.
    pub loss: f64,
    /// Its learning rate.
    pub learning_rate: f64,
    /// The Euclidean norm of all gradients together, before clipping, if the optimizer computed it.
    pub gradient_norm: Option<f64>,
    /// The relative size of the updates: the norm of the change over that of the weight, for up to [`StepRecord::WATCHED`] parameters.
    /// Empty for steps that are not kept ([`Trainer::log_every`](crate::Trainer::log_every)).
    pub update_ratios: Vec<f32>,
}

impl StepRecord {
    /// The largest number of parameters whose updates are measured.
    pub const WATCHED: usize = 12;
}
