//! The convolution layer.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::{ConvOptions, Rng};

use crate::{Layer, init};

/// `y[b, o] = bias[o] + Σ_i x[b, i] ⋆ weight[o, i]`, the cross-correlation of images with small windows.
///
/// Shapes: `[batch, in, h, w] -> [batch, out, oh, ow]`, with `oh = (h + 2 padding - dilation (kernel - 1) - 1) / stride + 1`,
/// rounded down. Initialisation: weight and bias uniform in `±1 / √(in / groups · kernel²)`, PyTorch's default.
///
/// LeCun et al. 1998, 'Gradient-based learning applied to document recognition'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Conv2d, Layer};
/// use ravine_tensor::{Rng, Tensor};
///
/// let layer = Conv2d::new(1, 6, 5, &mut Rng::new(0)).padding(2);
/// let x = Tape::eval().input(Tensor::zeros([64, 1, 28, 28]));
/// assert_eq!(layer.forward(&x).shape(), &[64, 6, 28, 28]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct Conv2d {
    /// `[out, in / groups, kernel, kernel]`.
    pub weight: Param,
    /// `[out]`.
    pub bias: Option<Param>,
    #[module(skip)]
    options: ConvOptions,
}

impl Conv2d {
    /// Square windows of `kernel` by `kernel`, at every place, without padding.
    ///
    /// # Panics
    /// If a size is 0.
    #[track_caller]
    pub fn new(in_channels: usize, out_channels: usize, kernel: usize, rng: &mut Rng) -> Self {
        Self::grouped(in_channels, out_channels, kernel, 1, rng)
    }

    /// [`new`](Self::new) with the channels in `groups` that do not see each other; as many groups as channels is a depthwise convolution.
    ///
    /// # Panics
    /// If a size is 0, or the groups do not divide both numbers of channels.
    #[track_caller]
    pub fn grouped(
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        groups: usize,
        rng: &mut Rng,
    ) -> Self {
        for (name, size) in [
            ("in_channels", in_channels),
            ("out_channels", out_channels),
            ("kernel", kernel),
            ("groups", groups),
        ] {
            assert!(size > 0, "Conv2d: {name} is 0; expected at least 1");
        }
        for (name, channels) in [("in_channels", in_channels), ("out_channels", out_channels)] {
            assert!(
                channels.is_multiple_of(groups),
                "Conv2d: groups is {groups}; expected a divisor of {name}, which is {channels}"
            );
        }
        let fan_in = in_channels / groups * kernel * kernel;
        let shape = [out_channels, in_channels / groups, kernel, kernel];
        Conv2d {
            weight: Param::new(init::uniform_by_fan_in(shape, fan_in, rng)),
            bias: Some(Param::new(init::uniform_by_fan_in(out_channels, fan_in, rng))),
            options: ConvOptions { groups, ..ConvOptions::default() },
        }
    }

    /// The layer with this step between windows.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Self {
        assert!(stride > 0, "Conv2d: stride is 0; expected at least 1");
        self.options.stride = [stride; 2];
        self
    }

    /// The layer with so many zeros added on each side of its input.
    #[must_use]
    pub fn padding(mut self, padding: usize) -> Self {
        self.options.padding = [padding; 2];
        self
    }

    /// The layer with this distance between the taps of a window.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn dilation(mut self, dilation: usize) -> Self {
        assert!(dilation > 0, "Conv2d: dilation is 0; expected at least 1");
        self.options.dilation = [dilation; 2];
        self
    }

    /// The layer without its bias.
    #[must_use]
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }
}

impl Layer for Conv2d {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let tape = x.tape();
        let bias = self.bias.as_ref().map(|bias| tape.param(bias));
        x.conv2d(&tape.param(&self.weight), bias.as_ref(), &self.options)
    }
}
