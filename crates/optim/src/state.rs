//! What an optimizer keeps from step to step, as plain data.

use serde::{Deserialize, Serialize};

/// The state of an optimizer between two steps, by path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerState {
    /// The name of the rule.
    pub rule: String,
    /// The steps that are done.
    pub steps: u64,
    /// The parameters, in the order of the model.
    pub params: Vec<ParamState>,
}

/// What is kept of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParamState {
    /// Its path.
    pub path: String,
    /// How often it was updated.
    pub updates: u64,
    /// What the rule keeps of it; empty before the first update.
    pub slots: Vec<Slot>,
}

/// A tensor that a rule keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Its name, one of [`Rule::SLOTS`](crate::Rule::SLOTS).
    pub name: String,
    /// Its shape, that of the parameter.
    pub shape: Vec<usize>,
    /// Its elements, in row-major order.
    pub values: Vec<f32>,
}
