//! The forward pass and the input gradient.

use std::ops::Range;

use super::PANEL;
use super::pass::Pass;
use super::plane::{Group, Plane};
use super::strips::Inputs;
use super::tiles::{Matrices, Squares};
use crate::kernels::gemm::{Left, Rows, Starts, Target, Vector, WIDTH, block_length, rows, transpose};
use crate::kernels::simd::VectorKernel;
use crate::storage::Buffer;

/// The transform of the kernels, in panels of outputs, with a row for each input.
pub struct Kernels<'a> {
    /// The sizes.
    pub pass: Pass,
    /// The kernels `w[o, i]`; if `flipped`, `w[i, o]`, which are to be flipped.
    pub w: &'a [f32],
    /// Whether this is the input gradient.
    pub flipped: bool,
    /// Room for [`Kernels::len`] elements.
    pub u: &'a mut [f32],
}

impl Kernels<'_> {
    /// Enough room for the vectors of any instruction set.
    pub fn len(pass: &Pass) -> usize {
        pass.kernels() * pass.kernels() * (pass.inputs + 1) * pass.outputs.next_multiple_of(PANEL)
    }
}

impl VectorKernel<f32> for Kernels<'_> {
    #[inline(always)]
    fn run<V: Vector<Elem = f32>>(self) {
        let Kernels { pass, w, flipped, u } = self;
        let (inputs, outputs) = (pass.inputs, pass.outputs);
        let width = WIDTH * V::LANES;
        let (u_at, u_len) = Matrices::equal::<V>(pass.kernels(), inputs, width);
        let wide = outputs.next_multiple_of(width);
        let squares = Squares { step: 0, line: 3 * wide, element: wide, channels: width };
        // The nine taps of all outputs, so that a vector holds the same tap of several.
        let mut taps = Buffer::filled(9 * wide, 0.0);
        for i in 0..inputs {
            if flipped {
                transpose::<V>(&w[i * 9 * outputs..], 9, outputs, 9, &mut taps, wide);
            } else {
                transpose::<V>(&w[i * 9..], 9 * inputs, outputs, 9, &mut taps, wide);
            }
            for (panel, u) in u.chunks_mut(u_len).take(wide / width).enumerate() {
                // SAFETY: the instructions are there, and `taps` is a square of three by three.
                unsafe {
                    pass.algorithm.kernel::<V>(flipped, (&taps[panel * width..], squares), (u, &u_at), i)
                };
            }
        }
    }
}

/// `y = x ⋆ w (+ bias)` for some images.
pub struct Correlation<'a> {
    /// The sizes.
    pub pass: Pass,
    /// The images.
    pub x: &'a [f32],
    /// The result of [`Kernels`].
    pub u: &'a [f32],
    /// Added to each output plane.
    pub bias: Option<&'a [f32]>,
    /// The results.
    pub y: &'a mut [f32],
}

impl VectorKernel<f32> for Correlation<'_> {
    #[inline(always)]
    fn run<V: Vector<Elem = f32>>(self) {
        let Correlation { pass, x, u, bias, y } = self;
        let Pass { algorithm, down, across, output: [h, w], .. } = pass;
        let narrow = pass.inputs.next_multiple_of(V::LANES);
        // One panel at a time is multiplied and transformed back, while it is in the cache.
        let width = WIDTH * V::LANES;
        let (u_at, u_len) = Matrices::equal::<V>(pass.kernels(), pass.inputs, width);
        let mut inputs = Inputs::new::<V>(pass);
        // Lines follow each other as in the image; what the last tile has beyond the end of a line is overwritten by the next line, whose first tile
        // comes last.
        let mut result = Buffer::scratch((algorithm.outputs()[0] * w + across.outputs() - w) * width);
        let mut v = Buffer::scratch(pass.elements::<V>(narrow));
        let mut m = Buffer::scratch(pass.elements::<V>(width));
        let mut added = Buffer::filled(pass.outputs.next_multiple_of(width), 0.0);
        if let Some(bias) = bias {
            added[..bias.len()].copy_from_slice(bias);
        }
        let (plane, runs) = (Plane::new(pass), across.runs());
        let left: Vec<usize> = (0..pass.inputs).collect();
        let right: Vec<usize> = left.iter().map(|p| p * width).collect();
        let length = block_length(pass.inputs);
        let [_, image_out] = pass.images();
        let strips = y.len() / image_out * down.count();
        for first in (0..strips).step_by(pass.strips) {
            let strips = first..strips.min(first + pass.strips);
            let [v_at, m_at] = [narrow, width].map(|width| plane.matrices::<V>(strips.clone(), width));
            let groups = plane.groups(strips.clone());
            let mut v_rows = v_at.clone();
            for strip in strips.clone() {
                inputs.transform::<V>(x, strip, (&mut v, &v_rows));
                plane.next_strip(strip, &mut v_rows);
            }
            for (panel, channel) in (0..pass.outputs).step_by(width).enumerate() {
                let channels = width.min(pass.outputs - channel);
                for &Group { point, kernel, rows: count } in &groups {
                    let v = v[v_at.starts[point]..].as_ptr();
                    let u = u[panel * u_len + u_at.starts[kernel]..].as_ptr();
                    let m = m[m_at.starts[point]..].as_mut_ptr();
                    for (block, left) in left.chunks(length).enumerate() {
                        let right = &right[block * length..][..left.len()];
                        // SAFETY: `v` has so many rows of `narrow` elements, `u` a row for each input, `m` room for as many rows,
                        // and rows of both are as wide as a tile.
                        unsafe {
                            rows::<V>(
                                count,
                                channels,
                                V::ROWS,
                                Left { base: v, rows: Starts::Every(narrow), offsets: left },
                                Rows { base: u, panel: 0, offsets: right, padded: true },
                                Target { base: m, row_stride: width, add: block > 0 },
                            );
                        }
                    }
                }
                let mut m_rows = m_at.clone();
                for strip in strips.clone() {
                    let (image, strip) = (strip / down.count(), strip % down.count());
                    for run in runs.iter().rev() {
                        let squares = Squares {
                            step: run.outputs * width,
                            line: w * width,
                            element: width,
                            channels: channels.next_multiple_of(V::LANES),
                        };
                        // SAFETY: the instructions are there, and `result` has room for the tiles of a strip.
                        unsafe {
                            algorithm.products::<V>(
                                [down.kind(strip), run.kind],
                                run.count,
                                (&m, &m_rows),
                                run.tile,
                                &added[channel..],
                                (&mut result[run.output * width..], squares),
                            );
                        }
                    }
                    plane.next_strip(strip, &mut m_rows);
                    let Range { start, end } = down.outputs_of(strip);
                    let y = &mut y[image * image_out + channel * h * w + start * w..];
                    transpose::<V>(&result, width, (end.min(h) - start) * w, channels, y, h * w);
                }
            }
        }
    }
}
