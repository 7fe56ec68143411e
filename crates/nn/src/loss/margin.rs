//! Scores that should be apart by a margin.

use ravine_autograd::Var;
use ravine_tensor::{Float, Tensor};

use super::{Reduction, is_class, same_shape, signs};

/// The hinge `max(0, margin - y x)` of scores `x` and signs `y`, 1 or -1: the loss of a support vector machine, with a margin of 1.
///
/// Shapes: both `[..]` -> `[..]`, then reduced. Cortes and Vapnik 1995, 'Support-vector networks'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, hinge_loss};
/// use ravine_tensor::Tensor;
///
/// let scores = Tape::new().variable(Tensor::from([0.25, 3.0]));
/// let loss = hinge_loss(&scores, &Tensor::from([1.0, -1.0]), 1.0, Reduction::None);
/// assert_eq!(loss.value().to_vec(), [0.75, 4.0]);
/// ```
///
/// # Panics
/// If the shapes differ or a target is neither 1 nor -1.
#[track_caller]
pub fn hinge_loss<T: Float>(input: &Var<T>, target: &Tensor<T>, margin: f64, reduction: Reduction) -> Var<T> {
    same_shape("hinge_loss", input.shape(), "target", target.shape());
    signs("hinge_loss", target);
    reduction.of((input * input.constant(-target) + T::of(margin)).relu())
}

/// `max(0, margin - y (a - b))`: `a` should be above `b` where `y` is 1, below where it is -1. PyTorch's margin is 0.
///
/// Shapes: all `[..]` -> `[..]`, then reduced.
///
/// Herbrich, Graepel and Obermayer 1999, 'Support vector learning for ordinal regression'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, margin_ranking_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let (a, b) = (tape.variable(Tensor::from([3.0, 1.0])), tape.variable(Tensor::from([1.0, 3.0])));
/// let loss = margin_ranking_loss(&a, &b, &Tensor::from([1.0, 1.0]), 0.0, Reduction::None);
/// assert_eq!(loss.value().to_vec(), [0.0, 2.0]);
/// ```
///
/// # Panics
/// If the shapes differ or a target is neither 1 nor -1.
#[track_caller]
pub fn margin_ranking_loss<T: Float>(
    a: &Var<T>,
    b: &Var<T>,
    target: &Tensor<T>,
    margin: f64,
    reduction: Reduction,
) -> Var<T> {
    same_shape("margin_ranking_loss", a.shape(), "other input", b.shape());
    same_shape("margin_ranking_loss", a.shape(), "target", target.shape());
    signs("margin_ranking_loss", target);
    reduction.of(((a - b) * a.constant(-target) + T::of(margin)).relu())
}

/// The options of [`multi_margin_loss`].
#[derive(Clone, Debug)]
pub struct MultiMarginOptions<T: Float = f32> {
    /// The power of each violation, 1 or 2.
    pub p: u32,
    /// How far the right class's score should be above the others'.
    pub margin: f64,
    /// `[classes]`: how much a sample of each class counts. The mean is not divided by it, as in PyTorch.
    pub weight: Option<Tensor<T>>,
    /// How the samples' losses are reduced.
    pub reduction: Reduction,
}

impl<T: Float> Default for MultiMarginOptions<T> {
    fn default() -> Self {
        MultiMarginOptions { p: 1, margin: 1.0, weight: None, reduction: Reduction::default() }
    }
}

/// The hinge of several classes, `w[t] Σ_{c ≠ t} max(0, margin - x[t] + x[c])ᵖ / classes`.
///
/// Shapes: scores `[.., classes]`, target `[..]` -> `[..]`, then reduced. Crammer and Singer 2001, 'On the algorithmic implementation of
/// multiclass kernel-based vector machines' (the sum in place of their maximum is Weston and Watkins').
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{MultiMarginOptions, multi_margin_loss};
/// use ravine_tensor::Tensor;
///
/// let scores = Tape::new().variable(Tensor::from([[1.0f32, 0.5, -3.0]]));
/// let loss = multi_margin_loss(&scores, &Tensor::from([0]), &MultiMarginOptions::default());
/// assert!((loss.item() - 0.5 / 3.0).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes do not fit together, an index is not a class, or `p` is neither 1 nor 2.
#[track_caller]
pub fn multi_margin_loss<T: Float>(
    input: &Var<T>,
    target: &Tensor<i64>,
    options: &MultiMarginOptions<T>,
) -> Var<T> {
    let MultiMarginOptions { p, margin, weight, reduction } = options;
    assert!(matches!(p, 1 | 2), "multi_margin_loss: p is {p}; expected 1 or 2");
    assert!(
        input.rank() > 0 && input.shape()[..input.rank() - 1] == target.shape()[..],
        "multi_margin_loss: input {} and target {}: the target is one class index per row of scores",
        input.shape(),
        target.shape()
    );
    let classes = input.size(-1);
    if let Some(bad) = target.iter().find(|&t| !is_class(t, classes)) {
        panic!("multi_margin_loss: target {bad} is not a class: there are classes 0..{classes}");
    }
    let right = input.gather(-1, &target.unsqueeze(-1));
    let hit = Tensor::<u8>::one_hot(target, classes).map(|hit| hit == 1);
    let violation = (input - right + T::of(*margin)).relu().masked_fill(&hit, T::ZERO);
    let violation = if *p == 2 { violation.square() } else { violation };
    let mut each = violation.sum(-1) / T::of(classes as f64);
    if let Some(weight) = weight {
        assert!(
            *weight.shape() == [classes],
            "multi_margin_loss: weight has shape {}; expected [{classes}], one per class",
            weight.shape()
        );
        let weight = weight.index_select(0, &target.reshape([-1])).reshape(*target.shape());
        each = &each * each.constant(weight);
    }
    reduction.of(each)
}
