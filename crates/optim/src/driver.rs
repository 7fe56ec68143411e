//! What every optimizer needs and no author of a rule should write again.

use ravine_autograd::{Gradients, Module, Param};
use ravine_tensor::{Shape, Tensor};

use crate::clip::Clip;
use crate::{OptimError, OptimizerState, ParamState, Rule, Schedule, Slot, Step};

/// An optimizer whose rule is not known at compile time: what a training loop asks of it.
pub trait Optimize: Send {
    /// Changes the parameters by their gradients.
    ///
    /// # Errors
    /// If a parameter that is neither frozen nor optional has no gradient, or a norm that is clipped is not finite. Nothing is changed then.
    fn step(&mut self, gradients: Gradients) -> Result<(), OptimError>;

    /// The steps that are done.
    fn steps(&self) -> u64;

    /// The learning rate of the step that comes next.
    fn learning_rate(&self) -> f64;

    /// What is kept from step to step.
    fn state(&self) -> OptimizerState;

    /// Goes on from a state that [`state`](Self::state) gave.
    ///
    /// # Errors
    /// If it is of another rule or other parameters. Nothing is changed then.
    fn load_state(&mut self, state: &OptimizerState) -> Result<(), OptimError>;
}

/// Parameters that are treated in their own way.
struct Group<R> {
    rule: R,
    rate_factor: f64,
}

/// A parameter, and what is kept of it.
struct Entry {
    path: String,
    param: Param,
    group: usize,
    updates: u64,
    slots: Vec<Tensor>,
}

/// A [`Rule`] at work on the parameters of a model, under a [`Schedule`].
///
/// ```
/// use ravine_autograd::{Module, Param, Tape};
/// use ravine_optim::{Optimizer, Sgd, StepDecay};
/// use ravine_tensor::Tensor;
///
/// let model = [Param::new(Tensor::scalar(1.0)), Param::new(Tensor::scalar(1.0))];
/// let decayed = Sgd { weight_decay: 0.1, ..Sgd::default() };
/// let mut optimizer = Optimizer::new(&model, decayed, StepDecay { initial: 0.5, every: 10, factor: 0.1 })
///     .group(|path, _shape| path == "1", Sgd::default(), 2.0);
///
/// let tape = Tape::new();
/// let loss = tape.param(&model[0]) + tape.param(&model[1]);
/// optimizer.step(loss.backward())?;
/// assert_eq!(model[0].value().item(), 1.0 - 0.5 * (1.0 + 0.1));
/// assert_eq!(model[1].value().item(), 1.0 - 2.0 * 0.5);
/// # Ok::<(), ravine_optim::OptimError>(())
/// ```
pub struct Optimizer<R> {
    entries: Vec<Entry>,
    groups: Vec<Group<R>>,
    schedule: Box<dyn Schedule>,
    clip: Clip,
    steps: u64,
}

impl<R: Rule> Optimizer<R> {
    /// The rule for all parameters of `model`, at the rate that `schedule` says (a number: always the same).
    pub fn new(model: &(impl Module + ?Sized), rule: R, schedule: impl Schedule + 'static) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for (path, param) in model.named_params() {
            // A tied parameter is one parameter, under its first name.
            if !entries.iter().any(|entry| entry.param.is(&param)) {
                entries.push(Entry { path, param, group: 0, updates: 0, slots: Vec::new() });
            }
        }
        let groups = vec![Group { rule, rate_factor: 1.0 }];
        Optimizer { entries, groups, schedule: Box::new(schedule), clip: Clip::None, steps: 0 }
    }

    /// Another setting of the rule, and a factor on the rate, for the parameters whose path and shape satisfy `which`.
    #[must_use]
    pub fn group(mut self, which: impl Fn(&str, &Shape) -> bool, rule: R, rate_factor: f64) -> Self {
        for entry in &mut self.entries {
            if which(&entry.path, &entry.param.shape()) {
                entry.group = self.groups.len();
            }
        }
        self.groups.push(Group { rule, rate_factor });
        self
    }

    /// Scales the gradients, before each step, so that the norm of all of them together is at most `limit`.
    ///
    /// Pascanu, Mikolov and Bengio 2013.
    #[must_use]
    pub fn clip_norm(mut self, limit: f64) -> Self {
        self.clip = Clip::Norm(limit);
        self
    }

    /// Holds each element of the gradients between `-limit` and `limit`, before each step.
    #[must_use]
    pub fn clip_value(mut self, limit: f64) -> Self {
        self.clip = Clip::Value(limit);
        self
    }

    /// See [`Optimize::step`].
    ///
    /// # Errors
    /// As there.
    pub fn step(&mut self, mut gradients: Gradients) -> Result<(), OptimError> {
        let rate = self.learning_rate();
        let mut active = Vec::with_capacity(self.entries.len());
        let mut grads = Vec::with_capacity(self.entries.len());
        for (i, entry) in self.entries.iter().enumerate() {
            if entry.param.is_frozen() {
                continue;
            }
            match gradients.take(&entry.param) {
                Some(grad) => {
                    active.push(i);
                    grads.push((entry.path.as_str(), grad));
                }
                None if entry.param.is_optional() => {}
                None => return Err(OptimError::MissingGradient { path: entry.path.clone() }),
            }
        }
        self.clip.apply(&mut grads)?;
        let grads: Vec<Tensor> = grads.into_iter().map(|(_, grad)| grad).collect();
        for (i, grad) in active.into_iter().zip(grads) {
            let entry = &mut self.entries[i];
            let Group { rule, rate_factor } = &self.groups[entry.group];
            if entry.slots.is_empty() {
                entry.slots = R::SLOTS.iter().map(|_| grad.zeros_like()).collect();
            }
            entry.updates += 1;
            let step = Step { rate: (rate * rate_factor) as f32, count: entry.updates };
            entry.param.update(|w| rule.update(&step, w, &grad, &mut entry.slots));
        }
        self.steps += 1;
        Ok(())
    }

    /// The learning rate of the step that comes next.
    pub fn learning_rate(&self) -> f64 {
        self.schedule.rate(self.steps)
    }

    /// The name of the rule, without its module.
    fn rule_name() -> &'static str {
        let name = std::any::type_name::<R>();
        name.rsplit("::").next().unwrap_or(name)
    }
}

impl<R: Rule> Optimize for Optimizer<R> {
    fn step(&mut self, gradients: Gradients) -> Result<(), OptimError> {
        Optimizer::step(self, gradients)
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn learning_rate(&self) -> f64 {
        Optimizer::learning_rate(self)
    }

    fn state(&self) -> OptimizerState {
        let slot = |(name, value): (&&str, &Tensor)| Slot {
            name: (*name).to_owned(),
            shape: value.shape().to_vec(),
            values: value.to_vec(),
        };
        let param = |entry: &Entry| ParamState {
            path: entry.path.clone(),
            updates: entry.updates,
            slots: R::SLOTS.iter().zip(&entry.slots).map(slot).collect(),
        };
        OptimizerState {
            rule: Self::rule_name().to_owned(),
            steps: self.steps,
            params: self.entries.iter().map(param).collect(),
        }
    }

    fn load_state(&mut self, state: &OptimizerState) -> Result<(), OptimError> {
        let differ = |what: &str, found: String, expected: String| {
            Err(OptimError::State { what: what.to_owned(), found, expected })
        };
        if state.rule != Self::rule_name() {
            return differ("rule", state.rule.clone(), Self::rule_name().to_owned());
        }
        if state.params.len() != self.entries.len() {
            return differ("parameters", state.params.len().to_string(), self.entries.len().to_string());
        }
        for (saved, entry) in state.params.iter().zip(&self.entries) {
            if saved.path != entry.path {
                return differ("path", saved.path.clone(), entry.path.clone());
            }
            let names: Vec<&str> = saved.slots.iter().map(|slot| slot.name.as_str()).collect();
            let expected = if saved.updates == 0 { &[] } else { R::SLOTS };
            if names != expected {
                return differ(
                    &format!("slots of {}", entry.path),
                    format!("{names:?}"),
                    format!("{expected:?}"),
                );
            }
            for slot in &saved.slots {
                let shape = entry.param.shape();
                if slot.shape[..] != *shape || slot.values.len() != shape.numel() {
                    let what = format!("{} of {}", slot.name, entry.path);
                    let found = format!("shape {:?} with {} values", slot.shape, slot.values.len());
                    return differ(&what, found, format!("shape {shape}"));
                }
            }
        }
        for (saved, entry) in state.params.iter().zip(&mut self.entries) {
            entry.updates = saved.updates;
            entry.slots =
                saved.slots.iter().map(|slot| Tensor::from_slice(&slot.values, &slot.shape[..])).collect();
        }
        self.steps = state.steps;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Tape;

    use super::*;
    use crate::{Adam, Sgd};

    fn params() -> Vec<Param> {
        vec![Param::new(Tensor::from([1.0, -2.0])), Param::new(Tensor::from([[0.5], [3.0]]))]
    }

    /// The gradients of `Σ x²` by all parameters in `used`.
    fn gradients(used: &[Param]) -> Gradients {
        let tape = Tape::new();
        let squares: Vec<_> = used.iter().map(|p| tape.param(p).square().sum(..)).collect();
        squares.into_iter().reduce(|a, b| a + b).unwrap().backward()
    }

    #[test]
    fn a_parameter_without_a_gradient_is_an_error_that_names_it() {
        let params = params();
        let mut optimizer = Optimizer::new(&params, Sgd::default(), 0.1);
        let before = params[0].value();
        let error = optimizer.step(gradients(&params[..1])).unwrap_err();
        assert_eq!(error, OptimError::MissingGradient { path: "1".into() });
        assert!(error.to_string().starts_with("1: the loss gave it no gradient: "));
        assert_eq!((params[0].value(), optimizer.steps), (before.clone(), 0), "nothing is changed");
        params[1].set_optional(true);
        optimizer.step(gradients(&params[..1])).unwrap();
        assert_ne!(params[0].value(), before);
    }

    #[test]
    fn frozen_parameters_stay() {
        let params = params();
        params[1].set_frozen(true);
        let before = params[1].value();
        Optimizer::new(&params, Adam::default(), 0.1).step(gradients(&params)).unwrap();
        assert_eq!(params[1].value(), before);
    }

    #[test]
    fn a_tied_parameter_is_updated_once() {
        let p = Param::new(Tensor::scalar(1.0));
        let mut optimizer = Optimizer::new(&(p.tied(), p.tied()), Sgd::default(), 0.25);
        optimizer.step(gradients(&[p.tied()])).unwrap();
        assert_eq!(p.value().item(), 0.5);
    }

    #[test]
    fn norms_are_clipped_together() {
        let params = vec![Param::new(Tensor::scalar(1.5)), Param::new(Tensor::scalar(2.0))];
        // The gradient is (3, 4), of norm 5.
        Optimizer::new(&params, Sgd::default(), 1.0).clip_norm(1.0).step(gradients(&params)).unwrap();
        assert!(
            (params[0].value().item() - 0.9).abs() < 1e-6 && (params[1].value().item() - 1.2).abs() < 1e-6
        );
        let params = vec![Param::new(Tensor::scalar(1.5)), Param::new(Tensor::scalar(f32::NAN))];
        let mut optimizer = Optimizer::new(&params, Sgd::default(), 1.0).clip_norm(1.0);
        assert_eq!(optimizer.step(gradients(&params)), Err(OptimError::NonFinite { path: "1".into() }));
        assert_eq!(params[0].value().item(), 1.5);
        let params = vec![Param::new(Tensor::scalar(1.5))];
        Optimizer::new(&params, Sgd::default(), 1.0).clip_value(0.5).step(gradients(&params)).unwrap();
        assert_eq!(params[0].value().item(), 1.0);
    }

    #[test]
    fn state_is_saved_and_loaded_by_path() {
        let (a, b) = (params(), params());
        let adam = |params| Optimizer::new(params, Adam::default(), 0.1);
        let (mut straight, mut first) = (adam(&a), adam(&b));
        for _ in 0..3 {
            straight.step(gradients(&a)).unwrap();
            first.step(gradients(&b)).unwrap();
        }
        let mut second = adam(&b);
        second.load_state(&first.state()).unwrap();
        assert_eq!(second.state(), first.state());
        for _ in 0..3 {
            straight.step(gradients(&a)).unwrap();
            second.step(gradients(&b)).unwrap();
        }
        assert!(a.iter().zip(&b).all(|(a, b)| a.value() == b.value()));
    }

    #[test]
    fn a_foreign_state_is_refused_and_named() {
        let params = params();
        let mut adam = Optimizer::new(&params, Adam::default(), 0.1);
        adam.step(gradients(&params)).unwrap();
        let good = adam.state();
        let mut refused = |change: fn(&mut OptimizerState)| {
            let mut state = good.clone();
            change(&mut state);
            let message = adam.load_state(&state).unwrap_err().to_string();
            assert_eq!(adam.state(), good, "nothing is changed");
            message
        };
        assert_eq!(refused(|s| s.rule = "Sgd".into()), "optimizer state: rule: found Sgd, expected Adam");
        assert_eq!(refused(|s| s.params[1].path = "x".into()), "optimizer state: path: found x, expected 1");
        assert_eq!(refused(|s| drop(s.params.pop())), "optimizer state: parameters: found 1, expected 2");
        assert_eq!(
            refused(|s| drop(s.params[0].slots.pop())),
            "optimizer state: slots of 0: found [\"mean\"], expected [\"mean\", \"mean_square\"]"
        );
        assert_eq!(
            refused(|s| s.params[0].slots[1].values.push(0.0)),
            "optimizer state: mean_square of 0: found shape [2] with 3 values, expected shape [2]"
        );
    }
}
