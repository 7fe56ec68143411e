//! Copies of the input in which the inputs of a tap, over all positions, are one contiguous row.
//!
//! A plane is copied for each column of the kernel: of every line, the inputs that this column meets. The lines of these copies are as long as
//! those of the output, so that the inputs of a tap are contiguous, and no lanes of vectors are empty at the ends of lines.

use std::ops::Range;

use super::ConvGeometry;
use super::frame::copy;
use crate::kernels::gemm::Vector;

/// The copies of an input channel, one for each column of the kernel. Each has the lines of the padded input; with vertical stride, all those come
/// first that are a multiple of it from the first, then those from the second, ..., so that the lines that a tap meets follow each other.
pub struct Planes {
    width: usize,
    /// Where each line of the padded input begins.
    lines: Vec<usize>,
    /// For each column of the kernel, the outputs for which it meets an input.
    columns: Vec<Range<usize>>,
}

impl Planes {
    /// For the input of a convolution that moves by one across.
    pub fn new(g: &ConvGeometry) -> Self {
        let (width, stride) = (g.output[1], g.stride[0]);
        // Lines that are a multiple of the stride apart.
        let rows = (g.input[0] + 2 * g.padding[0]).div_ceil(stride);
        let line = |row: usize| (row % stride * rows + row / stride) * width;
        let columns = |j: usize| {
            let output = |input: usize| input.saturating_sub(j * g.dilation[1]).min(width);
            output(g.padding[1])..output(g.padding[1] + g.input[1])
        };
        Planes {
            width,
            lines: (0..rows * stride).map(line).collect(),
            columns: (0..g.kernel[1]).map(columns).collect(),
        }
    }

    /// Elements of a copy.
    pub fn area(&self) -> usize {
        self.lines.len() * self.width
    }

    /// Where the row of tap `t` begins.
    pub fn shift(&self, g: &ConvGeometry, t: usize) -> usize {
        let (j, i, c) = (t % g.kernel[1], t / g.kernel[1] % g.kernel[0], t / g.kernel[1] / g.kernel[0]);
        (c * g.kernel[1] + j) * self.area() + self.lines[i * g.dilation[0]]
    }

    /// Copies input channels. Elements that no input goes to stay zero.
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
                for (x, line) in x.chunks_exact(g.input[1]).zip(&self.lines[g.padding[0]..]) {
                    copy::<V>(
                        &x[from..from + columns.len()],
                        &mut plane[line + columns.start..][..columns.len()],
                    );
                }
            }
        }
    }
}
