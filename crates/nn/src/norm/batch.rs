//! Batch norm, over features and lines, and over images.

use ravine_autograd::{Buffer, Module, Param, Var};
use ravine_tensor::Tensor;

use super::running::{self, Running, channel_norm};
use crate::{Layer, check};

channel_norm! {
    /// `y = (x - mean) / √(var + eps) · weight + bias`, for each feature of a batch, or each channel of a batch of lines.
    ///
    /// Shapes: `[batch, channels]` or `[batch, channels, length]`, in and out. Statistics: as of [`BatchNorm2d`].
    ///
    /// Initialisation: weight 1, bias 0, running mean 0 and variance 1; `eps` 1e-5 and `momentum` 0.1, as PyTorch's.
    ///
    /// Ioffe and Szegedy 2015, 'Batch normalization'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{BatchNorm1d, Layer};
    /// use ravine_tensor::{Rng, Tensor};
    ///
    /// let x = Tape::train(Rng::new(0)).input(Tensor::from([[1.0, 10.0], [3.0, 30.0]]));
    /// let y = BatchNorm1d::new(2).forward(&x);
    /// assert!((y.value().at([0, 0]) + 1.0).abs() < 1e-4 && (y.value().at([1, 1]) - 1.0).abs() < 1e-4);
    /// ```
    BatchNorm1d: 2 | 3 => "[batch, channels] or [batch, channels, length]", batch_norm
}

channel_norm! {
    /// `y = (x - mean) / √(var + eps) · weight + bias`, for each channel of a batch of images.
    ///
    /// In a training pass, mean and (biased) variance are those of the batch, or of the shard where a batch is cut into shards; the
    /// running ones move towards them by `momentum` (towards the unbiased variance) when the step is done. Where there are shards, they move
    /// towards the mean of the shards' statistics, weighted by samples and added in the order of the shards, whatever the number of threads.
    /// Otherwise the running ones are used, unless there are none ([`no_tracking`](Self::no_tracking)).
    ///
    /// Shapes: `[batch, channels, h, w]`, in and out.
    ///
    /// Initialisation: weight 1, bias 0, running mean 0 and variance 1; `eps` 1e-5 and `momentum` 0.1, as PyTorch's.
    ///
    /// Ioffe and Szegedy 2015, 'Batch normalization'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{BatchNorm2d, Layer};
    /// use ravine_tensor::{Rng, Tensor};
    ///
    /// let layer = BatchNorm2d::new(3);
    /// let tape = Tape::train(Rng::new(0));
    /// let x = tape.input(Tensor::normal([8, 3, 4, 4], 5.0, 2.0, &mut Rng::new(1)));
    /// let y = layer.forward(&x);
    /// assert!(y.value().mean([0, 2, 3]).iter().all(|mean| mean.abs() < 1e-5));
    ///
    /// tape.take_buffer_updates().apply();
    /// let running_mean = layer.running_mean.as_ref().unwrap().value();
    /// assert!(running_mean.iter().all(|mean| (mean - 0.5).abs() < 0.1));
    /// ```
    BatchNorm2d: 4 => "[batch, channels, height, width]", batch_norm
}

macro_rules! at_first {
    ($name:ident) => {
        impl $name {
            /// A layer for `channels` channels.
            ///
            /// # Panics
            /// If there is none.
            #[track_caller]
            pub fn new(channels: usize) -> Self {
                check::positive(stringify!($name), &[("channels", channels)]);
                let (running_mean, running_var) = running::at_first(channels);
                $name {
                    weight: Some(Param::new(Tensor::ones(channels))),
                    bias: Some(Param::new(Tensor::zeros(channels))),
                    running_mean,
                    running_var,
                    channels,
                    eps: 1e-5,
                    momentum: 0.1,
                }
            }

            /// The layer without running statistics: it normalises by those of the batch after training, too (PyTorch's
            /// `track_running_stats=False`).
            #[must_use]
            #[doc(alias = "track_running_stats")]
            pub fn no_tracking(mut self) -> Self {
                (self.running_mean, self.running_var) = (None, None);
                self
            }
        }

        with_no_affine!($name);
    };
}
at_first!(BatchNorm1d);
at_first!(BatchNorm2d);

/// By the statistics of the batch.
#[track_caller]
fn batch_norm(
    name: &str,
    x: &Var,
    weight: Option<&Var>,
    bias: Option<&Var>,
    eps: f64,
    running: &Running,
) -> Var {
    let samples = x.numel() / x.shape()[1];
    assert!(
        samples > 1,
        "{name}: input {} has one value per channel, whose variance cannot be known; use larger batches",
        x.shape()
    );
    let (y, mean, var) = x.batch_norm(weight, bias, eps);
    if x.tape().is_training() {
        let unbiased = samples as f32 / (samples - 1) as f32;
        running.follow(x.tape(), mean, var * unbiased, samples);
    }
    y
}
