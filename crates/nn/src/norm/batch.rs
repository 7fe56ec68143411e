//! Batch norm, over features and lines, and over images.

use ravine_autograd::{Buffer, Module, Param, Var};
use ravine_tensor::Tensor;

use crate::{Layer, check};

macro_rules! batch_norm {
    ($(#[$doc:meta])* $name:ident: $ranks:pat => $shapes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        pub struct $name {
            /// `[channels]`.
            pub weight: Option<Param>,
            /// `[channels]`.
            pub bias: Option<Param>,
            /// `[channels]`.
            pub running_mean: Buffer,
            /// `[channels]`.
            pub running_var: Buffer,
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
                $name {
                    weight: Some(Param::new(Tensor::ones(channels))),
                    bias: Some(Param::new(Tensor::zeros(channels))),
                    running_mean: Buffer::new(Tensor::zeros(channels)),
                    running_var: Buffer::new(Tensor::ones(channels)),
                    eps: 1e-5,
                    momentum: 0.1,
                }
            }

            /// The layer without weight and bias.
            #[must_use]
            pub fn no_affine(mut self) -> Self {
                (self.weight, self.bias) = (None, None);
                self
            }

            /// The layer with this number added to variances.
            ///
            /// # Panics
            /// If it is not above 0.
            #[track_caller]
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                check::eps(stringify!($name), eps);
                self.eps = eps;
                self
            }

            /// The layer whose running statistics move by this share of the distance, each step.
            ///
            /// # Panics
            /// If it is not in `0 <= momentum <= 1`.
            #[track_caller]
            #[must_use]
            pub fn momentum(mut self, momentum: f64) -> Self {
                let name = stringify!($name);
                assert!((0.0..=1.0).contains(&momentum), "{name}: momentum is {momentum}; expected 0 to 1");
                self.momentum = momentum;
                self
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                let channels = self.running_mean.shape()[0];
                assert!(
                    matches!(x.rank(), $ranks) && x.shape()[1] == channels,
                    concat!(stringify!($name), ": input {}; expected ", $shapes, " with {} channels"),
                    x.shape(),
                    channels
                );
                let statistics = (&self.running_mean, &self.running_var, self.momentum);
                batch_norm(stringify!($name), x, [&self.weight, &self.bias], statistics, self.eps)
            }
        }
    };
}

batch_norm! {
    /// `y = (x - mean) / √(var + eps) · weight + bias`, for each feature of a batch, or each channel of a batch of lines.
    ///
    /// Shapes: `[batch, channels]` or `[batch, channels, length]`, in and out. Statistics, initialisation and paper: as [`BatchNorm2d`].
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
    /// Shapes: `[batch, channels, h, w]`, in and out. In a training pass, mean and (biased) variance are those of the batch, or of the
    /// shard where a batch is cut into shards; the running ones move towards them by `momentum` (towards the unbiased variance) when
    /// the step is done. Where there are shards, they move towards the mean of the shards' statistics, weighted by samples and added in the
    /// order of the shards, whatever the number of threads. Otherwise the running ones are used.
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
    /// assert!(layer.running_mean.value().iter().all(|mean| (mean - 0.5).abs() < 0.1));
    /// ```
    BatchNorm2d: 4 => "[batch, channels, height, width]"
}

/// The pass of both: by the batch's statistics, which it notes for the running ones, in training; else by the running ones.
#[track_caller]
fn batch_norm(
    name: &str,
    x: &Var,
    parameters: [&Option<Param>; 2],
    (running_mean, running_var, momentum): (&Buffer, &Buffer, f64),
    eps: f64,
) -> Var {
    let tape = x.tape();
    let [weight, bias] = parameters.map(|parameter| parameter.as_ref().map(|p| tape.param(p)));
    let (weight, bias) = (weight.as_ref(), bias.as_ref());
    if !tape.is_training() {
        return x.batch_norm_by(&running_mean.value(), &running_var.value(), weight, bias, eps);
    }
    let samples = x.numel() / x.shape()[1];
    assert!(
        samples > 1,
        "{name}: input {} has one value per channel, whose variance cannot be known; train with larger batches",
        x.shape()
    );
    let (y, mean, var) = x.batch_norm(weight, bias, eps);
    let unbiased = samples as f32 / (samples - 1) as f32;
    tape.update_buffer(running_mean, mean, momentum, samples);
    tape.update_buffer(running_var, var * unbiased, momentum, samples);
    y
}
