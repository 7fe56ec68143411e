//! What an optimizer keeps from step to step, as plain data.

use std::collections::HashMap;

use ravine_tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::optimizer::{Entry, group_rule};
use crate::{OptimError, Optimizer, Rule};

/// The state of an optimizer between two steps, by path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OptimizerState {
    /// The name of the rule.
    pub rule: String,
    /// The steps that are done.
    pub steps: u64,
    /// The steps that were skipped because a gradient was not finite.
    pub skipped: u64,
    /// The metrics that were observed.
    pub metrics: Vec<f64>,
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
    /// Its name, one of [`Rule::slots`](crate::Rule::slots).
    pub name: String,
    /// Its shape, usually that of the parameter.
    pub shape: Vec<usize>,
    /// Its elements, in row-major order.
    pub values: Vec<f32>,
}

impl<R: Rule> Optimizer<R> {
    pub(crate) fn saved_state(&self) -> OptimizerState {
        let param = |entry: &Entry| {
            let names = self.slots_of(entry);
            let slot = |((name, shape), value): ((&str, Vec<usize>), &Tensor)| Slot {
                name: name.to_owned(),
                shape,
                values: value.to_vec(),
            };
            ParamState {
                path: entry.path.clone(),
                updates: entry.updates,
                slots: names.into_iter().zip(&entry.slots).map(slot).collect(),
            }
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
        let differ =
            |what: String, found: String, expected: String| Err(OptimError::State { what, found, expected });
        if state.rule != R::NAME {
            return differ("rule".into(), state.rule.clone(), R::NAME.into());
        }
        let mut saved_of: HashMap<&str, &ParamState> = HashMap::new();
        for saved in &state.params {
            if saved_of.insert(&saved.path, saved).is_some() {
                return differ(saved.path.clone(), "it twice".into(), "it once".into());
            }
        }
        let mut loaded = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let Some(saved) = saved_of.remove(entry.path.as_str()) else {
                return differ(entry.path.clone(), "nothing".into(), "a parameter".into());
            };
            let expected = if saved.updates == 0 { Vec::new() } else { self.slots_of(entry) };
            let names: Vec<&str> = saved.slots.iter().map(|slot| slot.name.as_str()).collect();
            let expected_names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
            if names != expected_names {
                return differ(
                    format!("slots of {}", entry.path),
                    format!("{names:?}"),
                    format!("{expected_names:?}"),
                );
            }
            for (slot, (name, shape)) in saved.slots.iter().zip(&expected) {
                if slot.shape != *shape || slot.values.len() != shape.iter().product::<usize>() {
                    let found = format!("shape {:?} with {} values", slot.shape, slot.values.len());
                    return differ(format!("{name} of {}", entry.path), found, format!("shape {shape:?}"));
                }
            }
            loaded.push(saved);
        }
        if let Some(path) = saved_of.keys().min() {
            return differ((*path).to_owned(), "a parameter".into(), "nothing".into());
        }
        for (saved, entry) in loaded.into_iter().zip(&mut self.entries) {
            entry.updates = saved.updates;
            entry.slots =
                saved.slots.iter().map(|slot| Tensor::from_slice(&slot.values, &slot.shape[..])).collect();
        }
        (self.steps, self.skipped) = (state.steps, state.skipped);
        self.metrics.clone_from(&state.metrics);
        self.reckon_plateau();
        Ok(())
    }

    /// The slots that a parameter has once it was updated, with their shapes.
    fn slots_of(&self, entry: &Entry) -> Vec<(&'static str, Vec<usize>)> {
        let (rule, shape) = (group_rule(&self.rule, &self.groups, entry.group), entry.param.shape());
        rule.slots().iter().map(|name| (*name, rule.slot_shape(name, &shape).to_vec())).collect()
    }
}
