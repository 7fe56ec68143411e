//! The checkpoint of version 2: today's without the place in the data. When a type that it uses changes, a copy of the old one must be kept here.

use ravine_optim::OptimizerState;
use serde::Deserialize;

use super::Entry;
use crate::guard::Guard;
use crate::{Record, Scores, StepRecord};

#[derive(Deserialize)]
pub(super) struct Checkpoint {
    settings: Vec<(String, String)>,
    step: usize,
    finished: bool,
    running: Scores,
    history: Vec<Record>,
    trace: Vec<StepRecord>,
    optimizer: OptimizerState,
    guard: Guard,
    model: Vec<Entry>,
}

impl From<Checkpoint> for super::Checkpoint {
    fn from(old: Checkpoint) -> Self {
        let Checkpoint { settings, step, finished, running, history, trace, optimizer, guard, model } = old;
        super::Checkpoint {
            settings,
            step,
            finished,
            running,
            history,
            trace,
            optimizer,
            guard,
            model,
            place: None,
            marks: Vec::new(),
        }
    }
}
