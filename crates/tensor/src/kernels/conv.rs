//! Two-dimensional convolution: forward, input gradient and weight gradient.
//!
//! All three are matrix products whose right- or left-hand operand is never built: the tiles of [`gemm`](super::gemm) read rows
//! that begin anywhere, and the row of an unfolded image that belongs to tap `(c, i, j)` is the image itself, shifted.
//!
//! - forward: `y[o, q] = Σ w[o, t] x[q + shift(t)]` over the taps `t`. With stride 1 the positions `q` run over whole lines of the
//!   padded image, so that a vector of them is one load; the few at the end of each line that are no output are dropped
//!   when the result is copied out.
//! - input gradient: the forward pass over the padded gradient (spread out by the stride) with the kernel turned round.
//! - weight gradient: `dw[t, o] = Σ x[q + shift(t)] dy[q, o]` over the positions `q` of one image after the other.

use super::gemm::{Left, Mat, Rows, Target, Vector, WIDTH, block_length, pack_right, rows, transpose};
use super::simd::{Isa, VectorKernel, dispatch_on};
use crate::parallel::{split_units, threads_for};
use crate::storage::Buffer;
use crate::{Float, sequential};

/// The sizes of one convolution (cross-correlation, as in every deep-learning library).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Images in the batch.
    pub batch: usize,
    /// Channels of the input, over all groups.
    pub in_channels: usize,
    /// Channels of the output, over all groups.
    pub out_channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Step between windows, down and right.
    pub stride: [usize; 2],
    /// Zeros added on each side, above-and-below and left-and-right.
    pub padding: [usize; 2],
    /// Distance between the taps of a kernel, down and right.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl ConvGeometry {
    /// Channels of the input and of the output, in one group.
    fn channels(&self) -> [usize; 2] {
        [self.in_channels / self.groups, self.out_channels / self.groups]
    }

    /// Taps of one output channel.
    fn taps(&self) -> usize {
        self.channels()[0] * self.kernel[0] * self.kernel[1]
    }

    /// Multiply-adds, in elementary operations.
    fn work(&self) -> usize {
        self.batch * self.out_channels * self.taps() * self.output[0] * self.output[1] / 16
    }

    /// The reach of a kernel beyond its first tap.
    fn reach(&self) -> [usize; 2] {
        std::array::from_fn(|d| self.dilation[d] * (self.kernel[d] - 1))
    }

    /// The padded input, as a frame around the input.
    fn frame(&self) -> Frame {
        let size = std::array::from_fn(|d| self.input[d] + 2 * self.padding[d]);
        Frame { size, spread: [1, 1], first: self.padding.map(|p| p as isize) }
    }

    /// The offset of each tap `(c, i, j)` from the first, in planes of the size of `frame`.
    fn shifts(&self, channels: usize, frame: &Frame) -> Vec<usize> {
        let mut shifts = Vec::with_capacity(channels * self.kernel[0] * self.kernel[1]);
        for c in 0..channels {
            for i in 0..self.kernel[0] {
                for j in 0..self.kernel[1] {
                    let row = c * frame.size[0] + i * self.dilation[0];
                    shifts.push(row * frame.size[1] + j * self.dilation[1]);
                }
            }
        }
        shifts
    }
}

/// A larger plane of zeros into which a plane is copied, spread out.
struct Frame {
    /// Height and width.
    size: [usize; 2],
    /// The distance between neighbours, down and right.
    spread: [usize; 2],
    /// Where the first element goes; what falls outside is cut off.
    first: [isize; 2],
}

impl Frame {
    fn area(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Whether it adds nothing to planes of this size.
    fn is_bare(&self, plane: [usize; 2]) -> bool {
        self.size == plane && self.spread == [1, 1] && self.first == [0, 0]
    }

    /// The place of element `i` along axis `d`, if it is inside.
    fn place(&self, d: usize, i: usize) -> Option<usize> {
        let at = usize::try_from(self.first[d] + (i * self.spread[d]) as isize).ok()?;
        (at < self.size[d]).then_some(at)
    }

    /// Copies planes of `plane` (height, width) into frames, whose other elements are zero already.
    fn fill<T: Float>(&self, planes: &[T], plane: [usize; 2], out: &mut [T]) {
        for (from, out) in planes.chunks_exact(plane[0] * plane[1]).zip(out.chunks_exact_mut(self.area())) {
            for (i, line) in from.chunks_exact(plane[1]).enumerate() {
                let Some(row) = self.place(0, i) else { continue };
                let out = &mut out[row * self.size[1]..][..self.size[1]];
                match self.place(1, 0) {
                    Some(at) if self.spread[1] == 1 && at + line.len() <= out.len() => {
                        out[at..at + line.len()].copy_from_slice(line);
                    }
                    _ => {
                        for (j, &x) in line.iter().enumerate() {
                            if let Some(at) = self.place(1, j) {
                                out[at] = x;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Planes in their frames: the planes themselves if the frame is bare, else copies in a buffer that is made once.
struct Framed<T: Float> {
    frame: Frame,
    plane: [usize; 2],
    buffer: Option<Buffer<T>>,
}

impl<T: Float> Framed<T> {
    fn new(frame: Frame, plane: [usize; 2], planes: usize) -> Self {
        let bare = frame.is_bare(plane);
        let buffer = (!bare).then(|| Buffer::filled(planes * frame.area(), T::ZERO));
        Framed { frame, plane, buffer }
    }

    fn of<'a>(&'a mut self, planes: &'a [T]) -> &'a [T] {
        match &mut self.buffer {
            None => planes,
            Some(buffer) => {
                self.frame.fill(planes, self.plane, buffer);
                buffer
            }
        }
    }
}

/// Element types with convolution kernels, which are methods so that they are compiled here, once for each type.
#[doc(hidden)]
pub trait Conv: crate::Element {
    /// Runs a correlation with the vectors of `isa`.
    fn correlate(isa: Isa, correlation: Correlation<'_, Self>);
    /// Runs the sums of a weight gradient with the vectors of `isa`.
    fn add_weight_grad(isa: Isa, sums: WeightGrad<'_, Self>);
}

macro_rules! conv {
    ($($t:ty)*) => {$(
        impl Conv for $t {
            fn correlate(isa: Isa, correlation: Correlation<'_, $t>) {
                dispatch_on(isa, correlation);
            }
            fn add_weight_grad(isa: Isa, sums: WeightGrad<'_, $t>) {
                dispatch_on(isa, sums);
            }
        }
    )*};
}
conv!(f32 f64);

/// `y = x ⋆ w (+ bias)`; `x: [batch, in, h, w]`, `w: [out, in / groups, kh, kw]`, `y: [batch, out, oh, ow]`, all contiguous.
pub fn forward<T: Float>(g: &ConvGeometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    forward_on(Isa::detect(), g, x, w, bias, y);
}

fn forward_on<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let [image_in, image_out] =
        [(g.in_channels, g.input), (g.out_channels, g.output)].map(|(c, [h, w])| c * h * w);
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

/// `dx` of [`forward`], overwritten, from `dy` and `w`.
pub fn input_grad<T: Float>(g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    input_grad_on(Isa::detect(), g, dy, w, dx);
}

fn input_grad_on<T: Float>(isa: Isa, g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
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
    let [image_in, image_out] =
        [(g.in_channels, g.input), (g.out_channels, g.output)].map(|(c, [h, w])| c * h * w);
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

/// `dw` of [`forward`], overwritten, from `x` and `dy`. Sums over the batch in order.
pub fn weight_grad<T: Float>(g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    weight_grad_on(Isa::detect(), g, x, dy, dw);
}

fn weight_grad_on<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    if g.batch == 0 || g.output.contains(&0) {
        return dw.fill(T::ZERO);
    }
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
        transpose(&sums, channels_out, taps, channels_out, dw, taps);
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
                pack_right(dy, depth, channels, width, &mut packed);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConvOptions, Rng, Tensor};

    /// `(x, w, dy)`'s index triples of every product in a convolution.
    fn products(g: &ConvGeometry, mut f: impl FnMut(usize, usize, usize)) {
        let [channels_in, channels_out] = g.channels();
        for b in 0..g.batch {
            for o in 0..g.out_channels {
                for (i, j) in (0..g.output[0]).flat_map(|i| (0..g.output[1]).map(move |j| (i, j))) {
                    for c in 0..channels_in {
                        for (p, q) in (0..g.kernel[0]).flat_map(|p| (0..g.kernel[1]).map(move |q| (p, q))) {
                            let row = i * g.stride[0] + p * g.dilation[0];
                            let col = j * g.stride[1] + q * g.dilation[1];
                            let inside =
                                |at: usize, d: usize| (g.padding[d]..g.padding[d] + g.input[d]).contains(&at);
                            if !inside(row, 0) || !inside(col, 1) {
                                continue;
                            }
                            let channel = o / channels_out * channels_in + c;
                            let x = ((b * g.in_channels + channel) * g.input[0] + row - g.padding[0])
                                * g.input[1]
                                + col
                                - g.padding[1];
                            let w = ((o * channels_in + c) * g.kernel[0] + p) * g.kernel[1] + q;
                            let y = ((b * g.out_channels + o) * g.output[0] + i) * g.output[1] + j;
                            f(x, w, y);
                        }
                    }
                }
            }
        }
    }

    fn close<T: Float>(what: &str, found: &[T], want: &[f64], tolerance: f64) {
        for (i, (x, want)) in found.iter().zip(want).enumerate() {
            assert!(
                (x.as_f64() - want).abs() <= tolerance * (1.0 + want.abs()),
                "{what}: {i} is {x}, should be {want}"
            );
        }
    }

    fn check<T: Float>(g: &ConvGeometry, tolerance: f64) {
        let mut rng = Rng::new(3);
        let mut random =
            |n: usize| -> Vec<T> { Tensor::<f64>::randn(n, &mut rng).iter().map(T::of).collect() };
        let x = random(g.batch * g.in_channels * g.input[0] * g.input[1]);
        let w = random(g.out_channels * g.taps());
        let dy = random(g.batch * g.out_channels * g.output[0] * g.output[1]);
        let bias = random(g.out_channels);
        let (mut y_want, mut dx_want, mut dw_want) =
            (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
        products(g, |xi, wi, yi| {
            y_want[yi] += x[xi].as_f64() * w[wi].as_f64();
            dx_want[xi] += dy[yi].as_f64() * w[wi].as_f64();
            dw_want[wi] += x[xi].as_f64() * dy[yi].as_f64();
        });
        let plane = (g.output[0] * g.output[1]).max(1);
        y_want.iter_mut().enumerate().for_each(|(i, y)| *y += bias[i / plane % g.out_channels].as_f64());
        for isa in [Isa::Portable, Isa::Avx2, Isa::Avx512].into_iter().filter(|&isa| isa <= Isa::detect()) {
            let what = |name| format!("{name} {isa:?} {g:?}");
            let nan = T::of(f64::NAN);
            let (mut y, mut dx, mut dw) = (vec![nan; dy.len()], vec![nan; x.len()], vec![nan; w.len()]);
            forward_on(isa, g, &x, &w, Some(&bias), &mut y);
            close(&what("forward"), &y, &y_want, tolerance);
            input_grad_on(isa, g, &dy, &w, &mut dx);
            close(&what("input_grad"), &dx, &dx_want, tolerance);
            weight_grad_on(isa, g, &x, &dy, &mut dw);
            close(&what("weight_grad"), &dw, &dw_want, tolerance);
        }
    }

    fn geometry(shape: [usize; 5], kernel: [usize; 2], options: ConvOptions) -> ConvGeometry {
        let [batch, in_channels, out_channels, height, width] = shape;
        let ConvOptions { stride, padding, dilation, groups } = options;
        let input = [height, width];
        let output = options.output_size(input, kernel).unwrap();
        ConvGeometry {
            batch,
            in_channels,
            out_channels,
            input,
            output,
            kernel,
            stride,
            padding,
            dilation,
            groups,
        }
    }

    #[test]
    fn all_kinds_on_all_instruction_sets() {
        let o = |stride, padding, dilation, groups| ConvOptions { stride, padding, dilation, groups };
        let cases = [
            ([2, 1, 6, 12, 12], [5, 5], o([1, 1], [2, 2], [1, 1], 1)),
            ([2, 6, 16, 9, 11], [5, 5], o([1, 1], [0, 0], [1, 1], 1)),
            ([1, 3, 35, 8, 7], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
            ([2, 4, 6, 9, 8], [3, 2], o([2, 3], [1, 0], [1, 1], 2)),
            ([1, 5, 5, 9, 9], [3, 3], o([1, 1], [1, 1], [1, 1], 5)),
            ([1, 2, 3, 11, 10], [3, 3], o([2, 1], [3, 2], [2, 3], 1)),
            ([3, 2, 4, 5, 5], [1, 1], o([1, 1], [0, 0], [1, 1], 1)),
            ([2, 2, 2, 5, 6], [1, 1], o([2, 2], [1, 3], [1, 1], 1)),
            ([1, 1, 1, 3, 3], [3, 3], o([1, 1], [0, 0], [1, 1], 1)),
            ([1, 40, 2, 6, 6], [3, 3], o([1, 1], [1, 1], [1, 1], 1)),
            ([0, 2, 3, 5, 5], [3, 3], o([1, 1], [0, 0], [1, 1], 1)),
        ];
        for (shape, kernel, options) in cases {
            let g = geometry(shape, kernel, options);
            check::<f32>(&g, 1e-4);
            check::<f64>(&g, 1e-12);
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let g =
            geometry([9, 4, 20, 20, 20], [3, 3], ConvOptions { padding: [1, 1], ..ConvOptions::default() });
        let mut rng = Rng::new(8);
        let x = Tensor::<f32>::randn([9, 4, 20, 20], &mut rng);
        let (w, dy) =
            (Tensor::<f32>::randn([20, 4, 3, 3], &mut rng), Tensor::<f32>::randn([9, 20, 20, 20], &mut rng));
        let options = ConvOptions { padding: [1, 1], ..ConvOptions::default() };
        assert!(g.work() > 1 << 17, "large enough to be split");
        let all = || {
            (
                x.conv2d(&w, None, &options),
                dy.conv2d_input_grad(&w, [20, 20], &options),
                x.conv2d_weight_grad(&dy, [3, 3], &options),
            )
        };
        let alone = sequential(all);
        for threads in [1, 2, 3, 4, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(all), alone, "{threads} threads");
        }
    }
}
