//! Depthwise convolution with stride 1: each plane has a kernel of its own.
//!
//! It is not a matrix product. A vector of outputs is a sum over taps of shifted vectors of the plane; the gradient of a tap is the sum over
//! outputs of such vectors times those of the gradient. For 3x3 kernels, all nine taps, or their sums, stay in registers from the first line
//! of a plane to the last: each line is loaded three times, for nine products.

use super::ConvGeometry;
use super::frame::{Frame, Framed};
use crate::kernels::gemm::{Vector, each};
use crate::kernels::simd::{Isa, VectorKernel};
use crate::parallel::{for_parts, split_units, threads_for};
use crate::storage::Buffer;
use crate::{Element, Float};

/// Taps along a side of the small kernels.
const THREE: usize = 3;
/// All of them.
const NINE: usize = THREE * THREE;

/// Whether the convolution is depthwise, with one output channel for each input channel, and has stride 1.
pub fn suits(g: &ConvGeometry) -> bool {
    g.groups > 1 && g.channels() == [1, 1] && g.stride == [1, 1]
}

/// `y = x ⋆ w (+ bias)`.
pub fn forward<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    planes(isa, g, g.frame(), [g.input, g.output], x, w, bias, y);
}

/// `dx` from `dy` and `w`: the correlation of the gradient with the flipped kernels.
pub fn input_grad<T: Float>(isa: Isa, g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    let mut flipped = Buffer::<T>::from(w);
    flipped.chunks_exact_mut(g.taps()).for_each(<[T]>::reverse);
    let reach = [0, 1].map(|d| g.dilation[d] * (g.kernel[d] - 1));
    let frame = Frame {
        size: [0, 1].map(|d| g.input[d] + reach[d]),
        first: [0, 1].map(|d| reach[d] as isize - g.padding[d] as isize),
    };
    planes(isa, g, frame, [g.output, g.input], dy, &flipped, None, dx);
}

/// One correlation for each plane of the batch, of planes of the first size in `frame` to planes of the second.
fn planes<T: Float>(
    isa: Isa,
    g: &ConvGeometry,
    frame: Frame,
    [from, to]: [[usize; 2]; 2],
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) {
    let shifts = g.shifts(1, &frame);
    let Frame { size, first } = frame;
    let [area_in, area_out] = [from, to].map(|[h, w]| h * w);
    split_units(y, area_out, g.work(), |planes, y| {
        let mut framed = Framed::new(Frame { size, first }, from, 1);
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out)) {
            let channel = plane % g.groups;
            let x = &x[plane * area_in..][..area_in];
            let w = &w[channel * shifts.len()..][..shifts.len()];
            let bias = bias.map_or(T::ZERO, |bias| bias[channel]);
            let taps = Taps { framed: &mut framed, shifts: &shifts, close: is_close(g) };
            T::depthwise(isa, Plane { x, taps, w, bias, width: to[1], y });
        }
    });
}

/// `dw` from `x` and `dy`, summed over the batch in order.
pub fn weight_grad<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let frame = g.frame();
    let (shifts, Frame { size, first }) = (g.shifts(1, &frame), frame);
    let [area_in, area_out] = [g.input, g.output].map(|[h, w]| h * w);
    let per_thread = g.groups.div_ceil(threads_for(g.work()));
    for_parts(dw.chunks_mut(per_thread * shifts.len()).enumerate(), |(i, dw)| {
        let mut framed = Framed::new(Frame { size, first }, g.input, 1);
        // A vector of sums for each tap of each channel.
        let mut sums = Buffer::<T>::filled(16 * dw.len(), T::ZERO);
        for image in 0..g.batch {
            for (c, sums) in sums.chunks_exact_mut(16 * shifts.len()).enumerate() {
                let plane = image * g.groups + i * per_thread + c;
                let x = &x[plane * area_in..][..area_in];
                let dy = &dy[plane * area_out..][..area_out];
                let taps = Taps { framed: &mut framed, shifts: &shifts, close: is_close(g) };
                T::depthwise_sums(isa, Sums { x, taps, dy, width: g.output[1], sums });
            }
        }
        for (dw, sums) in dw.iter_mut().zip(sums.chunks_exact(16)) {
            *dw = sums.iter().fold(T::ZERO, |sum, &x| sum + x);
        }
    });
}

/// Whether the kernels are 3x3, of taps that lie side by side.
fn is_close(g: &ConvGeometry) -> bool {
    g.kernel == [3, 3] && g.dilation == [1, 1]
}

/// Where the taps of a plane are.
struct Taps<'a, T: Element> {
    /// Room for the plane in its frame.
    framed: &'a mut Framed<T>,
    /// Where each tap begins in it.
    shifts: &'a [usize],
    /// As [`is_close`] says.
    close: bool,
}

/// `y[i, j] = bias + Σ_t w[t] x[i pitch + j + shifts[t]]` for one plane.
pub struct Plane<'a, T: Element> {
    x: &'a [T],
    taps: Taps<'a, T>,
    w: &'a [T],
    bias: T,
    width: usize,
    y: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for Plane<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Plane { x, taps: Taps { framed, shifts, close }, w, bias, width, y } = self;
        let pitch = framed.frame.size[1];
        let x = framed.of_vectors::<V>(x);
        assert!(
            x.len() >= (y.len() / width - 1) * pitch + shifts.last().map_or(0, |last| last + width),
            "windows lie inside their plane"
        );
        let mut j = 0;
        while j < width {
            let n = (width - j).min(if close { 2 * V::LANES } else { V::LANES });
            let (from, y) = (x[j..].as_ptr(), &mut y[j..]);
            // SAFETY: the last tap is the farthest, and its window is inside for every output.
            unsafe {
                match (close, n > V::LANES) {
                    (true, true) => close_outputs::<V, 2>(from, pitch, w, bias, y, width, n),
                    (true, false) => close_outputs::<V, 1>(from, pitch, w, bias, y, width, n),
                    (false, _) => outputs::<V>(from, pitch, (shifts, w), bias, y, width, n),
                }
            }
            j += n;
        }
    }
}

/// A vector of each line of the outputs, or its first `n` lanes.
#[inline(always)]
unsafe fn outputs<V: Vector>(
    mut x: *const V::Elem,
    pitch: usize,
    (shifts, w): (&[usize], &[V::Elem]),
    bias: V::Elem,
    y: &mut [V::Elem],
    width: usize,
    n: usize,
) {
    for y in y.chunks_mut(width) {
        // SAFETY: the caller vouches for the windows; lines of `y` have `n` elements.
        unsafe {
            let mut sum = V::splat(bias);
            for (&shift, &w) in shifts.iter().zip(w) {
                sum = sum.add_product(V::splat(w), load(x.add(shift), n));
            }
            store(sum, y.as_mut_ptr(), n);
            x = x.wrapping_add(pitch);
        }
    }
}

/// The same for 3x3 taps side by side, and the first `n` lanes of `W` vectors. Each line of the plane goes into the sums of three lines of outputs,
/// of which the first is then complete.
#[inline(always)]
unsafe fn close_outputs<V: Vector, const W: usize>(
    mut x: *const V::Elem,
    pitch: usize,
    w: &[V::Elem],
    bias: V::Elem,
    y: &mut [V::Elem],
    width: usize,
    n: usize,
) {
    let last = n - (W - 1) * V::LANES;
    // SAFETY: the caller vouches for the windows; lines of `y` have `n` elements.
    unsafe {
        let mut taps = [V::zero(); NINE];
        each!(t < 9, taps[t] = V::splat(w[t]));
        let bias = V::splat(bias);
        let mut begun = [[bias; W]; 2];
        for row in 0..y.len().div_ceil(width) + 2 {
            for i in 0..W {
                let n = if i < W - 1 { V::LANES } else { last };
                let mut sums: [V; THREE] = [begun[0][i], begun[1][i], bias];
                each!(j < 3, {
                    let x = load(x.add(i * V::LANES + j), n);
                    each!(k < 3, sums[k] = sums[k].add_product(taps[THREE * (2 - k) + j], x));
                });
                (begun[0][i], begun[1][i]) = (sums[1], sums[2]);
                if row >= 2 {
                    store(sums[0], y[(row - 2) * width + i * V::LANES..].as_mut_ptr(), n);
                }
            }
            x = x.wrapping_add(pitch);
        }
    }
}

/// The first `n` lanes.
#[inline(always)]
unsafe fn load<V: Vector>(from: *const V::Elem, n: usize) -> V {
    // SAFETY: the caller vouches for them.
    unsafe { if n == V::LANES { V::load(from) } else { V::load_part(from, n) } }
}

/// The first `n` lanes.
#[inline(always)]
unsafe fn store<V: Vector>(x: V, to: *mut V::Elem, n: usize) {
    // SAFETY: the caller vouches for their places.
    unsafe { if n == V::LANES { x.store(to) } else { x.store_part(to, n) } }
}

/// `sums[t, lane] += Σ x[i pitch + j + shifts[t]] dy[i, j]` over the columns `j` of that lane, for one plane.
pub struct Sums<'a, T: Element> {
    x: &'a [T],
    taps: Taps<'a, T>,
    dy: &'a [T],
    width: usize,
    sums: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for Sums<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Sums { x, taps: Taps { framed, shifts, close }, dy, width, sums } = self;
        let pitch = framed.frame.size[1];
        let x = framed.of_vectors::<V>(x);
        assert!(
            x.len() >= (dy.len() / width - 1) * pitch + shifts.last().map_or(0, |last| last + width),
            "windows lie inside their plane"
        );
        assert!(sums.len() == 16 * shifts.len() && V::LANES <= 16);
        for j in (0..width).step_by(V::LANES) {
            let n = V::LANES.min(width - j);
            let (from, dy, sums) = (x[j..].as_ptr(), &dy[j..], sums.as_mut_ptr());
            // SAFETY: the last tap is the farthest, and its window is inside for every output; `sums` has 16 numbers for each tap.
            unsafe {
                if close {
                    close_sums::<V>(from, pitch, dy, width, n, sums);
                } else {
                    add_sums::<V>(from, pitch, shifts, dy, width, n, sums);
                }
            }
        }
    }
}

/// The sums of a vector of each line of the gradient, or its first `n` lanes.
#[inline(always)]
unsafe fn add_sums<V: Vector>(
    mut x: *const V::Elem,
    pitch: usize,
    shifts: &[usize],
    dy: &[V::Elem],
    width: usize,
    n: usize,
    sums: *mut V::Elem,
) {
    for dy in dy.chunks(width) {
        // SAFETY: the caller vouches for the windows and the sums; lines of `dy` have `n` elements.
        unsafe {
            let dy: V = load(dy.as_ptr(), n);
            for (t, &shift) in shifts.iter().enumerate() {
                let sum = sums.add(16 * t);
                V::load(sum).add_product(dy, load(x.add(shift), n)).store(sum);
            }
        }
        x = x.wrapping_add(pitch);
    }
}

/// The same for 3x3 taps side by side: each line of the plane meets three of the gradient.
#[inline(always)]
unsafe fn close_sums<V: Vector>(
    mut x: *const V::Elem,
    pitch: usize,
    dy: &[V::Elem],
    width: usize,
    n: usize,
    sums: *mut V::Elem,
) {
    // SAFETY: the caller vouches for the windows and the sums; lines of `dy` have `n` elements.
    unsafe {
        let nothing = V::zero();
        let mut totals = [nothing; NINE];
        let mut lines = [nothing; THREE];
        let mut dy = dy.chunks(width);
        let height = dy.len();
        for row in 0..height + 2 {
            let next = dy.next().map_or(nothing, |dy| load(dy.as_ptr(), n));
            lines = [next, lines[0], lines[1]];
            let mut right = [nothing; THREE];
            each!(j < 3, right[j] = load(x.add(j), n));
            each!(
                i < 3,
                if i <= row && row < height + i {
                    each!(
                        j < 3,
                        totals[THREE * i + j] = totals[THREE * i + j].add_product(lines[i], right[j])
                    );
                }
            );
            x = x.wrapping_add(pitch);
        }
        each!(t < 9, {
            let sum = sums.add(16 * t);
            V::load(sum).add(totals[t]).store(sum);
        });
    }
}
