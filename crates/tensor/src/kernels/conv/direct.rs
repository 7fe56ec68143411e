//! Convolution of any kind as a matrix product.
//!
//! All three passes are products whose right- or left-hand operand is never built: the tiles of [`gemm`](super::gemm) read rows
//! that begin anywhere, and the row of an unfolded image that belongs to tap `(c, i, j)` is the image itself, shifted.
//!
//! - forward: `y[o, q] = Σ w[o, t] x[q + shift(t)]` over the taps `t`. With stride 1 the positions `q` run over whole lines of the
//!   padded image, so that a vector of them is one load; the few at the end of each line that are no output are dropped
//!   when the result is copied out.
//! - input gradient: the forward pass over the padded gradient (spread out by the stride) with the kernel turned round.
//! - weight gradient: `dw[t, o] = Σ x[q + shift(t)] dy[q, o]` over the positions `q` of one image after the other.

use super::ConvGeometry;
use super::frame::{Frame, Framed};
use crate::kernels::gemm::{
    Left, Mat, Rows, Target, Vector, WIDTH, block_length, pack_right, rows, transpose,
};
use crate::kernels::simd::{Isa, VectorKernel};
use crate::parallel::{split_units, threads_for};
use crate::storage::Buffer;
use crate::{Float, sequential};

/// `y = x ⋆ w (+ bias)`.
pub fn forward<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let [image_in, image_out] = g.images();
    split_units(y, image_out, g.work(), |images, y| {
        if y.is_empty() {
            return;
        }
        let [channels_in, channels_out] = g.channels();
        let frame = g.frame();
        let area = frame.area();
        let shifts = g.shifts(channels_in, &frame);
        let mut framed = Framed::new(frame, g.input, g.in_channels);
        let mut scratch = Scratch::new(g, framed.frame.size[1], channels_out);
        for (image, y) in images.zip(y.chunks_exact_mut(image_out)) {
            let x = framed.of(&x[image * image_in..][..image_in]);
            for group in 0..g.groups {
                let correlation = Correlation {
                    x: &x[group * channels_in * area..][..channels_in * area],
                    pitch: g.input[1] + 2 * g.padding[1],
                    w: &w[group * channels_out * shifts.len()..][..channels_out * shifts.len()],
                    shifts: &shifts,
                    stride: g.stride,
                    output: g.output,
                    y: &mut y[group * image_out / g.groups..][..image_out / g.groups],
                    scratch: &mut scratch,
                };
                T::correlate(isa, correlation);
            }
            if let Some(bias) = bias {
                for (y, &b) in y.chunks_exact_mut(g.output[0] * g.output[1]).zip(bias) {
                    y.iter_mut().for_each(|y| *y += b);
                }
            }
        }
    });
}

/// `dx` from `dy` and `w`.
pub fn input_grad<T: Float>(isa: Isa, g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    let [channels_in, channels_out] = g.channels();
    let window = g.kernel[0] * g.kernel[1];
    // Input and output change places, and so do the channels of the kernel, which is turned round.
    let mut turned = Buffer::<T>::scratch(w.len());
    for group in 0..g.groups {
        let group = group * channels_in * channels_out * window;
        for i in 0..channels_in {
            for o in 0..channels_out {
                let from = &w[group + (o * channels_in + i) * window..][..window];
                let to = &mut turned[group + (i * channels_out + o) * window..][..window];
                to.iter_mut().zip(from.iter().rev()).for_each(|(to, &x)| *to = x);
            }
        }
    }
    let reach = g.reach();
    let [image_in, image_out] = g.images();
    split_units(dx, image_in, g.work(), |images, dx| {
        if dx.is_empty() {
            return;
        }
        let frame = Frame {
            size: std::array::from_fn(|d| g.input[d] + reach[d]),
            spread: g.stride,
            first: std::array::from_fn(|d| reach[d] as isize - g.padding[d] as isize),
        };
        let (area, pitch) = (frame.area(), frame.size[1]);
        let shifts = g.shifts(channels_out, &frame);
        let mut framed = Framed::new(frame, g.output, g.out_channels);
        let straight = ConvGeometry { stride: [1, 1], output: g.input, ..*g };
        let mut scratch = Scratch::new(&straight, pitch, channels_in);
        for (image, dx) in images.zip(dx.chunks_exact_mut(image_in)) {
            let dy = framed.of(&dy[image * image_out..][..image_out]);
            for group in 0..g.groups {
                let correlation = Correlation {
                    x: &dy[group * channels_out * area..][..channels_out * area],
                    pitch,
                    w: &turned[group * channels_in * shifts.len()..][..channels_in * shifts.len()],
                    shifts: &shifts,
                    stride: [1, 1],
                    output: g.input,
                    y: &mut dx[group * image_in / g.groups..][..image_in / g.groups],
                    scratch: &mut scratch,
                };
                T::correlate(isa, correlation);
            }
        }
    });
}

/// `dw` from `x` and `dy`, summed over the batch in order.
pub fn weight_grad<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let (taps, [channels_in, channels_out]) = (g.taps(), g.channels());
    let frame = g.frame();
    let (area, shifts) = (frame.area(), g.shifts(channels_in, &frame));
    let mut framed = Framed::new(frame, g.input, g.batch * g.in_channels);
    let x = framed.of(x);
    let pitch = g.input[1] + 2 * g.padding[1];
    // Where the window of each position begins.
    let windows: Vec<usize> = (0..g.output[0])
        .flat_map(|i| (0..g.output[1]).map(move |j| i * g.stride[0] * pitch + j * g.stride[1]))
        .collect();
    let mut sums = Buffer::<T>::scratch(taps * channels_out);
    for group in 0..g.groups {
        let threads = threads_for(g.work() / g.groups).min(taps);
        let some_taps = taps.div_ceil(threads);
        let part = |first: usize, sums: &mut [T]| {
            T::add_weight_grad(
                isa,
                WeightGrad {
                    images: x[group * channels_in * area..].chunks(g.in_channels * area),
                    shifts: &shifts[first..first + sums.len() / channels_out],
                    windows: &windows,
                    dy: dy[group * channels_out * windows.len()..].chunks(g.out_channels * windows.len()),
                    channels: channels_out,
                    sums,
                },
            );
        };
        if threads == 1 {
            part(0, &mut sums);
        } else {
            use rayon::prelude::*;
            let pieces = sums.par_chunks_mut(some_taps * channels_out).enumerate();
            pieces.for_each(|(i, sums)| sequential(|| part(i * some_taps, sums)));
        }
        let dw = &mut dw[group * channels_out * taps..][..channels_out * taps];
        T::transpose(isa, Transpose { from: &sums, columns: channels_out, to: dw });
    }
}

/// Room for the results of one image and group, with the positions at the ends of lines that are no output; and, where stride is not
/// 1, for the unfolded image.
pub struct Scratch<T: crate::Element> {
    lines: Buffer<T>,
    unfolded: Buffer<T>,
}

impl<T: Float> Scratch<T> {
    fn new(g: &ConvGeometry, pitch: usize, channels_out: usize) -> Self {
        let straight = g.stride == [1, 1];
        let lines = if straight && pitch != g.output[1] { channels_out * g.output[0] * pitch } else { 0 };
        let unfolded = if straight { 0 } else { g.taps() * g.output[0] * g.output[1] };
        Scratch { lines: Buffer::scratch(lines), unfolded: Buffer::scratch(unfolded) }
    }
}

/// `y[o, q] = Σ_t w[o, t] x[q + shift(t)]` for one image and group.
pub struct Correlation<'a, T: crate::Element> {
    /// The framed planes.
    x: &'a [T],
    /// The length of a line of them.
    pitch: usize,
    w: &'a [T],
    shifts: &'a [usize],
    stride: [usize; 2],
    output: [usize; 2],
    y: &'a mut [T],
    scratch: &'a mut Scratch<T>,
}

impl<T: Float> VectorKernel<T> for Correlation<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Correlation { x, pitch, w, shifts, stride, output: [height, width], y, scratch } = self;
        let taps = shifts.len();
        let channels = w.len() / taps;
        if stride == [1, 1] {
            // The last line ends with its last output: what comes after it may lie outside the image.
            let positions = (height - 1) * pitch + width;
            if pitch == width {
                // SAFETY: of every plane of `x`, `positions` elements from each shift on are inside; `y` has one for each position.
                return unsafe { taps_times_image::<V>(w, channels, x, shifts, positions, y, positions) };
            }
            let line = height * pitch;
            // SAFETY: as above; `lines` has `line >= positions` elements for each channel.
            unsafe { taps_times_image::<V>(w, channels, x, shifts, positions, &mut scratch.lines, line) };
            for (y, lines) in y.chunks_exact_mut(height * width).zip(scratch.lines.chunks_exact(line)) {
                for (y, line) in y.chunks_exact_mut(width).zip(lines.chunks_exact(pitch)) {
                    y.copy_from_slice(&line[..width]);
                }
            }
            return;
        }
        let positions = height * width;
        for (row, &shift) in scratch.unfolded.chunks_exact_mut(positions).zip(shifts) {
            for (i, line) in row.chunks_exact_mut(width).enumerate() {
                let from = x[shift + i * stride[0] * pitch..].iter().step_by(stride[1]);
                line.iter_mut().zip(from).for_each(|(to, &x)| *to = x);
            }
        }
        let offsets: Vec<usize> = (0..taps).map(|t| t * positions).collect();
        // SAFETY: `unfolded` has a row of `positions` elements for each tap, `y` for each channel.
        unsafe { taps_times_image::<V>(w, channels, &scratch.unfolded, &offsets, positions, y, positions) }
    }
}

/// `y[o * pitch + q] = Σ_t w[o, t] x[offsets[t] + q]` for `q < positions`.
///
/// # Safety
/// `x` must have `positions` elements from each offset on, `y` from each multiple of `pitch`; `V`'s instructions must be there.
#[inline(always)]
unsafe fn taps_times_image<V: Vector>(
    w: &[V::Elem],
    channels: usize,
    x: &[V::Elem],
    offsets: &[usize],
    positions: usize,
    y: &mut [V::Elem],
    pitch: usize,
) {
    let taps = offsets.len();
    let in_order: Vec<usize> = (0..taps).collect();
    let tile = WIDTH * V::LANES;
    let length = block_length(taps);
    for q in (0..positions).step_by(tile) {
        for t in (0..taps).step_by(length) {
            let block = t..taps.min(t + length);
            // SAFETY: the positions `q..` are fewer than `positions`; row `o` of `w` has `taps` elements.
            unsafe {
                rows::<V>(
                    channels,
                    tile.min(positions - q),
                    V::ROWS,
                    Left { row: |o| w.as_ptr().add(o * taps), offsets: &in_order[block.clone()] },
                    Rows { base: x.as_ptr().add(q), offsets: &offsets[block], padded: false },
                    Target { base: y.as_mut_ptr().add(q), row_stride: pitch, col_stride: 1, add: t > 0 },
                );
            }
        }
    }
}

/// `sums[t, o] = Σ_q x[windows[q] + shift(t)] dy[o, q]` over the positions of all images, for one group.
pub struct WeightGrad<'a, T> {
    images: std::slice::Chunks<'a, T>,
    shifts: &'a [usize],
    windows: &'a [usize],
    dy: std::slice::Chunks<'a, T>,
    channels: usize,
    sums: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for WeightGrad<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let WeightGrad { images, shifts, windows, dy, channels, sums } = self;
        let width = WIDTH * V::LANES;
        let length = block_length(windows.len());
        let in_order: Vec<usize> = (0..length).map(|p| p * width).collect();
        let mut packed = Buffer::<T>::scratch(length * channels.next_multiple_of(width));
        let mut add = false;
        for (x, dy) in images.zip(dy) {
            for (block, windows) in windows.chunks(length).enumerate() {
                let depth = windows.len();
                // The gradient of each position as a row of channels.
                let dy = Mat { data: &dy[block * length..], row_stride: 1, col_stride: self.windows.len() };
                pack_right::<T, V>(dy, depth, channels, width, &mut packed);
                for o in (0..channels).step_by(width) {
                    // SAFETY: every window begins inside its image at every shift; the panels are padded to the width of a tile;
                    // `sums` has `channels` elements for each shift.
                    unsafe {
                        rows::<V>(
                            shifts.len(),
                            width.min(channels - o),
                            V::ROWS,
                            Left { row: |t| x.as_ptr().add(shifts[t]), offsets: windows },
                            Rows {
                                base: packed[o * depth..].as_ptr(),
                                offsets: &in_order[..depth],
                                padded: true,
                            },
                            Target {
                                base: sums.as_mut_ptr().add(o),
                                row_stride: channels,
                                col_stride: 1,
                                add,
                            },
                        );
                    }
                }
                add = true;
            }
        }
    }
}

/// `to[j, i] = from[i, j]`.
pub struct Transpose<'a, T> {
    from: &'a [T],
    columns: usize,
    to: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for Transpose<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let rows = self.from.len() / self.columns;
        transpose::<V>(self.from, self.columns, rows, self.columns, self.to, rows);
    }
}
