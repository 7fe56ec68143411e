//! One step of all parameters: checking gradients, clipping them, and handing each parameter to its rule.

use ravine_autograd::Gradients;
use ravine_tensor::{Tensor, threads_for};
use rayon::prelude::*;

use crate::clip;
use crate::explain::Before;
use crate::optimizer::{Entry, Settings, group_rule};
use crate::rule::Shaping;
use crate::{Clip, OptimError, Optimizer, Rule, Step};

/// What to do when a gradient holds an infinity or a NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonFinite {
    /// Refuse the step with an error that names the parameter.
    #[default]
    Error,
    /// Skip the step: nothing is changed, and [`OptimizerState::skipped`](crate::OptimizerState::skipped) counts it.
    Skip,
    /// Do not check, which saves a pass over gradients whose norms [are not known](Gradients::get_with_norm).
    Ignore,
}

/// The result of a step.
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

impl<R: Rule> Optimizer<R> {
    /// See [`Optimize::step`](crate::Optimize::step).
    ///
    /// Gradients of several batches are accumulated by adding them before the step:
    ///
    /// ```
    /// use ravine_autograd::{Param, Tape};
    /// use ravine_optim::{Optimizer, Sgd};
    /// use ravine_tensor::Tensor;
    ///
    /// let w = Param::new(Tensor::scalar(1.0));
    /// let mut optimizer = Optimizer::new(&w, Sgd::default(), 0.5);
    /// let batch = |x: f32| (Tape::new().param(&w) * x).sum(..).backward();
    /// let mut gradients = batch(1.0);
    /// gradients.add(batch(2.0));
    /// gradients.scale(0.5);
    /// optimizer.step(gradients)?;
    /// assert_eq!(w.value().item(), 1.0 - 0.5 * 1.5);
    /// # Ok::<(), ravine_optim::OptimError>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError> {
        self.check_rates()?;
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
        let clipped: Vec<Clipped> = (grads.iter().zip(&self.entries).enumerate())
            .map(|(index, (given, entry))| Clipped {
                grad: given.map(|(grad, _)| grad),
                replaced: match (self.clip, given) {
                    (Clip::Adaptive(limit), Some((grad, _))) => {
                        clip::adaptive(&entry.param.value(), grad, limit).map(Box::new)
                    }
                    _ => None,
                },
                scale: match (self.clip, &norms) {
                    (Clip::Norm(limit), Some(norms)) => clip::factor(limit, norms[index].sqrt()),
                    (Clip::GlobalNorm(limit), _) => clip::factor(limit, gradient_norm.unwrap_or(0.0)),
                    _ => 1.0,
                },
            })
            .collect();
        outcome.clipped = clipped.iter().any(|c| c.scale < 1.0 || c.replaced.is_some());
        self.update(&clipped);
        self.steps += 1;
        Ok(outcome)
    }

    fn check_rates(&self) -> Result<(), OptimError> {
        let sane = |number: f64| number.is_finite() && number >= 0.0;
        for group in 0..=self.groups.len() {
            let Settings { rate, weight_decay, .. } = self.settings_of(group);
            if !sane(rate) {
                return Err(OptimError::Rate { step: self.steps, found: rate });
            }
            if !sane(weight_decay) {
                return Err(OptimError::Decay { step: self.steps, found: weight_decay });
            }
        }
        Ok(())
    }

    /// The gradient of each parameter; `None` for those that stay as they are.
    fn select<'g>(&self, gradients: &'g Gradients) -> Result<Vec<Option<Given<'g>>>, OptimError> {
        if !self.entries.is_empty() && self.entries.iter().all(|entry| entry.param.is_frozen()) {
            return Err(OptimError::AllFrozen);
        }
        let mut grads = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let grad = if entry.param.is_frozen() { None } else { gradients.get_with_norm(&entry.param) };
            if grad.is_none() && !entry.param.is_frozen() && !entry.param.is_optional() {
                return Err(self.missing(&entry.path, gradients));
            }
            grads.push(grad);
        }
        Ok(grads)
    }

    /// Why a parameter has no gradient.
    fn missing(&self, path: &str, gradients: &Gradients) -> OptimError {
        let known = self.entries.iter().filter(|entry| gradients.get(&entry.param).is_some()).count();
        match gradients.len() - known {
            0 => OptimError::MissingGradient { path: path.into() },
            others => OptimError::OtherParameters { path: path.into(), others },
        }
    }

    /// The squared norm of each gradient, if clipping or the check for finite numbers needs them: it is finite if and only if all elements are.
    fn squared_norms(&self, grads: &[Option<Given>]) -> Option<Vec<f64>> {
        let clips = matches!(self.clip, Clip::Norm(_) | Clip::GlobalNorm(_));
        if !clips && self.non_finite == NonFinite::Ignore {
            return None;
        }
        let norm = |given: &Option<Given>| {
            given.map_or(0.0, |(grad, known)| known.unwrap_or_else(|| grad.norm_squared()))
        };
        let unknown = grads.iter().flatten().filter(|(_, known)| known.is_none());
        Some(if in_parallel(unknown.map(|(grad, _)| grad.numel())) {
            grads.par_iter().map(norm).collect()
        } else {
            grads.iter().map(norm).collect()
        })
    }

    fn update(&mut self, grads: &[Clipped<'_>]) {
        self.tune_to(self.steps);
        let sign = if self.maximize { -1.0 } else { 1.0 };
        let limit = if let Clip::Value(limit) = self.clip { limit } else { f64::INFINITY };
        let settings: Vec<Settings> = (0..=self.groups.len()).map(|group| self.settings_of(group)).collect();
        let operands = 2 + self.rule.slots().len();
        let parallel = in_parallel(self.entries.iter().map(|entry| entry.numel * operands));
        let (rule, groups) = (&self.rule, &self.groups);
        let update = |(entry, clipped): (&mut Entry, &Clipped)| {
            entry.before = None;
            let Some(raw) = clipped.grad else { return };
            let grad = clipped.replaced.as_deref().unwrap_or(raw);
            let rule = group_rule(rule, groups, entry.group);
            let settings = settings[entry.group];
            let Settings { rate, decay, weight_decay, .. } = settings;
            let shaping = Shaping { limit, scale: sign * clipped.scale, decay, weight_decay };
            entry.arrange(rule);
            entry.updates += 1;
            if entry.watched {
                entry.before = Some(Box::new(Before {
                    w: entry.param.value(),
                    raw: raw.clone(),
                    grad: grad.clone(),
                    slots: entry.slots.clone(),
                    count: entry.updates,
                    settings,
                    shaping,
                }));
            }
            entry.param.update(|w| {
                rule.update(Step::new(rule, rate, entry.updates, w, grad, &mut entry.slots).shaped(shaping));
            });
        };
        // In reverse order: then the first parameters, with which the next forward pass begins, are still in a cache.
        if parallel {
            self.entries.par_iter_mut().zip(grads).rev().for_each(update);
        } else {
            self.entries.iter_mut().zip(grads).rev().for_each(update);
        }
    }
}

/// Whether it pays to update several parameters at once: if there is much work on small ones. Kernels split the work on a large one among
/// the threads, each of which then finds in its cache the part that it worked on before.
fn in_parallel(work: impl Iterator<Item = usize>) -> bool {
    threads_for(work.filter(|&each| threads_for(each) == 1).sum()) > 1
}

/// A gradient, and its squared norm if that is known.
type Given<'g> = (&'g Tensor, Option<f64>);

/// The gradient of a parameter, and its clipping.
struct Clipped<'g> {
    grad: Option<&'g Tensor>,
    /// The gradient that replaces it after adaptive clipping. (Boxed, as there may be thousands of parameters and few have one.)
    replaced: Option<Box<Tensor>>,
    /// The factor on the gradient.
    scale: f64,
}
