//! The weight gradient.

use std::ops::Range;

use super::pass::Pass;
use super::plane::{Group, Plane};
use super::strips::{Grads, Inputs};
use super::tiles::{Matrices, Squares};
use crate::kernels::gemm::{
    LONGEST, Left, Rows, Starts, Target, Vector, WIDTH, block_length, rows, transpose,
};
use crate::kernels::simd::VectorKernel;
use crate::storage::Buffer;

/// `dw[o, i]` of some outputs, summed over the images in order: a product over tiles at each point, transformed once, at the end.
pub struct WeightGrad<'a> {
    /// The sizes of the forward pass.
    pub pass: Pass,
    /// All images.
    pub x: &'a [f32],
    /// Their gradients, with the planes of all outputs.
    pub dy: &'a [f32],
    /// The outputs whose kernels are wanted.
    pub outputs: Range<usize>,
    /// The result, for these outputs.
    pub dw: &'a mut [f32],
}

impl VectorKernel<f32> for WeightGrad<'_> {
    #[inline(always)]
    fn run<V: Vector<Elem = f32>>(self) {
        let WeightGrad { pass, x, dy, outputs, dw } = self;
        let Pass { algorithm, down, .. } = pass;
        let narrow = pass.inputs.next_multiple_of(V::LANES);
        // One panel of outputs at a time is transformed and multiplied, while it is in the cache.
        let width = WIDTH * V::LANES;
        let (s_at, s_len) = Matrices::equal::<V>(pass.kernels(), pass.inputs, width);
        let wide = outputs.len().next_multiple_of(width);
        let mut inputs = Inputs::new::<V>(pass);
        let mut grads = Grads::new::<V>(pass, &outputs);
        let mut v = Buffer::scratch(pass.elements::<V>(narrow));
        let mut d = Buffer::scratch(pass.elements::<V>(width));
        let mut sums = Buffer::filled(wide / width * s_len, 0.0);
        let plane = Plane::new(pass);
        let [left, right] = [narrow, width].map(|width| (0..LONGEST).map(|t| t * width).collect::<Vec<_>>());
        let [image_in, _] = pass.images();
        let strips = x.len() / image_in * down.count();
        for first in (0..strips).step_by(pass.strips) {
            let strips = first..strips.min(first + pass.strips);
            let [v_at, d_at] = [narrow, width].map(|width| plane.matrices::<V>(strips.clone(), width));
            let groups = plane.groups(strips.clone());
            let mut v_rows = v_at.clone();
            for strip in strips.clone() {
                inputs.transform::<V>(x, strip, (&mut v, &v_rows));
                plane.next_strip(strip, &mut v_rows);
            }
            for (panel, first) in (0..outputs.len()).step_by(width).enumerate() {
                let channels = first..outputs.len().min(first + width);
                let mut d_rows = d_at.clone();
                for strip in strips.clone() {
                    grads.transform::<V>(dy, strip, channels.clone(), (&mut d, &d_rows));
                    plane.next_strip(strip, &mut d_rows);
                }
                for &Group { point, kernel, rows: count } in &groups {
                    // One sum over the tiles at all points with this kernel.
                    let (v, d) = (&v[v_at.starts[point]..], &d[d_at.starts[point]..]);
                    let sums = sums[panel * s_len + s_at.starts[kernel]..].as_mut_ptr();
                    let length = block_length(count);
                    for first in (0..count).step_by(length) {
                        let length = length.min(count - first);
                        let (v, d) = (v[first * narrow..].as_ptr(), d[first * width..].as_ptr());
                        // SAFETY: `v` has so many rows of `narrow` elements, `d` as many as wide as a tile, and so has `sums` for
                        // each input.
                        unsafe {
                            rows::<V>(
                                pass.inputs,
                                channels.len(),
                                V::ROWS,
                                Left { base: v, rows: Starts::Every(1), offsets: &left[..length] },
                                Rows { base: d, panel: 0, offsets: &right[..length], padded: true },
                                Target { base: sums, row_stride: width, add: true },
                            );
                        }
                    }
                }
            }
        }
        let squares = Squares { step: 0, line: 3 * wide, element: wide, channels: width };
        let mut taps = Buffer::scratch(9 * wide);
        let nothing = Buffer::filled(width, 0.0);
        for i in 0..pass.inputs {
            for (panel, sums) in sums.chunks(s_len).enumerate() {
                // SAFETY: the instructions are there, and `taps` is a square of three by three.
                unsafe {
                    algorithm.sums::<V>((sums, &s_at), i, &nothing, (&mut taps[panel * width..], squares))
                };
            }
            transpose::<V>(&taps, wide, 9, outputs.len(), &mut dw[9 * i..], 9 * pass.inputs);
        }
    }
}
