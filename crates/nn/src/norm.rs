//! Normalisation layers.

use ravine_autograd::{Buffer, Module, Param, Var};
use ravine_tensor::Tensor;

use crate::Layer;

/// `y = (x - mean) / √(var + eps) · weight + bias`, for each channel of a batch of images.
///
/// Shapes: `[batch, channels, h, w]`, in and out. In a training pass, mean and (biased) variance are those of the batch, or of the
/// shard where a batch is cut into shards; the running ones move towards them by `momentum` (towards the unbiased variance) when
/// the step is done, shards weighted by their samples. Otherwise the running ones are used.
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
#[derive(Clone, Debug, Module)]
pub struct BatchNorm2d {
    /// `[channels]`.
    pub weight: Param,
    /// `[channels]`.
    pub bias: Param,
    /// `[channels]`.
    pub running_mean: Buffer,
    /// `[channels]`.
    pub running_var: Buffer,
    eps: f64,
    momentum: f64,
}

impl BatchNorm2d {
    /// A layer for so many channels.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn new(channels: usize) -> Self {
        assert!(channels > 0, "BatchNorm2d: channels is 0; expected at least 1");
        BatchNorm2d {
            weight: Param::new(Tensor::ones(channels)),
            bias: Param::new(Tensor::zeros(channels)),
            running_mean: Buffer::new(Tensor::zeros(channels)),
            running_var: Buffer::new(Tensor::ones(channels)),
            eps: 1e-5,
            momentum: 0.1,
        }
    }

    /// The layer with this number added to variances.
    ///
    /// # Panics
    /// If it is not above 0.
    #[track_caller]
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        assert!(eps > 0.0, "BatchNorm2d: eps is {eps}; expected more than 0");
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
        assert!((0.0..=1.0).contains(&momentum), "BatchNorm2d: momentum is {momentum}; expected 0 to 1");
        self.momentum = momentum;
        self
    }
}

impl Layer for BatchNorm2d {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let channels = self.weight.shape()[0];
        assert!(
            x.rank() == 4 && x.shape()[1] == channels,
            "BatchNorm2d: input {}; expected [batch, {channels}, height, width]",
            x.shape()
        );
        let tape = x.tape();
        let along = [1, channels, 1, 1];
        let normal = if tape.is_training() {
            let samples = x.numel() / channels;
            assert!(
                samples > 1,
                "BatchNorm2d: input {} has one value per channel, whose variance cannot be known; train with larger batches",
                x.shape()
            );
            let (normal, mean, var) = x.normalize([0, 2, 3], self.eps);
            let unbiased = samples as f32 / (samples - 1) as f32;
            tape.update_buffer(&self.running_mean, mean.reshape([channels]), self.momentum, samples);
            tape.update_buffer(&self.running_var, var.reshape([channels]) * unbiased, self.momentum, samples);
            normal
        } else {
            let eps = self.eps as f32;
            let scale = self.running_var.value().map(|var| 1.0 / (var + eps).sqrt());
            let mean = self.running_mean.value();
            (x - tape.input(mean.reshape(along))) * tape.input(scale.reshape(along))
        };
        normal * tape.param(&self.weight).reshape(along) + tape.param(&self.bias).reshape(along)
    }
}
