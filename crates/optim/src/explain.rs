//! Taking a step apart: how much of it is due to the gradient, the schedule, clipping, decay and momentum.

use ravine_tensor::Tensor;

use crate::optimizer::{Settings, group_rule};
use crate::rule::Shaping;
use crate::{Decay, OptimError, Optimizer, Rule, Step};

/// The parts of a parameter's last step. They add up to it.
///
/// Each part is the effect of one ingredient: the rule is applied to the state before the step, first with the gradient alone, then with
/// one more ingredient each time, and the parts are the differences. They may be far larger than the step itself (for example an
/// exploding gradient and the part of clipping that cancels it), so they are in `f64`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The step of the unclipped gradient at the schedule's [base rate](crate::Schedule::base), by a rule without memory.
    pub gradient: Tensor<f64>,
    /// The effect of the schedule, which changes the rate.
    pub schedule: Tensor<f64>,
    /// The effect of clipping.
    pub clipping: Tensor<f64>,
    /// The effect of weight decay.
    pub decay: Tensor<f64>,
    /// The effect of the rule's memory of earlier gradients.
    pub momentum: Tensor<f64>,
}

impl Explanation {
    /// The step itself: the sum of the parts.
    pub fn total(&self) -> Tensor<f64> {
        &self.gradient + &self.schedule + &self.clipping + &self.decay + &self.momentum
    }
}

/// The state of a parameter before a step.
pub(crate) struct Before {
    pub w: Tensor,
    /// The gradient before adaptive clipping.
    pub raw: Tensor,
    /// The gradient after adaptive clipping.
    pub grad: Tensor,
    pub slots: Vec<Tensor>,
    pub count: u64,
    pub settings: Settings,
    pub shaping: Shaping,
}

impl<R: Rule> Optimizer<R> {
    /// Keeps the state of the parameter at `path` before each step, so that [`explain`](Self::explain) can take the last step apart.
    /// This costs a copy of the parameter and its slots at each step.
    ///
    /// # Errors
    /// If there is no such parameter.
    pub fn watch(&mut self, path: &str) -> Result<(), OptimError> {
        let entry = self.entries.iter_mut().find(|entry| entry.path == path);
        entry.ok_or_else(|| OptimError::UnknownParameter { path: path.to_owned() })?.watched = true;
        Ok(())
    }

    /// The parts of the last step of the parameter at `path`; `None` if it is not [watched](Self::watch), or was not changed by the
    /// optimizer's last step.
    ///
    /// ```
    /// use ravine_autograd::{Param, Tape};
    /// use ravine_optim::{Optimizer, Sgd};
    /// use ravine_tensor::Tensor;
    ///
    /// let w = Param::new(Tensor::scalar(1.0));
    /// let mut optimizer = Optimizer::new(&(w.tied(), ()), Sgd::momentum(0.5), 0.25);
    /// optimizer.watch("0")?;
    /// for _ in 0..2 {
    ///     let tape = Tape::new();
    ///     optimizer.step(tape.param(&w).sum(..).backward())?;
    /// }
    /// let parts = optimizer.explain("0").unwrap();
    /// assert_eq!((parts.gradient.item(), parts.momentum.item()), (-0.25, -0.125));
    /// # Ok::<(), ravine_optim::OptimError>(())
    /// ```
    pub fn explain(&self, path: &str) -> Option<Explanation> {
        let entry = self.entries.iter().find(|entry| entry.path == path)?;
        let before = entry.before.as_deref()?;
        let rule = group_rule(&self.rule, &self.groups, entry.group);
        let Before { w, raw, grad, slots, count, settings, shaping } = before;
        let fresh: Vec<Tensor> = slots.iter().map(Tensor::zeros_like).collect();

        let bare = Shaping { scale: shaping.scale.signum(), ..Shaping::NONE };
        let clipped = Shaping { weight_decay: 0.0, decay: Decay::L2, ..*shaping };
        let change = |rate: f64, grad: &Tensor, shaping: Shaping, count: u64, slots: &[Tensor]| {
            let (mut moved, mut slots) = (w.clone(), slots.to_vec());
            rule.update(Step::new(rule, rate, count, &mut moved, grad, &mut slots).shaped(shaping));
            moved.zip(w, |moved, w| f64::from(moved) - f64::from(w))
        };
        let steps = [
            change(settings.base_rate, raw, bare, 1, &fresh),
            change(settings.rate, raw, bare, 1, &fresh),
            change(settings.rate, grad, clipped, 1, &fresh),
            change(settings.rate, grad, *shaping, 1, &fresh),
            change(settings.rate, grad, *shaping, *count, slots),
        ];
        let part = |i: usize| &steps[i] - &steps[i - 1];
        let (schedule, clipping, decay, momentum) = (part(1), part(2), part(3), part(4));
        let [gradient, ..] = steps;
        Some(Explanation { gradient, schedule, clipping, decay, momentum })
    }
}
