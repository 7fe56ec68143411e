//! What is written down of a run while it goes on.

use serde::{Deserialize, Serialize};

use crate::Scores;

/// What was found when the model was evaluated: at the end of an epoch, or as often as
/// [`Trainer::evaluate_every`](crate::Trainer::evaluate_every) says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which epoch it was in, or at the end of, counted from 0.
    pub epoch: usize,
    /// How many steps were done.
    pub steps: usize,
    /// The learning rate of the last of them.
    pub learning_rate: f64,
    /// The mean over the steps since the last record, while the model was changing.
    pub train: Scores,
    /// The scores on the test set, if there is one.
    pub test: Option<Scores>,
    /// The [`weights_hash`](crate::weights_hash()) of the model; `None` in what version 1 saved.
    pub weights_hash: Option<String>,
}

impl Record {
    /// The scores on the test set, or those of training if there is none.
    pub fn scores(&self) -> &Scores {
        self.test.as_ref().unwrap_or(&self.train)
    }
}

/// What was found at one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Which step, counted from 1: so many were done after it.
    pub step: usize,
    /// The loss on its batch, before the step.
    pub loss: f64,
    /// Its learning rate.
    pub learning_rate: f64,
    /// The Euclidean norm of all gradients together, before clipping, if the optimizer looked at it.
    pub gradient_norm: Option<f64>,
    /// By how much it changed the weights: the norm of the change over that of the weight, for up to [`StepRecord::WATCHED`] parameters;
    /// empty but for the steps that are kept ([`Trainer::log_every`](crate::Trainer::log_every)).
    pub update_ratios: Vec<f32>,
}

impl StepRecord {
    /// Of how many parameters the updates are measured, at most.
    pub const WATCHED: usize = 12;
}
