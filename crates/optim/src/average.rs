//! Averages of weights along the path of training.

use ravine_autograd::{Gradients, Module, Param};
use ravine_tensor::Tensor;

use crate::extra_slot::ExtraSlot;
use crate::{Better, OptimError, Optimize, OptimizerState, StepOutcome};

/// Any optimizer, with a running average of the weights, which often is better than the last weights.
///
/// Training is not affected; [`Optimize::averaged`] puts the average into the model to evaluate or save it. Buffers are not averaged:
/// after [`keep`](Swapped::keep), a model with batch norm should see some training batches for new statistics.
///
/// ```
/// use ravine_autograd::{Param, Tape};
/// use ravine_optim::{Averaged, Optimize, Optimizer, Sgd};
/// use ravine_tensor::Tensor;
///
/// let w = Param::new(Tensor::scalar(1.0));
/// let mut optimizer = Averaged::swa(&w, Optimizer::new(&w, Sgd::default(), 0.25), 0, 1);
/// for _ in 0..3 {
///     optimizer.step(Tape::new().param(&w).sum(..).backward())?;
/// }
/// assert_eq!(w.value().item(), 0.25);
/// let averaged = optimizer.averaged();
/// assert_eq!(w.value().item(), (0.75 + 0.5 + 0.25) / 3.0);
/// drop(averaged);
/// assert_eq!(w.value().item(), 0.25);
/// # Ok::<(), ravine_optim::OptimError>(())
/// ```
pub struct Averaged<O> {
    optimizer: O,
    average: ExtraSlot,
    kind: Kind,
}

/// The share of the newest weights in the average.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Exponential { decay: f64 },
    Equal { start: u64, every: u64 },
}

impl<O: Optimize> Averaged<O> {
    /// The exponential moving average `a <- decay a + (1 - decay) w` after each step of `optimizer`, starting from the weights after the
    /// first step (before that, the average is the model's present weights). Usual: 0.999, or `1 - 1/n` for a memory of `n` steps.
    ///
    /// Polyak and Juditsky 1992; Tarvainen and Valpola 2017, 'Mean teachers are better role models'.
    ///
    /// # Panics
    /// If `decay` is not from 0 to below 1.
    #[track_caller]
    pub fn ema(model: &(impl Module + ?Sized), optimizer: O, decay: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&decay),
            "Averaged::ema: decay: found {decay}, expected from 0 to below 1 (usual: 0.999)"
        );
        Averaged {
            average: ExtraSlot::new("Ema", "average", model),
            optimizer,
            kind: Kind::Exponential { decay },
        }
    }

    /// The mean of the weights after every `every` steps from step `start` on; before that, the latest weights. Usual: from three
    /// quarters of the run on, once per epoch, at a rate that does not fall to zero.
    ///
    /// Izmailov et al. 2018, 'Averaging weights leads to wider optima and better generalization'.
    ///
    /// # Panics
    /// If `every` is 0.
    #[track_caller]
    pub fn swa(model: &(impl Module + ?Sized), optimizer: O, start: u64, every: u64) -> Self {
        assert!(every > 0, "Averaged::swa: every: found 0, expected at least 1 step");
        Averaged {
            average: ExtraSlot::new("Swa", "average", model),
            optimizer,
            kind: Kind::Equal { start, every },
        }
    }

    /// The wrapped optimizer, for its settings or the [explanation](crate::Optimizer::explain) of its last step.
    pub fn optimizer(&self) -> &O {
        &self.optimizer
    }

    /// The wrapped optimizer, for writing: for example to watch a parameter.
    pub fn optimizer_mut(&mut self) -> &mut O {
        &mut self.optimizer
    }

    /// The share of the weights after step `step`, counted from 1.
    fn share(&self, step: u64) -> f64 {
        match self.kind {
            Kind::Exponential { .. } if step == 1 => 1.0,
            Kind::Exponential { decay } => 1.0 - decay,
            Kind::Equal { start, .. } if step <= start => 1.0,
            Kind::Equal { start, every } if (step - start).is_multiple_of(every) => {
                every as f64 / (step - start) as f64
            }
            Kind::Equal { .. } => 0.0,
        }
    }
}

impl<O: Optimize> Optimize for Averaged<O> {
    fn step(&mut self, gradients: Gradients) -> Result<StepOutcome, OptimError> {
        let outcome = self.optimizer.step(gradients)?;
        let share = if outcome.skipped { 0.0 } else { self.share(self.optimizer.steps()) } as f32;
        if share == 1.0 {
            self.average.iter_mut().for_each(|(param, average)| *average = param.value());
        } else if share != 0.0 {
            for (param, average) in self.average.iter_mut() {
                average.zip_(&param.value(), |average, w| *average += share * (w - *average));
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
        Swapped::new(self.average.iter().map(|(param, average)| (param.tied(), average.clone())))
    }

    fn state(&self) -> OptimizerState {
        self.average.save(self.optimizer.state())
    }

    fn load_state(&mut self, state: &OptimizerState) -> Result<(), OptimError> {
        self.average.load(state, &mut self.optimizer)
    }
}

/// Parameters with temporary values. When this is dropped, their own values are restored.
///
/// ```
/// use ravine_autograd::Param;
/// use ravine_optim::Swapped;
/// use ravine_tensor::Tensor;
///
/// let w = Param::new(Tensor::scalar(1.0));
/// let swapped = Swapped::new([(w.tied(), Tensor::scalar(2.0))]);
/// assert_eq!(w.value().item(), 2.0);
/// drop(swapped);
/// assert_eq!(w.value().item(), 1.0);
/// ```
#[must_use = "the trained values are back as soon as this is dropped"]
pub struct Swapped {
    originals: Vec<(Param, Tensor)>,
}

impl Swapped {
    /// Gives each of these parameters the value beside it: what an [`Optimize`] of your own answers to [`averaged`](Optimize::averaged).
    ///
    /// # Panics
    /// If a value has another shape than its parameter.
    #[track_caller]
    pub fn new(values: impl IntoIterator<Item = (Param, Tensor)>) -> Self {
        let swap = |(param, value): (Param, Tensor)| {
            let original = param.value();
            param.set(value);
            (param, original)
        };
        Swapped { originals: values.into_iter().map(swap).collect() }
    }

    /// Makes the temporary values permanent.
    pub fn keep(mut self) {
        self.originals.clear();
    }
}

impl Drop for Swapped {
    fn drop(&mut self) {
        for (param, original) in self.originals.drain(..) {
            param.set(original);
        }
    }
}
