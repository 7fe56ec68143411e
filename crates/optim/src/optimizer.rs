//! The driver: everything that optimizers have in common besides their rule.

use std::collections::HashSet;
use std::mem::take;
use std::sync::Arc;

use ravine_autograd::{Module, Param};
use ravine_tensor::Tensor;

use crate::explain::Before;
use crate::group::Overrides;
use crate::{Clip, Decay, Group, NonFinite, Plateau, Rule, Schedule, Swapped};

/// A parameter, and the optimizer's state for it.
pub(crate) struct Entry {
    pub path: String,
    pub param: Param,
    pub numel: usize,
    pub group: usize,
    pub updates: u64,
    pub slots: Vec<Tensor>,
    /// The names of the slots.
    pub names: &'static [&'static str],
    /// Whether steps of this parameter are to be explained.
    pub watched: bool,
    /// The state before the last step, if it is watched.
    pub before: Option<Box<Before>>,
}

impl Entry {
    /// Brings the slots to those that the rule has now: keeps the ones that it had before in the same shape, and adds others as zeros.
    pub fn arrange(&mut self, rule: &impl Rule) {
        let (names, shape) = (rule.slots(), self.param.shape());
        let fits = |(name, slot): (&&'static str, &Tensor)| *slot.shape() == rule.slot_shape(name, &shape);
        if self.names == names && self.slots.len() == names.len() && names.iter().zip(&self.slots).all(fits) {
            return;
        }
        let mut had: Vec<(&str, Tensor)> = self.names.iter().copied().zip(take(&mut self.slots)).collect();
        let slot = |name: &&'static str| {
            let same = had.iter().position(|(known, slot)| known == name && fits((name, slot)));
            same.map_or_else(
                || Tensor::zeros(rule.slot_shape(name, &shape)),
                |index| had.swap_remove(index).1,
            )
        };
        self.slots = names.iter().map(slot).collect();
        self.names = names;
    }
}

/// A [`Rule`] applied to the parameters of a model, with a [`Schedule`] of learning rates.
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
    pub(crate) tune: Option<Tune<R>>,
    pub(crate) clip: Clip,
    pub(crate) non_finite: NonFinite,
    pub(crate) maximize: bool,
    pub(crate) steps: u64,
    pub(crate) skipped: u64,
    pub(crate) plateau: Option<Plateau>,
    pub(crate) metrics: Vec<f64>,
    /// The factor on the rate that follows from the metrics.
    plateau_factor: f64,
}

/// A change of a rule's settings before each step.
type Tune<R> = Box<dyn Fn(&mut R, u64) + Send>;

/// The settings of a parameter at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The learning rate.
    pub rate: f64,
    /// [`Schedule::base`] of it.
    pub base_rate: f64,
    /// The kind of weight decay.
    pub decay: Decay,
    /// The coefficient of weight decay.
    pub weight_decay: f64,
}

impl<R: Rule> Optimizer<R> {
    /// An optimizer of all parameters of `model` by `rule`, at the rates of `schedule` (a number is a constant rate).
    ///
    /// A parameter that is tied, so that the model has it under several paths, is one parameter under its first path.
    ///
    /// # Panics
    /// If the settings of the rule have a [`fault`](Rule::fault), or two parameters have the same path, by which settings and states are found.
    #[track_caller]
    pub fn new(model: &(impl Module + ?Sized), rule: R, schedule: impl Schedule + 'static) -> Self {
        assert_sound(&rule);
        let entry = |(path, param): (String, Param)| Entry {
            path,
            numel: param.shape().numel(),
            param,
            group: 0,
            updates: 0,
            slots: Vec::new(),
            names: &[],
            watched: false,
            before: None,
        };
        let entries: Vec<Entry> = model.distinct_params().into_iter().map(entry).collect();
        let mut paths = HashSet::new();
        if let Some(entry) = entries.iter().find(|entry| !paths.insert(&entry.path[..])) {
            panic!(
                "Optimizer::new: the model has two parameters at '{}'; each needs a path of its own",
                entry.path
            );
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
            plateau: None,
            metrics: Vec::new(),
            plateau_factor: 1.0,
        }
    }

    /// Adds a group of parameters with settings of their own. A parameter that satisfies several groups belongs to the first of them.
    ///
    /// # Panics
    /// If no parameter satisfies the group, unless it is [optional](Group::optional), or its rule has a [`fault`](Rule::fault).
    #[track_caller]
    #[must_use]
    pub fn group(mut self, group: Group<R>) -> Self {
        // Not by `for_each`, whose caller is not ours.
        if let Some(rule) = &group.overrides.rule {
            assert_sound(rule);
        }
        self.groups.push(group.overrides);
        let index = self.groups.len();
        let wanted = self.entries.iter().any(|entry| (group.which)(&entry.path, &entry.param.shape()));
        assert!(
            wanted || group.optional || self.entries.is_empty(),
            "Optimizer::group: group {index} wants none of the parameters {}; expected at least one, or a group that is optional()",
            self.some_paths()
        );
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

    /// Changes the settings of the rule, and of the groups' own rules, from step to step: `tune(rule, step)` is called before each step,
    /// counted from 0. It should depend only on the step, so that a run can be resumed. A slot that the new settings need (such as the
    /// velocity, when momentum rises from 0), or need in another shape, begins as zeros; one that they no longer need is dropped. Settings
    /// with a [`fault`](Rule::fault) make the step panic.
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

    /// Gives the rules their settings for step `step`.
    pub(crate) fn tune_to(&mut self, step: u64) {
        if let Some(tune) = &self.tune {
            adjust(&mut self.rule, &mut self.groups, |rule| tune(rule, step));
        }
    }

    /// Changes settings of the rule, and of the rules that groups have of their own, now: for an [`Optimize`](crate::Optimize) of your own around
    /// this one, which finds a setting from what all parameters have in common. What is set so is not part of the state. What is a function of
    /// the step alone is better said by [`tune`](Self::tune), which comes after this.
    ///
    /// # Panics
    /// If the settings have a [`fault`](Rule::fault) then.
    #[track_caller]
    pub fn adjust(&mut self, change: impl Fn(&mut R)) {
        adjust(&mut self.rule, &mut self.groups, change);
    }

    /// What the rule keeps of the parameter at `path` under this name, one of [`Rule::slots`]; `None` if there is no such parameter or slot, or before
    /// the first update.
    ///
    /// ```
    /// use ravine_autograd::{Param, Tape};
    /// use ravine_optim::{Optimizer, Sgd};
    /// use ravine_tensor::Tensor;
    ///
    /// let model = [Param::new(Tensor::scalar(1.0))];
    /// let mut optimizer = Optimizer::new(&model, Sgd::momentum(0.5), 0.25);
    /// assert!(optimizer.slot("0", "velocity").is_none());
    /// optimizer.step((Tape::new().param(&model[0]) * 3.0).backward())?;
    /// assert_eq!(optimizer.slot("0", "velocity").unwrap().item(), 3.0);
    /// # Ok::<(), ravine_optim::OptimError>(())
    /// ```
    pub fn slot(&self, path: &str, name: &str) -> Option<&Tensor> {
        let entry = self.entries.iter().find(|entry| entry.path == path)?;
        Some(&entry.slots[entry.names.iter().position(|known| *known == name)?])
    }

    /// Lets the rate fall, in addition to its schedule, when the metric passed to [`observe`](Self::observe) stops improving.
    ///
    /// # Panics
    /// If its factor is not from 0 to below 1.
    #[must_use]
    #[track_caller]
    pub fn plateau(mut self, plateau: Plateau) -> Self {
        plateau.check();
        self.plateau = Some(plateau);
        self
    }

    /// How gradients are clipped before each step.
    ///
    /// # Panics
    /// If its limit is not above 0.
    #[must_use]
    #[track_caller]
    pub fn clip(mut self, clip: Clip) -> Self {
        clip.check();
        self.clip = clip;
        self
    }

    /// [`clip`](Self::clip) of the norm of all gradients together.
    #[must_use]
    #[doc(alias("clip_grad_norm_", "max_norm"))]
    #[track_caller]
    pub fn clip_norm(self, limit: f64) -> Self {
        self.clip(Clip::GlobalNorm(limit))
    }

    /// [`clip`](Self::clip) of each element.
    #[must_use]
    #[doc(alias = "clip_grad_value_")]
    #[track_caller]
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

    /// Records a metric, such as the loss of an epoch on held-out data, for [`plateau`](Self::plateau).
    pub fn observe(&mut self, metric: f64) {
        self.metrics.push(metric);
        self.update_plateau_factor();
    }

    pub(crate) fn update_plateau_factor(&mut self) {
        self.plateau_factor = self.plateau.map_or(1.0, |plateau| plateau.factor(&self.metrics));
    }

    /// The settings of the parameter at `path` in the next step.
    pub fn settings(&self, path: &str) -> Option<Settings> {
        let entry = self.entries.iter().find(|entry| entry.path == path)?;
        Some(self.settings_of(entry.group))
    }

    /// The settings of group `group` in the next step; group 0 has the parameters that are in no group.
    pub(crate) fn settings_of(&self, group: usize) -> Settings {
        let group = group.checked_sub(1).map(|index| &self.groups[index]);
        let schedule = group.and_then(|g| g.schedule.as_ref()).unwrap_or(&self.schedule);
        let weight_decay = group.and_then(|g| g.weight_decay.as_ref()).unwrap_or(&self.weight_decay);
        let rate_factor = group.map_or(1.0, |g| g.rate_factor);
        Settings {
            rate: schedule.rate(self.steps) * rate_factor * self.plateau_factor,
            base_rate: schedule.base() * rate_factor,
            decay: group.and_then(|g| g.decay).unwrap_or(self.decay),
            weight_decay: weight_decay.rate(self.steps),
        }
    }

    /// The first paths, for a message.
    fn some_paths(&self) -> String {
        const NAMED: usize = 8;
        let paths: Vec<&str> = self.entries.iter().take(NAMED).map(|entry| &entry.path[..]).collect();
        let more = if self.entries.len() > NAMED { ", ..." } else { "" };
        paths.join(", ") + more
    }

    /// The learning rate of the next step, for parameters in no group.
    #[doc(alias = "get_last_lr")]
    pub fn learning_rate(&self) -> f64 {
        self.schedule.rate(self.steps) * self.plateau_factor
    }

    /// Sets the parameters to the values with which the model should be evaluated or saved, if [`Rule::averaged`] gives others than the
    /// trained ones. The trained values are restored when the returned guard is dropped.
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
}

/// Panics if the settings of the rule have a fault.
#[track_caller]
fn assert_sound<R: Rule>(rule: &R) {
    if let Some(fault) = rule.fault() {
        panic!("{}: {fault}", R::NAME);
    }
}

/// Changes the rule, and those of groups.
#[track_caller]
fn adjust<R: Rule>(rule: &mut R, groups: &mut [Overrides<R>], change: impl Fn(&mut R)) {
    for rule in [rule].into_iter().chain(groups.iter_mut().filter_map(|group| group.rule.as_mut())) {
        change(rule);
        assert_sound(rule);
    }
}

/// The rule of a group; group 0 has the parameters that are in no group.
pub(crate) fn group_rule<'a, R>(rule: &'a R, groups: &'a [Overrides<R>], group: usize) -> &'a R {
    group.checked_sub(1).and_then(|index| groups[index].rule.as_ref()).unwrap_or(rule)
}

#[cfg(test)]
mod tests {
    use ravine_tensor::Tensor;

    use super::*;
    use crate::Sgd;

    fn optimizer() -> Optimizer<Sgd> {
        let model = ["a", "b"].map(|name| (name.to_owned(), Param::new(Tensor::scalar(0.0))));
        Optimizer::new(&std::collections::BTreeMap::from(model), Sgd::default(), 0.1)
            .group(Group::new(|path, _| path == "b").rule(Sgd::momentum(0.5)))
    }

    #[test]
    fn the_rules_of_groups_are_adjusted_too() {
        let mut optimizer = optimizer();
        optimizer.adjust(|sgd| sgd.momentum += 0.25);
        let momentum = |group| group_rule(&optimizer.rule, &optimizer.groups, group).momentum;
        assert_eq!([0, 1].map(momentum), [0.25, 0.75]);
    }

    /// Keeps as many numbers of each parameter as it is told to.
    struct Growing(usize);

    impl Rule for Growing {
        const NAME: &'static str = "Growing";
        fn slots(&self) -> &'static [&'static str] {
            &["kept"]
        }
        fn slot_shape(&self, _slot: &str, _param: &ravine_tensor::Shape) -> ravine_tensor::Shape {
            [self.0].into()
        }
        fn update(&self, step: crate::Step) {
            step.whole(|_, _, [kept]| *kept += 1.0);
        }
    }

    #[test]
    fn a_slot_that_settings_ask_for_in_another_shape_begins_as_zeros() {
        let w = Param::new(Tensor::scalar(1.0));
        let growing =
            || Optimizer::new(&w, Growing(1), 0.1).tune(|rule, step| rule.0 = 1 + step as usize / 2);
        let mut optimizer = growing();
        for kept in [&[1.0][..], &[2.0], &[1.0, 1.0], &[2.0, 2.0]] {
            optimizer.step(ravine_autograd::Tape::new().param(&w).backward()).unwrap();
            assert_eq!(optimizer.slot("", "kept").unwrap().to_vec(), kept);
        }
        crate::Optimize::load_state(&mut growing(), &optimizer.saved_state()).unwrap();
    }

    #[test]
    #[should_panic(
        expected = "Optimizer::new: the model has two parameters at 'w'; each needs a path of its own"
    )]
    fn each_parameter_has_its_own_path() {
        struct Twins([Param; 2]);
        impl Module for Twins {
            fn visit(&self, visitor: &mut ravine_autograd::Visitor<'_>) {
                self.0.iter().for_each(|param| visitor.field("w", param));
            }
        }
        Optimizer::new(&Twins([1.0, 2.0].map(|w| Param::new(Tensor::scalar(w)))), Sgd::default(), 0.1);
    }

    #[test]
    #[should_panic(expected = "Sgd: momentum: found 1.25,")]
    fn settings_that_make_no_sense_are_not_adjusted_to() {
        optimizer().adjust(|sgd| sgd.momentum += 0.75);
    }
}
