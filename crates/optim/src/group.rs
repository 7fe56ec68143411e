//! Parameter groups.

use std::sync::Arc;

use ravine_tensor::Shape;

use crate::{Decay, Schedule};

/// Settings for the parameters whose path and shape satisfy a predicate. Settings that a group does not make are those of the optimizer.
///
/// ```
/// use ravine_autograd::Param;
/// use ravine_optim::{AdamW, Constant, Group, Optimizer};
/// use ravine_tensor::Tensor;
///
/// let model = (Param::new(Tensor::zeros([3, 3])), Param::new(Tensor::zeros([3])));
/// let optimizer = Optimizer::new(&model, AdamW::default(), 1e-3)
///     .group(Group::new(|_path, shape| shape.rank() < 2).weight_decay(0.0))
///     .group(Group::new(|path, _shape| path.starts_with("head.")).rate_factor(10.0).optional());
/// assert_eq!(optimizer.settings("1").unwrap().weight_decay, 0.0);
/// ```
pub struct Group<R> {
    pub(crate) which: Predicate,
    pub(crate) optional: bool,
    pub(crate) overrides: Overrides<R>,
}

/// Whether a parameter of this path and shape belongs to a group.
type Predicate = Box<dyn Fn(&str, &Shape) -> bool>;

/// The settings of a group.
pub(crate) struct Overrides<R> {
    pub rule: Option<R>,
    pub schedule: Option<Arc<dyn Schedule>>,
    pub rate_factor: f64,
    pub decay: Option<Decay>,
    pub weight_decay: Option<Arc<dyn Schedule>>,
}

impl<R> Group<R> {
    /// The parameters whose path and shape satisfy `which`. A parameter that satisfies several groups belongs to the first one.
    pub fn new(which: impl Fn(&str, &Shape) -> bool + 'static) -> Self {
        let overrides =
            Overrides { rule: None, schedule: None, rate_factor: 1.0, decay: None, weight_decay: None };
        Group { which: Box::new(which), optional: false, overrides }
    }

    /// Permits the group to be empty. Otherwise that is taken for a mistake in the predicate.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Another setting of the rule.
    #[must_use]
    pub fn rule(mut self, rule: R) -> Self {
        self.overrides.rule = Some(rule);
        self
    }

    /// Another learning rate.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.overrides.schedule = Some(Arc::new(schedule));
        self
    }

    /// A factor on the learning rate.
    #[must_use]
    pub fn rate_factor(mut self, factor: f64) -> Self {
        self.overrides.rate_factor = factor;
        self
    }

    /// Another amount of weight decay: a number, or a schedule.
    #[must_use]
    pub fn weight_decay(mut self, amount: impl Schedule + 'static) -> Self {
        self.overrides.weight_decay = Some(Arc::new(amount));
        self
    }

    /// Another kind of weight decay.
    #[must_use]
    pub fn decay(mut self, decay: Decay) -> Self {
        self.overrides.decay = Some(decay);
        self
    }
}
