//! Convolution over images (two axes) and lines (one). The convolution, its input gradient and its weight gradient are closed under
//! differentiation: the derivatives of each are the other two.

use ravine_tensor::{ConvOptions, Float, Pad, Tensor};

use super::{images, of_rank, plane};
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The convolution (cross-correlation) `y[b, o] = bias[o] + Σ_i x[b, i] ⋆ w[o, i]`.
    /// Backward: `dx` by [`conv2d_input_grad`](Self::conv2d_input_grad), `dw` by
    /// [`conv2d_weight_grad`](Self::conv2d_weight_grad), `dbias = Σ dy` over batch and positions.
    ///
    /// Shapes: `x [batch, in, h, w]`, `weight [out, in / groups, kh, kw]`, `bias [out]` -> `[batch, out, oh, ow]`, where
    /// `oh = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1`, rounded down.
    ///
    /// # Panics
    /// If the shapes do not fit together, or the window is larger than the padded input.
    #[track_caller]
    #[must_use]
    pub fn conv2d(&self, weight: &Var<T>, bias: Option<&Var<T>>, options: &ConvOptions) -> Var<T> {
        let value = self.value().conv2d(weight.value(), bias.map(Var::value), options);
        self.convolved("conv2d", value, weight, bias, options.on_images())
    }

    /// Records a convolution of images, or of lines as images of height 1.
    #[track_caller]
    fn convolved(
        &self,
        op: &'static str,
        value: Tensor<T>,
        weight: &Var<T>,
        bias: Option<&Var<T>>,
        options: ConvOptions,
    ) -> Var<T> {
        let (x, w, rank) = (self.saved(), weight.saved(), self.rank());
        let (input, kernel) = (plane(self), plane(weight));
        let dx_dw = move |dy: &Var<T>, needs: [bool; 2]| {
            let (x, w, dy) = (images(&x.on(dy)), images(&w.on(dy)), images(dy));
            [
                needs[0].then(|| of_rank(rank, dy.conv2d_input_grad(&w, input, &options))),
                needs[1].then(|| of_rank(rank, x.conv2d_weight_grad(&dy, kernel, &options))),
            ]
        };
        with_bias(op, [self, weight], bias, value, dx_dw)
    }

    /// The gradient of [`conv2d`](Self::conv2d) by its input, where this is the gradient `x` by its output; also a transposed convolution.
    /// Backward: `dx = conv2d(dy, w)`, `dw = conv2d_weight_grad(dy, x)`.
    ///
    /// `input` is the height and width of the convolution's input: with a stride, several have the same output size.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn conv2d_input_grad(&self, weight: &Var<T>, input: [usize; 2], options: &ConvOptions) -> Var<T> {
        let value = self.value().conv2d_input_grad(weight.value(), input, options);
        let (x, w, options) = (self.saved(), weight.saved(), *options);
        let kernel = [weight.size(2), weight.size(3)];
        record("conv2d_input_grad", [self, weight], value, move |dy, needs| {
            [
                needs[0].then(|| dy.conv2d(&w.on(dy), None, &options)),
                needs[1].then(|| dy.conv2d_weight_grad(&x.on(dy), kernel, &options)),
            ]
        })
    }

    /// The gradient of [`conv2d`](Self::conv2d) by its weight, from this input `x` and the gradient `g` by its output.
    /// Backward: `dx = conv2d_input_grad(g, dy)`, `dg = conv2d(x, dy)`.
    ///
    /// `kernel` is the height and width of the weight.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    #[must_use]
    pub fn conv2d_weight_grad(&self, g: &Var<T>, kernel: [usize; 2], options: &ConvOptions) -> Var<T> {
        let value = self.value().conv2d_weight_grad(g.value(), kernel, options);
        let (x, g_saved, options) = (self.saved(), g.saved(), *options);
        let input = [self.size(2), self.size(3)];
        record("conv2d_weight_grad", [self, g], value, move |dy, needs| {
            [
                needs[0].then(|| g_saved.on(dy).conv2d_input_grad(dy, input, &options)),
                needs[1].then(|| x.on(dy).conv2d(dy, None, &options)),
            ]
        })
    }

    /// The convolution of lines; see [`conv2d`](Self::conv2d).
    ///
    /// Shapes: `x [batch, in, length]`, `weight [out, in / groups, kernel]`, `bias [out]` -> `[batch, out, out_length]`.
    ///
    /// # Panics
    /// If the shapes do not fit together, or the window is larger than the padded input.
    #[track_caller]
    #[must_use]
    pub fn conv1d(&self, weight: &Var<T>, bias: Option<&Var<T>>, options: &ConvOptions<1>) -> Var<T> {
        let value = self.value().conv1d(weight.value(), bias.map(Var::value), options);
        self.convolved("conv1d", value, weight, bias, options.on_images())
    }

    /// The transposed convolution: each input spreads a window of the output. Backward: `dx = conv2d(dy, w)`, `dw = conv2d_weight_grad(dy, x)`,
    /// `dbias = Σ dy` over batch and positions.
    ///
    /// Shapes: `x [batch, in, h, w]`, `weight [in, out / groups, kh, kw]`, `bias [out]` -> `[batch, out, oh, ow]`, where
    /// `oh = (h - 1) stride - 2 padding + dilation (kh - 1) + 1 + output_padding`.
    ///
    /// # Panics
    /// If the shapes do not fit together, nothing is left between the paddings, or `output_padding` is not less than stride or dilation.
    #[track_caller]
    #[must_use]
    pub fn conv_transpose2d(
        &self,
        weight: &Var<T>,
        bias: Option<&Var<T>>,
        output_padding: [usize; 2],
        options: &ConvOptions,
    ) -> Var<T> {
        let value =
            self.value().conv_transpose2d(weight.value(), bias.map(Var::value), output_padding, options);
        self.spread("conv_transpose2d", value, weight, bias, output_padding, options)
    }

    /// Records a transposed convolution.
    #[track_caller]
    fn spread<const AXES: usize>(
        &self,
        op: &'static str,
        value: Tensor<T>,
        weight: &Var<T>,
        bias: Option<&Var<T>>,
        output_padding: [usize; AXES],
        options: &ConvOptions<AXES>,
    ) -> Var<T> {
        let beyond = options.beyond(output_padding);
        if beyond != [0; AXES] {
            // The convolution of `dy` has so many more outputs than this has elements.
            let x = self.pad(beyond.map(|n| [0, n]), Pad::Constant(T::ZERO));
            return x.spread(op, value, weight, bias, [0; AXES], options);
        }
        let (x, w, rank) = (self.saved(), weight.saved(), self.rank());
        let (kernel, options) = (plane(weight), options.on_images());
        let dx_dw = move |dy: &Var<T>, needs: [bool; 2]| {
            let (x, w, dy) = (images(&x.on(dy)), images(&w.on(dy)), images(dy));
            [
                needs[0].then(|| of_rank(rank, dy.conv2d(&w, None, &options))),
                needs[1].then(|| of_rank(rank, dy.conv2d_weight_grad(&x, kernel, &options))),
            ]
        };
        with_bias(op, [self, weight], bias, value, dx_dw)
    }

    /// The transposed convolution of lines; see [`conv_transpose2d`](Self::conv_transpose2d).
    ///
    /// Shapes: `x [batch, in, length]`, `weight [in, out / groups, kernel]`, `bias [out]` -> `[batch, out, out_length]`.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    #[must_use]
    pub fn conv_transpose1d(
        &self,
        weight: &Var<T>,
        bias: Option<&Var<T>>,
        output_padding: usize,
        options: &ConvOptions<1>,
    ) -> Var<T> {
        let value =
            self.value().conv_transpose1d(weight.value(), bias.map(Var::value), output_padding, options);
        self.spread("conv_transpose1d", value, weight, bias, [output_padding], options)
    }
}

/// Records an op of `x` and `w` with the derivative `dx_dw`, and an optional bias added to its output.
#[track_caller]
fn with_bias<T: Float>(
    op: &'static str,
    [x, w]: [&Var<T>; 2],
    bias: Option<&Var<T>>,
    value: Tensor<T>,
    dx_dw: impl Fn(&Var<T>, [bool; 2]) -> [Option<Var<T>>; 2] + 'static,
) -> Var<T> {
    match bias {
        None => record(op, [x, w], value, dx_dw),
        Some(bias) => record(op, [x, w, bias], value, move |dy, needs| {
            let [dx, dw] = dx_dw(dy, [needs[0], needs[1]]);
            [dx, dw, needs[2].then(|| images(dy).sum([0, 2, 3]))]
        }),
    }
}
