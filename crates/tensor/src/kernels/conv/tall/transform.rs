//! The linear transforms of `F(4, 5)`, along a column.
//!
//! With `B`, `G` and `A` as in [`winograd`](crate::kernels::conv::winograd), `y = Aᵀ((G w) ⊙ (Bᵀ x))`: 8 inputs and 5 taps make 4 outputs. The points are 0,
//! ±1, ±2, ±½ and ∞, and `B` is the one of `F(6, 3)`, which has the same points.

use crate::kernels::gemm::Vector;

/// Products of a tile.
pub const POINTS: usize = 8;
/// Outputs of a tile.
pub const OUT: usize = 4;
/// Lines of a kernel.
pub const TAPS: usize = 5;

/// What the rows of `G` at the points 0, ±1, ±2 and ±½ are multiplied by.
const SCALES: [f32; 4] = [1.0, -2.0 / 9.0, 1.0 / 90.0, 32.0 / 45.0];

#[inline(always)]
unsafe fn constant<V: Vector<Elem = f32>>(x: f32) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe { V::splat(x) }
}

/// The values at all points, from those at 0 and ∞ and from the even and the odd powers of ±1, ±2 and ±½.
#[inline(always)]
unsafe fn at_points<V: Vector>(zero: V, pairs: [[V; 2]; 3], infinity: V) -> [V; POINTS] {
    let [[even_1, odd_1], [even_2, odd_2], [even_half, odd_half]] = pairs;
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        [
            zero,
            even_1.add(odd_1),
            even_1.sub(odd_1),
            even_2.add(odd_2),
            even_2.sub(odd_2),
            even_half.add(odd_half),
            even_half.sub(odd_half),
            infinity,
        ]
    }
}

/// `Bᵀ x`: the transform of the inputs.
#[inline(always)]
pub unsafe fn of_input<V: Vector<Elem = f32>>(x: [V; POINTS]) -> [V; POINTS] {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let outer = constant::<V>(5.25);
        // Even and odd powers of a point and of its opposite.
        let middle = constant::<V>(-4.25);
        let (even_1, odd_1) =
            (x[2].add(x[6]).add_product(middle, x[4]), x[1].add(x[5]).add_product(middle, x[3]));
        let shared = constant::<V>(-2.5);
        let [half, two, four] = [constant::<V>(0.5), constant::<V>(2.0), constant::<V>(4.0)];
        let even_2 = x[6].add_product(constant::<V>(0.25), x[2]).add_product(constant::<V>(-1.25), x[4]);
        let odd_2 = half.mul(x[1]).add_product(shared, x[3]).add_product(two, x[5]);
        let even_half = x[6].add_product(four, x[2]).add_product(constant::<V>(-5.0), x[4]);
        let odd_half = two.mul(x[1]).add_product(shared, x[3]).add_product(half, x[5]);
        let zero = x[0].sub(x[6]).add_product(outer, x[4].sub(x[2]));
        let infinity = x[7].sub(x[1]).add_product(outer, x[3].sub(x[5]));
        at_points(zero, [[even_1, odd_1], [even_2, odd_2], [even_half, odd_half]], infinity)
    }
}

/// `Aᵀ m`: the transform of the products to outputs.
#[inline(always)]
pub unsafe fn of_products<V: Vector<Elem = f32>>(m: [V; POINTS]) -> [V; OUT] {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let (even_1, odd_1) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (even_2, odd_2) = (m[3].add(m[4]), m[3].sub(m[4]));
        let (even_half, odd_half) = (m[5].add(m[6]), m[5].sub(m[6]));
        let power = |x: f32| constant::<V>(x);
        [
            m[0].add(even_1).add(even_2.add(even_half)),
            odd_1.add_product(power(2.0), odd_2).add_product(power(0.5), odd_half),
            even_1.add_product(power(4.0), even_2).add_product(power(0.25), even_half),
            odd_1.add(m[7]).add_product(power(8.0), odd_2).add_product(power(0.125), odd_half),
        ]
    }
}

/// `A dy`: the transform of the gradient of the outputs.
#[inline(always)]
pub unsafe fn of_output_grad<V: Vector<Elem = f32>>(dy: [V; OUT]) -> [V; POINTS] {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let power = |x: f32| constant::<V>(x);
        let (even_1, odd_1) = (dy[0].add(dy[2]), dy[1].add(dy[3]));
        let even_2 = dy[0].add_product(power(4.0), dy[2]);
        let odd_2 = power(2.0).mul(dy[1]).add_product(power(8.0), dy[3]);
        let even_half = dy[0].add_product(power(0.25), dy[2]);
        let odd_half = power(0.5).mul(dy[1]).add_product(power(0.125), dy[3]);
        at_points(dy[0], [[even_1, odd_1], [even_2, odd_2], [even_half, odd_half]], dy[3])
    }
}

/// `G w`: the transform of the taps.
pub fn of_kernel(w: [f32; TAPS]) -> [f32; POINTS] {
    let at = |scale: f32, point: f32| {
        let square = point * point;
        let even = scale * (w[0] + square * (w[2] + square * w[4]));
        let odd = scale * point * (w[1] + square * w[3]);
        [even + odd, even - odd]
    };
    let [zero, one, two, half] = SCALES;
    let ([a, b], [c, d], [e, f]) = (at(one, 1.0), at(two, 2.0), at(half, 0.5));
    [zero * w[0], a, b, c, d, e, f, w[4]]
}

/// `Gᵀ s`: the transform of the sums to the gradient of the taps.
#[inline(always)]
pub fn of_kernel_grad(s: [f32; POINTS]) -> [f32; TAPS] {
    let [zero, one, two, half] = SCALES;
    let (even_1, odd_1) = (one * (s[1] + s[2]), one * (s[1] - s[2]));
    let (even_2, odd_2) = (two * (s[3] + s[4]), two * (s[3] - s[4]));
    let (even_half, odd_half) = (half * (s[5] + s[6]), half * (s[5] - s[6]));
    [
        zero * s[0] + even_1 + even_2 + even_half,
        odd_1 + 2.0 * odd_2 + 0.5 * odd_half,
        even_1 + 4.0 * even_2 + 0.25 * even_half,
        odd_1 + 8.0 * odd_2 + 0.125 * odd_half,
        even_1 + 16.0 * even_2 + 0.0625 * even_half + s[7],
    ]
}
