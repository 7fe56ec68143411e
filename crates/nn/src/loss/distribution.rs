//! Distances between distributions, and likelihoods.

use std::f64::consts::PI;

use ravine_autograd::Var;
use ravine_tensor::Float;

use super::{Reduction, same_shape};

/// The Kullback-Leibler divergence `t (log t - x)` of log-probabilities `x` from probabilities `t`, element by element; 0 where `t = 0`.
///
/// With `log_target`, `target` holds `log t`. The divergence of distributions is the sum over their elements, so the mean over a batch
/// of them is [`Reduction::BatchMean`].
///
/// Shapes: both `[..]` -> `[..]`, then reduced. Kullback and Leibler 1951, 'On information and sufficiency'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, kl_div};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.variable(Tensor::from([[1.0f32, 2.0, 0.0]]));
/// let t = x.softmax().detach();
/// assert!(kl_div(&x.log_softmax(), &t, false, Reduction::BatchMean).item().abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn kl_div<T: Float>(input: &Var<T>, target: &Var<T>, log_target: bool, reduction: Reduction) -> Var<T> {
    same_shape("kl_div", input.shape(), "target", target.shape());
    reduction.of(if log_target {
        target.exp() * (target - input)
    } else {
        let zero = target.value().map(|t| t == T::ZERO);
        target * (target.masked_fill(&zero, T::ONE).log() - input)
    })
}

/// The negative log-likelihood `(log v + (x - t)² / v) / 2` of targets `t` under normal distributions with means `x` and variances `v`.
///
/// Variances below `eps` (PyTorch: 10⁻⁶) count as `eps`; the gradient passes as if they did not. With `full`, `log(2π) / 2` is added.
///
/// Shapes: input and target `[..]`, `var` the same or broadcasting to it -> `[..]`, then reduced. Nix and Weigend 1994,
/// 'Estimating the mean and variance of the target probability distribution'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, gaussian_nll_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let (mean, var) = (tape.variable(Tensor::from([1.0])), tape.variable(Tensor::from([4.0])));
/// let target = tape.input(Tensor::from([5.0]));
/// let loss = gaussian_nll_loss(&mean, &target, &var, false, 1e-6, Reduction::Mean);
/// assert!((loss.item() - (4f32.ln() + 16.0 / 4.0) / 2.0).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes do not fit together, a variance is negative, or `eps` is not above 0.
#[track_caller]
pub fn gaussian_nll_loss<T: Float>(
    input: &Var<T>,
    target: &Var<T>,
    var: &Var<T>,
    full: bool,
    eps: f64,
    reduction: Reduction,
) -> Var<T> {
    same_shape("gaussian_nll_loss", input.shape(), "target", target.shape());
    assert!(
        input.shape().broadcast(var.shape()) == Some(*input.shape()),
        "gaussian_nll_loss: var has shape {}, which does not broadcast to the input's, {}",
        var.shape(),
        input.shape()
    );
    assert!(eps > 0.0, "gaussian_nll_loss: eps is {eps}; expected more than 0");
    if let Some(bad) = var.value().iter().find(|&v| v < T::ZERO) {
        panic!("gaussian_nll_loss: variance {bad}; expected at least 0");
    }
    let lift = var.value().map(|v| (T::of(eps) - v).max(T::ZERO));
    let var = var + var.constant(lift);
    let mut each = (var.log() + (input - target).square() / &var) * T::of(0.5);
    if full {
        each = each + T::of(0.5 * (2.0 * PI).ln());
    }
    reduction.of(each)
}

/// The options of [`poisson_nll_loss`].
#[derive(Clone, Copy, Debug)]
pub struct PoissonNllOptions {
    /// Whether the input is the logarithm of the rate (then it may be anything), or the rate itself.
    pub log_input: bool,
    /// Whether `log t!` is added, by Stirling's approximation, where `t > 1`.
    pub full: bool,
    /// What is added to a rate before its logarithm is taken.
    pub eps: f64,
    /// How the elements' losses are reduced.
    pub reduction: Reduction,
}

impl Default for PoissonNllOptions {
    fn default() -> Self {
        PoissonNllOptions { log_input: true, full: false, eps: 1e-8, reduction: Reduction::default() }
    }
}

/// The negative log-likelihood `eˣ - t x` of counts `t` under Poisson distributions with rates `eˣ`, or `x - t log(x + eps)` with
/// rates `x`; both without the constant `log t!`.
///
/// Shapes: both `[..]` -> `[..]`, then reduced.
///
/// Nelder and Wedderburn 1972, 'Generalized linear models'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{PoissonNllOptions, poisson_nll_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let (log_rate, count) = (tape.variable(Tensor::from([0.0])), tape.input(Tensor::from([3.0])));
/// let loss = poisson_nll_loss(&log_rate, &count, &PoissonNllOptions::default());
/// assert_eq!((loss.item(), loss.backward().wrt(&log_rate).unwrap().item()), (1.0, -2.0));
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn poisson_nll_loss<T: Float>(input: &Var<T>, target: &Var<T>, options: &PoissonNllOptions) -> Var<T> {
    same_shape("poisson_nll_loss", input.shape(), "target", target.shape());
    let mut each = if options.log_input {
        input.exp() - target * input
    } else {
        input - target * (input + T::of(options.eps)).log()
    };
    if options.full {
        let small = target.value().map(|t| t <= T::ONE);
        let t = target.masked_fill(&small, T::ONE);
        let stirling = &t * t.log() - &t + (&t * T::of(2.0 * PI)).log() * T::of(0.5);
        each = each + stirling.masked_fill(&small, T::ZERO);
    }
    options.reduction.of(each)
}
