//! Two-dimensional convolution and its two transposes. The three form a closed family: the derivative of each is made of the others.

use crate::kernels::conv::{self, ConvGeometry};
use crate::{Float, Shape, Tensor};

/// How a convolution's windows lie on its input. All pairs are vertical, horizontal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOptions {
    /// Step between windows.
    pub stride: [usize; 2],
    /// Zeros added on each side.
    pub padding: [usize; 2],
    /// Distance between the taps of a window.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other; each output channel sees `in_channels / groups` inputs.
    pub groups: usize,
}

impl Default for ConvOptions {
    /// Stride 1, no padding, no dilation, one group.
    fn default() -> Self {
        ConvOptions { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

impl ConvOptions {
    /// The height and width of the output: `(in + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, or `None` if the window does not fit.
    pub fn output_size(&self, input: [usize; 2], kernel: [usize; 2]) -> Option<[usize; 2]> {
        let size = |d: usize| {
            let span = self.dilation[d] * kernel[d].checked_sub(1)? + 1;
            Some((input[d] + 2 * self.padding[d]).checked_sub(span)? / self.stride[d] + 1)
        };
        Some([size(0)?, size(1)?])
    }

    /// The sizes of the convolution of `x` with `w`, checked.
    #[track_caller]
    fn geometry(&self, op: &str, x: &Shape, w: &Shape) -> ConvGeometry {
        let fail = |why: String| -> ! { panic!("{op}: input {x}, weight {w}, {self:?}: {why}") };
        let (&[batch, in_channels, h, wd], &[out_channels, in_per_group, kh, kw]) = (&**x, &**w) else {
            fail(
                "input must be [batch, channels, height, width] and weight [out, in / groups, height, width]"
                    .into(),
            )
        };
        if self.groups == 0 || self.stride.contains(&0) || self.dilation.contains(&0) {
            fail("groups, stride and dilation must be at least 1".into());
        }
        if in_channels != in_per_group * self.groups || !out_channels.is_multiple_of(self.groups) {
            fail(format!(
                "with {} groups the weight sees {} input channels (the input has {in_channels}), and {out_channels} output channels must divide evenly",
                self.groups,
                in_per_group * self.groups
            ));
        }
        let Some(output) = self.output_size([h, wd], [kh, kw]) else {
            fail("the window is larger than the padded input".into())
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
