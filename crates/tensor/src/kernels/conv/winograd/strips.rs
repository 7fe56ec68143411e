//! The transforms of strips of images.

use std::ops::Range;

use super::lines::Lines;
use super::pass::{Pass, Run};
use super::tiles::{Matrices, Squares};
use crate::kernels::gemm::Vector;

/// The transform of inputs.
pub struct Inputs {
    pass: Pass,
    /// Of a strip.
    runs: Vec<Run>,
    lines: Lines,
}

impl Inputs {
    pub fn new<V: Vector>(pass: Pass) -> Inputs {
        let Pass { algorithm, across, .. } = pass;
        let count = algorithm.input(algorithm.outputs()[0]) + algorithm.overlap();
        // With stride, the last elements of an image may belong to no tile.
        let tiles = algorithm.input(across.outputs()) + algorithm.overlap();
        let length = tiles.max(pass.padding[1] + pass.input[1]);
        let lines = Lines::new(pass.input, pass.inputs, count, [pass.padding[1], length], V::LANES);
        Inputs { pass, runs: across.runs(), lines }
    }

    /// The tiles of a strip, counted through all images, at the points: `rows` of `v`. The strip before, if it belongs to the same image, comes first.
    #[inline(always)]
    pub fn transform<V: Vector<Elem = f32>>(
        &mut self,
        images: &[f32],
        strip: usize,
        (v, rows): (&mut [f32], &Matrices),
    ) {
        let Inputs { pass, runs, lines } = self;
        let Pass { algorithm, down, .. } = *pass;
        let [image_in, _] = pass.images();
        let planes = |strip: usize| images.get(strip / down.count() * image_in..);
        let [this, next] = [strip, strip + 1].map(|strip| strip % down.count());
        let wanted = lines_under(pass, this);
        // The lines that the strip shares with the one above, if there is one, are kept.
        let overlap = |strip| if strip == 0 { 0 } else { algorithm.overlap() };
        let step = if this == 0 { 0 } else { (wanted.start - lines_under(pass, this - 1).start) as usize };
        let Range { start, end } = lines_under(pass, next);
        let asked = start + overlap(next) as isize..end;
        for channel in (0..pass.inputs).step_by(V::LANES) {
            if let Some(planes) = planes(strip) {
                lines.fill::<V>(planes, channel, wanted.clone(), [step, overlap(this)]);
            }
            if let Some(planes) = planes(strip + 1) {
                lines.ask::<V>(planes, channel, asked.clone());
            }
            for run in &*runs {
                let step = algorithm.input(run.outputs) * V::LANES;
                let squares = Squares { step, line: lines.length, element: V::LANES, channels: V::LANES };
                // SAFETY: the instructions are there, and `lines` holds the overlapping tiles of a strip.
                unsafe {
                    algorithm.inputs::<V>(
                        [down.kind(this), run.kind],
                        run.count,
                        (&lines.of::<V>(channel)[algorithm.input(run.output) * V::LANES..], squares),
                        (v, rows),
                        [run.tile, channel],
                    );
                }
            }
        }
    }
}

/// The lines of an image under a strip.
fn lines_under(pass: &Pass, strip: usize) -> Range<isize> {
    let Range { start, end } = pass.down.outputs_of(strip);
    let (above, overlap) = (pass.padding[0] as isize, pass.algorithm.overlap() as isize);
    pass.algorithm.input(start) as isize - above..pass.algorithm.input(end) as isize + overlap - above
}

/// The transform of gradients by some of the outputs.
pub struct Grads {
    pass: Pass,
    runs: Vec<Run>,
    /// The first of the outputs.
    first: usize,
    lines: Lines,
}

impl Grads {
    pub fn new<V: Vector>(pass: Pass, outputs: &Range<usize>) -> Grads {
        let Pass { algorithm, across, .. } = pass;
        let lines =
            Lines::new(pass.output, outputs.len(), algorithm.outputs()[0], [0, across.outputs()], V::LANES);
        Grads { pass, runs: across.runs(), first: outputs.start, lines }
    }

    /// As [`Inputs::transform`], of the outputs `channels` among them.
    #[inline(always)]
    pub fn transform<V: Vector<Elem = f32>>(
        &mut self,
        images: &[f32],
        strip: usize,
        channels: Range<usize>,
        (d, rows): (&mut [f32], &Matrices),
    ) {
        let Grads { pass, runs, first, lines } = self;
        let Pass { algorithm, down, output: [h, w], .. } = *pass;
        let [_, image_out] = pass.images();
        let planes = |strip: usize| images.get(strip / down.count() * image_out + *first * h * w..);
        let lines_of = |strip: usize| {
            let Range { start, end } = down.outputs_of(strip % down.count());
            start as isize..end as isize
        };
        let kind = down.kind(strip % down.count());
        for channel in channels.clone().step_by(V::LANES) {
            if let Some(planes) = planes(strip) {
                lines.fill::<V>(planes, channel, lines_of(strip), [0, 0]);
            }
            if let Some(planes) = planes(strip + 1) {
                lines.ask::<V>(planes, channel, lines_of(strip + 1));
            }
            for run in &*runs {
                let step = run.outputs * V::LANES;
                let squares = Squares { step, line: lines.length, element: V::LANES, channels: V::LANES };
                // SAFETY: the instructions are there, and `lines` holds the tiles of a strip.
                unsafe {
                    algorithm.grads::<V>(
                        [kind, run.kind],
                        run.count,
                        (&lines.of::<V>(channel)[run.output * V::LANES..], squares),
                        (d, rows),
                        [run.tile, channel - channels.start],
                    );
                }
            }
        }
    }
}
