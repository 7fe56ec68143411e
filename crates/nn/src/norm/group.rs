//! Group norm.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::Tensor;

use crate::{Layer, check};

/// `y = (x - mean) / √(var + eps) · weight + bias`, with the mean and the biased variance of each group of channels of each sample.
///
/// Shapes: `[batch, channels, ..]`, in and out; weight and bias are `[channels]`. The same in training and after, and for any batch.
///
/// Initialisation: weight 1, bias 0; `eps` 1e-5, as PyTorch's.
///
/// Wu and He 2018, 'Group normalization'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{GroupNorm, Layer};
/// use ravine_tensor::{Rng, Tensor};
///
/// let x = Tape::eval().input(Tensor::normal([2, 6, 4, 4], 5.0, 2.0, &mut Rng::new(0)));
/// let y = GroupNorm::new(3, 6).forward(&x);
/// assert!(y.value().reshape([2, 3, 32]).mean(-1).iter().all(|mean| mean.abs() < 1e-5));
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct GroupNorm {
    /// `[channels]`.
    pub weight: Option<Param>,
    /// `[channels]`.
    pub bias: Option<Param>,
    groups: usize,
    channels: usize,
    eps: f64,
}

impl GroupNorm {
    /// A layer for `channels` channels in `groups` groups.
    ///
    /// # Panics
    /// If either is 0, or the groups do not divide the channels.
    #[track_caller]
    pub fn new(groups: usize, channels: usize) -> Self {
        check::positive("GroupNorm", &[("groups", groups), ("channels", channels)]);
        check::divides("GroupNorm", ("groups", groups), &[("channels", channels)]);
        GroupNorm {
            weight: Some(Param::new(Tensor::ones(channels))),
            bias: Some(Param::new(Tensor::zeros(channels))),
            groups,
            channels,
            eps: 1e-5,
        }
    }
}

with_no_affine!(GroupNorm);
with_eps!(GroupNorm);

impl Layer for GroupNorm {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        assert!(
            x.rank() >= 2 && x.shape()[1] == self.channels,
            "GroupNorm: input {}; expected [batch, {}, ..]",
            x.shape(),
            self.channels
        );
        let [weight, bias] = [&self.weight, &self.bias].map(|p| p.as_ref().map(|p| x.tape().param(p)));
        x.group_norm(self.groups, weight.as_ref(), bias.as_ref(), self.eps)
    }
}
