//! Depthwise convolution with stride 1: each plane has a kernel of its own.
//!
//! There is no product of matrices in it. A vector of outputs is a sum over taps of shifted vectors of the plane; a tap's gradient is the sum over
//! outputs of such vectors times those of the gradient.

use rayon::prelude::*;

use super::ConvGeometry;
use super::frame::{Frame, Framed};
use crate::Float;
use crate::kernels::gemm::Vector;
use crate::kernels::simd::{Isa, VectorKernel};
use crate::parallel::{split_units, threads_for};
use crate::storage::Buffer;

/// Whether each output channel sees one input channel, which sees no other, and windows move by one.
pub fn suits(g: &ConvGeometry) -> bool {
    g.groups > 1 && g.channels() == [1, 1] && g.stride == [1, 1]
}

/// `y = x ⋆ w (+ bias)`.
pub fn forward<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    planes(isa, g, g.frame(), [g.input, g.output], x, w, bias, y);
}

/// `dx` from `dy` and `w`: the correlation of the gradient with the kernels turned round.
pub fn input_grad<T: Float>(isa: Isa, g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    let mut turned = Buffer::<T>::from(w);
    turned.chunks_exact_mut(g.taps()).for_each(<[T]>::reverse);
    let reach = [0, 1].map(|d| g.dilation[d] * (g.kernel[d] - 1));
    let frame = Frame {
        size: [0, 1].map(|d| g.input[d] + reach[d]),
        first: [0, 1].map(|d| reach[d] as isize - g.padding[d] as isize),
    };
    planes(isa, g, frame, [g.output, g.input], dy, &turned, None, dx);
}

/// One correlation for each plane of the batch, of planes of the first size in `frame` to planes of the second.
fn planes<T: Float>(
    isa: Isa,
    g: &ConvGeometry,
    frame: Frame,
    [from, to]: [[usize; 2]; 2],
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) {
    let shifts = g.shifts(1, &frame);
    let Frame { size, first } = frame;
    let [area_in, area_out] = [from, to].map(|[h, w]| h * w);
    split_units(y, area_out, g.work(), |planes, y| {
        let mut framed = Framed::new(Frame { size, first }, from, 1);
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out)) {
            let channel = plane % g.groups;
            let x = framed.of(&x[plane * area_in..][..area_in]);
            let w = &w[channel * shifts.len()..][..shifts.len()];
            let bias = bias.map_or(T::ZERO, |bias| bias[channel]);
            T::depthwise(isa, Plane { x, pitch: size[1], shifts: &shifts, w, bias, width: to[1], y });
        }
    });
}

/// `dw` from `x` and `dy`, summed over the batch in order.
pub fn weight_grad<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let frame = g.frame();
    let (shifts, Frame { size, first }) = (g.shifts(1, &frame), frame);
    let [area_in, area_out] = [g.input, g.output].map(|[h, w]| h * w);
    let per_thread = g.groups.div_ceil(threads_for(g.work()));
    dw.par_chunks_mut(per_thread * shifts.len()).enumerate().for_each(|(i, dw)| {
        let mut framed = Framed::new(Frame { size, first }, g.input, 1);
        // A vector of sums for each tap.
        let mut sums = Buffer::<T>::scratch(16 * shifts.len());
        for (c, dw) in dw.chunks_exact_mut(shifts.len()).enumerate() {
            let channel = i * per_thread + c;
            sums.fill(T::ZERO);
            for plane in (0..g.batch).map(|image| image * g.groups + channel) {
                let x = framed.of(&x[plane * area_in..][..area_in]);
                let dy = &dy[plane * area_out..][..area_out];
                let sums = &mut *sums;
                T::depthwise_sums(
                    isa,
                    Sums { x, pitch: size[1], shifts: &shifts, dy, width: g.output[1], sums },
                );
            }
            for (dw, sums) in dw.iter_mut().zip(sums.chunks_exact(16)) {
                *dw = sums.iter().fold(T::ZERO, |sum, &x| sum + x);
            }
        }
    });
}

/// `y[i, j] = bias + Σ_t w[t] x[i pitch + j + shifts[t]]` for one plane.
pub struct Plane<'a, T> {
    x: &'a [T],
    pitch: usize,
    shifts: &'a [usize],
    w: &'a [T],
    bias: T,
    width: usize,
    y: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for Plane<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Plane { x, pitch, shifts, w, bias, width, y } = self;
        for (i, y) in y.chunks_exact_mut(width).enumerate() {
            for j in (0..width).step_by(V::LANES) {
                let n = V::LANES.min(width - j);
                let from = &x[i * pitch + j..];
                assert!(
                    from.len() >= shifts.last().map_or(0, |last| last + n),
                    "a window lies inside its plane"
                );
                // SAFETY: the last tap is the farthest, and its window of `n` is inside; so is `y`'s.
                unsafe {
                    let mut sum = V::splat(bias);
                    for (&shift, &w) in shifts.iter().zip(w) {
                        let from = from.as_ptr().add(shift);
                        let x = if n == V::LANES { V::load(from) } else { V::load_part(from, n) };
                        sum = sum.add_product(V::splat(w), x);
                    }
                    let to = y.as_mut_ptr().add(j);
                    if n == V::LANES { sum.store(to) } else { sum.store_part(to, n) }
                }
            }
        }
    }
}

/// `sums[t, lane] += Σ x[i pitch + j + shifts[t]] dy[i, j]` over the columns `j` of that lane, for one plane.
pub struct Sums<'a, T> {
    x: &'a [T],
    pitch: usize,
    shifts: &'a [usize],
    dy: &'a [T],
    width: usize,
    sums: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for Sums<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Sums { x, pitch, shifts, dy, width, sums } = self;
        assert!(sums.len() == 16 * shifts.len() && V::LANES <= 16);
        for (i, dy) in dy.chunks_exact(width).enumerate() {
            for j in (0..width).step_by(V::LANES) {
                let n = V::LANES.min(width - j);
                let from = &x[i * pitch + j..];
                assert!(
                    from.len() >= shifts.last().map_or(0, |last| last + n),
                    "a window lies inside its plane"
                );
                // SAFETY: the last tap is the farthest, and its window of `n` is inside; `sums` has 16 numbers for each tap.
                unsafe {
                    let dy = V::load_part(dy.as_ptr().add(j), n);
                    for (t, &shift) in shifts.iter().enumerate() {
                        let from = from.as_ptr().add(shift);
                        let x = if n == V::LANES { V::load(from) } else { V::load_part(from, n) };
                        let sum = sums.as_mut_ptr().add(16 * t);
                        V::load(sum).add_product(dy, x).store(sum);
                    }
                }
            }
        }
    }
}
