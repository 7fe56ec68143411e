//! Two-dimensional convolution. Its three forms are closed under differentiation: each one's derivatives are the other two.

use ravine_tensor::{ConvOptions, Float};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The convolution (cross-correlation) `y[b, o] = bias[o] + Σ_i x[b, i] ⋆ w[o, i]`.
    /// Backward: `dx` by [`conv2d_input_grad`](Self::conv2d_input_grad), `dw` by
    /// [`conv2d_weight_grad`](Self::conv2d_weight_grad), `dbias = Σ dy` over batch and places.
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
        let (x, w, options) = (self.saved(), weight.saved(), *options);
        let input = [self.size(2), self.size(3)];
        let kernel = [weight.size(2), weight.size(3)];
        let dx_dw = move |dy: &Var<T>, needs: [bool; 2]| {
            [
                needs[0].then(|| dy.conv2d_input_grad(&w.on(dy), input, &options)),
                needs[1].then(|| x.on(dy).conv2d_weight_grad(dy, kernel, &options)),
            ]
        };
        match bias {
            None => record("conv2d", [self, weight], value, dx_dw),
            Some(bias) => record("conv2d", [self, weight, bias], value, move |dy, needs| {
                let [dx, dw] = dx_dw(dy, [needs[0], needs[1]]);
                [dx, dw, needs[2].then(|| dy.sum([0, 2, 3]))]
            }),
        }
    }

    /// The gradient of [`conv2d`](Self::conv2d) by its input, from this gradient `x` by its output; also a transposed convolution.
    /// Backward: `dx = conv2d(dy, w)`, `dw = conv2d_weight_grad(dy, x)`.
    ///
    /// `input` is the height and width of the convolution's input, which stride can leave ambiguous.
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
}
