//! The input gradient by columns (col2im): a matrix product gives the contribution of each tap at each position, and the contributions to each
//! input are added up.
//!
//! `columns[t, q] = Σ_o w[o, t] dy[o, q]` reads both operands in place, and its tiles have as many rows as there are taps. The
//! [direct](super::direct) sums have a row for each input channel, so with one, three or six channels most of a tile is empty. Here, each
//! column is written and read once more instead, which pays if it is the sum of many products.

use super::ConvGeometry;
use crate::Float;
use crate::kernels::gemm::{Left, Rows, Starts, Target, Vector, WIDTH, block_length, height, rows};
use crate::kernels::simd::{Isa, VectorKernel};
use crate::parallel::split_units;
use crate::storage::Buffer;

/// The largest number of elements of `columns` that are computed before they are added up, unless one channel has more.
const BLOCK: usize = 1 << 13;

/// Whether it pays, judged by the sizes of the convolution alone.
pub fn suits(g: &ConvGeometry) -> bool {
    let [direct, columns] = work(g);
    g.stride == [1, 1] && 5 * columns <= 4 * direct
}

/// The work of an image and group with stride 1, [direct](super::direct) and by columns, in products of 16 elements. A vector of a column is added up in the time of
/// about four.
pub fn work(g: &ConvGeometry) -> [usize; 2] {
    let [channels_in, channels_out] = g.channels();
    let [lines, width] = g.input;
    let meets = (0..lines).map(|line| lines_that_meet(g, line).count()).sum::<usize>();
    let by_line = meets * g.kernel[1] * width.div_ceil(16);
    let pitch = width + (g.kernel[1] - 1) * g.dilation[1];
    let at_once = g.kernel[0] * g.kernel[1] * (lines * pitch).div_ceil(16);
    let least = if by_line < at_once && width <= 16 { 8 } else { 4 };
    let direct = channels_out * rows_as_if(channels_in, least) * by_line.min(at_once);
    let columns =
        channels_out * g.taps() * (g.output[0] * g.output[1]).div_ceil(16) + 4 * channels_in * by_line;
    [direct, columns]
}

/// The number of rows of full tiles that take as long as `rows`: a tile of fewer than `least` rows takes as long as one of `least`, as it waits for
/// its additions. `least` is four, or eight if a line is no longer than a vector.
pub fn rows_as_if(rows: usize, least: usize) -> usize {
    let (mut all, mut rest) = (0, rows);
    while rest > 0 {
        let height = height(rest, 14);
        all += height.max(least);
        rest -= height;
    }
    all
}

/// `dx` from `dy` and `w`, with stride 1.
pub fn input_grad<T: Float>(isa: Isa, g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    let [image_in, image_out] = g.images();
    let lines: Vec<Vec<_>> = (0..g.input[0]).map(|line| lines_that_meet(g, line).collect()).collect();
    split_units(dx, image_in, g.work(), |images, dx| {
        let dy = &dy[images.start * image_out..];
        T::add_columns(isa, Columns { g, lines: &lines, dy, w, dx });
    });
}

/// The lines of the kernel that meet line `line` of the input, each with the line of the output for which it does.
fn lines_that_meet(g: &ConvGeometry, line: usize) -> impl Iterator<Item = [usize; 2]> {
    let row =
        move |i: usize| (line + g.padding[0]).checked_sub(i * g.dilation[0]).filter(|&row| row < g.output[0]);
    (0..g.kernel[0]).filter_map(move |i| Some([i, row(i)?]))
}

/// The gradient of some images.
pub struct Columns<'a, T> {
    g: &'a ConvGeometry,
    /// For each line of the input, the lines of the kernel and of the output that meet there.
    lines: &'a [Vec<[usize; 2]>],
    /// The gradient of the outputs, from the first of these images on.
    dy: &'a [T],
    w: &'a [T],
    dx: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for Columns<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Columns { g, lines, dy, w, dx } = self;
        let [channels_in, channels_out] = g.channels();
        let [area_in, area_out] = [g.input, g.output].map(|[h, w]| h * w);
        let window = g.kernel[0] * g.kernel[1];
        // Channels whose columns stay in the first-level cache until they are added up, but at least one.
        let together = (BLOCK / (window * area_out)).clamp(1, channels_in);
        let mut columns = Buffer::<T>::scratch(together * window * area_out);
        let steps = [g.taps(), area_out].map(|step| (0..channels_out).map(|o| o * step).collect::<Vec<_>>());
        let across: Vec<Vec<Across>> =
            (0..g.input[1]).step_by(V::LANES).map(|first| Across::new(g, first, V::LANES)).collect();
        let groups =
            dy.chunks_exact(channels_out * area_out).zip(w.chunks_exact(channels_out * g.taps()).cycle());
        for (dx, (dy, w)) in dx.chunks_exact_mut(channels_in * area_in).zip(groups) {
            for (block, dx) in dx.chunks_mut(together * area_in).enumerate() {
                let taps = dx.len() / area_in * window;
                let columns = &mut columns[..taps * area_out];
                multiply::<V>(&w[block * together * window..], dy, &steps, taps, area_out, columns);
                for (dx, columns) in dx.chunks_exact_mut(area_in).zip(columns.chunks_exact(window * area_out))
                {
                    for (lines, dx) in lines.iter().zip(dx.chunks_exact_mut(g.input[1])) {
                        for (across, dx) in across.iter().zip(dx.chunks_mut(V::LANES)) {
                            // SAFETY: the lanes that are read belong to the line of each column that meets this one.
                            unsafe {
                                gather::<V>(g, lines, across, columns).store_part(dx.as_mut_ptr(), dx.len())
                            };
                        }
                    }
                }
            }
        }
    }
}

/// Adds up the columns for some elements of a line of the input.
///
/// # Safety
/// `lines` and `across` must be what that line and those elements meet.
#[inline(always)]
unsafe fn gather<V: Vector>(
    g: &ConvGeometry,
    lines: &[[usize; 2]],
    across: &[Across],
    columns: &[V::Elem],
) -> V {
    let positions = g.output[0] * g.output[1];
    // SAFETY: as promised by the caller.
    unsafe {
        let mut total = V::zero();
        for &[i, row] in lines {
            let column = columns[i * g.kernel[1] * positions + row * g.output[1]..].as_ptr();
            // A sum of its own, as each addition would wait for the one before.
            let mut sum = V::zero();
            for &Across { from, lanes } in across {
                sum = sum.add(V::load_lanes(column.wrapping_offset(from), lanes));
            }
            total = total.add(sum);
        }
        total
    }
}

/// What a vector of a line of the input meets with a column of the kernel.
struct Across {
    /// The place that lane 0 would meet, from the first output with the first column on.
    from: isize,
    /// The lanes that meet an output, as bits.
    lanes: u16,
}

impl Across {
    /// For each column of the kernel, what the lanes from column `first` of the input on meet.
    fn new(g: &ConvGeometry, first: usize, lanes: usize) -> Vec<Self> {
        let lanes = lanes.min(g.input[1] - first);
        let across = |j: usize| {
            let output = (first + g.padding[1]) as isize - (j * g.dilation[1]) as isize;
            let meets = |lane: &usize| (0..g.output[1] as isize).contains(&(output + *lane as isize));
            Across {
                from: output + (j * g.output[0] * g.output[1]) as isize,
                lanes: (0..lanes).filter(meets).map(|lane| 1 << lane).sum(),
            }
        };
        (0..g.kernel[1]).map(across).collect()
    }
}

/// `columns[t, q] = Σ_o w[o, t] dy[o, q]` for the first `taps` taps, with the steps from one output to the next of either operand.
#[inline(always)]
fn multiply<V: Vector>(
    w: &[V::Elem],
    dy: &[V::Elem],
    [of_w, of_dy]: &[Vec<usize>; 2],
    taps: usize,
    positions: usize,
    columns: &mut [V::Elem],
) {
    let length = block_length(of_w.len());
    for (block, (of_w, of_dy)) in of_w.chunks(length).zip(of_dy.chunks(length)).enumerate() {
        // SAFETY: each output has `taps` weights from its step on, and a gradient of `positions`; so has each tap in `columns`.
        unsafe {
            rows::<V>(
                taps,
                positions,
                V::ROWS,
                Left { base: w.as_ptr(), rows: Starts::Every(1), offsets: of_w },
                Rows { base: dy.as_ptr(), panel: WIDTH * V::LANES, offsets: of_dy, padded: false },
                Target { base: columns.as_mut_ptr(), row_stride: positions, add: block > 0 },
            );
        }
    }
}
