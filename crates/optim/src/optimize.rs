//! Optimizers whose rule is not known at compile time.

use ravine_autograd::Gradients;

use crate::{Better, OptimError, Optimizer, OptimizerState, Rule, StepOutcome, Swapped};

/// An optimizer of any rule: the interface that a training loop uses.
pub trait Optimize: Send {
    /// Updates the parameters by their gradients.
    ///
    /// Gradients of other parameters than this optimizer's are ignored.
    ///
    /// # Errors
    /// If a parameter that is neither frozen nor optional has no gradient, all of them are frozen, a gradient is not finite, or the learning rate
    /// is negative or not finite. Nothing is changed then.
    fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError>;

    /// The number of steps done.
    fn steps(&self) -> u64;

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Records a metric, for rates that fall when it stops improving; see [`Optimizer::plateau`].
    fn observe(&mut self, metric: f64);

    /// Which direction of the observed metric counts as better, if the rate depends on it.
    fn better(&self) -> Option<Better> {
        None
    }

    /// Sets the parameters to the values with which the model should be used, until the returned guard is dropped. For most rules these are
    /// the trained values; see [`Optimizer::averaged`].
    #[must_use = "the trained values are back as soon as this is dropped"]
    fn averaged(&self) -> Swapped;

    /// The state that is kept from step to step.
    fn state(&self) -> OptimizerState;

    /// Restores a [`state`](Self::state).
    ///
    /// # Errors
    /// If it is that of another rule or of other parameters. Nothing is changed then.
    fn load_state(&mut self, state: &OptimizerState) -> Result<(), OptimError>;
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

    fn observe(&mut self, metric: f64) {
        Optimizer::observe(self, metric);
    }

    fn better(&self) -> Option<Better> {
        self.plateau.map(|plateau| plateau.better)
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

    fn observe(&mut self, metric: f64) {
        (**self).observe(metric);
    }

    fn better(&self) -> Option<Better> {
        (**self).better()
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
