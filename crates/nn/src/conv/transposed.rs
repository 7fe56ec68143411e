//! Transposed convolutions over lines and over images.

use ravine_autograd::{Module, Param, Var};
use ravine_tensor::{ConvOptions, Rng};

use super::{check_channels, check_input, parameters};
use crate::Layer;
use crate::check::{self, Sizes};

macro_rules! transposed_convolution {
    (
        $(#[$doc:meta])* $name:ident: $axes:literal axes by $op:ident($output_padding:expr),
        $weight:literal, $shape:literal
    ) => {
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
            #[module(setting, unless = [0; $axes])]
            padding: [usize; $axes],
            #[module(setting, unless = [0; $axes])]
            output_padding: [usize; $axes],
            #[module(setting, unless = [1; $axes])]
            dilation: [usize; $axes],
            #[module(setting, unless = 1)]
            groups: usize,
        }

        settings!($name, $axes axes);

        impl $name {
            /// [`new`](Self::new) with the channels in `groups` that do not see each other.
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
                let (weight, bias) = parameters(in_channels, out_channels / groups, &kernel, out_channels, rng);
                $name {
                    weight,
                    bias,
                    stride: [1; $axes],
                    padding: [0; $axes],
                    output_padding: [0; $axes],
                    dilation: [1; $axes],
                    groups,
                }
            }

            /// The layer with this step between the windows of the output.
            ///
            /// # Panics
            /// If it is 0.
            #[track_caller]
            #[must_use]
            pub fn stride(mut self, stride: impl Sizes<$axes>) -> Self {
                self.stride = stride.each();
                check::each_positive(stringify!($name), "stride", self.stride);
                self
            }

            /// Removes this many positions from each side of the output: the padding of the convolution whose shape it inverts.
            #[must_use]
            pub fn padding(mut self, padding: impl Sizes<$axes>) -> Self {
                self.padding = padding.each();
                self
            }

            /// Adds this many positions at the end of the output, which a strided convolution would have left out. It must be less than the
            /// stride or the dilation; the first forward pass checks that.
            #[must_use]
            pub fn output_padding(mut self, output_padding: impl Sizes<$axes>) -> Self {
                self.output_padding = output_padding.each();
                self
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                let channels = self.weight.shape()[0];
                check_input(stringify!($name), x, 2 + $axes, $shape, channels);
                let &$name { stride, padding, output_padding, dilation, groups, .. } = self;
                for axis in 0..$axes {
                    let most = stride[axis].max(dilation[axis]);
                    assert!(
                        output_padding[axis] < most,
                        concat!(stringify!($name), ": output_padding is {:?}; expected less than stride or dilation, {}"),
                        output_padding,
                        most
                    );
                }
                let tape = x.tape();
                let bias = self.bias.as_ref().map(|bias| tape.param(bias));
                let options = ConvOptions { stride, padding, dilation, groups };
                x.$op(&tape.param(&self.weight), bias.as_ref(), $output_padding(output_padding), &options)
            }
        }
    };
}

transposed_convolution! {
    /// `y[b, o, stride i + dilation t - padding] += x[b, c, i] weight[c, o, t]`, the transposed convolution of lines: each position spreads its window
    /// over the output, where overlaps add up, and then `bias[o]` is added.
    ///
    /// Shapes: `[batch, in, length] -> [batch, out, out_length]`, with
    /// `out_length = (length - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding`.
    ///
    /// Initialisation: weight and bias uniform in `±1 / √(out / groups · kernel)`, PyTorch's default.
    ///
    /// Zeiler et al. 2010, 'Deconvolutional networks'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{ConvTranspose1d, Layer};
    /// use ravine_tensor::{Rng, Tensor};
    ///
    /// let layer = ConvTranspose1d::new(8, 2, 4, &mut Rng::new(0)).stride(2).padding(1);
    /// let x = Tape::eval().input(Tensor::zeros([16, 8, 50]));
    /// assert_eq!(layer.forward(&x).shape(), &[16, 2, 100]);
    /// ```
    ConvTranspose1d: 1 axes by conv_transpose1d(|[padding]: [usize; 1]| padding),
    "`[in, out / groups, kernel]`.", "[batch, channels, length]"
}

transposed_convolution! {
    /// `y[b, o, stride i + dilation t - padding] += x[b, c, i] weight[c, o, t]`, with positions `i` and taps `t` in two dimensions: the transposed
    /// convolution of images, also called deconvolution. Each position spreads its window over the output, where overlaps add up, and then
    /// `bias[o]` is added. Without the bias, it is the gradient of [`Conv2d`](crate::Conv2d) by its input.
    ///
    /// Shapes: `[batch, in, h, w] -> [batch, out, oh, ow]`, with
    /// `oh = (h - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding`.
    ///
    /// Initialisation: weight and bias uniform in `±1 / √(out / groups · kernel²)`, PyTorch's default.
    ///
    /// Zeiler et al. 2010, 'Deconvolutional networks'.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_nn::{ConvTranspose2d, Layer};
    /// use ravine_tensor::{Rng, Tensor};
    ///
    /// let layer = ConvTranspose2d::new(8, 3, 3, &mut Rng::new(0)).stride(2).padding(1).output_padding(1);
    /// let x = Tape::eval().input(Tensor::zeros([4, 8, 7, 7]));
    /// assert_eq!(layer.forward(&x).shape(), &[4, 3, 14, 14]);
    /// ```
    ConvTranspose2d: 2 axes by conv_transpose2d(|padding| padding),
    "`[in, out / groups, kernel, kernel]`.", "[batch, channels, height, width]"
}
