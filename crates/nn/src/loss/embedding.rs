//! Vectors that should be near each other or apart.

use ravine_autograd::Var;
use ravine_tensor::{Float, Tensor};

use super::{Reduction, same_shape, signs};

/// Distances `x` made small where `y` is 1 and larger than the margin where it is -1: `x`, or `max(0, margin - x)`. PyTorch's margin is 1.
///
/// Shapes: both `[..]` -> `[..]`, then reduced. Hadsell, Chopra and LeCun 2006, 'Dimensionality reduction by learning an invariant mapping'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, hinge_embedding_loss};
/// use ravine_tensor::Tensor;
///
/// let distances = Tape::new().variable(Tensor::from([0.25, 0.25, 2.0]));
/// let loss = hinge_embedding_loss(&distances, &Tensor::from([1.0, -1.0, -1.0]), 1.0, Reduction::None);
/// assert_eq!(loss.value().to_vec(), [0.25, 0.75, 0.0]);
/// ```
///
/// # Panics
/// If the shapes differ or a target is neither 1 nor -1.
#[track_caller]
pub fn hinge_embedding_loss<T: Float>(
    input: &Var<T>,
    target: &Tensor<T>,
    margin: f64,
    reduction: Reduction,
) -> Var<T> {
    same_shape("hinge_embedding_loss", input.shape(), "target", target.shape());
    signs("hinge_embedding_loss", target);
    let apart = (-input + T::of(margin)).relu();
    reduction.of(Var::where_(&target.map(|y| y > T::ZERO), input, &apart))
}

/// Pairs of vectors whose cosine should be 1 where `y` is 1 and at most the margin where it is -1: `1 - cos`, or `max(0, cos - margin)`.
/// PyTorch's margin is 0.
///
/// `cos = a·b / √((a·a + ε) (b·b + ε))` with `ε = 10⁻¹²`, over the last axis.
///
/// Shapes: vectors `[.., n]`, target `[..]` -> `[..]`, then reduced.
///
/// Salton, Wong and Yang 1975, 'A vector space model for automatic indexing' (the cosine).
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{Reduction, cosine_embedding_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let a = tape.variable(Tensor::from([[2.0f32, 0.0], [2.0, 0.0]]));
/// let b = tape.input(Tensor::from([[5.0, 0.0], [0.0, 3.0]]));
/// let loss = cosine_embedding_loss(&a, &b, &Tensor::from([1.0, 1.0]), 0.0, Reduction::None);
/// assert!(loss.value().at([0]).abs() < 1e-6 && (loss.value().at([1]) - 1.0).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes do not fit together or a target is neither 1 nor -1.
#[track_caller]
pub fn cosine_embedding_loss<T: Float>(
    a: &Var<T>,
    b: &Var<T>,
    target: &Tensor<T>,
    margin: f64,
    reduction: Reduction,
) -> Var<T> {
    same_shape("cosine_embedding_loss", a.shape(), "other input", b.shape());
    assert!(
        a.rank() > 0 && a.shape()[..a.rank() - 1] == target.shape()[..],
        "cosine_embedding_loss: inputs {} and target {}: the target is one sign per vector",
        a.shape(),
        target.shape()
    );
    signs("cosine_embedding_loss", target);
    let dot = |a: &Var<T>, b: &Var<T>| (a * b).sum(-1);
    let length = |x: &Var<T>| (dot(x, x) + T::of(1e-12)).sqrt();
    let cosine = dot(a, b) / length(a) / length(b);
    let (together, apart) = (-&cosine + T::ONE, (&cosine - T::of(margin)).relu());
    reduction.of(Var::where_(&target.map(|y| y > T::ZERO), &together, &apart))
}

/// The options of [`triplet_margin_loss`].
#[derive(Clone, Copy, Debug)]
pub struct TripletOptions {
    /// How much nearer the positive should be than the negative.
    pub margin: f64,
    /// The norm that measures distances: `(Σ |d|ᵖ)^(1/p)`.
    pub p: f64,
    /// What is added to each difference, so that a distance of 0 has a slope. If it is 0, the gradient of such a distance is 0, as in PyTorch.
    pub eps: f64,
    /// Whether the negative's distance is the smaller of those to the anchor and to the positive. Balntas et al. 2016.
    pub swap: bool,
    /// How the triplets' losses are reduced.
    pub reduction: Reduction,
}

impl Default for TripletOptions {
    fn default() -> Self {
        TripletOptions { margin: 1.0, p: 2.0, eps: 1e-6, swap: false, reduction: Reduction::default() }
    }
}

/// `max(0, d(anchor, positive) - d(anchor, negative) + margin)`: vectors of one kind nearer to each other than to those of another.
///
/// Shapes: all `[.., n]` -> `[..]`, then reduced. Schroff, Kalenichenko and Philbin 2015, 'FaceNet'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::loss::{TripletOptions, triplet_margin_loss};
/// use ravine_tensor::Tensor;
///
/// let tape = Tape::new();
/// let point = |x: f32| tape.variable(Tensor::from([[x, 0.0]]));
/// let loss = triplet_margin_loss(&point(0.0), &point(3.0), &point(3.5), &TripletOptions::default());
/// assert!((loss.item() - 0.5).abs() < 1e-4);
/// ```
///
/// # Panics
/// If the shapes differ or `p` is less than 1.
#[track_caller]
pub fn triplet_margin_loss<T: Float>(
    anchor: &Var<T>,
    positive: &Var<T>,
    negative: &Var<T>,
    options: &TripletOptions,
) -> Var<T> {
    same_shape("triplet_margin_loss", anchor.shape(), "positive", positive.shape());
    same_shape("triplet_margin_loss", anchor.shape(), "negative", negative.shape());
    let p = options.p;
    assert!(p >= 1.0 && p.is_finite(), "triplet_margin_loss: p is {p}; expected a number from 1");
    let distance = |a: &Var<T>, b: &Var<T>| {
        let difference = a - b + T::of(options.eps);
        let powers = match p {
            1.0 => return difference.abs().sum(-1),
            2.0 => difference.square().sum(-1),
            _ => difference.abs().powf(T::of(p)).sum(-1),
        };
        // At 0 the slope of the root is infinite: there the distance is a constant.
        let zero = powers.value().map(|x| x == T::ZERO);
        let powers = powers.masked_fill(&zero, T::ONE);
        let root = if p == 2.0 { powers.sqrt() } else { powers.powf(T::of(1.0 / p)) };
        root.masked_fill(&zero, T::ZERO)
    };
    let mut apart = distance(anchor, negative);
    if options.swap {
        apart = apart.minimum(&distance(positive, negative));
    }
    options.reduction.of((distance(anchor, positive) - apart + T::of(options.margin)).relu())
}
