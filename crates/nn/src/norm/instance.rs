//! Instance norm, over lines and over images.

use ravine_autograd::{Buffer, Module, Param, Var};
use ravine_tensor::Tensor;

use super::running::{self, Running, channel_norm};
use crate::{Layer, check};

channel_norm! {
    /// `y = (x - mean) / √(var + eps)`, with the mean and the biased variance of each line of each sample; [`affine`](Self::affine) adds
    /// a scale and a shift of each channel.
    ///
    /// Shapes: `[batch, channels, length]`, in and out. The same in training and after, unless it is [`tracking`](Self::tracking).
    ///
    /// Initialisation: no parameters unless asked for, then weight 1 and bias 0; `eps` 1e-5, as PyTorch's.
    ///
    /// Ulyanov, Vedaldi and Lempitsky 2016, 'Instance normalization: the missing ingredient for fast stylization'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{InstanceNorm1d, Layer};
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::eval().input(Tensor::from([[[1.0, 3.0], [10.0, 30.0]]]));
    /// let y = InstanceNorm1d::new(2).forward(&x);
    /// assert!((y.value().at([0, 1, 0]) + 1.0).abs() < 1e-4);
    /// ```
    InstanceNorm1d: 3 => "[batch, channels, length]", instance_norm
}

channel_norm! {
    /// `y = (x - mean) / √(var + eps)`, with the mean and the biased variance of each channel of each image; [`affine`](Self::affine) adds
    /// a scale and a shift of each channel.
    ///
    /// Shapes: `[batch, channels, h, w]`, in and out. The same in training and after, unless it is [`tracking`](Self::tracking).
    ///
    /// Initialisation: no parameters unless asked for, then weight 1 and bias 0; `eps` 1e-5, as PyTorch's.
    ///
    /// Ulyanov, Vedaldi and Lempitsky 2016, 'Instance normalization: the missing ingredient for fast stylization'.
    ///
    /// ```
    /// use ravine_autograd::{Module, Tape};
    /// use ravine_nn::{InstanceNorm2d, Layer};
    /// use ravine_tensor::{Rng, Tensor};
    ///
    /// let layer = InstanceNorm2d::new(3).affine();
    /// assert_eq!(layer.named_params()[0].0, "weight");
    /// let x = Tape::eval().input(Tensor::normal([2, 3, 8, 8], 5.0, 2.0, &mut Rng::new(0)));
    /// assert!(layer.forward(&x).value().mean([2, 3]).iter().all(|mean| mean.abs() < 1e-5));
    /// ```
    InstanceNorm2d: 4 => "[batch, channels, height, width]", instance_norm
}

macro_rules! at_first {
    ($name:ident) => {
        impl $name {
            /// A layer for `channels` channels, without weight, bias and running statistics.
            ///
            /// # Panics
            /// If there is none.
            #[track_caller]
            pub fn new(channels: usize) -> Self {
                check::positive(stringify!($name), &[("channels", channels)]);
                let (running_mean, running_var) = (None, None);
                $name {
                    weight: None,
                    bias: None,
                    running_mean,
                    running_var,
                    channels,
                    eps: 1e-5,
                    momentum: 0.1,
                }
            }

            /// The layer with weight (1 at first) and bias (0 at first).
            #[must_use]
            pub fn affine(mut self) -> Self {
                self.weight = Some(Param::new(Tensor::ones(self.channels)));
                self.bias = Some(Param::new(Tensor::zeros(self.channels)));
                self
            }

            /// The layer with running statistics, by which it normalises after training (PyTorch's `track_running_stats=True`): the mean
            /// over the samples of their means and unbiased variances, as of [`BatchNorm2d`](crate::BatchNorm2d).
            #[must_use]
            #[doc(alias = "track_running_stats")]
            pub fn tracking(mut self) -> Self {
                (self.running_mean, self.running_var) = running::at_first(self.channels);
                self
            }
        }
    };
}
at_first!(InstanceNorm1d);
at_first!(InstanceNorm2d);

/// By each sample's own statistics, whose mean the running ones follow.
#[track_caller]
fn instance_norm(
    name: &str,
    x: &Var,
    weight: Option<&Var>,
    bias: Option<&Var>,
    eps: f64,
    running: &Running,
) -> Var {
    let (batch, channels) = (x.shape()[0], x.shape()[1]);
    let places: usize = x.shape()[2..].iter().product();
    assert!(
        places > 1,
        "{name}: input {} has one place per channel, whose variance cannot be known",
        x.shape()
    );
    if x.tape().is_training() && running.is_kept() {
        let lines = x.value().reshape([batch, channels, places]);
        running.follow(x.tape(), lines.mean(-1).mean(0), lines.var(-1, 1).mean(0), batch);
    }
    x.group_norm(channels, weight, bias, eps)
}
