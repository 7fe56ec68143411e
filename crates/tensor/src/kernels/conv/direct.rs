//! Convolution of any kind as an implicit matrix product.
//!
//! In all three passes the unfolded image (im2col) is never built: the tiles of [`gemm`](super::gemm) can read rows that begin anywhere, and
//! the row of the unfolded image that belongs to tap `(c, i, j)` is the image itself, shifted.
//!
//! - forward: `y[o, q] = Σ w[o, t] x[q + shift(t)]` over the taps `t`. With stride 1 the positions `q` run over whole lines of the
//!   padded image, so that a vector of them is one load; the few at the end of each line that are not outputs are dropped when the
//!   result is copied out. If it is less work, each line is computed separately, from the taps that meet a line of the image and not
//!   its padding; or all lines from copies with [joined](super::joined) lines.
//! - input gradient: the same over the padded gradient, with the flipped kernel; with a stride, once for each phase of it. With few
//!   channels, [columns](super::columns) are faster.
//! - weight gradient: `dw[t, o] = Σ x[q + shift(t)] dy[q, o]` over the positions `q` of one image after the other.

use std::ops::Range;

use super::frame::{Frame, Framed};
use super::joined::Planes;
use super::{ConvGeometry, add_bias};
use crate::Float;
use crate::kernels::gemm::{
    Left, Mat, Rows, Starts, Target, Transpose, Vector, WIDTH, block_length, pack_right, rows,
};
use crate::kernels::simd::{Isa, VectorKernel};
use crate::parallel::{for_parts, split_units, threads_for};
use crate::storage::Buffer;

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
        let taps = Taps::new(g.shifts(channels_in, &frame), &frame, g.input[0], g.output, g.stride);
        let joined = taps.joined(g);
        let (taps, pitch, area) = match &joined {
            Some((_, taps)) => (taps, g.output[1], g.input[0] * g.input[1]),
            None => (&taps, frame.size[1], area),
        };
        let mut framed = Framed::new(frame, g.input, g.in_channels);
        let mut scratch = Scratch::new(g, taps, pitch, joined.as_ref().map(|(planes, _)| planes));
        for (image, y) in images.zip(y.chunks_exact_mut(image_out)) {
            let x = &x[image * image_in..][..image_in];
            let x = if joined.is_some() { x } else { framed.of(x) };
            for group in 0..g.groups {
                let correlation = Correlation {
                    x: &x[group * channels_in * area..][..channels_in * area],
                    joined: joined.as_ref().map(|(planes, _)| (g, planes)),
                    pitch,
                    w: &w[group * channels_out * taps.len()..][..channels_out * taps.len()],
                    taps,
                    stride: g.stride,
                    output: g.output,
                    y: &mut y[group * image_out / g.groups..][..image_out / g.groups],
                    scratch: &mut scratch,
                };
                T::correlate(isa, correlation);
            }
            if let Some(bias) = bias {
                add_bias(y, bias);
            }
        }
    });
}

/// `dx` from `dy` and `w`.
///
/// Row `r` of the input meets tap `t` in row `(r + padding - t dilation) / stride` of the output, if that is an integer. So the rows `a`, `a + stride`, ...
/// are a correlation with stride 1 of `dy` with some of the taps, and no zero is multiplied.
pub fn input_grad<T: Float>(isa: Isa, g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    let [channels_in, channels_out] = g.channels();
    let phases = Phases::new(g);
    let frame = phases.frame(g);
    let (area, pitch) = (frame.area(), frame.size[1]);
    let parts: Vec<Part<T>> = (0..g.stride[0])
        .flat_map(|a| (0..g.stride[1]).map(move |b| [a, b]))
        .filter_map(|phase| phases.part(g, phase, &frame, w))
        .collect();
    let [image_in, image_out] = g.images();
    let whole = g.stride == [1, 1];
    split_units(dx, image_in, g.work(), |images, dx| {
        let mut framed = Framed::new(phases.frame(g), g.output, g.out_channels);
        let in_place = whole && parts.iter().all(|part| part.taps.by_line || pitch == g.input[1]);
        let lines = if in_place { 0 } else { channels_in * frame.size[0] * pitch };
        let mut scratch = Scratch { lines: Buffer::scratch(lines), unfolded: Buffer::scratch(0) };
        let mut some = Buffer::<T>::scratch(if whole { 0 } else { image_in / g.groups });
        for (image, dx) in images.zip(dx.chunks_exact_mut(image_in)) {
            let dy = framed.of(&dy[image * image_out..][..image_out]);
            for (group, dx) in dx.chunks_exact_mut(image_in / g.groups).enumerate() {
                if !whole {
                    dx.fill(T::ZERO);
                }
                for part in &parts {
                    let taps = part.taps.len();
                    let [rows, columns] = part.size;
                    let correlation = Correlation {
                        x: &dy[group * channels_out * area..][..channels_out * area],
                        joined: None,
                        pitch,
                        w: &part.w[group * channels_in * taps..][..channels_in * taps],
                        taps: &part.taps,
                        stride: [1, 1],
                        output: part.size,
                        y: if whole { &mut *dx } else { &mut some[..channels_in * rows * columns] },
                        scratch: &mut scratch,
                    };
                    T::correlate(isa, correlation);
                    if !whole {
                        part.spread(g, &some, dx);
                    }
                }
            }
        }
    });
}

/// The taps of each phase of the input, down and across, and the output that each reads, relative to the first: `[phase][..] = (tap, distance)`.
struct Phases([Vec<Vec<(usize, isize)>>; 2]);

impl Phases {
    fn new(g: &ConvGeometry) -> Self {
        Phases([0, 1].map(|d| {
            let distance = |phase: usize, tap: usize| {
                let reach = (phase + g.padding[d]) as isize - (tap * g.dilation[d]) as isize;
                (reach % g.stride[d] as isize == 0).then_some((tap, reach / g.stride[d] as isize))
            };
            (0..g.stride[d])
                .map(|phase| (0..g.kernel[d]).filter_map(|tap| distance(phase, tap)).collect())
                .collect()
        }))
    }

    /// The smallest and the largest distance.
    fn reach(&self, d: usize) -> [isize; 2] {
        let all = || self.0[d].iter().flatten().map(|&(_, distance)| distance);
        [all().min().unwrap_or(0), all().max().unwrap_or(0)]
    }

    /// The frame around the gradient in which every tap of every phase finds its output, or a zero.
    fn frame(&self, g: &ConvGeometry) -> Frame {
        let reach = [0, 1].map(|d| self.reach(d));
        Frame {
            size: [0, 1].map(|d| g.input[d].div_ceil(g.stride[d]) + (reach[d][1] - reach[d][0]) as usize),
            first: reach.map(|[smallest, _]| -smallest),
        }
    }

    /// One phase of the input, unless it has no element or no tap.
    fn part<T: Float>(&self, g: &ConvGeometry, phase: [usize; 2], frame: &Frame, w: &[T]) -> Option<Part<T>> {
        let size = [0, 1].map(|d| g.input[d].saturating_sub(phase[d]).div_ceil(g.stride[d]));
        let taps = [0, 1].map(|d| &self.0[d][phase[d]]);
        if size.contains(&0) || taps.iter().any(|taps| taps.is_empty()) {
            return None;
        }
        let (area, pitch) = (frame.area(), frame.size[1]);
        let [top, left] = [0, 1].map(|d| self.reach(d)[0]);
        let [channels_in, channels_out] = g.channels();
        let mut shifts = Vec::with_capacity(channels_out * taps[0].len() * taps[1].len());
        // The index of each tap in the kernel of one output and input.
        let mut places = Vec::with_capacity(taps[0].len() * taps[1].len());
        for o in 0..channels_out {
            for &(i, down) in taps[0] {
                for &(j, across) in taps[1] {
                    shifts.push(o * area + (down - top) as usize * pitch + (across - left) as usize);
                    if o == 0 {
                        places.push(i * g.kernel[1] + j);
                    }
                }
            }
        }
        let window = g.kernel[0] * g.kernel[1];
        let mut packed = Buffer::scratch(g.in_channels * shifts.len());
        for (at, row) in packed.chunks_exact_mut(shifts.len()).enumerate() {
            let (group, c) = (at / channels_in, at % channels_in);
            for (o, row) in row.chunks_exact_mut(places.len()).enumerate() {
                let from = &w[((group * channels_out + o) * channels_in + c) * window..][..window];
                row.iter_mut().zip(&places).for_each(|(to, &place)| *to = from[place]);
            }
        }
        let taps = Taps::new(shifts, frame, g.output[0], size, [1, 1]);
        Some(Part { phase, size, taps, w: packed })
    }
}

/// The elements of the input at positions `phase` plus multiples of the stride.
struct Part<T: crate::Element> {
    phase: [usize; 2],
    /// The number of elements, down and across.
    size: [usize; 2],
    /// The taps of the correlation: one for each output channel and each tap of this phase.
    taps: Taps,
    /// The kernels, by input, output and tap.
    w: Buffer<T>,
}

impl<T: Float> Part<T> {
    /// Writes the results for all planes of a group to their positions in `dx`.
    fn spread(&self, g: &ConvGeometry, some: &[T], dx: &mut [T]) {
        let [rows, columns] = self.size;
        let planes = some.chunks_exact(rows * columns).zip(dx.chunks_exact_mut(g.input[0] * g.input[1]));
        for (some, dx) in planes {
            for (i, line) in some.chunks_exact(columns).enumerate() {
                let to = &mut dx[(self.phase[0] + i * g.stride[0]) * g.input[1] + self.phase[1]..];
                line.iter().zip(to.iter_mut().step_by(g.stride[1])).for_each(|(&x, to)| *to = x);
            }
        }
    }
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
        let pieces = sums.chunks_mut(some_taps * channels_out).enumerate();
        for_parts(pieces, |(i, sums)| part(i * some_taps, sums));
        let dw = &mut dw[group * channels_out * taps..][..channels_out * taps];
        T::transpose(isa, Transpose { from: &sums, columns: channels_out, to: dw });
    }
}

/// The taps of a correlation.
struct Taps {
    /// The offset of each tap in the framed planes.
    shifts: Vec<usize>,
    /// What is computed at once: each line of the result if `by_line`, otherwise a single entry for all of it.
    lines: Vec<Line>,
    by_line: bool,
}

/// The taps that a line of the result needs: their indices and offsets.
struct Line {
    taps: Vec<usize>,
    shifts: Vec<usize>,
}

impl Taps {
    /// Taps over framed planes of `height` lines.
    fn new(shifts: Vec<usize>, frame: &Frame, height: usize, output: [usize; 2], stride: [usize; 2]) -> Self {
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

    /// The taps over copies with [joined](super::joined) lines, and these, if that is less work for a forward pass. Work is counted in products of 16
    /// elements; a line that is copied counts as some.
    fn joined(&self, g: &ConvGeometry) -> Option<(Planes, Taps)> {
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

    fn len(&self) -> usize {
        self.shifts.len()
    }
}

/// Room for the results of one image and group, with the positions at the ends of lines that are no output; and for the image,
/// unfolded where stride is not 1, or with its lines joined.
pub struct Scratch<T: crate::Element> {
    lines: Buffer<T>,
    unfolded: Buffer<T>,
}

impl<T: Float> Scratch<T> {
    fn new(g: &ConvGeometry, taps: &Taps, pitch: usize, joined: Option<&Planes>) -> Self {
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
    x: &'a [T],
    /// How lines are joined.
    joined: Option<(&'a ConvGeometry, &'a Planes)>,
    /// The length of a line of what the taps meet.
    pitch: usize,
    w: &'a [T],
    taps: &'a Taps,
    stride: [usize; 2],
    output: [usize; 2],
    y: &'a mut [T],
    scratch: &'a mut Scratch<T>,
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
                // SAFETY: every window begins inside its image at every shift; the panels are padded to the width of a tile;
                // `sums` has `channels` elements for each shift.
                unsafe {
                    rows::<V>(
                        shifts.len(),
                        channels,
                        V::ROWS,
                        Left { base: x.as_ptr(), rows: Starts::At(shifts), offsets: windows },
                        Rows {
                            base: packed.as_ptr(),
                            panel: depth * width,
                            offsets: &in_order[..depth],
                            padded: true,
                        },
                        Target { base: sums.as_mut_ptr(), row_stride: channels, add },
                    );
                }
                add = true;
            }
        }
    }
}
