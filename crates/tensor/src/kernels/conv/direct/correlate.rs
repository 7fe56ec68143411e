//! The kernel of the forward pass and the input gradient.

use super::taps::{Line, Taps};
use crate::Float;
use crate::kernels::conv::ConvGeometry;
use crate::kernels::conv::joined::Planes;
use crate::kernels::gemm::{Left, Rows, Starts, Target, Vector, WIDTH, block_length, rows};
use crate::kernels::simd::VectorKernel;
use crate::storage::Buffer;

/// Room for the results of one image and group, with the positions at the ends of lines that are no output; and for the image,
/// unfolded where stride is not 1, or with its lines joined.
pub struct Scratch<T: crate::Element> {
    pub lines: Buffer<T>,
    pub unfolded: Buffer<T>,
}

impl<T: Float> Scratch<T> {
    pub fn new(g: &ConvGeometry, taps: &Taps, pitch: usize, joined: Option<&Planes>) -> Self {
        let ([channels_in, channels_out], straight) = (g.channels(), g.stride == [1, 1]);
        let lines = if straight && !taps.by_line && pitch != g.output[1] {
            channels_out * g.output[0] * pitch
        } else {
            0
        };
        let unfolded = match joined {
            Some(planes) => Buffer::filled(channels_in * g.kernel[1] * planes.area(), T::ZERO),
            None if straight => Buffer::scratch(0),
            None => Buffer::scratch(g.taps() * g.output[0] * g.output[1]),
        };
        Scratch { lines: Buffer::scratch(lines), unfolded }
    }
}

/// `y[o, q] = Σ_t w[o, t] x[q + shift(t)]` for one image and group.
pub struct Correlation<'a, T: crate::Element> {
    /// The framed planes; if lines are to be joined, the planes.
    pub x: &'a [T],
    /// How lines are joined.
    pub joined: Option<(&'a ConvGeometry, &'a Planes)>,
    /// The length of a line of what the taps meet.
    pub pitch: usize,
    pub w: &'a [T],
    pub taps: &'a Taps,
    pub stride: [usize; 2],
    pub output: [usize; 2],
    pub y: &'a mut [T],
    pub scratch: &'a mut Scratch<T>,
}

impl<T: Float> VectorKernel<T> for Correlation<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Correlation { x, joined, pitch, w, taps, stride, output: [height, width], y, scratch } = self;
        let Scratch { lines, unfolded } = scratch;
        let channels = w.len() / taps.len();
        let strided = stride != [1, 1];
        if strided {
            for (row, &shift) in unfolded.chunks_exact_mut(height * width).zip(&taps.shifts) {
                for (i, line) in row.chunks_exact_mut(width).enumerate() {
                    let from = x[shift + i * stride[0] * pitch..].iter().step_by(stride[1]);
                    line.iter_mut().zip(from).for_each(|(to, &x)| *to = x);
                }
            }
        }
        if let Some((g, planes)) = joined {
            planes.fill::<V>(g, x, unfolded);
        }
        let in_place = strided || taps.by_line || pitch == width;
        let x = if strided || joined.is_some() { &unfolded[..] } else { x };
        let positions = match () {
            _ if strided => height * width,
            _ if taps.by_line => width,
            // The last line ends with its last output: what comes after it may lie outside the image.
            _ => (height - 1) * pitch + width,
        };
        let plane = height * if in_place { width } else { pitch };
        let out = if in_place { &mut *y } else { &mut lines[..] };
        for (i, line) in taps.lines.iter().enumerate() {
            let (x, out) = (&x[i * pitch..], &mut out[i * width..]);
            // SAFETY: of every plane of `x`, `positions` elements from each shift on are inside, counted from the line's beginning; `out` has as
            // many for each channel, a plane apart.
            unsafe { taps_times_line::<V>((w, taps.len()), channels, x, line, positions, out, plane) };
        }
        if !in_place {
            for (y, lines) in y.chunks_exact_mut(height * width).zip(lines.chunks_exact(plane)) {
                for (y, line) in y.chunks_exact_mut(width).zip(lines.chunks_exact(pitch)) {
                    y.copy_from_slice(&line[..width]);
                }
            }
        }
    }
}

/// `y[o * plane + q] = Σ_t w[o, taps[t]] x[shifts[t] + q]` for `q < positions`.
///
/// # Safety
/// `x` must have `positions` elements from each shift on, `y` from each multiple of `plane`; `V`'s instructions must be there.
#[inline(always)]
unsafe fn taps_times_line<V: Vector>(
    (w, row_stride): (&[V::Elem], usize),
    channels: usize,
    x: &[V::Elem],
    line: &Line,
    positions: usize,
    y: &mut [V::Elem],
    plane: usize,
) {
    let count = line.taps.len();
    let length = block_length(count);
    // Once even if there is no tap: the sum is then 0.
    for t in (0..count.max(1)).step_by(length) {
        let block = t..count.min(t + length);
        // SAFETY: `x` has all positions from each shift on; row `o` of `w` has all taps.
        unsafe {
            rows::<V>(
                channels,
                positions,
                V::ROWS,
                Left {
                    base: w.as_ptr(),
                    rows: Starts::Every(row_stride),
                    offsets: &line.taps[block.clone()],
                },
                Rows {
                    base: x.as_ptr(),
                    panel: WIDTH * V::LANES,
                    offsets: &line.shifts[block],
                    padded: false,
                },
                Target { base: y.as_mut_ptr(), row_stride: plane, add: t > 0 },
            );
        }
    }
}
