//! Convolution of lines and images, and its gradients by input and by weight. The three are closed under differentiation: the derivatives
//! of each are made of the other two.

use std::fmt;

use super::window::{names, on_images, planes};
use crate::kernels::conv::{self, ConvGeometry};
use crate::{Float, Pad, Shape, Tensor};

/// How the windows of a convolution lie on its input, along each axis: `[vertical, horizontal]` for images, one entry for lines.
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
    /// The sizes of the output: `(in + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, or `None` if the window does not fit or
    /// a size overflows.
    pub fn output_size(&self, input: [usize; AXES], kernel: [usize; AXES]) -> Option<[usize; AXES]> {
        let mut output = [0; AXES];
        for d in 0..AXES {
            let reach = self.dilation[d].checked_mul(kernel[d].checked_sub(1)?)?;
            let padded = self.padding[d].checked_mul(2)?.checked_add(input[d])?;
            let steps = padded.checked_sub(reach)?.checked_sub(1)?.checked_div(self.stride[d])?;
            output[d] = steps.checked_add(1)?;
        }
        Some(output)
    }

    /// The sizes of the output of a transposed convolution: `(in - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding`.
    /// `output_padding`, less than stride or dilation, chooses among the inputs that a strided convolution maps to one size.
    /// `None` if nothing is left between the paddings, `output_padding` is too large, or a size overflows.
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
            let steps = input[d].checked_sub(1)?.checked_mul(self.stride[d])?;
            let reach = self.dilation[d].checked_mul(kernel[d].checked_sub(1)?)?;
            let spread = steps.checked_add(reach)?.checked_add(output_padding[d])?.checked_add(1)?;
            output[d] = spread.checked_sub(self.padding[d].checked_mul(2)?).filter(|&size| size > 0)?;
        }
        Some(output)
    }

    /// How many outputs of the convolution, along each axis, its transpose has no input for; they are there because of `output_padding`.
    #[doc(hidden)]
    pub fn beyond(&self, output_padding: [usize; AXES]) -> [usize; AXES] {
        std::array::from_fn(|d| output_padding[d] / self.stride[d])
    }

    /// The same options for images: a line is an image of height 1.
    pub fn on_images(&self) -> ConvOptions {
        ConvOptions {
            stride: on_images(self.stride, 1),
            padding: on_images(self.padding, 0),
            dilation: on_images(self.dilation, 1),
            groups: self.groups,
        }
    }

    /// The sizes of a convolution, given those of `x [batch, in]` and `w [out, in / groups]` and of their planes; or what is wrong.
    fn geometry(
        &self,
        ([batch, in_channels], input): ([usize; 2], [usize; AXES]),
        ([out_channels, in_per_group], kernel): ([usize; 2], [usize; AXES]),
    ) -> Result<ConvGeometry, String> {
        self.check_steps()?;
        let groups = self.groups;
        if in_per_group.checked_mul(groups) != Some(in_channels) || !out_channels.is_multiple_of(groups) {
            return Err(format!(
                "with {groups} groups the weight sees {} input channels (the input has {in_channels}), and {out_channels} output channels must divide evenly",
                in_per_group.saturating_mul(groups)
            ));
        }
        let Some(output) = self.output_size(input, kernel) else {
            return Err("the window is larger than the padded input, or a size overflows".into());
        };
        let [input, kernel] = [on_images(input, 1), on_images(kernel, 1)];
        let (output, ConvOptions { stride, padding, dilation, .. }) =
            (on_images(output, 1), self.on_images());
        let padded = [0, 1].map(|d| input[d] + 2 * padding[d]);
        // Kernels copy planes into zero-padded frames, whose sides are less than four times those of the padded input.
        let [height, width] = padded.map(|n| n.saturating_mul(4));
        let largest = [batch, in_channels.max(out_channels), height, width];
        let weight = [out_channels, in_per_group, kernel[0], kernel[1]];
        let overflows = |sizes: &&[usize; 4]| {
            let all = sizes.iter().try_fold(1usize, |all, &n| all.checked_mul(n.max(1)));
            all.is_none_or(|all| all > isize::MAX as usize)
        };
        if let Some(sizes) = [largest, weight].iter().find(overflows) {
            return Err(format!("a size overflows: planes and what is around them take {sizes:?}"));
        }
        // A stride beyond the input is never taken, so its exact length does not matter.
        let stride = [0, 1].map(|d| stride[d].min(padded[d]));
        Ok(ConvGeometry {
            batch,
            in_channels,
            out_channels,
            input,
            output,
            kernel,
            stride,
            padding,
            dilation,
            groups,
        })
    }

    fn check_steps(&self) -> Result<(), String> {
        if self.groups == 0 || self.stride.contains(&0) || self.dilation.contains(&0) {
            return Err("groups, stride and dilation must be at least 1".into());
        }
        Ok(())
    }

    /// The sizes of the convolution of `x` with `w`, checked.
    #[track_caller]
    fn convolution(&self, op: &str, x: &Shape, w: &Shape, bias: Option<&Shape>) -> ConvGeometry {
        let sizes = || {
            let (Some(x), Some(w)) = (planes(x), planes(w)) else {
                let along = names::<AXES>();
                return Err(format!(
                    "input must be [batch, channels, {along}] and weight [out, in / groups, {along}]"
                ));
            };
            let g = self.geometry(x, w)?;
            check_bias(bias, g.out_channels)?;
            Ok(g)
        };
        checked(sizes(), format_args!("{op}: input {x}, weight {w}, {self:?}"))
    }

    /// The sizes of the convolution of which the transposed convolution of `x` with `w` is the gradient, checked.
    ///
    /// With an `output_padding` of a stride or more it has outputs beyond those of `x`, from which nothing is spread.
    #[track_caller]
    fn transposed(
        &self,
        op: &str,
        x: &Shape,
        w: &Shape,
        bias: Option<&Shape>,
        output_padding: [usize; AXES],
    ) -> ConvGeometry {
        let sizes = || {
            let (Some(([batch, channels], input)), Some((of_weight @ [seen, per_group], kernel))) =
                (planes(x), planes(w))
            else {
                let along = names::<AXES>();
                return Err(format!(
                    "input must be [batch, channels, {along}] and weight [in, out / groups, {along}]"
                ));
            };
            self.check_steps()?;
            if channels != seen || !channels.is_multiple_of(self.groups) {
                return Err(format!(
                    "the weight is for {seen} input channels (the input has {channels}), which {} groups must divide evenly",
                    self.groups
                ));
            }
            let out_channels = per_group.saturating_mul(self.groups);
            check_bias(bias, out_channels)?;
            let Some(size) = self.transposed_size(input, kernel, output_padding) else {
                return Err("padding leaves nothing, output_padding is not less than stride or dilation, or a size overflows".into());
            };
            self.geometry(([batch, out_channels], size), (of_weight, kernel))
        };
        checked(
            sizes(),
            format_args!("{op}: input {x}, weight {w}, {self:?}, output_padding {output_padding:?}"),
        )
    }
}

/// The sizes, or a panic that says what is wrong with this call.
#[track_caller]
fn checked(sizes: Result<ConvGeometry, String>, call: fmt::Arguments) -> ConvGeometry {
    match sizes {
        Ok(g) => g,
        Err(wrong) => panic!("{call}: {wrong}"),
    }
}

fn check_bias(bias: Option<&Shape>, channels: usize) -> Result<(), String> {
    match bias {
        Some(bias) if *bias != [channels] => {
            Err(format!("bias {bias} must be [{channels}], one for each output channel"))
        }
        _ => Ok(()),
    }
}

/// The sizes `g`, if this gradient has the shape of their output.
fn check_output(dy: &Shape, g: ConvGeometry) -> Result<ConvGeometry, String> {
    let want = [g.batch, g.out_channels, g.output[0], g.output[1]];
    if *dy == want {
        return Ok(g);
    }
    Err(format!("the gradient has shape {dy}, but the output has {want:?}"))
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
        let g = options.convolution("conv2d", self.shape(), weight.shape(), bias.map(Tensor::shape));
        self.convolved(&g, weight, bias)
    }

    /// The images of this convolution.
    fn convolved(&self, g: &ConvGeometry, weight: &Tensor<T>, bias: Option<&Tensor<T>>) -> Tensor<T> {
        let (x, w, bias) = (self.contiguous(), weight.contiguous(), bias.map(Tensor::contiguous));
        Tensor::build(Shape::from([g.batch, g.out_channels, g.output[0], g.output[1]]), |y| {
            conv::forward(g, x.values(), w.values(), bias.as_ref().map(Tensor::values), y);
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
        let (dy, w) = (self.shape(), weight.shape());
        let sizes = || {
            let (Some(([batch, _], _)), Some((of_weight, kernel))) = (planes::<2>(dy), planes(w)) else {
                return Err("both must have four axes".into());
            };
            let in_channels = of_weight[1].saturating_mul(options.groups);
            check_output(dy, options.geometry(([batch, in_channels], input), (of_weight, kernel))?)
        };
        let call = format_args!("conv2d_input_grad: gradient {dy}, weight {w}, input {input:?}, {options:?}");
        self.spread(&checked(sizes(), call), weight)
    }

    /// The images of which this is the gradient by the output of this convolution.
    fn spread(&self, g: &ConvGeometry, weight: &Tensor<T>) -> Tensor<T> {
        let (dy, w) = (self.contiguous(), weight.contiguous());
        Tensor::build(Shape::from([g.batch, g.in_channels, g.input[0], g.input[1]]), |dx| {
            conv::input_grad(g, dy.values(), w.values(), dx);
        })
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
        let (x, of_dy) = (self.shape(), dy.shape());
        let sizes = || {
            let (Some((of_x, input)), Some(([_, out_channels], _))) = (planes(x), planes::<2>(of_dy)) else {
                return Err("both must have four axes".into());
            };
            let in_per_group = of_x[1] / options.groups.max(1);
            check_output(of_dy, options.geometry((of_x, input), ([out_channels, in_per_group], kernel))?)
        };
        let call =
            format_args!("conv2d_weight_grad: input {x}, gradient {of_dy}, kernel {kernel:?}, {options:?}");
        let g = checked(sizes(), call);
        let (x, dy) = (self.contiguous(), dy.contiguous());
        let w = Shape::from([g.out_channels, g.in_channels / g.groups, g.kernel[0], g.kernel[1]]);
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
        let g = options.convolution("conv1d", self.shape(), weight.shape(), bias.map(Tensor::shape));
        self.convolved(&g, weight, bias).squeeze(2)
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
        self.transposed("conv_transpose2d", weight, bias, output_padding, options)
    }

    /// The images of this transposed convolution.
    #[track_caller]
    fn transposed<const AXES: usize>(
        &self,
        op: &str,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        output_padding: [usize; AXES],
        options: &ConvOptions<AXES>,
    ) -> Tensor<T> {
        let bias_shape = bias.map(Tensor::shape);
        let g = options.transposed(op, self.shape(), weight.shape(), bias_shape, output_padding);
        // The convolution may have more outputs than there are elements here; the missing ones are zeros.
        let beyond = options.beyond(output_padding);
        let y = self.pad(beyond.map(|n| [0, n]), Pad::Constant(T::ZERO)).spread(&g, weight);
        match bias {
            None => y,
            Some(bias) => y + bias.reshape([g.in_channels, 1, 1]),
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
        self.transposed("conv_transpose1d", weight, bias, [output_padding], options).squeeze(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers, of which all sums are exact.
    fn numbers(shape: [usize; 4]) -> Tensor<f64> {
        Tensor::from_fn(shape, |i| (i * i % 11) as f64 - 4.0)
    }

    /// `⟨Aᵀ x, z⟩ = ⟨x, A z⟩`, of which the places beyond `x` are left out.
    #[test]
    fn transposed_convolutions_are_transposes() {
        let options = |stride, padding, dilation, groups| ConvOptions { stride, padding, dilation, groups };
        for (options, output_padding) in [
            (options([1, 1], [0, 0], [3, 1], 1), [2, 0]),
            (options([1, 1], [3, 1], [4, 3], 2), [3, 2]),
            (options([2, 1], [1, 2], [5, 4], 2), [4, 3]),
            (options([2, 3], [1, 0], [1, 1], 1), [1, 2]),
            (options([2, 2], [2, 0], [3, 3], 4), [2, 1]),
        ] {
            let (x, w) = (numbers([2, 4, 5, 4]), numbers([4, 3, 3, 2]));
            let bias = Tensor::from_fn(3 * options.groups, |i| i as f64);
            let y = x.conv_transpose2d(&w, None, output_padding, &options);
            let z = numbers([2, 3 * options.groups, y.shape()[2], y.shape()[3]]);
            let back = z.conv2d(&w, None, &options).narrow(2, 0, 5).narrow(3, 0, 4);
            assert_eq!((&y * &z).sum(..), (&x * &back).sum(..), "{options:?}, {output_padding:?}");
            let biased = x.conv_transpose2d(&w, Some(&bias), output_padding, &options);
            assert_eq!(biased, y + bias.reshape([-1, 1, 1]));
        }
    }

    /// The numbers are those of PyTorch.
    #[test]
    fn an_output_padding_of_a_stride_or_more() {
        let options = ConvOptions { padding: [1, 0], dilation: [3, 1], ..ConvOptions::default() };
        let (x, w) = (Tensor::from([[[[1.0, 2.0], [3.0, 4.0]]]]), Tensor::from([[[[1.0, 2.0], [3.0, 5.0]]]]));
        let y = x.conv_transpose2d(&w, Some(&Tensor::from([0.5])), [2, 0], &options);
        let want = [[3.5, 10.5, 8.5], [0.5, 0.5, 0.5], [3.5, 11.5, 10.5], [9.5, 27.5, 20.5], [0.5, 0.5, 0.5]];
        assert_eq!(y, Tensor::from([[want]]));

        let options = ConvOptions { stride: [2], padding: [2], dilation: [5], groups: 1 };
        let (x, w) = (Tensor::from([[[1.0, 2.0, 3.0]]]), Tensor::from([[[1.0, 10.0]]]));
        let y = x.conv_transpose1d(&w, None, 4, &options);
        assert_eq!(y.to_vec(), [2.0, 0.0, 3.0, 10.0, 0.0, 20.0, 0.0, 30.0, 0.0, 0.0]);

        let x = Tensor::<f32>::from_fn([1, 4, 5, 5], |i| (i % 7) as f32);
        let w = Tensor::from_fn([4, 3, 3, 3], |i| (i % 5) as f32);
        let options = ConvOptions { dilation: [3, 1], ..ConvOptions::default() };
        let y = x.conv_transpose2d(&w, None, [2, 0], &options);
        assert_eq!((y.shape(), y.sum(..).item()), (&Shape::from([1, 3, 13, 7]), 15726.0));
        let row = y.narrow(1, 2, 1).narrow(2, 6, 1);
        assert_eq!(row.to_vec(), [35.0, 94.0, 136.0, 112.0, 130.0, 92.0, 50.0]);
    }

    #[test]
    fn sizes_that_overflow_are_none() {
        let options = |padding, dilation| ConvOptions {
            stride: [1],
            padding: [padding],
            dilation: [dilation],
            groups: 1,
        };
        for options in [options(1 << 63, 1), options(0, 1 << 63), options(usize::MAX, usize::MAX)] {
            assert_eq!(options.output_size([5], [3]), None);
            assert_eq!(options.transposed_size([5], [3], [0]), None);
        }
        assert_eq!(ConvOptions { stride: [0], ..options(0, 1) }.output_size([5], [3]), None);
    }

    #[test]
    fn steps_that_are_not_taken_may_be_long() {
        let x = numbers([1, 2, 3, 3]);
        let far =
            ConvOptions { stride: [usize::MAX; 2], dilation: [usize::MAX; 2], ..ConvOptions::default() };
        let w = numbers([3, 2, 1, 1]);
        let y = x.conv2d(&w, None, &far);
        assert_eq!(y, x.narrow(2, 0, 1).narrow(3, 0, 1).conv2d(&w, None, &ConvOptions::default()));
        let back = y.conv2d_input_grad(&w, [3, 3], &far);
        assert_eq!((&back * &x).sum(..), (&y * &y).sum(..));
        assert_eq!((x.conv2d_weight_grad(&y, [1, 1], &far) * &w).sum(..), (&y * &y).sum(..));
    }
}
