//! Convolutions over lines and over images.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::{ConvOptions, Pad, Rng};

use super::{Padding, check_channels, check_input, parameters};
use crate::Layer;
use crate::check::{self, Sizes};

macro_rules! convolution {
    ($(#[$doc:meta])* $name:ident: $axes:literal axes by $op:ident, $weight:literal, $shape:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        #[module(display)]
        pub struct $name {
            #[doc = $weight]
            pub weight: Param,
            /// `[out]`.
            pub bias: Option<Param>,
            #[module(setting)]
            stride: [usize; $axes],
            #[module(setting, unless = Padding::Each([0; $axes]))]
            padding: Padding<$axes>,
            #[module(setting, unless = Pad::Constant(0.0))]
            padding_mode: Pad,
            #[module(setting, unless = [1; $axes])]
            dilation: [usize; $axes],
            #[module(setting, unless = 1)]
            groups: usize,
        }

        settings!($name, $axes axes);

        impl $name {
            /// [`new`](Self::new) with the channels in `groups` that do not see each other; as many groups as channels is a depthwise
            /// convolution.
            ///
            /// # Panics
            /// If a size is 0, or the groups do not divide both numbers of channels.
            #[track_caller]
            #[doc(alias("groups", "depthwise"))]
            pub fn grouped(
                in_channels: usize,
                out_channels: usize,
                kernel: impl Sizes<$axes>,
                groups: usize,
                rng: &mut Rng,
            ) -> Self {
                let kernel = kernel.each();
                check_channels(stringify!($name), in_channels, out_channels, groups);
                check::each_positive(stringify!($name), "kernel", kernel);
                let (weight, bias) = parameters(out_channels, in_channels / groups, &kernel, out_channels, rng);
                $name {
                    weight,
                    bias,
                    stride: [1; $axes],
                    padding: Padding::from(0),
                    padding_mode: Pad::Constant(0.0),
                    dilation: [1; $axes],
                    groups,
                }
            }

            /// The layer with this step between windows.
            ///
            /// # Panics
            /// If it is 0, or not 1 with [`Padding::Same`].
            #[track_caller]
            #[must_use]
            pub fn stride(mut self, stride: impl Sizes<$axes>) -> Self {
                self.stride = stride.each();
                check::each_positive(stringify!($name), "stride", self.stride);
                self.check_same();
                self
            }

            /// The layer with `padding` positions added on each side of its input, or as many as [`Padding::Same`] needs.
            ///
            /// # Panics
            /// If it is [`Padding::Same`] and the stride is not 1.
            #[track_caller]
            #[must_use]
            pub fn padding(mut self, padding: impl Into<Padding<$axes>>) -> Self {
                self.padding = padding.into();
                self.check_same();
                self
            }

            /// The layer that fills its padding with what this says, zeros in the beginning.
            #[must_use]
            pub fn padding_mode(mut self, mode: Pad) -> Self {
                self.padding_mode = mode;
                self
            }

            #[track_caller]
            fn check_same(&self) {
                assert!(
                    self.padding != Padding::Same || self.stride == [1; $axes],
                    concat!(stringify!($name), ": stride is {:?}; expected 1 with Padding::Same"),
                    self.stride
                );
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                let shape = self.weight.shape();
                let channels = shape[1] * self.groups;
                check_input(stringify!($name), x, 2 + $axes, $shape, channels);
                let &$name { stride, dilation, groups, .. } = self;
                let widths: [[usize; 2]; $axes] = std::array::from_fn(|axis| match self.padding {
                    Padding::Each(padding) => [padding[axis]; 2],
                    Padding::Same => {
                        let all = dilation[axis] * (shape[2 + axis] - 1);
                        [all / 2, all - all / 2]
                    }
                });
                for axis in 0..$axes {
                    let padded = x.shape()[2 + axis] + widths[axis][0] + widths[axis][1];
                    assert!(
                        dilation[axis] * (shape[2 + axis] - 1) < padded,
                        concat!(stringify!($name), ": kernel is {:?}, with dilation {:?}; expected to fit the padded input, \
                            but axis {} of {} is {} long"),
                        &shape[2..],
                        dilation,
                        2 + axis,
                        x.shape(),
                        padded
                    );
                }
                let even = widths.iter().all(|[before, after]| before == after);
                let (x, padding) = if even && self.padding_mode == Pad::Constant(0.0) {
                    (x.clone(), widths.map(|[before, _]| before))
                } else {
                    (x.pad(widths, self.padding_mode), [0; $axes])
                };
                let options = ConvOptions { stride, padding, dilation, groups };
                let bias = self.bias.as_ref().map(|bias| x.tape().param(bias));
                x.$op(&x.tape().param(&self.weight), bias.as_ref(), &options)
            }
        }
    };
}

convolution! {
    /// `y[b, o] = bias[o] + Σ_i x[b, i] ⋆ weight[o, i]`, the cross-correlation of lines with short windows.
    ///
    /// Shapes: `[batch, in, length] -> [batch, out, out_length]`, with `out_length = (length + 2 padding - dilation (kernel - 1) - 1) / stride + 1`,
    /// rounded down.
    ///
    /// Initialisation: weight and bias uniform in `±1 / √(in / groups · kernel)`, PyTorch's default.
    ///
    /// Waibel et al. 1989, 'Phoneme recognition using time-delay neural networks'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Conv1d, Layer, Padding};
    /// use ravine_tensor::{Rng, Tensor};
    ///
    /// let layer = Conv1d::new(2, 8, 4, &mut Rng::new(0)).padding(Padding::Same);
    /// let x = Tape::eval().input(Tensor::zeros([16, 2, 100]));
    /// assert_eq!(layer.forward(&x).shape(), &[16, 8, 100]);
    /// ```
    Conv1d: 1 axes by conv1d, "`[out, in / groups, kernel]`.", "[batch, channels, length]"
}

convolution! {
    /// `y[b, o] = bias[o] + Σ_i x[b, i] ⋆ weight[o, i]`, the cross-correlation of images with small windows.
    ///
    /// Shapes: `[batch, in, h, w] -> [batch, out, oh, ow]`, with `oh = (h + 2 padding - dilation (kernel - 1) - 1) / stride + 1`,
    /// rounded down.
    ///
    /// Initialisation: weight and bias uniform in `±1 / √(in / groups · kernel²)`, PyTorch's default.
    ///
    /// LeCun et al. 1998, 'Gradient-based learning applied to document recognition'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{Conv2d, Layer};
    /// use ravine_tensor::{Rng, Tensor};
    ///
    /// let rng = &mut Rng::new(0);
    /// let x = Tape::eval().input(Tensor::zeros([64, 1, 28, 28]));
    /// assert_eq!(Conv2d::new(1, 6, 5, rng).padding(2).forward(&x).shape(), &[64, 6, 28, 28]);
    /// assert_eq!(Conv2d::new(1, 6, [1, 28], rng).forward(&x).shape(), &[64, 6, 28, 1]);
    /// ```
    Conv2d: 2 axes by conv2d, "`[out, in / groups, kernel, kernel]`.", "[batch, channels, height, width]"
}
