//! L-BFGS: Newton's method with a Hessian that is estimated from the last few steps.

mod core;
mod search;

use ravine_autograd::{Gradients, Module, Param};
use ravine_tensor::Tensor;
use serde::{Deserialize, Serialize};

use self::core::Memory;
use crate::OptimError;

/// Limited-memory BFGS with a line search for the strong Wolfe conditions, for small models and whole batches: where the
/// gradient has no noise, it needs far fewer passes than gradient descent.
///
/// ```text
/// d <- -H g          H: the inverse Hessian, estimated from the last `history` steps and changes of the gradient
/// w <- w + t d       t: such that the loss falls enough and its slope along d becomes flat enough
/// ```
///
/// It computes in `f64`. Since a step calls the loss several times, it does not implement [`Optimize`](crate::Optimize). It has no
/// clipping, groups or weight decay (add a penalty to the loss instead).
///
/// Liu and Nocedal 1989, 'On the limited memory BFGS method for large scale optimization'; iterations, tolerances and the search are those of
/// PyTorch's `LBFGS`.
///
/// ```
/// use ravine_autograd::{Param, Tape};
/// use ravine_optim::Lbfgs;
/// use ravine_tensor::Tensor;
///
/// // Rosenbrock's banana.
/// let w = Param::new(Tensor::from([-1.2, 1.0]));
/// let mut optimizer = Lbfgs::new(&w).iterations(50);
/// let outcome = optimizer.step(|| {
///     let tape = Tape::new();
///     let w = tape.param(&w);
///     let (x, y) = (w.narrow(0, 0, 1), w.narrow(0, 1, 1));
///     let loss = ((1.0 - &x).square() + (y - x.square()).square() * 100.0).sum(..);
///     (f64::from(loss.item()), loss.backward())
/// })?;
/// assert!(outcome.last_loss < 1e-8);
/// # Ok::<(), ravine_optim::OptimError>(())
/// ```
pub struct Lbfgs {
    settings: Settings,
    params: Vec<(String, Param)>,
    /// The paths of the parameters that are trained, in the order of the vectors in the memory.
    active: Vec<String>,
    memory: Memory,
    steps: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Settings {
    rate: f64,
    iterations: usize,
    evaluations: usize,
    history: usize,
    tolerance_grad: f64,
    tolerance_change: f64,
    line_search: bool,
    maximize: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            rate: 1.0,
            iterations: 20,
            evaluations: 25,
            history: 100,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            line_search: true,
            maximize: false,
        }
    }
}

/// The result of a step of [`Lbfgs`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LbfgsOutcome {
    /// The loss at the beginning of the step.
    pub loss: f64,
    /// The last loss that was computed.
    pub last_loss: f64,
    /// The number of iterations, each along a new direction.
    pub iterations: usize,
    /// The number of times the loss was computed.
    pub evaluations: usize,
    /// Whether the step ended because the gradient or the changes were within the tolerances.
    pub converged: bool,
}

/// The state that [`Lbfgs`] keeps from step to step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LbfgsState {
    /// The number of steps done.
    pub steps: u64,
    /// The paths of the parameters that were trained, in the order of the model.
    pub params: Vec<String>,
    memory: Memory,
}

impl Lbfgs {
    /// An optimizer of the parameters of `model`.
    pub fn new(model: &(impl Module + ?Sized)) -> Self {
        Lbfgs {
            settings: Settings::default(),
            params: model.distinct_params(),
            active: Vec::new(),
            memory: Memory::default(),
            steps: 0,
        }
    }

    /// The first step length to try along each direction; by default 1, as in Newton's method.
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        self.settings.rate = rate;
        self
    }

    /// The largest number of iterations of a step, by default 20. Also sets the number of [`evaluations`](Self::evaluations), to 5/4 of it.
    #[must_use]
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.settings.iterations = iterations;
        self.settings.evaluations = iterations * 5 / 4;
        self
    }

    /// The largest number of evaluations of the loss in a step; the line search may take one more. (Call this after
    /// [`iterations`](Self::iterations), which sets it, too.)
    #[must_use]
    pub fn evaluations(mut self, evaluations: usize) -> Self {
        self.settings.evaluations = evaluations;
        self
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(mut self) -> Self {
        self.settings.maximize = true;
        self
    }

    /// The number of earlier steps that are remembered, by default 100. Each costs twice the memory of the weights in `f64`.
    #[must_use]
    pub fn history(mut self, history: usize) -> Self {
        self.settings.history = history.max(1);
        self
    }

    /// A step ends when the largest element of the gradient is at most `grad` (by default 1e-7), or the weights or the loss change by at
    /// most `change` (by default 1e-9).
    #[must_use]
    pub fn tolerance(mut self, grad: f64, change: f64) -> Self {
        (self.settings.tolerance_grad, self.settings.tolerance_change) = (grad, change);
        self
    }

    /// Takes the step length [`rate`](Self::rate) along each direction instead of searching for one.
    #[must_use]
    pub fn without_line_search(mut self) -> Self {
        self.settings.line_search = false;
        self
    }

    /// Does one step, of several iterations. `loss` computes the loss and its gradients with the present weights of the model.
    ///
    /// # Errors
    /// If a parameter that is neither frozen nor optional has no gradient, all are frozen, or the first gradient is not finite. The weights
    /// are then as they were.
    pub fn step(&mut self, mut loss: impl FnMut() -> (f64, Gradients)) -> Result<LbfgsOutcome, OptimError> {
        let params: Vec<&(String, Param)> =
            self.params.iter().filter(|(_, param)| !param.is_frozen()).collect();
        if params.is_empty() && !self.params.is_empty() {
            return Err(OptimError::AllFrozen);
        }
        let paths: Vec<String> = params.iter().map(|(path, _)| path.clone()).collect();
        if paths != self.active {
            (self.active, self.memory) = (paths, Memory::default());
        }
        let start: Vec<Tensor> = params.iter().map(|(_, param)| param.value()).collect();
        let mut x: Vec<f64> = start.iter().flat_map(|w| w.iter().map(f64::from)).collect();
        let memory = self.memory.clone();

        let (mut error, mut first) = (None, true);
        let sign = if self.settings.maximize { -1.0 } else { 1.0 };
        let mut evaluate = |x: &[f64]| {
            if !first {
                put(&params, x);
            }
            let (loss, gradients) = loss();
            let loss = sign * loss;
            let mut gradient = flat_gradient(&params, &gradients).unwrap_or_else(|missing| {
                error.get_or_insert(missing);
                vec![0.0; x.len()]
            });
            gradient.iter_mut().for_each(|g| *g *= sign);
            if first && let Some(at) = gradient.iter().position(|g| !g.is_finite()) {
                let mut ends = params.iter().scan(0, |end, (_, param)| {
                    *end += param.shape().numel();
                    Some(*end)
                });
                let place = ends.position(|end| at < end).unwrap_or(0);
                error = Some(OptimError::NonFinite { path: params[place].0.clone() });
                return (loss, vec![0.0; x.len()]);
            }
            first = false;
            (loss, gradient)
        };
        let outcome = core::advance(&self.settings, &mut self.memory, &mut x, &mut evaluate);
        if let Some(error) = error {
            params.iter().zip(start).for_each(|((_, param), w)| param.set(w));
            self.memory = memory;
            return Err(error);
        }
        put(&params, &x);
        self.steps += 1;
        Ok(LbfgsOutcome { loss: sign * outcome.loss, last_loss: sign * outcome.last_loss, ..outcome })
    }

    /// The number of steps done.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state that is kept from step to step.
    pub fn state(&self) -> LbfgsState {
        LbfgsState { steps: self.steps, params: self.active.clone(), memory: self.memory.clone() }
    }

    /// Restores a [`state`](Self::state).
    ///
    /// # Errors
    /// If it is that of other parameters. Nothing is changed then.
    pub fn load_state(&mut self, state: &LbfgsState) -> Result<(), OptimError> {
        let mut numel = 0;
        for path in &state.params {
            let known = self.params.iter().find(|(known, _)| known == path);
            let (_, param) = known.ok_or_else(|| OptimError::state(path, "a parameter", "nothing"))?;
            numel += param.shape().numel();
        }
        if !state.memory.fits(numel) {
            return Err(OptimError::state("vectors", "other lengths", format!("{numel} elements each")));
        }
        self.steps = state.steps;
        self.active.clone_from(&state.params);
        self.memory = state.memory.clone();
        Ok(())
    }
}

/// Sets the parameters to the values in `x`, in order.
fn put(params: &[&(String, Param)], x: &[f64]) {
    let mut rest = x.iter();
    for (_, param) in params {
        let shape = param.shape();
        let values: Vec<f32> = rest.by_ref().take(shape.numel()).map(|&x| x as f32).collect();
        param.set(Tensor::from_slice(&values, shape));
    }
}

/// The gradients of all parameters as one vector; zeros for optional parameters without one.
fn flat_gradient(params: &[&(String, Param)], gradients: &Gradients) -> Result<Vec<f64>, OptimError> {
    let mut flat = Vec::new();
    for (path, param) in params {
        match gradients.get(param) {
            Some(gradient) => flat.extend(gradient.contiguous().iter().map(f64::from)),
            None if param.is_optional() => flat.resize(flat.len() + param.shape().numel(), 0.0),
            None => return Err(OptimError::MissingGradient { path: path.clone() }),
        }
    }
    Ok(flat)
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Tape;

    use super::*;

    fn params() -> Vec<Param> {
        vec![Param::new(Tensor::from([1.5, -0.7, 0.2])), Param::new(Tensor::from([[0.5], [-1.0]]))]
    }

    fn values(params: &[Param]) -> Vec<f32> {
        params.iter().flat_map(|p| p.value().to_vec()).collect()
    }

    fn loss(params: &[Param]) -> (f64, Gradients) {
        let tape = Tape::new();
        let (a, b) = (tape.param(&params[0]), tape.param(&params[1]));
        let apart = a.sum(..) - b.sum(..);
        let loss = a.square().square().sum(..) + b.square().sum(..) + apart.square();
        (f64::from(loss.item()), loss.backward())
    }

    #[test]
    fn a_saved_run_goes_on_as_if_it_had_not_stopped() {
        let (straight, resumed) = (params(), params());
        let mut whole = Lbfgs::new(&straight).iterations(3);
        let mut first = Lbfgs::new(&resumed).iterations(3);
        for _ in 0..2 {
            whole.step(|| loss(&straight)).unwrap();
            first.step(|| loss(&resumed)).unwrap();
        }
        let state = first.state();
        let plain = serde_json::to_value(&state).unwrap();
        let state: LbfgsState = serde_json::from_value(plain).unwrap();
        let mut second = Lbfgs::new(&resumed).iterations(3);
        second.load_state(&state).unwrap();
        for _ in 0..3 {
            whole.step(|| loss(&straight)).unwrap();
            second.step(|| loss(&resumed)).unwrap();
        }
        assert_eq!(values(&straight), values(&resumed));
        assert_eq!((second.steps(), second.state()), (5, whole.state()));

        let mut other = Lbfgs::new(&resumed[0]);
        assert!(
            other.load_state(&state).unwrap_err().to_string().contains("found a parameter, expected nothing")
        );
        let mut cut = state.clone();
        cut.memory.gradient.pop();
        assert!(second.load_state(&cut).unwrap_err().to_string().contains("expected 5 elements each"));
    }

    #[test]
    fn it_climbs_the_negative_as_it_descends_within_its_evaluations() {
        let (down, up) = (params(), params());
        let mut descent = Lbfgs::new(&down).evaluations(6);
        let mut climb = Lbfgs::new(&up).evaluations(6).maximize();
        for _ in 0..3 {
            let below = descent.step(|| loss(&down)).unwrap();
            let above = climb
                .step(|| {
                    let (loss, mut gradients) = loss(&up);
                    gradients.scale(-1.0);
                    (-loss, gradients)
                })
                .unwrap();
            assert!(above.last_loss > above.loss && below.evaluations <= 7, "{below:?}");
            assert_eq!((above.loss, above.last_loss), (-below.loss, -below.last_loss));
            assert_eq!(values(&up), values(&down));
        }
    }

    #[test]
    fn frozen_parameters_stay_and_errors_change_nothing() {
        let p = params();
        p[0].set_frozen(true);
        let mut optimizer = Lbfgs::new(&p);
        let frozen = p[0].value();
        let outcome = optimizer.step(|| loss(&p)).unwrap();
        assert!(outcome.converged && outcome.last_loss < outcome.loss && p[0].value() == frozen);

        let p = params();
        let mut optimizer = Lbfgs::new(&p);
        optimizer.step(|| loss(&p)).unwrap();
        let (before, state) = (values(&p), optimizer.state());
        let missing = optimizer.step(|| {
            let (loss, mut gradients) = loss(&p);
            gradients.take(&p[1]);
            (loss, gradients)
        });
        assert_eq!(missing, Err(OptimError::MissingGradient { path: "1".into() }));
        let poisoned = optimizer.step(|| {
            let (loss, mut gradients) = loss(&p);
            gradients.insert(&p[1], Tensor::full([2, 1], f32::NAN));
            (loss, gradients)
        });
        assert_eq!(poisoned, Err(OptimError::NonFinite { path: "1".into() }));
        assert_eq!((values(&p), optimizer.state()), (before, state));
        let lost = optimizer.step(|| (f64::NAN, loss(&p).1)).unwrap();
        assert!(!lost.converged && lost.evaluations == 1);
        p.iter().for_each(|p| p.set_frozen(true));
        assert_eq!(optimizer.step(|| loss(&p)), Err(OptimError::AllFrozen));
    }
}
