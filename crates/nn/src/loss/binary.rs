//! Yes or no: one probability per element.

use ravine_autograd::{Var, record};
use ravine_tensor::{Float, Tensor};

use super::{Reduction, same_shape, signs};

/// The options of [`binary_cross_entropy_with_logits`].
#[derive(Clone, Debug)]
pub struct BceOptions<T: Float = f32> {
    /// How much each element counts, broadcast to the input. The mean is not divided by it, as in PyTorch.
    pub weight: Option<Tensor<T>>,
    /// The weight of positives relative to negatives, broadcast to the input: above 1 raises recall, below 1 precision.
    pub pos_weight: Option<Tensor<T>>,
    /// How the elements' losses are reduced.
    pub reduction: Reduction,
}

impl<T: Float> Default for BceOptions<T> {
    fn default() -> Self {
        BceOptions { weight: None, pos_weight: None, reduction: Reduction::default() }
    }
}

/// The binary cross-entropy `-w (p t log σ(x) + (1 - t) log(1 - σ(x)))` of logits `x` and targets `t` from 0 to 1.
///
/// It is computed as `w (p t softplus(-x) + (1 - t) softplus(x))`, which neither overflows nor cancels.
///
/// Shapes: both `[..]` -> `[..]`, then reduced.
///
/// Good 1952, 'Rational decisions'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{BceOptions, binary_cross_entropy_with_logits};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let (x, t) = (tape.variable(Tensor::from([1e4, -1e4])), tape.input(Tensor::from([1.0, 1.0])));
/// let loss = binary_cross_entropy_with_logits(&x, &t, &BceOptions::default());
/// assert_eq!(loss.item(), 5e3);
/// ```
///
/// # Panics
/// If the shapes differ or a weight does not broadcast to them.
#[track_caller]
pub fn binary_cross_entropy_with_logits<T: Float>(
    logits: &Var<T>,
    target: &Var<T>,
    options: &BceOptions<T>,
) -> Var<T> {
    let name = "binary_cross_entropy_with_logits";
    same_shape(name, logits.shape(), "target", target.shape());
    for (field, weight) in [("weight", &options.weight), ("pos_weight", &options.pos_weight)] {
        check_broadcast(name, logits, field, weight.as_ref());
    }
    let mut positive = target * (-logits).softplus();
    if let Some(weight) = &options.pos_weight {
        positive = positive * logits.constant(weight.clone());
    }
    let each = positive + (-target + T::ONE) * logits.softplus();
    options.reduction.of(weighted(each, options.weight.as_ref()))
}

/// The binary cross-entropy `-w (t log p + (1 - t) log(1 - p))` of probabilities `p` and targets `t` from 0 to 1.
///
/// As in PyTorch, logarithms are taken as no less than -100, and the gradient `(p - t) / p(1 - p)` with a denominator of no less than
/// 10⁻¹², so that both are finite. [`binary_cross_entropy_with_logits`] needs no such bounds.
///
/// Shapes: both `[..]` -> `[..]`, then reduced; `weight` broadcasts to them.
///
/// Good 1952, 'Rational decisions'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, binary_cross_entropy};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let (p, t) = (tape.variable(Tensor::from([0.5, 0.25])), tape.input(Tensor::from([1.0, 0.0])));
/// let loss = binary_cross_entropy(&p, &t, None, Reduction::Sum);
/// assert!((loss.item() - (2f32.ln() - 0.75f32.ln())).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes differ, `weight` does not broadcast to them, or a probability is not in `0 <= p <= 1`.
#[track_caller]
pub fn binary_cross_entropy<T: Float>(
    probs: &Var<T>,
    target: &Var<T>,
    weight: Option<&Tensor<T>>,
    reduction: Reduction,
) -> Var<T> {
    let name = "binary_cross_entropy";
    same_shape(name, probs.shape(), "target", target.shape());
    check_broadcast(name, probs, "weight", weight);
    if let Some(bad) = probs.value().iter().find(|&p| !(p >= T::ZERO && p <= T::ONE)) {
        panic!("{name}: probability {bad}; expected 0 to 1 (for logits, use {name}_with_logits)");
    }
    let floor = T::of(-100.0);
    let at_least = |logs: Tensor<T>| logs.map(move |l| if l < floor { floor } else { l });
    let (log, log_no) = (at_least(probs.value().log()), at_least((-probs.value()).log1p()));
    let each = target.value().zip3(&log, &log_no, |t, yes, no| -(t * yes + (T::ONE - t) * no));
    let (p, t) = (probs.saved(), target.saved());
    let each = record(name, [probs, target], each, move |dy, needs| {
        let p = p.on(dy);
        let dp = needs[0].then(|| {
            let spread = (&p * (-&p + T::ONE)).clamp(T::of(f64::from(1e-12f32)), T::ONE);
            dy * (&p - t.on(dy)) / spread
        });
        let dt = needs[1].then(|| {
            let inside = p.clamp(T::of(1e-43), T::ONE - T::epsilon());
            dy * ((-&inside).log1p() - inside.log())
        });
        [dp, dt]
    });
    reduction.of(weighted(each, weight))
}

/// The focal loss of yes or no: `α t (1 - p)^γ softplus(-x) + (1 - α) (1 - t) p^γ softplus(x)`, `p = σ(x)`: what is already right counts less.
///
/// `alpha` is how much positives count, negatives counting `1 - α`; none: both count 1. The paper recommends `α = 0.25`, `γ = 2`.
/// The powers are computed as `e^(-γ softplus(±x))`, exact at both ends. Targets are 0 or 1; between them the losses of both are mixed.
///
/// Shapes: both `[..]` -> `[..]`, then reduced. Lin et al. 2017, 'Focal loss for dense object detection'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, sigmoid_focal_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let (x, t) = (tape.variable(Tensor::from([0.0])), tape.input(Tensor::from([1.0])));
/// // At a logit of 0 the probability is a half: a quarter of the cross-entropy is left.
/// let loss = sigmoid_focal_loss(&x, &t, None, 2.0, Reduction::Mean);
/// assert!((loss.item() - 0.25 * 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes differ, `gamma` is negative or `alpha` is not in `0 <= α <= 1`.
#[track_caller]
pub fn sigmoid_focal_loss<T: Float>(
    logits: &Var<T>,
    target: &Var<T>,
    alpha: Option<f64>,
    gamma: f64,
    reduction: Reduction,
) -> Var<T> {
    same_shape("sigmoid_focal_loss", logits.shape(), "target", target.shape());
    assert!(gamma >= 0.0, "sigmoid_focal_loss: gamma is {gamma}; expected at least 0");
    if let Some(alpha) = alpha {
        assert!((0.0..=1.0).contains(&alpha), "sigmoid_focal_loss: alpha is {alpha}; expected 0 to 1");
    }
    let (yes, no) = alpha.map_or((1.0, 1.0), |alpha| (alpha, 1.0 - alpha));
    // -log p and -log(1 - p).
    let (nlog_p, nlog_q) = ((-logits).softplus(), logits.softplus());
    let power = |nlog: &Var<T>| (nlog * T::of(-gamma)).exp();
    let positive = target * power(&nlog_q) * &nlog_p * T::of(yes);
    let negative = (-target + T::ONE) * power(&nlog_p) * &nlog_q * T::of(no);
    reduction.of(positive + negative)
}

/// The logistic loss `log(1 + e^(-y x))` of scores `x` and signs `y`, 1 or -1.
///
/// Shapes: both `[..]` -> `[..]`, then reduced.
///
/// Friedman, Hastie and Tibshirani 2000, 'Additive logistic regression'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, soft_margin_loss};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::new().variable(Tensor::from([0.0, 1e4]));
/// let loss = soft_margin_loss(&x, &Tensor::from([1.0, -1.0]), Reduction::None);
/// assert_eq!(loss.value().to_vec(), [2f32.ln(), 1e4]);
/// ```
///
/// # Panics
/// If the shapes differ or a target is neither 1 nor -1.
#[track_caller]
pub fn soft_margin_loss<T: Float>(input: &Var<T>, target: &Tensor<T>, reduction: Reduction) -> Var<T> {
    same_shape("soft_margin_loss", input.shape(), "target", target.shape());
    signs("soft_margin_loss", target);
    reduction.of((input * input.constant(-target)).softplus())
}

#[track_caller]
fn check_broadcast<T: Float>(loss: &str, input: &Var<T>, field: &str, weight: Option<&Tensor<T>>) {
    if let Some(weight) = weight {
        assert!(
            input.shape().broadcast(weight.shape()) == Some(*input.shape()),
            "{loss}: {field} has shape {}, which does not broadcast to the input's, {}",
            weight.shape(),
            input.shape()
        );
    }
}

fn weighted<T: Float>(each: Var<T>, weight: Option<&Tensor<T>>) -> Var<T> {
    match weight {
        Some(weight) => &each * each.constant(weight.clone()),
        None => each,
    }
}
