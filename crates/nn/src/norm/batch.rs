//! Batch norm, over features and lines, and over images.

use ravine_autograd::{Buffer, Module, Param, Var};
use ravine_tensor::Tensor;

use super::running::{self, with_momentum};
use crate::{Layer, check};

macro_rules! batch_norm {
    ($(#[$doc:meta])* $name:ident: $ranks:pat => $shapes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        #[module(display)]
        pub struct $name {
            /// `[channels]`.
            pub weight: Option<Param>,
            /// `[channels]`.
            pub bias: Option<Param>,
            /// `[channels]`.
            pub running_mean: Option<Buffer>,
            /// `[channels]`.
            pub running_var: Option<Buffer>,
            channels: usize,
            eps: f64,
            momentum: f64,
        }

        impl $name {
            /// A layer for so many channels.
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
        with_eps!($name);
        with_momentum!($name);

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                assert!(
                    matches!(x.rank(), $ranks) && x.shape()[1] == self.channels,
                    concat!(stringify!($name), ": input {}; expected ", $shapes, " with {} channels"),
                    x.shape(),
                    self.channels
                );
                let running = [&self.running_mean, &self.running_var];
                let parameters = [&self.weight, &self.bias];
                batch_norm(stringify!($name), x, parameters, running, self.momentum, self.eps)
            }
        }
    };
}

batch_norm! {
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
    BatchNorm1d: 2 | 3 => "[batch, channels] or [batch, channels, length]"
}

batch_norm! {
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
    BatchNorm2d: 4 => "[batch, channels, height, width]"
}

/// The pass of both: by the running statistics, if training is over and there are any; else by the batch's, which the running ones follow.
#[track_caller]
fn batch_norm(
    name: &str,
    x: &Var,
    parameters: [&Option<Param>; 2],
    running: [&Option<Buffer>; 2],
    momentum: f64,
    eps: f64,
) -> Var {
    let tape = x.tape();
    let [weight, bias] = parameters.map(|parameter| parameter.as_ref().map(|p| tape.param(p)));
    let (weight, bias) = (weight.as_ref(), bias.as_ref());
    if let (false, [Some(mean), Some(var)]) = (tape.is_training(), running) {
        return x.batch_norm_by(&mean.value(), &var.value(), weight, bias, eps);
    }
    let samples = x.numel() / x.shape()[1];
    assert!(
        samples > 1,
        "{name}: input {} has one value per channel, whose variance cannot be known; use larger batches",
        x.shape()
    );
    let (y, mean, var) = x.batch_norm(weight, bias, eps);
    if tape.is_training() {
        let unbiased = samples as f32 / (samples - 1) as f32;
        running::follow(tape, running, [mean, var * unbiased], momentum, samples);
    }
    y
}
