//! The linear maps of the algorithms, along one axis.
//!
//! With `B`, `G` and `A` the matrices of Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks* (2016),
//! `y = Aᵀ((G w) ⊙ (Bᵀ x))`; the weight gradient is `Gᵀ((Bᵀ x) ⊙ (A dy))`.
//!
//! Polynomials are multiplied by multiplying their values at enough points, and a correlation is the transpose of such a product. 6 points give
//! 4 outputs of 3 taps, or 5 outputs of 2 taps. They are 0, √½, -√½, ∞, √2 and -√2, in this order; with the usual 0, ±1, ±2 and ∞, intermediate
//! numbers would be three times as large, and so would the errors. Leaving out the last one or two points gives smaller tiles, of one or two
//! outputs less, which share the transformed kernels at their points.
//!
//! With stride 2, the outputs are `x0 w0 + x1 w1 + x2 w2`, `x2 w0 + x3 w1 + x4 w2` and so on. Inputs at even positions meet only the two outer
//! taps. Those at odd positions are multiplied by the middle tap directly: each is a point of its own, with that tap as its kernel.
//!
//! In the input gradient of stride 2, the results are `x0 w1`, `x0 w0 + x1 w2`, `x1 w1`, `x1 w0 + x2 w2` and so on: the same products.

// SAFETY of each block: the caller has the instructions of `V`.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::kernels::gemm::Vector;

/// The points besides 0 and ∞, with both signs.
const ROOTS: [f64; 2] = [FRAC_1_SQRT_2, SQRT_2];

/// Their powers.
const POWERS: [[f64; 5]; 2] =
    [[1.0, FRAC_1_SQRT_2, 0.5, 0.5 * FRAC_1_SQRT_2, 0.25], [1.0, SQRT_2, 2.0, 2.0 * SQRT_2, 4.0]];

/// The indices of the points of even positions among those of stride 2.
const EVEN: [usize; 6] = [0, 1, 2, 3, 7, 9];
/// The indices of the points of odd positions.
const ODD: [usize; 5] = [4, 5, 6, 8, 10];

/// The factors by which kernels are scaled at these points.
const SCALES: [f64; 2] = [-2.0 / 3.0, 1.0 / 6.0];

/// A linear map of `N` numbers to `M` along an axis, lane by lane. There is one for each kind of tile.
pub trait Map<const N: usize, const M: usize> {
    /// The image of `x`.
    ///
    /// # Safety
    /// The instructions of `V` must be there.
    unsafe fn of<V: Vector<Elem = f32>>(x: [V; N]) -> [V; M];
}

macro_rules! maps {
    ($($(#[$doc:meta])* $name:ident: $($n:literal => $m:literal, |$x:ident| $of:expr;)+)*) => {$(
        $(#[$doc])*
        pub struct $name;
        $(
            impl Map<$n, $m> for $name {
                #[inline(always)]
                unsafe fn of<V: Vector<Elem = f32>>($x: [V; $n]) -> [V; $m] {
                    unsafe { $of }
                }
            }
        )+
    )*};
}

maps! {
    /// `Bᵀ x` with stride 1.
    StraightInputs:
        6 => 6, |x| at_six(x);
        5 => 5, |x| at_five(x);
    /// `G w`.
    StraightKernels:
        3 => 6, |w| kernel_at(w);
    /// `G w` of the flipped kernel.
    StraightFlipped:
        3 => 6, |w| kernel_at([w[2], w[1], w[0]]);
    /// `Aᵀ m`.
    StraightOutputs:
        6 => 4, |m| from_points(m);
        5 => 3, |m| from_points(m);
    /// `A dy`.
    StraightGrads:
        4 => 6, |dy| to_points(dy);
        3 => 5, |dy| to_points(dy);
    /// `Gᵀ s`.
    StraightSums:
        6 => 3, |s| kernel_of(s);
    /// `Bᵀ x` with stride 2.
    HalvingInputs:
        11 => 11, |x| join(at_six(every_other(x, 0)), every_other::<V, 11, 5>(x, 1));
        9 => 9, |x| join(at_five(every_other(x, 0)), every_other::<V, 9, 4>(x, 1));
        7 => 7, |x| join(at_four(every_other(x, 0)), every_other::<V, 7, 3>(x, 1));
    /// `G w`, both ways.
    StridedKernels:
        3 => 7, |w| strided_at(w);
    /// `G w` of the flipped kernel.
    StridedFlipped:
        3 => 7, |w| strided_at([w[2], w[1], w[0]]);
    /// `Aᵀ m`.
    HalvingOutputs:
        11 => 5, |m| sum(split::<V, 11, 6, 5>(m));
        9 => 4, |m| sum(split::<V, 9, 5, 4>(m));
        7 => 3, |m| sum(split::<V, 7, 4, 3>(m));
    /// `A dy`.
    HalvingGrads:
        5 => 11, |dy| join::<V, 6, 5, 11>(to_points(dy), dy);
        4 => 9, |dy| join::<V, 5, 4, 9>(to_points(dy), dy);
        3 => 7, |dy| join::<V, 4, 3, 7>(to_points(dy), dy);
    /// `Gᵀ s`.
    StridedSums:
        7 => 3, |s| strided_of(s);
    /// `Bᵀ x` back through a stride of 2.
    DoublingInputs:
        6 => 11, |x| join::<V, 6, 5, 11>(at_six(x), [x[0], x[1], x[2], x[3], x[4]]);
        5 => 9, |x| join::<V, 5, 4, 9>(at_five(x), [x[0], x[1], x[2], x[3]]);
        4 => 7, |x| join::<V, 4, 3, 7>(at_four(x), [x[0], x[1], x[2]]);
    /// `Aᵀ m`.
    DoublingOutputs:
        11 => 10, |m| alternate(split::<V, 11, 6, 5>(m));
        9 => 8, |m| alternate(split::<V, 9, 5, 4>(m));
        7 => 6, |m| alternate(split::<V, 7, 4, 3>(m));
}

#[inline(always)]
unsafe fn constant<V: Vector<Elem = f32>>(x: f64) -> V {
    unsafe { V::splat(x as f32) }
}

/// `Bᵀ x` at all six points.
#[inline(always)]
unsafe fn at_six<V: Vector<Elem = f32>>(x: [V; 6]) -> [V; 6] {
    unsafe {
        let [a, b] = [constant::<V>(ROOTS[0]), constant::<V>(ROOTS[1])];
        let [minus_half, minus_two, middle] = [constant::<V>(-0.5), constant::<V>(-2.0), constant::<V>(-2.5)];
        // Even and odd powers of a point and of its opposite.
        let (even_a, odd_a) = (x[4].add_product(minus_two, x[2]), a.mul(x[3]).sub(b.mul(x[1])));
        let (even_b, odd_b) = (x[4].add_product(minus_half, x[2]), b.mul(x[3]).sub(a.mul(x[1])));
        [
            x[0].add(x[4]).add_product(middle, x[2]),
            even_a.add(odd_a),
            even_a.sub(odd_a),
            x[1].add(x[5]).add_product(middle, x[3]),
            even_b.add(odd_b),
            even_b.sub(odd_b),
        ]
    }
}

/// `Bᵀ x` at the first five points, for kernels that are scaled for all six.
#[inline(always)]
unsafe fn at_five<V: Vector<Elem = f32>>(x: [V; 5]) -> [V; 5] {
    unsafe {
        let [a, b] = [constant::<V>(ROOTS[0]), constant::<V>(ROOTS[1])];
        let [one_and_half, minus_half, two] = [constant::<V>(1.5), constant::<V>(-0.5), constant::<V>(2.0)];
        let far = b.mul(x[3]);
        [
            x[0].add(far).sub(a.mul(x[1])).sub(two.mul(x[2])),
            one_and_half.mul(far.sub(b.mul(x[1])).sub(x[2])),
            a.mul(x[1].add(x[3])).sub(one_and_half.mul(x[2])),
            x[4].add_product(a, x[1]).add_product(minus_half, x[2]).sub(far),
            two.mul(far).sub(b.mul(x[1])),
        ]
    }
}

/// `Bᵀ x` at the first four points, for the same kernels.
#[inline(always)]
unsafe fn at_four<V: Vector<Elem = f32>>(x: [V; 4]) -> [V; 4] {
    unsafe {
        let [a, scale] = [constant::<V>(ROOTS[0]), constant::<V>(1.5)];
        let [minus_half, minus_two] = [constant::<V>(-0.5), constant::<V>(-2.0)];
        let odd = a.mul(x[1]);
        [
            x[0].add_product(minus_two, x[2]),
            V::zero().sub(scale.mul(x[2].add(odd))),
            scale.mul(odd.sub(x[2])),
            x[3].add_product(minus_half, x[1]),
        ]
    }
}

/// `G w` for `R` taps, at all six points.
#[inline(always)]
unsafe fn kernel_at<V: Vector<Elem = f32>, const R: usize>(w: [V; R]) -> [V; 6] {
    unsafe {
        let mut at = [w[0]; 6];
        for (i, signs) in [[1, 2], [4, 5]].into_iter().enumerate() {
            let scaled = |r: usize| constant::<V>(SCALES[i] * POWERS[i][r]);
            let (mut even, odd) = (scaled(0).mul(w[0]), scaled(1).mul(w[1]));
            if R == 3 {
                even = even.add_product(scaled(2), w[2]);
            }
            (at[signs[0]], at[signs[1]]) = (even.add(odd), even.sub(odd));
        }
        at[3] = w[R - 1];
        at
    }
}

/// `Gᵀ s`, the transpose of [`kernel_at`].
#[inline(always)]
unsafe fn kernel_of<V: Vector<Elem = f32>, const R: usize>(s: [V; 6]) -> [V; R] {
    unsafe {
        let mut w = [V::zero(); R];
        w[0] = s[0];
        w[R - 1] = s[3];
        for (i, signs) in [[1, 2], [4, 5]].into_iter().enumerate() {
            let (even, odd) = (s[signs[0]].add(s[signs[1]]), s[signs[0]].sub(s[signs[1]]));
            for r in 0..R {
                let scaled = constant::<V>(SCALES[i] * POWERS[i][r]);
                w[r] = w[r].add_product(scaled, if r % 2 == 0 { even } else { odd });
            }
        }
        w
    }
}

/// `Aᵀ m`: `M` outputs, of the first `P` points.
#[inline(always)]
unsafe fn from_points<V: Vector<Elem = f32>, const P: usize, const M: usize>(m: [V; P]) -> [V; M] {
    unsafe {
        let (even_a, odd_a) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (even_b, odd_b) = match P {
            6 => (m[4].add(m[P - 1]), m[4].sub(m[P - 1])),
            5 => (m[P - 1], m[P - 1]),
            _ => (V::zero(), V::zero()),
        };
        let mut y = [m[0].add(even_a); M];
        if P > 4 {
            y[0] = y[0].add(even_b);
        }
        for i in 1..M {
            let (at_a, at_b) = if i % 2 == 0 { (even_a, even_b) } else { (odd_a, odd_b) };
            let [a, b] = [constant::<V>(POWERS[0][i]), constant::<V>(POWERS[1][i])];
            y[i] = if i == M - 1 { m[3].add_product(a, at_a) } else { a.mul(at_a) };
            if P > 4 {
                y[i] = y[i].add_product(b, at_b);
            }
        }
        y
    }
}

/// `A dy`, the transpose of [`from_points`].
#[inline(always)]
unsafe fn to_points<V: Vector<Elem = f32>, const M: usize, const P: usize>(dy: [V; M]) -> [V; P] {
    unsafe {
        let mut at = [dy[0]; P];
        at[3] = dy[M - 1];
        for (i, signs) in [[1, 2], [4, 5]].into_iter().enumerate() {
            let (mut even, mut odd) = (dy[0], constant::<V>(POWERS[i][1]).mul(dy[1]));
            for j in 2..M {
                let sum = if j % 2 == 0 { &mut even } else { &mut odd };
                *sum = sum.add_product(constant::<V>(POWERS[i][j]), dy[j]);
            }
            if signs[0] < P {
                at[signs[0]] = even.add(odd);
            }
            if signs[1] < P {
                at[signs[1]] = even.sub(odd);
            }
        }
        at
    }
}

/// `G w` with stride 2: the outer taps at six points, and the middle one.
#[inline(always)]
unsafe fn strided_at<V: Vector<Elem = f32>>(w: [V; 3]) -> [V; 7] {
    unsafe {
        let [a, b, c, d, e, f] = kernel_at([w[0], w[2]]);
        [a, b, c, d, e, f, w[1]]
    }
}

/// `Gᵀ s` with stride 2, its transpose.
#[inline(always)]
unsafe fn strided_of<V: Vector<Elem = f32>>([a, b, c, d, e, f, middle]: [V; 7]) -> [V; 3] {
    unsafe {
        let [first, last] = kernel_of([a, b, c, d, e, f]);
        [first, middle, last]
    }
}

/// Every other element, from `first` on.
#[inline(always)]
unsafe fn every_other<V: Vector, const N: usize, const M: usize>(x: [V; N], first: usize) -> [V; M] {
    let mut some = [x[0]; M];
    for i in 0..M {
        some[i] = x[first + 2 * i];
    }
    some
}

/// The points of a tile in order: those of the smallest kind of tile first, at even positions and at odd ones.
#[inline(always)]
unsafe fn join<V: Vector, const P: usize, const M: usize, const ALL: usize>(
    even: [V; P],
    odd: [V; M],
) -> [V; ALL] {
    let mut all = [even[0]; ALL];
    for i in 0..P {
        all[EVEN[i]] = even[i];
    }
    for i in 0..M {
        all[ODD[i]] = odd[i];
    }
    all
}

/// The inverse of [`join`]: the points at even positions, and those at odd ones.
#[inline(always)]
unsafe fn split<V: Vector, const ALL: usize, const P: usize, const M: usize>(
    all: [V; ALL],
) -> ([V; P], [V; M]) {
    let (mut even, mut odd) = ([all[0]; P], [all[0]; M]);
    for i in 0..P {
        even[i] = all[EVEN[i]];
    }
    for i in 0..M {
        odd[i] = all[ODD[i]];
    }
    (even, odd)
}

/// Outputs, of products of both kinds.
#[inline(always)]
unsafe fn sum<V: Vector<Elem = f32>, const P: usize, const M: usize>(
    (even, odd): ([V; P], [V; M]),
) -> [V; M] {
    unsafe {
        let mut y: [V; M] = from_points(even);
        for i in 0..M {
            y[i] = y[i].add(odd[i]);
        }
        y
    }
}

/// Results back through the stride: products with the middle tap, and between them those with the outer ones.
#[inline(always)]
unsafe fn alternate<V: Vector<Elem = f32>, const P: usize, const M: usize, const ALL: usize>(
    (even, odd): ([V; P], [V; M]),
) -> [V; ALL] {
    unsafe {
        let outer: [V; M] = from_points(even);
        let mut y = [odd[0]; ALL];
        for i in 0..M {
            (y[2 * i], y[2 * i + 1]) = (odd[i], outer[i]);
        }
        y
    }
}
