//! Which taps each line of a correlation needs, and where they find their elements.

use std::ops::Range;

use crate::kernels::conv::ConvGeometry;
use crate::kernels::conv::frame::Frame;
use crate::kernels::conv::joined::Planes;

/// The taps of a correlation.
pub struct Taps {
    /// The offset of each tap in the framed planes.
    pub shifts: Vec<usize>,
    /// What is computed at once: each line of the result if `by_line`, otherwise a single entry for all of it.
    pub lines: Vec<Line>,
    pub by_line: bool,
}

/// The taps that a line of the result needs: their indices and offsets.
pub struct Line {
    pub taps: Vec<usize>,
    pub shifts: Vec<usize>,
}

impl Taps {
    /// Taps over framed planes of `height` lines.
    pub fn new(
        shifts: Vec<usize>,
        frame: &Frame,
        height: usize,
        output: [usize; 2],
        stride: [usize; 2],
    ) -> Self {
        let all = |shifts: Vec<usize>| vec![Line { taps: (0..shifts.len()).collect(), shifts }];
        if stride != [1, 1] {
            let unfolded = (0..shifts.len()).map(|t| t * output[0] * output[1]).collect();
            return Taps { shifts, lines: all(unfolded), by_line: false };
        }
        // The lines of the result in which a tap meets a line of the planes.
        let meets = |&shift: &usize| {
            let first = frame.first[0] - (shift % frame.area() / frame.size[1]) as isize;
            let line = |row: isize| row.clamp(0, output[0] as isize) as usize;
            line(first)..line(first + height as isize)
        };
        let meets: Vec<Range<usize>> = shifts.iter().map(meets).collect();
        // In loads of 16 elements for vectors of any width, so that it depends on the sizes alone.
        let work_by_line = meets.iter().map(Range::len).sum::<usize>() * output[1].div_ceil(16);
        let by_line = work_by_line < shifts.len() * (output[0] * frame.size[1]).div_ceil(16);
        if !by_line {
            return Taps { lines: all(shifts.clone()), shifts, by_line };
        }
        let line = |row: usize| {
            let taps: Vec<usize> = (0..shifts.len()).filter(|&t| meets[t].contains(&row)).collect();
            Line { shifts: taps.iter().map(|&t| shifts[t]).collect(), taps }
        };
        Taps { lines: (0..output[0]).map(line).collect(), shifts, by_line }
    }

    /// The taps over copies with [joined](crate::kernels::conv::joined) lines, and these, if that is less work for a forward pass. Work is counted in products of 16
    /// elements; a line that is copied counts as some.
    pub fn joined(&self, g: &ConvGeometry) -> Option<(Planes, Taps)> {
        let ([height, width], pitch) = (g.output, g.input[1] + 2 * g.padding[1]);
        if g.stride != [1, 1] || pitch == width {
            return None;
        }
        let [channels_in, channels_out] = g.channels();
        let vectors = width.div_ceil(16);
        let products = self.lines.iter().map(|line| line.taps.len()).sum::<usize>() * channels_out;
        let work = match self.by_line {
            true => products * vectors + 8 * channels_in * g.input[0],
            false => products * (height * pitch).div_ceil(16) + 8 * channels_out * height,
        };
        let copies = 4 * channels_in * g.kernel[1] * g.input[0] * vectors;
        let joined_work = self.len() * channels_out * (height * width).div_ceil(16) + copies;
        (joined_work < work).then(|| {
            let planes = Planes::new(g);
            let shifts: Vec<usize> = (0..self.len()).map(|t| planes.shift(g, t)).collect();
            let lines = vec![Line { taps: (0..self.len()).collect(), shifts: shifts.clone() }];
            (planes, Taps { shifts, lines, by_line: false })
        })
    }

    pub fn len(&self) -> usize {
        self.shifts.len()
    }
}
