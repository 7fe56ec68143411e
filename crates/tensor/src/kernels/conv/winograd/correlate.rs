//! The forward pass and the input gradient.

use super::points::{Panels, Squares, from_points, to_points};
use super::transform::{Doubling, Form, Halving, Straight};
use super::{Algorithm, PANEL, Pass};
use crate::kernels::gemm::{Left, Rows, Starts, Target, Vector, WIDTH, block_length, rows, transpose};
use crate::kernels::simd::VectorKernel;
use crate::storage::Buffer;

/// The kernels at the points, with panels of outputs: rows are inputs.
pub struct Kernels<'a> {
    /// The sizes.
    pub pass: Pass,
    /// `w[o, i]`; if `turned`, `w[i, o]`, to be turned round.
    pub w: &'a [f32],
    /// Whether this is the input gradient.
    pub turned: bool,
    /// Room of [`Kernels::len`].
    pub u: &'a mut [f32],
}

impl Kernels<'_> {
    /// Enough room for the vectors of any instruction set.
    pub fn len(pass: &Pass) -> usize {
        pass.points() * (pass.inputs + 1) * pass.outputs.next_multiple_of(PANEL)
    }
}

impl VectorKernel<f32> for Kernels<'_> {
    #[inline(always)]
    fn run<V: Vector<Elem = f32>>(self) {
        match self.pass.algorithm {
            Algorithm::Straight => self.transform::<V, Straight, 6, 6, 4>(),
            // The taps of both are the same at the points.
            Algorithm::Halving | Algorithm::Doubling => self.transform::<V, Halving, 5, 5, 2>(),
        }
    }
}

impl Kernels<'_> {
    #[inline(always)]
    fn transform<
        V: Vector<Elem = f32>,
        F: Form<IN, POINTS, OUT>,
        const IN: usize,
        const POINTS: usize,
        const OUT: usize,
    >(
        self,
    ) {
        let Kernels { pass: Pass { inputs, outputs, .. }, w, turned, u } = self;
        let panels = Panels::new::<V>(POINTS * POINTS, inputs, outputs, WIDTH * V::LANES);
        let wide = panels.columns();
        let squares = Squares { step: 0, line: 3 * wide, channels: wide };
        // The nine taps of all outputs, so that a vector holds the same tap of several.
        let mut taps = Buffer::filled(9 * wide, 0.0);
        for i in 0..inputs {
            if turned {
                transpose::<V>(&w[i * 9 * outputs..], 9, outputs, 9, &mut taps, wide);
                // SAFETY: the instructions are there, and `taps` is a square of three by three.
                unsafe {
                    to_points::<V, 3, POINTS>(
                        1,
                        &taps,
                        squares,
                        #[inline(always)]
                        |[a, b, c]| F::of_kernel::<V>([c, b, a]),
                        u,
                        panels,
                        i,
                    );
                }
            } else {
                transpose::<V>(&w[i * 9..], 9 * inputs, outputs, 9, &mut taps, wide);
                // SAFETY: as above.
                unsafe {
                    to_points::<V, 3, POINTS>(
                        1,
                        &taps,
                        squares,
                        #[inline(always)]
                        |taps| F::of_kernel::<V>(taps),
                        u,
                        panels,
                        i,
                    );
                }
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
    /// Of [`Kernels`].
    pub u: &'a [f32],
    /// Added to each output plane.
    pub bias: Option<&'a [f32]>,
    /// The results.
    pub y: &'a mut [f32],
}

impl VectorKernel<f32> for Correlation<'_> {
    #[inline(always)]
    fn run<V: Vector<Elem = f32>>(self) {
        match self.pass.algorithm {
            Algorithm::Straight => self.correlate::<V, Straight, 6, 6, 4>(),
            Algorithm::Halving => self.correlate::<V, Halving, 5, 5, 2>(),
            Algorithm::Doubling => self.correlate::<V, Doubling, 3, 5, 4>(),
        }
    }
}

impl Correlation<'_> {
    #[inline(always)]
    fn correlate<
        V: Vector<Elem = f32>,
        F: Form<IN, POINTS, OUT>,
        const IN: usize,
        const POINTS: usize,
        const OUT: usize,
    >(
        self,
    ) {
        let Correlation { pass, x, u, bias, y } = self;
        let (across, down) = (pass.across(), pass.down());
        let tiles = pass.strips() * across;
        let narrow = pass.inputs.next_multiple_of(V::LANES);
        let v_panels = Panels::new::<V>(POINTS * POINTS, tiles, narrow, narrow);
        let u_panels = Panels::new::<V>(POINTS * POINTS, pass.inputs, pass.outputs, WIDTH * V::LANES);
        // One panel at a time is multiplied and transformed back, while it is in the cache.
        let width = WIDTH * V::LANES;
        let m_panel = Panels::new::<V>(POINTS * POINTS, tiles, width, width);
        let inputs =
            Squares { step: pass.algorithm.step() * narrow, line: pass.line() * narrow, channels: narrow };
        let input_lines = pass.input_lines(narrow);
        let ([h, w], beyond) = (pass.output, OUT * across - pass.output[1]);
        let outputs = Squares { step: OUT * width, line: w * width, channels: width };
        let mut lines = Buffer::filled(IN * inputs.line, 0.0);
        // Lines follow each other as in the image, and what the last tile has beyond the end of a line gives way to the next one, whose first tile
        // comes last.
        let mut result = Buffer::scratch((OUT * w + beyond) * width);
        let mut v = Buffer::scratch(v_panels.len());
        let mut m = Buffer::scratch(m_panel.len());
        let mut added = Buffer::filled(u_panels.columns(), 0.0);
        if let Some(bias) = bias {
            added[..bias.len()].copy_from_slice(bias);
        }
        let left: Vec<usize> = (0..pass.inputs).collect();
        let right: Vec<usize> = left.iter().map(|p| p * u_panels.width).collect();
        let length = block_length(pass.inputs);
        let [image_in, image_out] = pass.images();
        let strips = y.len() / image_out * down;
        for first in (0..strips).step_by(pass.strips()) {
            let strips = first..strips.min(first + pass.strips());
            let count = strips.len() * across;
            for (s, strip) in strips.clone().enumerate() {
                let image = &x[strip / down * image_in..][..image_in];
                pass.fill_inputs::<V>(image, strip % down, &input_lines, &mut lines);
                pass.ask_for_inputs(x, strip + 1);
                // SAFETY: the instructions are there, and `lines` holds the overlapping tiles of a strip.
                unsafe {
                    to_points::<V, IN, POINTS>(
                        across,
                        &lines,
                        inputs,
                        #[inline(always)]
                        |x| F::of_input::<V>(x),
                        &mut v,
                        v_panels,
                        s * across,
                    );
                }
            }
            for panel in 0..u_panels.count {
                for point in 0..POINTS * POINTS {
                    let v = v[v_panels.start(0, point)..].as_ptr();
                    let u = u[u_panels.start(panel, point)..].as_ptr();
                    let m = m[m_panel.start(0, point)..].as_mut_ptr();
                    for (block, left) in left.chunks(length).enumerate() {
                        let right = &right[block * length..][..left.len()];
                        // SAFETY: `v` has `count` rows of `narrow` elements, `u` a row for each input, `m` room for `count` rows,
                        // and rows of both are as wide as a tile.
                        unsafe {
                            rows::<V>(
                                count,
                                width,
                                V::ROWS,
                                Left { base: v, rows: Starts::Every(narrow), offsets: left },
                                Rows { base: u, panel: 0, offsets: right, padded: true },
                                Target { base: m, row_stride: width, add: block > 0 },
                            );
                        }
                    }
                }
                let channel = panel * width;
                let channels = width.min(pass.outputs - channel);
                for (s, strip) in strips.clone().enumerate() {
                    // SAFETY: the instructions are there, and `result` has room for the tiles of a strip.
                    unsafe {
                        from_points::<V, POINTS, OUT>(
                            across,
                            &m,
                            m_panel,
                            s * across,
                            #[inline(always)]
                            |m| F::of_products::<V>(m),
                            &added[channel..],
                            &mut result,
                            outputs,
                        );
                    }
                    let (image, row) = (strip / down, OUT * (strip % down));
                    let y = &mut y[image * image_out + channel * h * w + row * w..];
                    transpose::<V>(&result, width, OUT.min(h - row) * w, channels, y, h * w);
                }
            }
        }
    }
}
