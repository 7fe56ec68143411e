//! Two-dimensional convolution: forward, input gradient and weight gradient.

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

/// `y = x ⋆ w (+ bias)`; `x: [batch, in, h, w]`, `w: [out, in / groups, kh, kw]`, `y: [batch, out, oh, ow]`, all contiguous.
pub fn forward<T: Float>(_g: &ConvGeometry, _x: &[T], _w: &[T], _bias: Option<&[T]>, _y: &mut [T]) {
    unimplemented!()
}

/// `dx` of [`forward`], overwritten, from `dy` and `w`.
pub fn input_grad<T: Float>(_g: &ConvGeometry, _dy: &[T], _w: &[T], _dx: &mut [T]) {
    unimplemented!()
}

/// `dw` of [`forward`], overwritten, from `x` and `dy`. Sums over the batch in order.
pub fn weight_grad<T: Float>(_g: &ConvGeometry, _x: &[T], _dy: &[T], _dw: &mut [T]) {
    unimplemented!()
}
