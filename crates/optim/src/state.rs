//! The state of an optimizer as plain data.

use std::collections::HashMap;

use ravine_tensor::{Shape, Tensor};
use serde::{Deserialize, Serialize};

use crate::optimizer::{Entry, group_rule};
use crate::{OptimError, Optimizer, Rule};

/// The state of an optimizer between two steps, by path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OptimizerState {
    /// The name of the rule.
    pub rule: String,
    /// The number of steps done.
    pub steps: u64,
    /// The number of steps that were skipped because a gradient was not finite.
    pub skipped: u64,
    /// The metrics that were observed.
    pub metrics: Vec<f64>,
    /// The parameters, in the order of the model.
    pub params: Vec<ParamState>,
}

/// The state of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParamState {
    /// Its path.
    pub path: String,
    /// How often it was updated.
    pub updates: u64,
    /// The tensors that the rule keeps for it; empty before the first update.
    pub slots: Vec<Slot>,
}

/// A tensor that a rule keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Its name, one of [`Rule::slots`](crate::Rule::slots).
    pub name: String,
    /// Its shape, usually that of the parameter.
    pub shape: Vec<usize>,
    /// Its elements, in row-major order.
    pub values: Vec<f32>,
}

impl Slot {
    pub(crate) fn new(name: &str, value: &Tensor) -> Self {
        Slot { name: name.to_owned(), shape: value.shape().to_vec(), values: value.to_vec() }
    }

    /// The tensor that was saved, if it has the shape that it should have; `path` is that of its parameter.
    pub(crate) fn tensor(&self, path: &str, shape: &Shape) -> Result<Tensor, OptimError> {
        if self.shape[..] != **shape || self.values.len() != shape.numel() {
            let found = format!("shape {:?} with {} values", self.shape, self.values.len());
            return Err(OptimError::state(
                format!("{} of {path}", self.name),
                found,
                format!("shape {shape}"),
            ));
        }
        Ok(Tensor::from_slice(&self.values, *shape))
    }
}

impl<R: Rule> Optimizer<R> {
    pub(crate) fn saved_state(&self) -> OptimizerState {
        let param = |entry: &Entry| ParamState {
            path: entry.path.clone(),
            updates: entry.updates,
            slots: entry.names.iter().zip(&entry.slots).map(|(name, value)| Slot::new(name, value)).collect(),
        };
        OptimizerState {
            rule: R::NAME.to_owned(),
            steps: self.steps,
            skipped: self.skipped,
            metrics: self.metrics.clone(),
            params: self.entries.iter().map(param).collect(),
        }
    }

    pub(crate) fn restore_state(&mut self, state: &OptimizerState) -> Result<(), OptimError> {
        // The slots of a rule may depend on the settings that it had in the last step.
        self.tune_to(state.steps.saturating_sub(1));
        let loaded = self.loaded(state);
        if loaded.is_err() {
            self.tune_to(self.steps.saturating_sub(1));
        }
        for ((updates, slots), entry) in loaded?.into_iter().zip(&mut self.entries) {
            let rule = group_rule(&self.rule, &self.groups, entry.group);
            entry.names = if slots.is_empty() { &[] } else { rule.slots() };
            (entry.updates, entry.slots, entry.before) = (updates, slots, None);
        }
        (self.steps, self.skipped) = (state.steps, state.skipped);
        self.metrics.clone_from(&state.metrics);
        self.update_plateau_factor();
        Ok(())
    }

    /// The updates and slots of each parameter in a saved state.
    fn loaded(&self, state: &OptimizerState) -> Result<Vec<(u64, Vec<Tensor>)>, OptimError> {
        let differ = |what: &str, found: &str, expected: &str| Err(OptimError::state(what, found, expected));
        if state.rule != R::NAME {
            return differ("rule", &state.rule, R::NAME);
        }
        let mut saved_of: HashMap<&str, &ParamState> = HashMap::new();
        for saved in &state.params {
            if saved_of.insert(&saved.path, saved).is_some() {
                return differ(&saved.path, "it twice", "it once");
            }
        }
        let mut loaded = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let Some(saved) = saved_of.remove(entry.path.as_str()) else {
                return differ(&entry.path, "nothing", "a parameter");
            };
            // If `tune` changes the slots, a parameter that was not updated since may still have the old ones, or none.
            let bare = saved.updates == 0 || saved.slots.is_empty() && self.tune.is_some();
            let expected = if bare { Vec::new() } else { self.slots_of(entry) };
            let names: Vec<&str> = saved.slots.iter().map(|slot| slot.name.as_str()).collect();
            let expected_names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
            if names != expected_names {
                let what = format!("slots of {}", entry.path);
                return differ(&what, &format!("{names:?}"), &format!("{expected_names:?}"));
            }
            let slots =
                saved.slots.iter().zip(&expected).map(|(slot, (_, shape))| slot.tensor(&entry.path, shape));
            loaded.push((saved.updates, slots.collect::<Result<Vec<Tensor>, _>>()?));
        }
        if let Some(path) = saved_of.keys().min() {
            return differ(path, "a parameter", "nothing");
        }
        Ok(loaded)
    }

    /// The slots that a parameter has once it was updated, with their shapes.
    fn slots_of(&self, entry: &Entry) -> Vec<(&'static str, Shape)> {
        let (rule, shape) = (group_rule(&self.rule, &self.groups, entry.group), entry.param.shape());
        rule.slots().iter().map(|name| (*name, rule.slot_shape(name, &shape))).collect()
    }
}
