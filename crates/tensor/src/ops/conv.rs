//! Convolution over lines and images, and its two transposes. The three form a closed family: the derivative of each is made of the others.

use crate::kernels::conv::{self, ConvGeometry};
use crate::{Float, Shape, Tensor};

/// How a convolution's windows lie on its input, along each of its axes: of images vertical, horizontal; of lines the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOptions<const AXES: usize = 2> {
    /// Step between windows.
    pub stride: [usize; AXES],
    /// Zeros added on each side.
    pub padding: [usize; AXES],
    /// Distance between the taps of a window.
    pub dilation: [usize; AXES],
    /// Groups of channels that do not see each other; each output channel sees `in_channels / groups` inputs.
    pub groups: usize,
}

impl<const AXES: usize> Default for ConvOptions<AXES> {
    /// Stride 1, no padding, no dilation, one group.
    fn default() -> Self {
        ConvOptions { stride: [1; AXES], padding: [0; AXES], dilation: [1; AXES], groups: 1 }
    }
}

impl<const AXES: usize> ConvOptions<AXES> {
    /// The sizes of the output: `(in + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, or `None` if the window does not fit.
    pub fn output_size(&self, input: [usize; AXES], kernel: [usize; AXES]) -> Option<[usize; AXES]> {
        let mut output = [0; AXES];
        for d in 0..AXES {
            let span = self.dilation[d] * kernel[d].checked_sub(1)? + 1;
            output[d] = (input[d] + 2 * self.padding[d]).checked_sub(span)? / self.stride[d] + 1;
        }
        Some(output)
    }

    /// The sizes of the output of a transposed convolution: `(in - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding`.
    /// `output_padding`, less than stride or dilation, chooses among the inputs that a strided convolution maps to one size.
    /// `None` if nothing is left between the paddings, or `output_padding` is too large.
    pub fn transposed_size(
        &self,
        input: [usize; AXES],
        kernel: [usize; AXES],
        output_padding: [usize; AXES],
    ) -> Option<[usize; AXES]> {
        let mut output = [0; AXES];
        for d in 0..AXES {
            if output_padding[d] >= self.stride[d].max(self.dilation[d]) {
                return None;
            }
            let spread =
                input[d].checked_sub(1)? * self.stride[d] + self.dilation[d] * kernel[d].checked_sub(1)?;
            output[d] =
                (spread + 1 + output_padding[d]).checked_sub(2 * self.padding[d]).filter(|&size| size > 0)?;
        }
        Some(output)
    }
}

impl ConvOptions<1> {
    /// The same for images one line high.
    pub fn on_images(&self) -> ConvOptions {
        let ConvOptions { stride: [stride], padding: [padding], dilation: [dilation], groups } = *self;
        ConvOptions { stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups }
    }
}

impl ConvOptions {
    /// The sizes of the convolution of `x` with `w`, checked.
    #[track_caller]
    fn geometry(&self, op: &str, x: &Shape, w: &Shape) -> ConvGeometry {
        let wrong = |why: &str| format!("{op}: input {x}, weight {w}, {self:?}: {why}");
        let (&[batch, in_channels, h, wd], &[out_channels, in_per_group, kh, kw]) = (&**x, &**w) else {
            let why =
                "input must be [batch, channels, height, width] and weight [out, in / groups, height, width]";
            panic!("{}", wrong(why))
        };
        if self.groups == 0 || self.stride.contains(&0) || self.dilation.contains(&0) {
            panic!("{}", wrong("groups, stride and dilation must be at least 1"));
        }
        if in_channels != in_per_group * self.groups || !out_channels.is_multiple_of(self.groups) {
            let why = format!(
                "with {} groups the weight sees {} input channels (the input has {in_channels}), and {out_channels} output channels must divide evenly",
                self.groups,
                in_per_group * self.groups
            );
            panic!("{}", wrong(&why));
        }
        let Some(output) = self.output_size([h, wd], [kh, kw]) else {
            panic!("{}", wrong("the window is larger than the padded input"))
        };
        ConvGeometry {
            batch,
            in_channels,
            out_channels,
            input: [h, wd],
            output,
            kernel: [kh, kw],
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        }
    }

    /// The height and width of the output of a transposed convolution of `x` with `w`.
    ///
    /// # Panics
    /// If the shapes are not those of a transposed convolution.
    #[doc(hidden)]
    #[track_caller]
    pub fn transposed_planes(&self, x: &Shape, w: &Shape, output_padding: [usize; 2]) -> [usize; 2] {
        let wrong = |why: &str| {
            format!(
                "conv_transpose: input {x}, weight {w}, {self:?}, output_padding {output_padding:?}: {why}"
            )
        };
        let (&[_, channels, height, width], &[w_channels, _, kh, kw]) = (&**x, &**w) else {
            let why =
                "input must be [batch, channels, height, width] and weight [in, out / groups, height, width]";
            panic!("{}", wrong(why))
        };
        if channels != w_channels {
            panic!("{}", wrong("the input's channels and the weight's first axis differ"));
        }
        let Some(size) = self.transposed_size([height, width], [kh, kw], output_padding) else {
            let why = "padding leaves nothing, or output_padding is not less than stride or dilation";
            panic!("{}", wrong(why))
        };
        size
    }
}

/// Panics if these are not the shapes of a convolution over lines.
#[track_caller]
fn check_lines(op: &str, x: &Shape, w: &Shape) {
    assert!(
        x.len() == 3 && w.len() == 3,
        "{op}: input {x} must be [batch, channels, length], and weight {w} have three axes too"
    );
}

impl<T: Float> Tensor<T> {
    /// The convolution (cross-correlation) `y[b, o] = bias[o] + Σ_i x[b, i] ⋆ w[o, i]`.
    ///
    /// Shapes: `x [batch, in, h, w]`, `weight [out, in / groups, kh, kw]`, `bias [out]` -> `[batch, out, oh, ow]`, with the
    /// sizes of [`ConvOptions::output_size`].
    ///
    /// # Panics
    /// If the shapes do not fit together, or the window is larger than the padded input.
    #[track_caller]
    #[must_use]
    pub fn conv2d(&self, weight: &Tensor<T>, bias: Option<&Tensor<T>>, options: &ConvOptions) -> Tensor<T> {
        let g = options.geometry("conv2d", self.shape(), weight.shape());
        if let Some(bias) = bias {
            let fits = *bias.shape() == [g.out_channels];
            assert!(fits, "conv2d: bias {} does not fit weight {}", bias.shape(), weight.shape());
        }
        let (x, w, bias) = (self.contiguous(), weight.contiguous(), bias.map(Tensor::contiguous));
        Tensor::build(Shape::from([g.batch, g.out_channels, g.output[0], g.output[1]]), |y| {
            conv::forward(&g, x.values(), w.values(), bias.as_ref().map(Tensor::values), y);
        })
    }

    /// The gradient of [`conv2d`](Self::conv2d) by its input, from this gradient by its output. It is also the forward
    /// pass of a transposed convolution.
    ///
    /// `input` is the height and width of the input, which stride can leave ambiguous.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn conv2d_input_grad(
        &self,
        weight: &Tensor<T>,
        input: [usize; 2],
        options: &ConvOptions,
    ) -> Tensor<T> {
        assert!(
            self.rank() == 4 && weight.rank() == 4,
            "conv2d_input_grad: {} and {} must have four axes",
            self.shape(),
            weight.shape()
        );
        let x = Shape::from([self.shape()[0], weight.shape()[1] * options.groups, input[0], input[1]]);
        let g = options.geometry("conv2d_input_grad", &x, weight.shape());
        self.check_output("conv2d_input_grad", &g);
        let (dy, w) = (self.contiguous(), weight.contiguous());
        Tensor::build(x, |dx| conv::input_grad(&g, dy.values(), w.values(), dx))
    }

    /// The gradient of [`conv2d`](Self::conv2d) by its weight, from this input and the gradient `dy` by its output.
    ///
    /// `kernel` is the height and width of the weight.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn conv2d_weight_grad(&self, dy: &Tensor<T>, kernel: [usize; 2], options: &ConvOptions) -> Tensor<T> {
        assert!(
            self.rank() == 4 && dy.rank() == 4,
            "conv2d_weight_grad: {} and {} must have four axes",
            self.shape(),
            dy.shape()
        );
        let w = Shape::from([dy.shape()[1], self.shape()[1] / options.groups.max(1), kernel[0], kernel[1]]);
        let g = options.geometry("conv2d_weight_grad", self.shape(), &w);
        dy.check_output("conv2d_weight_grad", &g);
        let (x, dy) = (self.contiguous(), dy.contiguous());
        Tensor::build(w, |dw| conv::weight_grad(&g, x.values(), dy.values(), dw))
    }

    /// The convolution of lines: `y[b, o] = bias[o] + Σ_i x[b, i] ⋆ w[o, i]`.
    ///
    /// Shapes: `x [batch, in, length]`, `weight [out, in / groups, kernel]`, `bias [out]` -> `[batch, out, out_length]`.
    ///
    /// # Panics
    /// As [`conv2d`](Self::conv2d).
    #[track_caller]
    #[must_use]
    pub fn conv1d(
        &self,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        options: &ConvOptions<1>,
    ) -> Tensor<T> {
        check_lines("conv1d", self.shape(), weight.shape());
        self.unsqueeze(2).conv2d(&weight.unsqueeze(2), bias, &options.on_images()).squeeze(2)
    }

    /// The transposed convolution: each input spreads a window of the output, `y = bias + Σ_i x[b, i] * w[i, o]`. It is the gradient of
    /// a convolution with the same options by its input.
    ///
    /// Shapes: `x [batch, in, h, w]`, `weight [in, out / groups, kh, kw]`, `bias [out]` -> `[batch, out, oh, ow]`, with the sizes
    /// of [`ConvOptions::transposed_size`].
    ///
    /// # Panics
    /// If the shapes do not fit together, or nothing is left between the paddings.
    #[track_caller]
    #[must_use]
    pub fn conv_transpose2d(
        &self,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        output_padding: [usize; 2],
        options: &ConvOptions,
    ) -> Tensor<T> {
        let size = options.transposed_planes(self.shape(), weight.shape(), output_padding);
        let y = self.conv2d_input_grad(weight, size, options);
        match bias {
            None => y,
            Some(bias) => y + bias.reshape([-1, 1, 1]),
        }
    }

    /// The transposed convolution of lines; see [`conv_transpose2d`](Self::conv_transpose2d).
    ///
    /// Shapes: `x [batch, in, length]`, `weight [in, out / groups, kernel]`, `bias [out]` -> `[batch, out, out_length]`.
    ///
    /// # Panics
    /// As [`conv_transpose2d`](Self::conv_transpose2d).
    #[track_caller]
    #[must_use]
    pub fn conv_transpose1d(
        &self,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        output_padding: usize,
        options: &ConvOptions<1>,
    ) -> Tensor<T> {
        check_lines("conv_transpose1d", self.shape(), weight.shape());
        let weight = weight.unsqueeze(2);
        self.unsqueeze(2)
            .conv_transpose2d(&weight, bias, [0, output_padding], &options.on_images())
            .squeeze(2)
    }

    #[track_caller]
    fn check_output(&self, op: &str, g: &ConvGeometry) {
        let want = [g.batch, g.out_channels, g.output[0], g.output[1]];
        assert!(
            *self.shape() == want,
            "{op}: the gradient has shape {}, but the output has {want:?}",
            self.shape()
        );
    }
}
