//! The weight gradient.

use std::ops::Range;

use super::Pass;
use super::correlate::by_blocks;
use super::transform::{OUT, POINTS, TAPS, of_kernel_grad, of_output_grad};
use crate::kernels::conv::dots::{Dots, LANES, add_up};
use crate::kernels::gemm::Vector;
use crate::kernels::simd::{VectorKernel, dispatch};
use crate::storage::Buffer;

/// The number of elements of the sums for some outputs, `[point, output, tap, lane]`.
pub fn sums(pass: &Pass, outputs: usize) -> usize {
    POINTS * outputs * pass.taps() * LANES
}

/// The sums at the points for some outputs of a group, of all images.
pub struct WeightGrad<'a> {
    /// The sizes.
    pub pass: &'a Pass,
    /// The group.
    pub group: usize,
    /// Its outputs whose kernels are wanted.
    pub outputs: Range<usize>,
    /// All images.
    pub x: &'a [f32],
    /// Their gradients.
    pub dy: &'a [f32],
    /// Zeros, to which is added.
    pub sums: &'a mut [f32],
}

impl VectorKernel<f32> for WeightGrad<'_> {
    #[inline(always)]
    fn run<V: Vector<Elem = f32>>(self) {
        let WeightGrad { pass, group, outputs, x, dy, sums } = self;
        let (area, shifts, channels) = (pass.area, pass.shifts(), outputs.len());
        let ([_, image_out], plane) = (pass.images(), pass.output[0] * pass.output[1]);
        let mut d = Buffer::filled(channels * POINTS * area, 0.0);
        by_blocks::<V>(
            pass,
            group,
            x,
            #[inline(always)]
            |block, v| {
                for (d, o) in d.chunks_exact_mut(POINTS * area).zip(outputs.clone()) {
                    for (place, &[image, strip]) in block.iter().enumerate() {
                        let first = image * image_out + (group * pass.outputs + o) * plane;
                        grad_to_points::<V>(pass, &dy[first..][..plane], strip, place, d);
                    }
                }
                for (point, sums) in sums.chunks_exact_mut(channels * shifts.len() * LANES).enumerate() {
                    let dots = Dots {
                        x: &v[point * area..],
                        shifts: &shifts,
                        dy: &d[point * area..],
                        channels,
                        dy_step: POINTS * area,
                        positions: block.len() * pass.pitch,
                        images: 1,
                        image_steps: [0, 0],
                        sums,
                    };
                    dots.add::<V>();
                }
            },
        );
    }
}

/// A strip of a plane of the gradient at the points, with zeros where there is no output, which goes to place `place` of the block.
#[inline(always)]
fn grad_to_points<V: Vector<Elem = f32>>(pass: &Pass, dy: &[f32], strip: usize, place: usize, d: &mut [f32]) {
    let (pitch, area, [height, width]) = (pass.pitch, pass.area, pass.output);
    let inside = OUT.min(height - OUT * strip);
    let dy = &dy[OUT * strip * width..][..inside * width];
    assert!((place + 1) * pitch + LANES <= area && d.len() >= POINTS * area);
    for at in (0..width).step_by(V::LANES) {
        let n = V::LANES.min(width - at);
        // SAFETY: each line has `n` elements from `at` on, and, as asserted, a plane at a point has room for a vector after the strip. What is written
        // there is zero, or the next one writes it anew.
        unsafe {
            let mut lines = [V::zero(); OUT];
            for i in 0..inside {
                let from = dy.as_ptr().add(i * width + at);
                lines[i] = if n == V::LANES { V::load(from) } else { V::load_part(from, n) };
            }
            let (at_points, to) = (of_output_grad::<V>(lines), d.as_mut_ptr().add(place * pitch + at));
            for point in 0..POINTS {
                at_points[point].store(to.add(point * area));
            }
        }
    }
}

/// The gradient of the kernels of some outputs, from their sums.
pub fn from_sums(pass: &Pass, sums: &[f32], dw: &mut [f32]) {
    let kernel = TAPS * pass.columns;
    let taps = dw.len() / TAPS;
    let (sums, _) = sums.as_chunks::<LANES>();
    dispatch(
        #[inline(always)]
        || {
            for (pair, dw) in dw.chunks_exact_mut(kernel).enumerate() {
                for j in 0..pass.columns {
                    let tap = pair * pass.columns + j;
                    let mut at = [0.0; POINTS];
                    for point in 0..POINTS {
                        at[point] = add_up(&sums[point * taps + tap]);
                    }
                    let kernel = of_kernel_grad(at);
                    for i in 0..TAPS {
                        dw[i * pass.columns + j] = kernel[i];
                    }
                }
            }
        },
    );
}
