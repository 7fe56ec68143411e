//! Lookahead: slow weights that follow those of any optimizer.

use ravine_autograd::{Gradients, Module};

use crate::extra_slot::ExtraSlot;
use crate::{Better, OptimError, Optimize, OptimizerState, StepOutcome, Swapped};

/// Any optimizer, pulled back every `k` steps towards where it was before them:
///
/// ```text
/// every k steps:  slow <- slow + alpha (w - slow);  w <- slow
/// ```
///
/// The optimizer's own slots are not changed. Zhang, Lucas, Hinton and Ba 2019, 'Lookahead optimizer: k steps forward, 1 step back';
/// they use `k` from 5 to 10 and `alpha` from 0.5 to 0.8.
///
/// ```
/// use ravine_autograd::{Param, Tape};
/// use ravine_optim::{Lookahead, Optimize, Optimizer, Sgd};
/// use ravine_tensor::Tensor;
///
/// let w = Param::new(Tensor::scalar(1.0));
/// let mut optimizer = Lookahead::new(&w, Optimizer::new(&w, Sgd::default(), 0.125), 2, 0.5);
/// for _ in 0..2 {
///     optimizer.step(Tape::new().param(&w).sum(..).backward())?;
/// }
/// assert_eq!(w.value().item(), 1.0 - 0.5 * 2.0 * 0.125);
/// # Ok::<(), ravine_optim::OptimError>(())
/// ```
pub struct Lookahead<O> {
    optimizer: O,
    slow: ExtraSlot,
    every: u64,
    alpha: f32,
}

impl<O: Optimize> Lookahead<O> {
    /// Wraps `optimizer`, which trains the parameters of `model`; `every` is `k`. The slow weights begin as the model's present weights, so
    /// load saved weights before.
    ///
    /// # Panics
    /// If `every` is 0, or `alpha` not finite.
    #[track_caller]
    pub fn new(model: &(impl Module + ?Sized), optimizer: O, every: u64, alpha: f64) -> Self {
        assert!(every > 0, "Lookahead: every: found 0, expected at least 1 step");
        assert!(alpha.is_finite(), "Lookahead: alpha: found {alpha}, expected a finite number (usual: 0.5)");
        Lookahead { slow: ExtraSlot::new("Lookahead", "slow", model), optimizer, every, alpha: alpha as f32 }
    }

    /// The wrapped optimizer, for its settings or the [explanation](crate::Optimizer::explain) of its last step.
    pub fn optimizer(&self) -> &O {
        &self.optimizer
    }

    /// The wrapped optimizer, for writing: for example to watch a parameter.
    pub fn optimizer_mut(&mut self) -> &mut O {
        &mut self.optimizer
    }
}

impl<O: Optimize> Optimize for Lookahead<O> {
    fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError> {
        let outcome = self.optimizer.step(gradients)?;
        if !outcome.skipped && self.optimizer.steps().is_multiple_of(self.every) {
            let alpha = self.alpha;
            for (param, slow) in self.slow.iter_mut().filter(|(param, _)| !param.is_frozen()) {
                slow.zip_(&param.value(), |slow, w| *slow += alpha * (w - *slow));
                param.set(slow.clone());
            }
        }
        Ok(outcome)
    }

    fn steps(&self) -> u64 {
        self.optimizer.steps()
    }

    fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate()
    }

    fn observe(&mut self, metric: f64) {
        self.optimizer.observe(metric);
    }

    fn better(&self) -> Option<Better> {
        self.optimizer.better()
    }

    fn averaged(&self) -> Swapped {
        self.optimizer.averaged()
    }

    fn state(&self) -> OptimizerState {
        self.slow.save(self.optimizer.state())
    }

    fn load_state(&mut self, state: &OptimizerState) -> Result<(), OptimError> {
        self.slow.load(state, &mut self.optimizer)
    }
}
