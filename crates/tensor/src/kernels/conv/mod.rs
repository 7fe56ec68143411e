//! Two-dimensional convolution: forward, input gradient and weight gradient.
//!
//! Which algorithm runs depends on the sizes of the convolution and the element type alone, so the bits do not depend on the number of threads or on
//! how many other images there are.

mod columns;
mod depthwise;
mod direct;
mod dots;
mod frame;
mod joined;
mod tall;
mod winograd;

use frame::Frame;

use super::simd::{Isa, dispatch, dispatch_on};
use crate::Float;

/// The sizes of one convolution (cross-correlation, as in every deep-learning library).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Images in the batch.
    pub batch: usize,
    /// Channels of the input, over all groups.
    pub in_channels: usize,
    /// Channels of the output, over all groups.
    pub out_channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Step between windows, down and right.
    pub stride: [usize; 2],
    /// Zeros added on each side, above-and-below and left-and-right.
    pub padding: [usize; 2],
    /// Distance between the taps of a kernel, down and right.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl ConvGeometry {
    /// Channels of the input and of the output, in one group.
    fn channels(&self) -> [usize; 2] {
        [self.in_channels / self.groups, self.out_channels / self.groups]
    }

    /// Taps of one output channel.
    fn taps(&self) -> usize {
        self.channels()[0] * self.kernel[0] * self.kernel[1]
    }

    /// Multiply-adds, in elementary operations.
    fn work(&self) -> usize {
        self.batch * self.out_channels * self.taps() * self.output[0] * self.output[1] / 16
    }

    /// Elements of an image of the input, and of one of the output.
    fn images(&self) -> [usize; 2] {
        [(self.in_channels, self.input), (self.out_channels, self.output)].map(|(c, [h, w])| c * h * w)
    }

    /// Whether there is nothing to multiply: no images, channels, pixels or windows.
    fn is_empty(&self) -> bool {
        self.batch == 0 || self.images().contains(&0)
    }

    /// The padded input, as a frame around the input.
    fn frame(&self) -> Frame {
        let size = std::array::from_fn(|d| self.input[d] + 2 * self.padding[d]);
        Frame { size, first: self.padding.map(|p| p as isize) }
    }

    /// The offset of each tap `(c, i, j)` from the first, in planes of the size of `frame`.
    fn shifts(&self, channels: usize, frame: &Frame) -> Vec<usize> {
        let mut shifts = Vec::with_capacity(channels * self.kernel[0] * self.kernel[1]);
        for c in 0..channels {
            for i in 0..self.kernel[0] {
                for j in 0..self.kernel[1] {
                    let row = c * frame.size[0] + i * self.dilation[0];
                    shifts.push(row * frame.size[1] + j * self.dilation[1]);
                }
            }
        }
        shifts
    }
}

/// Element types with convolution kernels, which are methods so that they are compiled here, once for each type.
#[doc(hidden)]
pub trait Conv: crate::Element {
    /// Runs a correlation with the vectors of `isa`.
    fn correlate(isa: Isa, correlation: direct::Correlation<'_, Self>);
    /// Runs the sums of a weight gradient.
    fn add_weight_grad(isa: Isa, sums: direct::WeightGrad<'_, Self>);
    /// Runs an input gradient of some images by columns.
    fn add_columns(isa: Isa, columns: columns::Columns<'_, Self>);
    /// Runs the dot products of a weight gradient of a few images.
    fn dots(isa: Isa, dots: dots::Sums<'_, Self>);
    /// Runs a pass over one plane of a depthwise convolution.
    fn depthwise(isa: Isa, plane: depthwise::Plane<'_, Self>);
    /// Winograd's algorithm for 3x3 kernels and for tall ones. It loses about a decimal digit, so `f64`, which is used for its precision, does
    /// without.
    const WINOGRAD: Option<[Passes<Self>; 2]>;
}

/// The passes of a convolution by one algorithm, with the arguments of those below, and which of them it suits.
#[doc(hidden)]
pub struct Passes<T> {
    suits: fn(&ConvGeometry) -> bool,
    suits_input_grad: fn(&ConvGeometry) -> bool,
    suits_weight_grad: fn(&ConvGeometry) -> bool,
    forward: fn(Isa, &ConvGeometry, &[T], &[T], Option<&[T]>, &mut [T]),
    input_grad: fn(Isa, &ConvGeometry, &[T], &[T], &mut [T]),
    weight_grad: fn(Isa, &ConvGeometry, &[T], &[T], &mut [T]),
}

/// The algorithm of Winograd's that suits, if there is one.
fn winograd<T: Conv>(suits: impl Fn(&Passes<T>) -> bool) -> Option<&'static Passes<T>> {
    const { &T::WINOGRAD }.as_ref()?.iter().find(|&passes| suits(passes))
}

macro_rules! conv {
    ($($t:ty: $winograd:expr;)*) => {$(
        impl Conv for $t {
            fn correlate(isa: Isa, kernel: direct::Correlation<'_, $t>) {
                dispatch_on(isa, kernel);
            }
            fn add_weight_grad(isa: Isa, kernel: direct::WeightGrad<'_, $t>) {
                dispatch_on(isa, kernel);
            }
            fn add_columns(isa: Isa, kernel: columns::Columns<'_, $t>) {
                dispatch_on(isa, kernel);
            }
            fn dots(isa: Isa, kernel: dots::Sums<'_, $t>) {
                dispatch_on(isa, kernel);
            }
            fn depthwise(isa: Isa, kernel: depthwise::Plane<'_, $t>) {
                dispatch_on(isa, kernel);
            }
            const WINOGRAD: Option<[Passes<$t>; 2]> = $winograd;
        }
    )*};
}
conv! {
    f32: Some([
        Passes {
            suits: winograd::suits,
            suits_input_grad: winograd::suits_input_grad,
            suits_weight_grad: winograd::suits_weight_grad,
            forward: winograd::forward,
            input_grad: winograd::input_grad,
            weight_grad: winograd::weight_grad,
        },
        Passes {
            suits: tall::suits,
            suits_input_grad: tall::suits_input_grad,
            suits_weight_grad: tall::suits_weight_grad,
            forward: tall::forward,
            input_grad: tall::input_grad,
            weight_grad: tall::weight_grad,
        },
    ]);
    f64: None;
}

/// `y = x ⋆ w (+ bias)`; `x: [batch, in, h, w]`, `w: [out, in / groups, kh, kw]`, `y: [batch, out, oh, ow]`, all contiguous.
pub fn forward<T: Float>(g: &ConvGeometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    forward_on(Isa::detect(), g, x, w, bias, y);
}

fn forward_on<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    if g.is_empty() {
        let plane = (g.output[0] * g.output[1]).max(1);
        let bias = |i: usize| bias.map_or(T::ZERO, |bias| bias[i / plane % g.out_channels]);
        y.iter_mut().enumerate().for_each(|(i, y)| *y = bias(i));
    } else if depthwise::suits(g) {
        depthwise::forward(isa, g, x, w, bias, y);
    } else if let Some(winograd) = winograd::<T>(|passes| (passes.suits)(g)) {
        (winograd.forward)(isa, g, x, w, bias, y);
    } else {
        direct::forward(isa, g, x, w, bias, y);
    }
}

/// Adds its bias to each plane of an image.
fn add_bias<T: Float>(image: &mut [T], bias: &[T]) {
    let plane = image.len() / bias.len();
    dispatch(
        #[inline(always)]
        || {
            for (plane, &b) in image.chunks_exact_mut(plane).zip(bias) {
                plane.iter_mut().for_each(|y| *y += b);
            }
        },
    );
}

/// `dx` of [`forward`], overwritten, from `dy` and `w`.
pub fn input_grad<T: Float>(g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    input_grad_on(Isa::detect(), g, dy, w, dx);
}

fn input_grad_on<T: Float>(isa: Isa, g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    if g.is_empty() {
        dx.fill(T::ZERO);
    } else if depthwise::suits(g) {
        depthwise::input_grad(isa, g, dy, w, dx);
    } else if let Some(winograd) = winograd::<T>(|passes| (passes.suits_input_grad)(g)) {
        (winograd.input_grad)(isa, g, dy, w, dx);
    } else if columns::suits(g) {
        columns::input_grad(isa, g, dy, w, dx);
    } else {
        direct::input_grad(isa, g, dy, w, dx);
    }
}

/// `dw` of [`forward`], overwritten, from `x` and `dy`. Sums over the batch in order.
pub fn weight_grad<T: Float>(g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    weight_grad_on(Isa::detect(), g, x, dy, dw);
}

fn weight_grad_on<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    if g.is_empty() {
        dw.fill(T::ZERO);
    } else if depthwise::suits(g) {
        depthwise::weight_grad(isa, g, x, dy, dw);
    } else if let Some(winograd) = winograd::<T>(|passes| (passes.suits_weight_grad)(g)) {
        (winograd.weight_grad)(isa, g, x, dy, dw);
    } else if dots::suits(g) {
        dots::weight_grad(isa, g, x, dy, dw);
    } else {
        direct::weight_grad(isa, g, x, dy, dw);
    }
}

#[cfg(test)]
mod tests;
