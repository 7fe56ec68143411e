//! Depthwise convolution: each plane has a kernel of its own.
//!
//! It is not a matrix product. A vector of outputs is a sum over taps of shifted vectors of the plane; the gradient of a tap is the sum over
//! outputs of such vectors times those of the gradient.
//!
//! The chapters: `close` (3x3 and 5x5 kernels with stride 1 or 2, which read the plane where it lies), `apart` (any kernel and dilation with
//! stride 1, by a copy of the plane with zeros around it).

mod apart;
mod close;

use apart::Apart;
use close::Close;

use super::ConvGeometry;
use super::frame::Frame;
use crate::kernels::gemm::Vector;
use crate::kernels::simd::{Isa, VectorKernel};
use crate::parallel::{for_parts, split_units, threads_for};
use crate::storage::Buffer;
use crate::{Element, Float};

/// Whether the convolution is depthwise, with one output channel for each input channel, and one of the chapters has it.
pub fn suits(g: &ConvGeometry) -> bool {
    g.groups > 1 && g.channels() == [1, 1] && (g.stride == [1, 1] || Close::suits(g))
}

/// `y = x ⋆ w (+ bias)`.
pub fn forward<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let reach = || Reach::of(g, g.frame(), g.input, g.output[1]);
    planes(isa, g, reach, x, w, bias, y, |w, bias, y| Pass::Outputs { w, bias, y });
}

/// `dx` from `dy` and `w`: with stride 1, the correlation of the gradient with the flipped kernels.
pub fn input_grad<T: Float>(isa: Isa, g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    if g.stride != [1, 1] {
        let reach = || Reach::Close(Close::new(g, g.padding.map(|p| p as isize), g.output, g.input[1]));
        return planes(isa, g, reach, dy, w, None, dx, |w, _, dx| Pass::Spread { w, dx });
    }
    let mut flipped = Buffer::<T>::from(w);
    flipped.chunks_exact_mut(g.taps()).for_each(<[T]>::reverse);
    let around = [0, 1].map(|d| g.dilation[d] * (g.kernel[d] - 1));
    let frame = Frame {
        size: [0, 1].map(|d| g.input[d] + around[d]),
        first: [0, 1].map(|d| around[d] as isize - g.padding[d] as isize),
    };
    let reach = || Reach::of(g, frame, g.output, g.input[1]);
    planes(isa, g, reach, dy, &flipped, None, dx, |w, bias, y| Pass::Outputs { w, bias, y });
}

/// A pass for each plane of `x`, with the kernel and the bias of its channel, which writes one of `y`.
fn planes<T: Float>(
    isa: Isa,
    g: &ConvGeometry,
    reach: impl Fn() -> Reach<T> + Sync,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
    pass: for<'a> fn(&'a [T], T, &'a mut [T]) -> Pass<'a, T>,
) {
    let planes = g.batch * g.groups;
    let (area_in, area_out) = (x.len() / planes, y.len() / planes);
    split_units(y, area_out, g.work(), |planes, y| {
        let mut reach = reach();
        for (plane, y) in planes.zip(y.chunks_exact_mut(area_out)) {
            let channel = plane % g.groups;
            let x = &x[plane * area_in..][..area_in];
            let w = &w[channel * g.taps()..][..g.taps()];
            let bias = bias.map_or(T::ZERO, |bias| bias[channel]);
            T::depthwise(isa, Plane { x, reach: &mut reach, pass: pass(w, bias, y) });
        }
    });
}

/// `dw` from `x` and `dy`, summed over the batch in order.
pub fn weight_grad<T: Float>(isa: Isa, g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let [area_in, area_out] = [g.input, g.output].map(|[h, w]| h * w);
    let per_thread = g.groups.div_ceil(threads_for(g.work()));
    for_parts(dw.chunks_mut(per_thread * g.taps()).enumerate(), |(i, dw)| {
        let mut reach = Reach::of(g, g.frame(), g.input, g.output[1]);
        // A vector of sums for each tap of each channel.
        let mut sums = Buffer::<T>::filled(16 * dw.len(), T::ZERO);
        for image in 0..g.batch {
            for (c, sums) in sums.chunks_exact_mut(16 * g.taps()).enumerate() {
                let plane = image * g.groups + i * per_thread + c;
                let x = &x[plane * area_in..][..area_in];
                let dy = &dy[plane * area_out..][..area_out];
                T::depthwise(isa, Plane { x, reach: &mut reach, pass: Pass::Sums { dy, sums } });
            }
        }
        for (dw, sums) in dw.iter_mut().zip(sums.chunks_exact(16)) {
            *dw = sums.iter().fold(T::ZERO, |sum, &x| sum + x);
        }
    });
}

/// How the numbers under the taps are reached.
enum Reach<T: Element> {
    Close(Close),
    Apart(Apart<T>),
}

impl<T: Element> Reach<T> {
    /// For planes of this size in a frame, and outputs of this width.
    fn of(g: &ConvGeometry, frame: Frame, plane: [usize; 2], width: usize) -> Self {
        if Close::suits(g) {
            Reach::Close(Close::new(g, frame.first, plane, width))
        } else {
            Reach::Apart(Apart::new(g, frame, plane, width))
        }
    }
}

/// A pass over one plane.
pub struct Plane<'a, T: Element> {
    x: &'a [T],
    reach: &'a mut Reach<T>,
    pass: Pass<'a, T>,
}

/// What is computed; `x` is the plane, in its frame.
enum Pass<'a, T> {
    /// `y[i, j] = bias + Σ_ab w[a, b] x[s i + a, s j + b]`.
    Outputs { w: &'a [T], bias: T, y: &'a mut [T] },
    /// `sums[a, b, lane] += Σ_ij x[s i + a, s j + b] dy[i, j]` over the columns `j` of that lane. There are 16 lanes.
    Sums { dy: &'a [T], sums: &'a mut [T] },
    /// `dx[i, j] = Σ_ab w[a, b] x[(i + p - a) / 2, (j + p - b) / 2]` over the taps for which the quotients are whole: stride 2 backwards.
    Spread { w: &'a [T], dx: &'a mut [T] },
}

impl<T: Float> VectorKernel<T> for Plane<'_, T> {
    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        match self.reach {
            Reach::Close(close) => close.run::<V>(self.x, self.pass),
            Reach::Apart(apart) => apart.run::<V>(self.x, self.pass),
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
