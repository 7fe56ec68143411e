//! The checkpoint of version 1. These types must never change, whatever becomes of those in use today.

use ravine_optim::{OptimizerState, ParamState, Slot};
use ravine_tensor::Tensor;
use serde::Deserialize;

use super::Entry;
use crate::guard::Guard;

#[derive(Deserialize)]
pub(super) struct Checkpoint {
    settings: Vec<(String, String)>,
    step: usize,
    finished: bool,
    running: Scores,
    history: Vec<EpochRecord>,
    optimizer: Optimizer,
    model: Vec<Named>,
}

#[derive(Deserialize)]
struct Scores {
    samples: u64,
    loss: f64,
    metrics: Vec<(String, f64)>,
}

#[derive(Deserialize)]
struct EpochRecord {
    epoch: usize,
    steps: usize,
    learning_rate: f64,
    train: Scores,
    test: Option<Scores>,
}

#[derive(Deserialize)]
struct Optimizer {
    rule: String,
    steps: u64,
    skipped: u64,
    metrics: Vec<f64>,
    params: Vec<Param>,
}

#[derive(Deserialize)]
struct Param {
    path: String,
    updates: u64,
    slots: Vec<Named>,
}

/// A tensor of the model by its path, or a slot by its name.
#[derive(Deserialize)]
struct Named {
    name: String,
    value: Tensor,
}

impl From<Checkpoint> for super::Checkpoint {
    fn from(old: Checkpoint) -> Self {
        let slot =
            |Named { name, value }| Slot { name, shape: value.shape().to_vec(), values: value.to_vec() };
        let param = |old: Param| ParamState {
            path: old.path,
            updates: old.updates,
            slots: old.slots.into_iter().map(slot).collect(),
        };
        super::Checkpoint {
            settings: old.settings,
            step: old.step,
            finished: old.finished,
            running: old.running.into(),
            history: old.history.into_iter().map(crate::Record::from).collect(),
            trace: Vec::new(),
            optimizer: OptimizerState {
                rule: old.optimizer.rule,
                steps: old.optimizer.steps,
                skipped: old.optimizer.skipped,
                metrics: old.optimizer.metrics,
                params: old.optimizer.params.into_iter().map(param).collect(),
            },
            guard: Guard::default(),
            model: (old.model.into_iter()).map(|Named { name: path, value }| Entry { path, value }).collect(),
            place: None,
            marks: Vec::new(),
        }
    }
}

impl From<Scores> for crate::Scores {
    fn from(old: Scores) -> Self {
        crate::Scores::from_sums(old.samples, old.loss, old.metrics)
    }
}

impl From<EpochRecord> for crate::Record {
    fn from(old: EpochRecord) -> Self {
        crate::Record {
            epoch: old.epoch,
            steps: old.steps,
            learning_rate: old.learning_rate,
            train: old.train.into(),
            test: old.test.map(crate::Scores::from),
            weights_hash: None,
        }
    }
}
