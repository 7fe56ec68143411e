//! What every optimizer needs and no author of a rule should write again.

use std::sync::Arc;

use ravine_autograd::{Gradients, Module, Param};
use ravine_tensor::{Tensor, threads_for};
use rayon::prelude::*;

use crate::clip;
use crate::group::Overrides;
use crate::rule::Shaping;
use crate::{Clip, Decay, Group, OptimError, OptimizerState, Rule, Schedule, Step, Swapped};

/// An optimizer whose rule is not known at compile time: what a training loop asks of it.
pub trait Optimize: Send {
    /// Changes the parameters by their gradients.
    ///
    /// Gradients of parameters that are not this optimizer's are passed over: two optimizers can share one backward pass.
    ///
    /// # Errors
    /// If a parameter that is neither frozen nor optional has no gradient, or a gradient is not finite. Nothing is changed then.
    fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError>;

    /// The steps that are done.
    fn steps(&self) -> u64;

    /// The learning rate of the step that comes next.
    fn learning_rate(&self) -> f64;

    /// Gives the parameters the values with which the model should be used until what this returns is dropped. For most rules
    /// they are the ones that are trained; see [`Optimizer::averaged`].
    #[must_use = "the trained values are back as soon as this is dropped"]
    fn averaged(&self) -> Swapped;

    /// What is kept from step to step.
    fn state(&self) -> OptimizerState;

    /// Goes on from a state that [`state`](Self::state) gave.
    ///
    /// # Errors
    /// If it is of another rule or other parameters. Nothing is changed then.
    fn load_state(&mut self, state: &OptimizerState) -> Result<(), OptimError>;
}

/// What to do when a gradient holds an infinity or a NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonFinite {
    /// Refuse the step with an error that names the parameter.
    #[default]
    Error,
    /// Skip the step: nothing is changed, and [`OptimizerState::skipped`] counts it.
    Skip,
    /// Do not look, which saves a pass over the gradients.
    Ignore,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOutcome {
    /// The learning rate.
    pub rate: f64,
    /// The Euclidean norm of all gradients together, before clipping; `None` under [`NonFinite::Ignore`] if clipping does not need it.
    pub gradient_norm: Option<f64>,
    /// Whether a norm was clipped.
    pub clipped: bool,
    /// Whether the step was skipped because a gradient was not finite.
    pub skipped: bool,
}

/// A parameter, and what is kept of it.
pub(crate) struct Entry {
    pub path: String,
    pub param: Param,
    pub numel: usize,
    pub group: usize,
    pub updates: u64,
    pub slots: Vec<Tensor>,
}

/// A [`Rule`] at work on the parameters of a model, under a [`Schedule`].
///
/// ```
/// use ravine_autograd::{Param, Tape};
/// use ravine_optim::{Group, Optimizer, Sgd, StepDecay};
/// use ravine_tensor::Tensor;
///
/// let model = [Param::new(Tensor::scalar(1.0)), Param::new(Tensor::scalar(1.0))];
/// let rate = StepDecay { initial: 0.5, every: 10, factor: 0.1 };
/// let mut optimizer = Optimizer::new(&model, Sgd::default(), rate)
///     .weight_decay(0.1)
///     .group(Group::new(|path, _shape| path == "1").weight_decay(0.0).rate_factor(2.0));
///
/// let tape = Tape::new();
/// let loss = tape.param(&model[0]) + tape.param(&model[1]);
/// optimizer.step(loss.backward())?;
/// assert_eq!(model[0].value().item(), 1.0 - 0.5 * (1.0 + 0.1));
/// assert_eq!(model[1].value().item(), 1.0 - 2.0 * 0.5);
/// # Ok::<(), ravine_optim::OptimError>(())
/// ```
pub struct Optimizer<R> {
    pub(crate) entries: Vec<Entry>,
    pub(crate) rule: R,
    schedule: Arc<dyn Schedule>,
    decay: Decay,
    weight_decay: Arc<dyn Schedule>,
    pub(crate) groups: Vec<Overrides<R>>,
    tune: Option<Box<dyn Fn(&mut R, u64) + Send>>,
    clip: Clip,
    non_finite: NonFinite,
    maximize: bool,
    pub(crate) steps: u64,
    pub(crate) skipped: u64,
}

/// The settings of a parameter at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The learning rate.
    pub rate: f64,
    /// The kind of weight decay.
    pub decay: Decay,
    /// The coefficient of weight decay.
    pub weight_decay: f64,
}

impl<R: Rule> Optimizer<R> {
    /// The rule for all parameters of `model`, at the rate that `schedule` says (a number: always the same).
    ///
    /// A parameter that is tied, so that the model has it under several paths, is one parameter under its first path.
    pub fn new(model: &(impl Module + ?Sized), rule: R, schedule: impl Schedule + 'static) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for (path, param) in model.named_params() {
            if !entries.iter().any(|entry| entry.param.is(&param)) {
                let numel = param.shape().numel();
                entries.push(Entry { path, param, numel, group: 0, updates: 0, slots: Vec::new() });
            }
        }
        Optimizer {
            entries,
            rule,
            schedule: Arc::new(schedule),
            decay: R::DECAY,
            weight_decay: Arc::new(R::WEIGHT_DECAY),
            groups: Vec::new(),
            tune: None,
            clip: Clip::None,
            non_finite: NonFinite::Error,
            maximize: false,
            steps: 0,
            skipped: 0,
        }
    }

    /// Other settings for some of the parameters. A parameter that several groups want is in the first of them.
    #[must_use]
    pub fn group(mut self, group: Group<R>) -> Self {
        self.groups.push(group.overrides);
        let index = self.groups.len();
        for entry in self.entries.iter_mut().filter(|entry| entry.group == 0) {
            if (group.which)(&entry.path, &entry.param.shape()) {
                entry.group = index;
            }
        }
        self
    }

    /// The coefficient of weight decay: a number, or a schedule. Its kind is [`Rule::DECAY`].
    #[must_use]
    pub fn weight_decay(mut self, amount: impl Schedule + 'static) -> Self {
        self.weight_decay = Arc::new(amount);
        self
    }

    /// The kind of weight decay.
    #[must_use]
    pub fn decay(mut self, decay: Decay) -> Self {
        self.decay = decay;
        self
    }

    /// Changes settings of the rule from step to step: `tune(rule, step)` comes before each step, counted from 0, and should be
    /// a function of the step alone, so that a run can be resumed.
    ///
    /// ```
    /// use ravine_autograd::Param;
    /// use ravine_optim::{Cosine, Optimizer, Schedule, Sgd};
    /// # use ravine_tensor::Tensor;
    /// # let model = Param::new(Tensor::zeros([2]));
    ///
    /// let momentum = Cosine { initial: 0.95, last: 0.85, steps: 1000 };
    /// let optimizer = Optimizer::new(&model, Sgd::momentum(0.95), 0.1)
    ///     .tune(move |sgd, step| sgd.momentum = momentum.rate(step));
    /// ```
    #[must_use]
    pub fn tune(mut self, tune: impl Fn(&mut R, u64) + Send + 'static) -> Self {
        self.tune = Some(Box::new(tune));
        self
    }

    /// What is done to the gradients before each step.
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = clip;
        self
    }

    /// [`clip`](Self::clip) of the norm of all gradients together.
    #[must_use]
    pub fn clip_norm(self, limit: f64) -> Self {
        self.clip(Clip::GlobalNorm(limit))
    }

    /// [`clip`](Self::clip) of each element.
    #[must_use]
    pub fn clip_value(self, limit: f64) -> Self {
        self.clip(Clip::Value(limit))
    }

    /// What to do when a gradient is not finite.
    #[must_use]
    pub fn non_finite(mut self, policy: NonFinite) -> Self {
        self.non_finite = policy;
        self
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(mut self) -> Self {
        self.maximize = true;
        self
    }

    /// The settings of the parameter at `path` in the step that comes next.
    pub fn settings(&self, path: &str) -> Option<Settings> {
        let entry = self.entries.iter().find(|entry| entry.path == path)?;
        Some(self.settings_of(entry.group))
    }

    /// The settings of group `group` (0: of those in no group) in the step that comes next.
    fn settings_of(&self, group: usize) -> Settings {
        let group = group.checked_sub(1).map(|index| &self.groups[index]);
        let schedule = group.and_then(|g| g.schedule.as_ref()).unwrap_or(&self.schedule);
        let weight_decay = group.and_then(|g| g.weight_decay.as_ref()).unwrap_or(&self.weight_decay);
        Settings {
            rate: schedule.rate(self.steps) * group.map_or(1.0, |g| g.rate_factor),
            decay: group.and_then(|g| g.decay).unwrap_or(self.decay),
            weight_decay: weight_decay.rate(self.steps),
        }
    }

    /// Gives the parameters the values with which the model should be used, where [`Rule::averaged`] has others than are trained:
    /// to evaluate or save it. When what this returns is dropped, the trained values are back.
    ///
    /// ```
    /// use ravine_autograd::{Param, Tape};
    /// use ravine_optim::{Optimizer, ScheduleFreeSgd};
    /// use ravine_tensor::Tensor;
    ///
    /// let w = Param::new(Tensor::scalar(1.0));
    /// let mut optimizer = Optimizer::new(&w, ScheduleFreeSgd { beta: 0.5 }, 0.1);
    /// for _ in 0..2 {
    ///     optimizer.step(Tape::new().param(&w).square().sum(..).backward())?;
    /// }
    /// let trained = w.value();
    /// let averaged = optimizer.averaged();
    /// assert_ne!(w.value(), trained);
    /// drop(averaged);
    /// assert_eq!(w.value(), trained);
    /// # Ok::<(), ravine_optim::OptimError>(())
    /// ```
    #[must_use = "the trained values are back as soon as this is dropped"]
    pub fn averaged(&self) -> Swapped {
        let value = |entry: &Entry| {
            let rule = group_rule(&self.rule, &self.groups, entry.group);
            Some((entry.param.tied(), rule.averaged(&entry.param.value(), &entry.slots)?))
        };
        Swapped::new(self.entries.iter().filter_map(value))
    }

    /// See [`Optimize::step`].
    ///
    /// # Errors
    /// As there.
    pub fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError> {
        let grads = self.select(&gradients)?;
        let norms = self.squared_norms(&grads);
        let gradient_norm = norms.as_ref().map(|norms| norms.iter().sum::<f64>().sqrt());
        let mut outcome =
            StepOutcome { rate: self.learning_rate(), gradient_norm, clipped: false, skipped: false };
        if self.non_finite != NonFinite::Ignore
            && let Some(bad) = norms.iter().flatten().position(|norm| !norm.is_finite())
        {
            if self.non_finite == NonFinite::Error {
                return Err(OptimError::NonFinite { path: self.entries[bad].path.clone() });
            }
            self.skipped += 1;
            outcome.skipped = true;
            return Ok(outcome);
        }
        // How the gradient of each parameter is scaled.
        let scale = |index: usize| match (self.clip, &norms) {
            (Clip::Norm(limit), Some(norms)) => clip::factor(limit, norms[index].sqrt()),
            (Clip::GlobalNorm(limit), _) => clip::factor(limit, gradient_norm.unwrap_or(0.0)),
            _ => 1.0,
        };
        let scales: Vec<f64> = (0..grads.len()).map(scale).collect();
        outcome.clipped = scales.iter().any(|&scale| scale < 1.0);
        self.update(&grads, &scales);
        self.steps += 1;
        Ok(outcome)
    }

    /// The gradient of each parameter; `None` for those that stay as they are.
    fn select<'g>(&self, gradients: &'g Gradients) -> Result<Vec<Option<&'g Tensor>>, OptimError> {
        let mut grads = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let grad = if entry.param.is_frozen() { None } else { gradients.get(&entry.param) };
            if grad.is_none() && !entry.param.is_frozen() && !entry.param.is_optional() {
                return Err(OptimError::MissingGradient { path: entry.path.clone() });
            }
            grads.push(grad);
        }
        Ok(grads)
    }

    /// The squared norm of each gradient, where something asks for them. Of finite numbers it is finite, and else not.
    fn squared_norms(&self, grads: &[Option<&Tensor>]) -> Option<Vec<f64>> {
        let clips = matches!(self.clip, Clip::Norm(_) | Clip::GlobalNorm(_));
        if !clips && self.non_finite == NonFinite::Ignore {
            return None;
        }
        let norm = |grad: &Option<&Tensor>| grad.map_or(0.0, Tensor::norm_squared);
        Some(if self.in_parallel(1) {
            grads.par_iter().map(norm).collect()
        } else {
            grads.iter().map(norm).collect()
        })
    }

    /// Whether it pays to work on several parameters at once. (Large ones are cut into pieces by their kernels.)
    fn in_parallel(&self, passes: usize) -> bool {
        let work: usize = self.entries.iter().map(|entry| entry.numel * passes).sum();
        self.entries.len() > 1 && threads_for(work) > 1
    }

    fn update(&mut self, grads: &[Option<&Tensor>], scales: &[f64]) {
        if let Some(tune) = &self.tune {
            tune(&mut self.rule, self.steps);
            self.groups.iter_mut().filter_map(|g| g.rule.as_mut()).for_each(|rule| tune(rule, self.steps));
        }
        let sign = if self.maximize { -1.0 } else { 1.0 };
        let limit = if let Clip::Value(limit) = self.clip { limit } else { f64::INFINITY };
        let settings: Vec<Settings> = (0..=self.groups.len()).map(|group| self.settings_of(group)).collect();
        let (rule, groups) = (&self.rule, &self.groups);
        let parallel = self.in_parallel(2 + self.rule.slots().len());
        let update = |((entry, grad), scale): ((&mut Entry, &Option<&Tensor>), &f64)| {
            let &Some(grad) = grad else { return };
            let rule = group_rule(rule, groups, entry.group);
            let Settings { rate, decay, weight_decay } = settings[entry.group];
            let shaping = Shaping { limit, scale: sign * scale, decay, weight_decay };
            if entry.updates == 0 {
                let shape = *grad.shape();
                let zeros = |slot: &&str| Tensor::zeros(rule.slot_shape(slot, &shape));
                entry.slots = rule.slots().iter().map(zeros).collect();
            }
            entry.updates += 1;
            entry.param.update(|w| {
                rule.update(Step::new(rule, rate, entry.updates, w, grad, &mut entry.slots).shaped(shaping));
            });
        };
        if parallel {
            let items = self.entries.par_iter_mut().zip(grads).zip(scales);
            items.for_each(update);
        } else {
            self.entries.iter_mut().zip(grads).zip(scales).for_each(update);
        }
    }

    /// The learning rate of the step that comes next, for parameters in no group.
    pub fn learning_rate(&self) -> f64 {
        self.schedule.rate(self.steps)
    }
}

/// The rule of a group (0: of those in no group).
pub(crate) fn group_rule<'a, R>(rule: &'a R, groups: &'a [Overrides<R>], group: usize) -> &'a R {
    group.checked_sub(1).and_then(|index| groups[index].rule.as_ref()).unwrap_or(rule)
}

impl<R: Rule> Optimize for Optimizer<R> {
    fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError> {
        Optimizer::step(self, gradients)
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn learning_rate(&self) -> f64 {
        Optimizer::learning_rate(self)
    }

    fn averaged(&self) -> Swapped {
        Optimizer::averaged(self)
    }

    fn state(&self) -> OptimizerState {
        self.saved_state()
    }

    fn load_state(&mut self, state: &OptimizerState) -> Result<(), OptimError> {
        self.restore_state(state)
    }
}

/// A boxed optimizer is one.
impl<O: Optimize + ?Sized> Optimize for Box<O> {
    fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError> {
        (**self).step(gradients)
    }

    fn steps(&self) -> u64 {
        (**self).steps()
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }

    fn averaged(&self) -> Swapped {
        (**self).averaged()
    }

    fn state(&self) -> OptimizerState {
        (**self).state()
    }

    fn load_state(&mut self, state: &OptimizerState) -> Result<(), OptimError> {
        (**self).load_state(state)
    }
}
