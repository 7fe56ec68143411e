//! A tensor that a wrapper keeps for each parameter, saved as one more slot in the state of the wrapped optimizer.

use ravine_autograd::{Module, Param};
use ravine_tensor::Tensor;

use crate::{OptimError, Optimize, OptimizerState, Slot};

/// One tensor for each parameter, of its shape.
pub(crate) struct ExtraSlot {
    wrapper: &'static str,
    slot: &'static str,
    entries: Vec<(String, Param, Tensor)>,
}

impl ExtraSlot {
    /// The slot named `slot` of the wrapper named `wrapper`, initialized with the present values of the parameters of `model`.
    pub fn new(wrapper: &'static str, slot: &'static str, model: &(impl Module + ?Sized)) -> Self {
        let entry = |(path, param): (String, Param)| {
            let value = param.value();
            (path, param, value)
        };
        ExtraSlot { wrapper, slot, entries: model.distinct_params().into_iter().map(entry).collect() }
    }

    /// The parameters and their tensors.
    pub fn iter(&self) -> impl Iterator<Item = (&Param, &Tensor)> {
        self.entries.iter().map(|(_, param, value)| (param, value))
    }

    /// The parameters and their tensors, for writing.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Param, &mut Tensor)> {
        self.entries.iter_mut().map(|(_, param, value)| (&*param, value))
    }

    /// `state`, that of the wrapped optimizer, with these tensors as one more slot of each parameter.
    pub fn save(&self, mut state: OptimizerState) -> OptimizerState {
        state.rule = self.rule(&state.rule);
        for (path, _, value) in &self.entries {
            if let Some(param) = state.params.iter_mut().find(|param| param.path == *path) {
                param.slots.push(Slot::new(self.slot, value));
            }
        }
        state
    }

    /// Undoes [`save`](Self::save): takes this slot from `state`, and loads the rest into the wrapped optimizer.
    pub fn load(&mut self, state: &OptimizerState, optimizer: &mut impl Optimize) -> Result<(), OptimError> {
        let (inner, values) = self.split(state)?;
        optimizer.load_state(&inner)?;
        self.entries.iter_mut().zip(values).for_each(|((_, _, old), new)| *old = new);
        Ok(())
    }

    fn split(&self, state: &OptimizerState) -> Result<(OptimizerState, Vec<Tensor>), OptimError> {
        let mut inner = state.clone();
        match state.rule.strip_prefix(self.wrapper).and_then(|rule| rule.strip_prefix('(')?.strip_suffix(')'))
        {
            Some(rule) => inner.rule = rule.to_owned(),
            None => return Err(OptimError::state("rule", &state.rule, self.rule("..."))),
        }
        let mut values = Vec::with_capacity(self.entries.len());
        for (path, param, _) in &self.entries {
            let missing = |found: &str| OptimError::state(path, found, self.slot);
            let saved = inner.params.iter_mut().find(|saved| saved.path == *path);
            let slots = &mut saved.ok_or_else(|| missing("nothing"))?.slots;
            let slot = slots.pop().ok_or_else(|| missing("no slots"))?;
            if slot.name != self.slot {
                return Err(missing(&slot.name));
            }
            values.push(slot.tensor(path, &param.shape())?);
        }
        Ok((inner, values))
    }

    fn rule(&self, inner: &str) -> String {
        format!("{}({inner})", self.wrapper)
    }
}
