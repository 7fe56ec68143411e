//! Sharpness-aware minimisation.

use ravine_autograd::{Gradients, Module, Param};
use ravine_tensor::Tensor;

use crate::average::Swapped;
use crate::{OptimError, Optimize, StepOutcome};

/// Any optimizer, given the gradient at the worst point nearby, so that it finds flat minima:
///
/// ```text
/// e = rho g / ‖g‖                 g: the gradient at w, all parameters together
/// step at w by the gradient at w + e
/// ```
///
/// [`adaptive`](Self::adaptive) measures "nearby" relative to each weight: `e = rho w² g / ‖w g‖`, which does not change when layers are
/// rescaled. A step costs two passes over the batch, and both should be the same function: draw the same random numbers, and apply
/// buffer updates of one of them only.
///
/// Foret et al. 2021, 'Sharpness-aware minimization for efficiently improving generalization'; Kwon et al. 2021, 'ASAM'. They use `rho` from
/// 0.05 to 0.1, adaptive from 0.5 to 2.
///
/// ```
/// use ravine_autograd::{Param, Tape};
/// use ravine_optim::{Optimizer, Sam, Sgd};
/// use ravine_tensor::Tensor;
///
/// let w = Param::new(Tensor::scalar(1.0));
/// let mut optimizer = Sam::new(&w, Optimizer::new(&w, Sgd::default(), 0.25), 0.5);
/// optimizer.step(|| Tape::new().param(&w).square().sum(..).backward())?;
/// assert_eq!(w.value().item(), 1.0 - 0.25 * 2.0 * 1.5);
/// # Ok::<(), ravine_optim::OptimError>(())
/// ```
pub struct Sam<O> {
    optimizer: O,
    params: Vec<Param>,
    rho: f64,
    adaptive: bool,
}

impl<O: Optimize> Sam<O> {
    /// Wraps `optimizer`, which trains the parameters of `model`; `rho` is the distance of the worst point. The optimizer must descend: to
    /// maximize a function, pass its negative, instead of an optimizer that [maximizes](crate::Optimizer::maximize).
    ///
    /// # Panics
    /// If `rho` is negative or not finite.
    #[track_caller]
    pub fn new(model: &(impl Module + ?Sized), optimizer: O, rho: f64) -> Self {
        assert!(
            rho >= 0.0 && rho.is_finite(),
            "Sam: rho: found {rho}, expected a number that is not negative (usual: 0.05)"
        );
        let params = model.distinct_params().into_iter().map(|(_, param)| param).collect();
        Sam { optimizer, params, rho, adaptive: false }
    }

    /// Measures distance relative to the weights.
    #[must_use]
    pub fn adaptive(mut self) -> Self {
        self.adaptive = true;
        self
    }

    /// Does one step. `gradients` is a forward and backward pass over the batch with the present weights of the model; it is run twice.
    ///
    /// # Errors
    /// As [`Optimize::step`]. Nothing is changed then.
    pub fn step(&mut self, mut gradients: impl FnMut() -> Gradients) -> Result<StepOutcome, OptimError> {
        let here = gradients();
        let uphill: Vec<(&Param, Tensor, Tensor)> = (self.params.iter())
            .filter_map(|param| {
                let (w, g) = (param.value(), here.get(param)?);
                let g = if self.adaptive { g * &w.abs() } else { g.clone() };
                Some((param, w, g))
            })
            .collect();
        let norm = uphill.iter().map(|(_, _, g)| g.norm_squared()).sum::<f64>().sqrt();
        if norm == 0.0 || !norm.is_finite() {
            return self.optimizer.step(here);
        }
        let (length, adaptive) = ((self.rho / norm) as f32, self.adaptive);
        let moved = uphill.into_iter().map(|(param, w, g)| {
            let there = w.zip(&g, |w, g| w + length * g * if adaptive { w.abs() } else { 1.0 });
            (param.tied(), there)
        });
        let moved = Swapped::new(moved);
        let there = gradients();
        drop(moved);
        self.optimizer.step(there)
    }

    /// The wrapped optimizer, for its rate or to save its state.
    pub fn optimizer(&self) -> &O {
        &self.optimizer
    }

    /// The wrapped optimizer, for writing: for example to load its state.
    pub fn optimizer_mut(&mut self) -> &mut O {
        &mut self.optimizer
    }
}
