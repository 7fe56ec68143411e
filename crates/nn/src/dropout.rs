//! Regularisation by noise. Masks come from the tape's random stream, so they depend on the seed, the step and the shard, and not on threads.

use ravine_autograd::{Module, Var};
use ravine_tensor::Tensor;

use crate::{Layer, check};

/// `y = x m / (1 - p)` in a training pass, where each element of `m` is 0 with probability `p` and else 1; otherwise `y = x`.
///
/// Shapes: any, in and out. No parameters.
///
/// Srivastava et al. 2014, 'Dropout: a simple way to prevent neural networks from overfitting' (in the inverted form).
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Dropout, Layer};
/// use ravine_tensor::{Rng, Tensor};
///
/// let (train, eval) = (Tape::train(Rng::new(0)), Tape::eval());
/// let ones = Tensor::ones([1000]);
/// let dropped = Dropout::new(0.25).forward(&train.input(ones.clone()));
/// assert!((200..300).contains(&dropped.value().iter().filter(|&x| x == 0.0).count()));
/// assert_eq!(Dropout::new(0.25).forward(&eval.input(ones.clone())).value(), &ones);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// Drops with probability `p`.
    ///
    /// # Panics
    /// If `p` is not in `0 <= p < 1`.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        check::probability("Dropout", "p", p);
        Dropout { p }
    }
}

impl Layer for Dropout {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        dropout(x, self.p)
    }
}

/// [`Dropout`] by `p`, for the layers that have one inside.
#[track_caller]
pub(crate) fn dropout(x: &Var, p: f64) -> Var {
    if x.tape().is_training() && p > 0.0 { x.tape().with_rng(|rng| x.dropout(p, rng)) } else { x.clone() }
}

/// `y[b, c] = x[b, c] m[b, c] / (1 - p)` in a training pass, where each `m[b, c]` is 0 with probability `p` and else 1; otherwise `y = x`. Whole
/// channels are dropped: neighbouring positions of an image are strongly correlated, so dropping single ones would withhold little.
///
/// Shapes: `[batch, channels, h, w]`, in and out. No parameters.
///
/// Tompson et al. 2015, 'Efficient object localization using convolutional networks'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Dropout2d, Layer};
/// use ravine_tensor::{Rng, Tensor};
///
/// let x = Tape::train(Rng::new(0)).input(Tensor::ones([2, 100, 3, 3]));
/// let sums = Dropout2d::new(0.5).forward(&x).value().sum([2, 3]);
/// assert!(sums.iter().all(|sum| sum == 0.0 || sum == 18.0));
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct Dropout2d {
    p: f64,
}

impl Dropout2d {
    /// Drops channels with probability `p`.
    ///
    /// # Panics
    /// If `p` is not in `0 <= p < 1`.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        check::probability("Dropout2d", "p", p);
        Dropout2d { p }
    }
}

impl Layer for Dropout2d {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        assert!(x.rank() == 4, "Dropout2d: input {}; expected [batch, channels, height, width]", x.shape());
        if !x.tape().is_training() || self.p == 0.0 {
            return x.clone();
        }
        let ones = x.constant(Tensor::ones([x.shape()[0], x.shape()[1], 1, 1]));
        x * dropout(&ones, self.p)
    }
}

/// In a training pass, each element set to the lowest value of [`Selu`](crate::Selu) with probability `p`, and all scaled and shifted so that
/// mean 0 and variance 1 stay what they are; otherwise nothing.
///
/// With `a' = -1.7581`, to which SELU falls, and `q = 1 - p`: `y = s (x or a') - s p a'`, where `s = 1 / √(q + a'² p q)`.
///
/// Shapes: any, in and out. No parameters.
///
/// Klambauer et al. 2017, 'Self-normalizing neural networks'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{AlphaDropout, Layer};
/// use ravine_tensor::{Rng, Tensor};
///
/// let x = Tape::train(Rng::new(0)).input(Tensor::randn([10_000], &mut Rng::new(1)));
/// let y = AlphaDropout::new(0.2).forward(&x);
/// assert!(y.value().mean(..).item().abs() < 0.05);
/// assert!((y.value().square().mean(..).item() - 1.0).abs() < 0.05);
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(display)]
pub struct AlphaDropout {
    p: f64,
}

impl AlphaDropout {
    /// Drops with probability `p`.
    ///
    /// # Panics
    /// If `p` is not in `0 <= p < 1`.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        check::probability("AlphaDropout", "p", p);
        AlphaDropout { p }
    }
}

/// What SELU falls to.
const LOWEST: f64 = -1.758_099_340_847_376_7;

impl Layer for AlphaDropout {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let p = self.p;
        if !x.tape().is_training() || p == 0.0 {
            return x.clone();
        }
        let dropped = x.tape().with_rng(|rng| Tensor::bernoulli(*x.shape(), p, rng));
        let scale = 1.0 / ((1.0 - p) * (1.0 + LOWEST * LOWEST * p)).sqrt();
        x.masked_fill(&dropped, LOWEST as f32) * scale as f32 - (scale * p * LOWEST) as f32
    }
}
