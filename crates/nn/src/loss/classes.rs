//! One of several classes.

use ravine_autograd::Var;
use ravine_tensor::{Float, Tensor};

use super::{Reduction, is_class, same_shape};

/// What [`cross_entropy`] compares with: the index of the right class, or a probability for each.
pub enum ClassTarget<'a, T: Float = f32> {
    /// One class per sample.
    Indices(&'a Tensor<i64>),
    /// A distribution over the classes per sample, in the shape of the logits.
    Probabilities(&'a Var<T>),
}

impl<'a, T: Float> From<&'a Tensor<i64>> for ClassTarget<'a, T> {
    fn from(indices: &'a Tensor<i64>) -> Self {
        ClassTarget::Indices(indices)
    }
}

impl<'a, T: Float> From<&'a Var<T>> for ClassTarget<'a, T> {
    fn from(probabilities: &'a Var<T>) -> Self {
        ClassTarget::Probabilities(probabilities)
    }
}

/// The options of [`cross_entropy`].
#[derive(Clone, Debug)]
pub struct CrossEntropyOptions<T: Float = f32> {
    /// `[classes]`: how much a sample of each class counts. None: all the same.
    pub weight: Option<Tensor<T>>,
    /// Samples with this class index do not count, in sum or mean, whatever their logits: their gradient is 0. None: every index must be a
    /// class. (PyTorch ignores -100 unasked.)
    pub ignore_index: Option<i64>,
    /// The share of the target that is spread evenly over all classes, from 0 to 1. Szegedy et al. 2016, 'Rethinking the Inception architecture'.
    pub label_smoothing: f64,
    /// Along which axis of the logits the classes lie: the last one, -1. PyTorch's images `[batch, classes, h, w]` have them at 1.
    pub class_axis: isize,
    /// How the samples' losses are reduced.
    pub reduction: Reduction,
}

impl<T: Float> Default for CrossEntropyOptions<T> {
    fn default() -> Self {
        CrossEntropyOptions {
            weight: None,
            ignore_index: None,
            label_smoothing: 0.0,
            class_axis: -1,
            reduction: Reduction::default(),
        }
    }
}

/// The options of [`nll_loss`]: those of [`CrossEntropyOptions`] that it has.
#[derive(Clone, Debug)]
pub struct NllOptions<T: Float = f32> {
    /// See [`CrossEntropyOptions::weight`].
    pub weight: Option<Tensor<T>>,
    /// See [`CrossEntropyOptions::ignore_index`].
    pub ignore_index: Option<i64>,
    /// See [`CrossEntropyOptions::class_axis`].
    pub class_axis: isize,
    /// How the samples' losses are reduced.
    pub reduction: Reduction,
}

impl<T: Float> Default for NllOptions<T> {
    fn default() -> Self {
        NllOptions { weight: None, ignore_index: None, class_axis: -1, reduction: Reduction::default() }
    }
}

/// The cross-entropy `-Σ_c w[c] t[c] log softmax(x)[c]` of logits `x` and the target `t`.
///
/// For class indices `t` is 1 at the index, and the mean is `Σ loss / Σ w[index]` over the samples that are not ignored (NaN if all are, with a gradient of 0);
/// for probabilities it is over all samples. With label smoothing `ε`, `t` becomes `(1 - ε) t + ε / classes`.
///
/// Shapes: logits `[.., classes]` (or the classes elsewhere, see [`CrossEntropyOptions::class_axis`]); indices without that axis, or
/// probabilities with it -> `[..]`, then reduced. For the plain mean, [`Var::cross_entropy`] says the same in fewer words.
///
/// Good 1952, 'Rational decisions'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{CrossEntropyOptions, cross_entropy};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let logits = tape.variable(Tensor::from([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0]]));
/// let options = CrossEntropyOptions { ignore_index: Some(-100), ..CrossEntropyOptions::default() };
/// let loss = cross_entropy(&logits, &Tensor::from([-100, 1]), &options);
/// assert!((loss.item() - 3f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes do not fit together, an index is neither a class nor ignored, or `label_smoothing` is not in `0 <= ε <= 1`.
#[track_caller]
pub fn cross_entropy<'a, T: Float>(
    logits: &Var<T>,
    target: impl Into<ClassTarget<'a, T>>,
    options: &CrossEntropyOptions<T>,
) -> Var<T> {
    let smoothing = options.label_smoothing;
    assert!(
        (0.0..=1.0).contains(&smoothing),
        "cross_entropy: label_smoothing is {smoothing}; expected 0 to 1"
    );
    let logits = classes_last("cross_entropy", logits, options.class_axis);
    let classes = logits.size(-1);
    let weight = options.weight.as_ref();
    let (kept, spread) = (T::of(1.0 - smoothing), T::of(smoothing / classes as f64));
    match target.into() {
        ClassTarget::Indices(target) => {
            let sample = Samples::new("cross_entropy", &logits, target, weight, options.ignore_index);
            let logits = sample.without_wild_rows(&logits);
            let mut each =
                logits.cross_entropy_each(&sample.classes) * logits.constant(sample.weights.clone());
            if smoothing > 0.0 {
                let even = weighted_sum(&logits.log_softmax(), weight).masked_fill(&sample.ignored, T::ZERO);
                each = each * kept - even * spread;
            }
            options.reduction.of_weighted(each, sample.total())
        }
        ClassTarget::Probabilities(target) => {
            let target = classes_last("cross_entropy", target, options.class_axis);
            same_shape("cross_entropy", logits.shape(), "target", target.shape());
            check_weight("cross_entropy", weight, classes);
            let target = if smoothing > 0.0 { &target * kept + spread } else { target };
            options.reduction.of(-weighted_sum(&(logits.log_softmax() * target), weight))
        }
    }
}

/// The negative log-likelihood `-w[t] x[t]` of log-probabilities `x` and the class `t`: what [`cross_entropy`] is after a
/// [`log_softmax`](Var::log_softmax).
///
/// Shapes: log-probabilities `[.., classes]`, target `[..]` -> `[..]`, then reduced; the mean is weighted, as there.
///
/// Good 1952, 'Rational decisions'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{CrossEntropyOptions, NllOptions, cross_entropy, nll_loss};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::new().variable(Tensor::from([[2.0f32, 0.0, -1.0], [0.5, 0.0, 0.0]]));
/// let target = Tensor::from([0, 2]);
/// let loss = nll_loss(&x.log_softmax(), &target, &NllOptions::default());
/// let same = cross_entropy(&x, &target, &CrossEntropyOptions::default());
/// assert!((loss.item() - same.item()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes do not fit together, or an index is neither a class nor ignored.
#[track_caller]
pub fn nll_loss<T: Float>(log_probs: &Var<T>, target: &Tensor<i64>, options: &NllOptions<T>) -> Var<T> {
    let log_probs = classes_last("nll_loss", log_probs, options.class_axis);
    let weight = options.weight.as_ref();
    let sample = Samples::new("nll_loss", &log_probs, target, weight, options.ignore_index);
    let likelihood = log_probs.gather(-1, &sample.classes.unsqueeze(-1)).squeeze(-1);
    // Filled, not multiplied by 0: an ignored sample may have a probability of 0.
    let likelihood = likelihood.masked_fill(&sample.ignored, T::ZERO);
    let each = -(likelihood * log_probs.constant(sample.weights.clone()));
    options.reduction.of_weighted(each, sample.total())
}

/// The focal loss `-w[t] (1 - p)^γ log p`, `p = softmax(x)[t]`: cross-entropy in which what is already right counts less.
///
/// `1 - p` is computed from the other classes' logits, so that it is exact where `p` is nearly 1. A `gamma` of 0 is [`cross_entropy`];
/// the paper recommends 2. The mean is over the samples, weighted by `weight` (`[classes]`) alone.
///
/// Shapes: logits `[.., classes]`, target `[..]` -> `[..]`, then reduced. Lin et al. 2017, 'Focal loss for dense object detection'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, focal_loss};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::new().variable(Tensor::from([[0.0, 0.0], [1e4, -1e4]]));
/// let loss = focal_loss(&x, &Tensor::from([0, 0]), 2.0, None, Reduction::None);
/// assert_eq!(loss.value().to_vec(), [0.25 * 2f32.ln(), 0.0]);
/// ```
///
/// # Panics
/// If the shapes do not fit together, an index is not a class, there are fewer than two classes, or `gamma` is negative.
#[track_caller]
pub fn focal_loss<T: Float>(
    logits: &Var<T>,
    target: &Tensor<i64>,
    gamma: f64,
    weight: Option<&Tensor<T>>,
    reduction: Reduction,
) -> Var<T> {
    assert!(gamma >= 0.0, "focal_loss: gamma is {gamma}; expected at least 0");
    let logits = &classes_last("focal_loss", logits, -1);
    let classes = logits.size(-1);
    assert!(classes >= 2, "focal_loss: logits {}; expected at least two classes", logits.shape());
    let sample = Samples::new("focal_loss", logits, target, weight, None);
    let right = Tensor::<u8>::one_hot(target, classes).map(|hit| hit == 1);
    let others = logits.masked_fill(&right, T::neg_infinity()).logsumexp(-1) - logits.logsumexp(-1);
    let each = logits.cross_entropy_each(target) * (others * T::of(gamma)).exp();
    reduction.of_weighted(each * logits.constant(sample.weights.clone()), sample.total())
}

/// The target classes of a batch: what each sample counts, and a class for the ignored ones, too, that does no harm.
struct Samples<T: Float> {
    classes: Tensor<i64>,
    ignored: Tensor<bool>,
    weights: Tensor<T>,
}

impl<T: Float> Samples<T> {
    #[track_caller]
    fn new(
        loss: &str,
        logits: &Var<T>,
        target: &Tensor<i64>,
        weight: Option<&Tensor<T>>,
        ignore_index: Option<i64>,
    ) -> Self {
        let (rest, classes) = (&logits.shape()[..logits.rank() - 1], logits.size(-1));
        assert!(
            rest == &target.shape()[..],
            "{loss}: input {} (classes last) and target {}: the target is one class index per row",
            logits.shape(),
            target.shape()
        );
        check_weight(loss, weight, classes);
        let ignored = target.map(|t| Some(t) == ignore_index);
        if let Some(bad) = target.iter().find(|&t| !is_class(t, classes) && Some(t) != ignore_index) {
            let hint = if ignore_index.is_none() {
                "; set ignore_index if it marks what does not count"
            } else {
                ""
            };
            panic!("{loss}: target {bad} is not a class: there are classes 0..{classes}{hint}");
        }
        let classes = target.zip(&ignored, |t, ignored| if ignored { 0 } else { t });
        let weights = match weight {
            Some(weight) => weight.index_select(0, &classes.reshape([-1])).reshape(*classes.shape()),
            None => Tensor::ones(*classes.shape()),
        };
        let weights = weights.zip(&ignored, |w, ignored| if ignored { T::ZERO } else { w });
        Samples { classes, ignored, weights }
    }

    /// `x` with 0 in the rows of ignored samples that are not finite: multiplied by 0, NaN would come of them, and of their gradients.
    fn without_wild_rows(&self, x: &Var<T>) -> Var<T> {
        if !self.ignored.any(..).item() {
            return x.clone();
        }
        let wild = x.value().sum(-1).zip(&self.ignored, |sum, ignored| ignored && !sum.is_finite());
        if wild.any(..).item() { x.masked_fill(&wild.unsqueeze(-1), T::ZERO) } else { x.clone() }
    }

    fn total(&self) -> T {
        self.weights.sum(..).item()
    }
}

#[track_caller]
fn check_weight<T: Float>(loss: &str, weight: Option<&Tensor<T>>, classes: usize) {
    if let Some(weight) = weight {
        assert!(
            *weight.shape() == [classes],
            "{loss}: weight has shape {}; expected [{classes}], one per class",
            weight.shape()
        );
    }
}

/// `Σ_c w[c] x[c]` over the last axis.
#[track_caller]
fn weighted_sum<T: Float>(x: &Var<T>, weight: Option<&Tensor<T>>) -> Var<T> {
    match weight {
        Some(weight) => (x * x.constant(weight.clone())).sum(-1),
        None => x.sum(-1),
    }
}

/// `x` with this axis moved to the end.
#[track_caller]
fn classes_last<T: Float>(loss: &str, x: &Var<T>, axis: isize) -> Var<T> {
    assert!(x.rank() > 0, "{loss}: a scalar has no axis of classes");
    let at = x.shape().axis(loss, axis);
    (at..x.rank() - 1).fold(x.clone(), |x, axis| x.transpose(axis as isize, axis as isize + 1))
}
