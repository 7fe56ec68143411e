//! Copies of the input in which all that a tap meets is one row.
//!
//! A plane is copied for each column of the kernel: of every line, what that column meets. Lines of these copies are as long as those of the
//! output, so that what a tap meets over all positions lies in one piece, and no lane of a vector is lost at the ends of lines.

use std::ops::Range;

use super::ConvGeometry;
use super::frame::copy;
use crate::kernels::gemm::Vector;

/// The copies of an input channel, one for each column of the kernel. Each has the lines of the padded input; with vertical stride, all those come
/// first that are a multiple of it from the first, then those from the second, ..., so that the lines that a tap meets follow each other.
pub struct Planes {
    /// Lines that are a multiple of the stride apart.
    rows: usize,
    /// Lines in all.
    height: usize,
    width: usize,
    /// For each column of the kernel, the outputs for which it meets an input.
    columns: Vec<Range<usize>>,
}

impl Planes {
    /// For the input of a convolution that moves by one across.
    pub fn new(g: &ConvGeometry) -> Self {
        let ([_, width], padding) = (g.output, g.padding[1]);
        let columns = (0..g.kernel[1]).map(|j| {
            let shift = j * g.dilation[1];
            let first = padding.saturating_sub(shift).min(width);
            let end = (padding + g.input[1]).saturating_sub(shift).min(width);
            first..end.max(first)
        });
        let rows = (g.input[0] + 2 * g.padding[0]).div_ceil(g.stride[0]);
        Planes { rows, height: rows * g.stride[0], width, columns: columns.collect() }
    }

    /// Elements of a copy.
    pub fn area(&self) -> usize {
        self.height * self.width
    }

    /// Where line `row` of the padded input lies.
    fn line(&self, g: &ConvGeometry, row: usize) -> usize {
        (row % g.stride[0] * self.rows + row / g.stride[0]) * self.width
    }

    /// Where the row of tap `t` begins.
    pub fn shift(&self, g: &ConvGeometry, t: usize) -> usize {
        let (j, i, c) = (t % g.kernel[1], t / g.kernel[1] % g.kernel[0], t / g.kernel[1] / g.kernel[0]);
        (c * g.kernel[1] + j) * self.area() + self.line(g, i * g.dilation[0])
    }

    /// Copies input channels. What no input goes to stays as it is: zero.
    #[inline(always)]
    pub fn fill<V: Vector>(&self, g: &ConvGeometry, x: &[V::Elem], copies: &mut [V::Elem]) {
        let channels = x.chunks_exact(g.input[0] * g.input[1]);
        for (x, copies) in channels.zip(copies.chunks_exact_mut(g.kernel[1] * self.area())) {
            for ((j, columns), plane) in
                self.columns.iter().enumerate().zip(copies.chunks_exact_mut(self.area()))
            {
                if columns.is_empty() {
                    continue;
                }
                let from = columns.start + j * g.dilation[1] - g.padding[1];
                for (i, x) in x.chunks_exact(g.input[1]).enumerate() {
                    let line = &mut plane[self.line(g, g.padding[0] + i)..][columns.clone()];
                    copy::<V>(&x[from..from + columns.len()], line);
                }
            }
        }
    }
}
