//! Depthwise convolution with stride 1: each plane has a kernel of its own.
//!
//! It is not a matrix product. A vector of outputs is a sum over taps of shifted vectors of the plane; the gradient of a tap is the sum over
//! outputs of such vectors times those of the gradient. For 3x3 kernels, all nine taps, or their sums, stay in registers from the first line
//! of a plane to the last, and each line is loaded three times, for nine products: from where it lies, as a vector that reaches over an edge
//! leaves out some lanes. Other kernels read a copy of the plane with zeros around it.

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
    let [area_in, area_out] = [from, to].map(|[h, w]| h * w);
    split_units(y, area_out, g.work(), |planes, y| {
        let mut taps = Taps::of(g, frame, from);
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out)) {
            let channel = plane % g.groups;
            let x = &x[plane * area_in..][..area_in];
            let w = &w[channel * g.taps()..][..g.taps()];
            let bias = bias.map_or(T::ZERO, |bias| bias[channel]);
            T::depthwise(isa, Plane { x, taps: &mut taps, w, bias, width: to[1], y });
        }
    });
}

/// `dw` from `x` and `dy`, summed over the batch in order.
pub fn weight_grad<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let [area_in, area_out] = [g.input, g.output].map(|[h, w]| h * w);
    let per_thread = g.groups.div_ceil(threads_for(g.work()));
    for_parts(dw.chunks_mut(per_thread * g.taps()).enumerate(), |(i, dw)| {
        let mut taps = Taps::of(g, g.frame(), g.input);
        // A vector of sums for each tap of each channel.
        let mut sums = Buffer::<T>::filled(16 * dw.len(), T::ZERO);
        for image in 0..g.batch {
            for (c, sums) in sums.chunks_exact_mut(16 * g.taps()).enumerate() {
                let plane = image * g.groups + i * per_thread + c;
                let x = &x[plane * area_in..][..area_in];
                let dy = &dy[plane * area_out..][..area_out];
                T::depthwise_sums(isa, Sums { x, taps: &mut taps, dy, width: g.output[1], sums });
            }
        }
        for (dw, sums) in dw.iter_mut().zip(sums.chunks_exact(16)) {
            *dw = sums.iter().fold(T::ZERO, |sum, &x| sum + x);
        }
    });
}

/// How the taps of a plane are reached.
enum Taps<T: Element> {
    /// 3x3 side by side: in the plane itself.
    Close(Surroundings),
    /// Any others: in a copy of the plane in its frame, where the window of each begins at a place of its own.
    Apart(Framed<T>, Vec<usize>),
}

impl<T: Element> Taps<T> {
    fn of(g: &ConvGeometry, frame: Frame, plane: [usize; 2]) -> Self {
        if g.kernel == [3, 3] && g.dilation == [1, 1] {
            return Taps::Close(Surroundings { plane, first: frame.first });
        }
        let shifts = g.shifts(1, &frame);
        Taps::Apart(Framed::new(frame, plane, 1), shifts)
    }
}

/// A plane with zeros around it that are not in memory.
#[derive(Clone, Copy)]
struct Surroundings {
    /// Its height and width.
    plane: [usize; 2],
    /// The place of its first element.
    first: [isize; 2],
}

/// Where a vector begins in a line of a plane under each of three taps, and which of its lanes are inside.
type Columns = [(isize, u16); THREE];

impl Surroundings {
    /// The columns under the taps of the outputs `j..j + n`.
    #[inline(always)]
    fn columns(&self, j: usize, n: usize) -> Columns {
        let mut columns = [(0, 0); THREE];
        each!(tap < 3, {
            let start = (j + tap) as isize - self.first[1];
            let before = (-start).clamp(0, n as isize);
            let end = (self.plane[1] as isize - start).clamp(before, n as isize);
            columns[tap] = (start, ((1u32 << end) - (1 << before)) as u16);
        });
        columns
    }

    /// The vectors under the taps in a line of the plane or around it.
    #[inline(always)]
    unsafe fn line<V: Vector>(&self, plane: &[V::Elem], row: usize, columns: Columns) -> [V; THREE] {
        // SAFETY: only lanes inside the line are loaded.
        unsafe {
            let mut line = [V::zero(); THREE];
            let (row, width) = ((row as isize - self.first[0]) as usize, self.plane[1]);
            if row < self.plane[0] {
                let from = plane[row * width..][..width].as_ptr();
                each!(tap < 3, {
                    let (start, lanes) = columns[tap];
                    line[tap] = V::load_lanes(from.wrapping_offset(start), lanes);
                });
            }
            line
        }
    }
}

/// `y[i, j] = bias + Σ_t w[t] x[i pitch + j + shifts[t]]` for one plane.
pub struct Plane<'a, T: Element> {
    x: &'a [T],
    taps: &'a mut Taps<T>,
    w: &'a [T],
    bias: T,
    width: usize,
    y: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for Plane<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Plane { x, taps, w, bias, width, y } = self;
        let (framed, shifts) = match taps {
            Taps::Close(around) => return close_outputs::<V>(*around, x, w, bias, y, width),
            Taps::Apart(framed, shifts) => (framed, shifts),
        };
        let pitch = framed.frame.size[1];
        let x = framed.of_vectors::<V>(x);
        assert!(
            x.len() >= (y.len() / width - 1) * pitch + shifts.last().map_or(0, |last| last + width),
            "windows lie inside their plane"
        );
        for j in (0..width).step_by(V::LANES) {
            let n = V::LANES.min(width - j);
            // SAFETY: the last tap is the farthest, and its window is inside for every output.
            unsafe { outputs::<V>(x[j..].as_ptr(), pitch, (shifts, w), bias, &mut y[j..], width, n) };
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

/// The same for 3x3 taps side by side. The vectors under the taps move up from line to line of outputs, so each line of the plane is loaded once
/// for each of its three places; lines of outputs do not wait for each other.
#[inline(always)]
fn close_outputs<V: Vector>(
    around: Surroundings,
    x: &[V::Elem],
    w: &[V::Elem],
    bias: V::Elem,
    y: &mut [V::Elem],
    width: usize,
) {
    // SAFETY: lines of `y` have `n` elements from `j` on.
    unsafe {
        let mut taps = [V::zero(); NINE];
        each!(t < 9, taps[t] = V::splat(w[t]));
        let bias = V::splat(bias);
        for j in (0..width).step_by(V::LANES) {
            let n = V::LANES.min(width - j);
            let columns = around.columns(j, n);
            let (mut first, mut second): ([V; THREE], [V; THREE]) =
                (around.line(x, 0, columns), around.line(x, 1, columns));
            for (row, y) in (2..).zip(y.chunks_exact_mut(width)) {
                let third = around.line(x, row, columns);
                let mut sum = bias;
                each!(j < 3, sum = sum.add_product(taps[j], first[j]));
                each!(j < 3, sum = sum.add_product(taps[THREE + j], second[j]));
                each!(j < 3, sum = sum.add_product(taps[2 * THREE + j], third[j]));
                store(sum, y[j..].as_mut_ptr(), n);
                (first, second) = (second, third);
            }
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
    taps: &'a mut Taps<T>,
    dy: &'a [T],
    width: usize,
    sums: &'a mut [T],
}

impl<T: Float> VectorKernel<T> for Sums<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Sums { x, taps, dy, width, sums } = self;
        let (framed, shifts) = match taps {
            Taps::Close(around) => return close_sums::<V>(*around, x, dy, width, sums),
            Taps::Apart(framed, shifts) => (framed, shifts),
        };
        let pitch = framed.frame.size[1];
        let x = framed.of_vectors::<V>(x);
        assert!(
            x.len() >= (dy.len() / width - 1) * pitch + shifts.last().map_or(0, |last| last + width),
            "windows lie inside their plane"
        );
        assert!(sums.len() == 16 * shifts.len() && V::LANES <= 16);
        for j in (0..width).step_by(V::LANES) {
            let n = V::LANES.min(width - j);
            let (x, dy) = (x[j..].as_ptr(), &dy[j..]);
            // SAFETY: the last tap is the farthest, and its window is inside for every output; `sums` has 16 numbers for each tap.
            unsafe { add_sums::<V>(x, pitch, shifts, dy, width, n, sums.as_mut_ptr()) };
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
fn close_sums<V: Vector>(
    around: Surroundings,
    x: &[V::Elem],
    dy: &[V::Elem],
    width: usize,
    sums: &mut [V::Elem],
) {
    assert!(sums.len() == 16 * NINE && V::LANES <= 16);
    // SAFETY: `sums` has 16 numbers for each tap; lines of `dy` have `n` elements from `j` on.
    unsafe {
        let nothing = V::zero();
        let mut totals = [nothing; NINE];
        for j in (0..width).step_by(V::LANES) {
            let n = V::LANES.min(width - j);
            let columns = around.columns(j, n);
            let [mut first, mut second] = [nothing; 2];
            let mut lines = dy.chunks_exact(width);
            for row in 0..dy.len() / width + 2 {
                let third = lines.next().map_or(nothing, |dy| load(dy[j..].as_ptr(), n));
                let x: [V; THREE] = around.line(x, row, columns);
                each!(j < 3, totals[j] = totals[j].add_product(third, x[j]));
                each!(j < 3, totals[THREE + j] = totals[THREE + j].add_product(second, x[j]));
                each!(j < 3, totals[2 * THREE + j] = totals[2 * THREE + j].add_product(first, x[j]));
                (first, second) = (second, third);
            }
        }
        each!(t < 9, {
            let sum = sums.as_mut_ptr().add(16 * t);
            V::load(sum).add(totals[t]).store(sum);
        });
    }
}
