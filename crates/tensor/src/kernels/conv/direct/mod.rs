//! Convolution of any kind as an implicit matrix product.
//!
//! In all three passes the unfolded image (im2col) is never built: the tiles of [`gemm`](crate::kernels::gemm) can read rows that begin anywhere, and
//! the row of the unfolded image that belongs to tap `(c, i, j)` is the image itself, shifted.
//!
//! - forward: `y[o, q] = Σ w[o, t] x[q + shift(t)]` over the taps `t`. With stride 1 the positions `q` run over whole lines of the
//!   padded image, so that a vector of them is one load; the few at the end of each line that are not outputs are dropped when the
//!   result is copied out. If it is less work, each line is computed separately, from the taps that meet a line of the image and not
//!   its padding; or all lines from copies with [joined](super::joined) lines.
//! - input gradient: the same over the padded gradient, with the flipped kernel; with a stride, once for each phase of it. With few
//!   channels, [columns](super::columns) are faster.
//! - weight gradient: `dw[t, o] = Σ x[q + shift(t)] dy[q, o]` over the positions `q` of one image after the other.

mod correlate;
mod input_grad;
mod taps;
mod weight_grad;

pub use correlate::Correlation;
pub use input_grad::input_grad;
pub use weight_grad::{WeightGrad, weight_grad};

use correlate::Scratch;
use taps::Taps;

use super::frame::Framed;
use super::{ConvGeometry, add_bias};
use crate::Float;
use crate::kernels::simd::Isa;
use crate::parallel::split_units;

/// `y = x ⋆ w (+ bias)`.
pub fn forward<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let [image_in, image_out] = g.images();
    split_units(y, image_out, g.work(), |images, y| {
        if y.is_empty() {
            return;
        }
        let [channels_in, channels_out] = g.channels();
        let frame = g.frame();
        let area = frame.area();
        let taps = Taps::new(g.shifts(channels_in, &frame), &frame, g.input[0], g.output, g.stride);
        let joined = taps.joined(g);
        let (taps, pitch, area) = match &joined {
            Some((_, taps)) => (taps, g.output[1], g.input[0] * g.input[1]),
            None => (&taps, frame.size[1], area),
        };
        let mut framed = Framed::new(frame, g.input, g.in_channels);
        let mut scratch = Scratch::new(g, taps, pitch, joined.as_ref().map(|(planes, _)| planes));
        for (image, y) in images.zip(y.chunks_exact_mut(image_out)) {
            let x = &x[image * image_in..][..image_in];
            let x = if joined.is_some() { x } else { framed.of(x) };
            for group in 0..g.groups {
                let correlation = Correlation {
                    x: &x[group * channels_in * area..][..channels_in * area],
                    joined: joined.as_ref().map(|(planes, _)| (g, planes)),
                    pitch,
                    w: &w[group * channels_out * taps.len()..][..channels_out * taps.len()],
                    taps,
                    stride: g.stride,
                    output: g.output,
                    y: &mut y[group * image_out / g.groups..][..image_out / g.groups],
                    scratch: &mut scratch,
                };
                T::correlate(isa, correlation);
            }
            if let Some(bias) = bias {
                add_bias(y, bias);
            }
        }
    });
}
