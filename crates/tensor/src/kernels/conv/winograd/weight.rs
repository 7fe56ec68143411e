//! The weight gradient.

use std::ops::Range;

use super::points::{Panels, Squares, from_points, to_points};
use super::transform::{Form, GradForm, Halving, Straight};
use super::{Algorithm, Lines, Pass, ask_for_lines};
use crate::kernels::gemm::{Left, Rows, Starts, Target, Vector, WIDTH, rows, transpose};
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
        match self.pass.algorithm {
            Algorithm::Straight => self.add_up::<V, Straight, 6, 4>(),
            _ => self.add_up::<V, Halving, 5, 2>(),
        }
    }
}

impl WeightGrad<'_> {
    #[inline(always)]
    fn add_up<
        V: Vector<Elem = f32>,
        F: Form<IN, IN, OUT> + GradForm<IN, OUT>,
        const IN: usize,
        const OUT: usize,
    >(
        self,
    ) {
        let WeightGrad { pass, x, dy: dys, outputs, dw } = self;
        let (across, down) = (pass.across(), pass.down());
        let tiles = pass.strips() * across;
        let narrow = pass.inputs.next_multiple_of(V::LANES);
        let v_panels = Panels::new::<V>(IN * IN, tiles, narrow, narrow);
        let d_panels = Panels::new::<V>(IN * IN, tiles, outputs.len(), WIDTH * V::LANES);
        let sum_panels = Panels::new::<V>(IN * IN, pass.inputs, outputs.len(), WIDTH * V::LANES);
        let wide = d_panels.columns();
        let inputs =
            Squares { step: pass.algorithm.step() * narrow, line: pass.line() * narrow, channels: narrow };
        let grads = Squares { step: OUT * wide, line: OUT * across * wide, channels: wide };
        let input_lines = pass.input_lines(narrow);
        let output_lines = Lines::new(pass.output, outputs.len(), OUT * across, 0, wide);
        let mut lines = Buffer::filled(IN * inputs.line, 0.0);
        let mut grad_lines = Buffer::filled(OUT * grads.line, 0.0);
        let mut v = Buffer::scratch(v_panels.len());
        let mut d = Buffer::scratch(d_panels.len());
        let mut sums = Buffer::filled(sum_panels.len(), 0.0);
        let left: Vec<usize> = (0..tiles).map(|t| t * narrow).collect();
        let right: Vec<usize> = (0..tiles).map(|t| t * d_panels.width).collect();
        let ([image_in, image_out], [h, w]) = (pass.images(), pass.output);
        let strips = x.len() / image_in * down;
        for first in (0..strips).step_by(pass.strips()) {
            let strips = first..strips.min(first + pass.strips());
            let count = strips.len() * across;
            for (s, strip) in strips.enumerate() {
                let next = strip + 1;
                let (image, strip) = (strip / down, strip % down);
                pass.fill_inputs::<V>(&x[image * image_in..][..image_in], strip, &input_lines, &mut lines);
                let dy = &dys[image * image_out + outputs.start * h * w..];
                let row = (OUT * strip) as isize;
                output_lines.fill::<V>(dy, row, &mut grad_lines);
                pass.ask_for_inputs(x, next);
                if let Some(dy) = dys.get(next / down * image_out + outputs.start * h * w..) {
                    let row = (OUT * (next % down)) as isize;
                    ask_for_lines(dy, [h, w], outputs.len(), row..row + OUT as isize);
                }
                // SAFETY: the instructions are there, and both have the tiles of a strip.
                unsafe {
                    to_points::<V, IN, IN>(
                        across,
                        &lines,
                        inputs,
                        #[inline(always)]
                        |x| F::of_input::<V>(x),
                        &mut v,
                        v_panels,
                        s * across,
                    );
                    to_points::<V, OUT, IN>(
                        across,
                        &grad_lines,
                        grads,
                        #[inline(always)]
                        |dy| F::of_output_grad::<V>(dy),
                        &mut d,
                        d_panels,
                        s * across,
                    );
                }
            }
            for point in 0..IN * IN {
                let v = v[v_panels.start(0, point)..].as_ptr();
                for panel in 0..d_panels.count {
                    let d = d[d_panels.start(panel, point)..].as_ptr();
                    let sums = sums[sum_panels.start(panel, point)..].as_mut_ptr();
                    // SAFETY: `v` has a row of `narrow` elements for each of `count` tiles, `d` a row as wide as a tile, and so has
                    // `sums` for each input.
                    unsafe {
                        rows::<V>(
                            pass.inputs,
                            WIDTH * V::LANES,
                            V::ROWS,
                            Left { base: v, rows: Starts::Every(1), offsets: &left[..count] },
                            Rows { base: d, panel: 0, offsets: &right[..count], padded: true },
                            Target { base: sums, row_stride: sum_panels.width, add: true },
                        );
                    }
                }
            }
        }
        let squares = Squares { step: 0, line: 3 * wide, channels: wide };
        let mut taps = Buffer::scratch(9 * wide);
        let nothing = Buffer::filled(wide, 0.0);
        for i in 0..pass.inputs {
            // SAFETY: the instructions are there, and `taps` is a square of three by three.
            unsafe {
                from_points::<V, IN, 3>(
                    1,
                    &sums,
                    sum_panels,
                    i,
                    #[inline(always)]
                    |sums| F::of_kernel_grad::<V>(sums),
                    &nothing,
                    &mut taps,
                    squares,
                );
            }
            transpose::<V>(&taps, wide, 9, outputs.len(), &mut dw[9 * i..], 9 * pass.inputs);
        }
    }
}
