//! Optimizers whose rule is not known at compile time.

use ravine_autograd::Gradients;

use crate::{Better, OptimError, Optimizer, OptimizerState, Rule, StepOutcome, Swapped};

/// An optimizer of any rule: what a training loop asks of it.
pub trait Optimize: Send {
    /// Changes the parameters by their gradients.
    ///
    /// Gradients of parameters that are not this optimizer's are passed over.
    ///
    /// # Errors
    /// If a parameter that is neither frozen nor optional has no gradient, all of them are frozen, a gradient is not finite, or the learning rate is
    /// negative or no number. Nothing is changed then.
    fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError>;

    /// The steps that are done.
    fn steps(&self) -> u64;

    /// The learning rate of the step that comes next.
    fn learning_rate(&self) -> f64;

    /// Records a metric, for rates that fall when it stands still; see [`Optimizer::plateau`].
    fn observe(&mut self, metric: f64);

    /// Which of the metrics that it is told it takes for better, if its rate depends on them.
    fn better(&self) -> Option<Better> {
        None
    }

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
