//! Regularisation by noise.

use ravine_autograd::{Module, Var};

use crate::Layer;

/// In a training pass, each element set to 0 with probability `p` and the others divided by `1 - p`; otherwise nothing.
///
/// The mask comes from the tape's random stream, so it depends on the seed, the step and the shard, and not on threads.
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
/// let kept = Dropout::new(0.25).forward(&train.input(ones.clone())).value().count(|x| x > 0.0);
/// assert!((700..800).contains(&kept));
/// assert_eq!(Dropout::new(0.25).forward(&eval.input(ones.clone())).value(), &ones);
/// ```
#[derive(Clone, Copy, Debug, Module)]
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
        assert!((0.0..1.0).contains(&p), "Dropout: p is {p}; expected 0 <= p < 1");
        Dropout { p }
    }
}

impl Layer for Dropout {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        if x.tape().is_training() && self.p > 0.0 {
            x.tape().with_rng(|rng| x.dropout(self.p, rng))
        } else {
            x.clone()
        }
    }
}
