//! The linear maps of the algorithms, along one axis.
//!
//! With `B`, `G` and `A` the matrices of Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks* (2016),
//! `y = Aᵀ((G w) ⊙ (Bᵀ x))`; the weight gradient is `Gᵀ((Bᵀ x) ⊙ (A dy))`.
//!
//! With stride 1: multiplying polynomials is multiplying their values at enough points. A correlation of 6 inputs with 3 taps that gives 4 outputs
//! is such a product, turned round; its 6 points are 0, ±√½, ±√2 and ∞. The usual 0, ±1, ±2 and ∞ make numbers three times
//! as large, and errors with them.
//!
//! With stride 2, two outputs are `x0 w0 + x1 w1 + x2 w2` and `x2 w0 + x3 w1 + x4 w2`. Inputs at even places meet the outer taps alone: a
//! correlation of 3 inputs with 2 taps, whose points are 0, 1 and ∞. Those at odd places are multiplied by the middle tap as they are.
//!
//! Back through a stride of 2, four results are `x0 w1`, `x0 w0 + x1 w2`, `x1 w1` and `x1 w0 + x2 w2`: the same products, of three inputs.

use crate::kernels::gemm::Vector;

/// `√½` and `√2`: the points besides 0 and ∞, with both signs.
const ROOTS: [f64; 2] = [std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::SQRT_2];
/// Their cubes.
const CUBES: [f64; 2] = [0.5 * ROOTS[0], 2.0 * ROOTS[1]];

#[inline(always)]
unsafe fn constant<V: Vector<Elem = f32>>(x: f64) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe { V::splat(x as f32) }
}

/// The rows of `G` at `√½` and at `√2`; those at the opposite points differ in the sign of the middle.
const KERNEL: [[f64; 3]; 2] = [
    [-2.0 / 3.0, -std::f64::consts::SQRT_2 / 3.0, -1.0 / 3.0],
    [1.0 / 6.0, std::f64::consts::SQRT_2 / 6.0, 1.0 / 3.0],
];

/// The maps of an algorithm that makes `OUT` outputs of `IN` inputs and three taps, by `POINTS` products.
pub trait Form<const IN: usize, const POINTS: usize, const OUT: usize> {
    /// `Bᵀ x`: inputs at the points.
    unsafe fn of_input<V: Vector<Elem = f32>>(x: [V; IN]) -> [V; POINTS];
    /// `G w`: taps at the points.
    unsafe fn of_kernel<V: Vector<Elem = f32>>(w: [V; 3]) -> [V; POINTS];
    /// `Aᵀ m`: from the products at the points to outputs.
    unsafe fn of_products<V: Vector<Elem = f32>>(m: [V; POINTS]) -> [V; OUT];
}

/// The transposes of two of them, for the weight gradient.
pub trait GradForm<const POINTS: usize, const OUT: usize> {
    /// `A dy`: of [`of_products`](Form::of_products).
    unsafe fn of_output_grad<V: Vector<Elem = f32>>(dy: [V; OUT]) -> [V; POINTS];
    /// `Gᵀ s`: of [`of_kernel`](Form::of_kernel).
    unsafe fn of_kernel_grad<V: Vector<Elem = f32>>(s: [V; POINTS]) -> [V; 3];
}

/// Stride 1: `F(4, 3)`.
pub struct Straight;

impl Form<6, 6, 4> for Straight {
    #[inline(always)]
    unsafe fn of_input<V: Vector<Elem = f32>>(x: [V; 6]) -> [V; 6] {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let (a, b) = (constant::<V>(ROOTS[0]), constant::<V>(ROOTS[1]));
            let (minus_half, minus_two) = (constant::<V>(-0.5), constant::<V>(-2.0));
            let middle = constant::<V>(-2.5);
            // Even and odd powers of a point and of its opposite.
            let (even_a, odd_a) = (x[4].add_product(minus_two, x[2]), a.mul(x[3]).sub(b.mul(x[1])));
            let (even_b, odd_b) = (x[4].add_product(minus_half, x[2]), b.mul(x[3]).sub(a.mul(x[1])));
            [
                x[0].add(x[4]).add_product(middle, x[2]),
                even_a.add(odd_a),
                even_a.sub(odd_a),
                even_b.add(odd_b),
                even_b.sub(odd_b),
                x[1].add(x[5]).add_product(middle, x[3]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn of_kernel<V: Vector<Elem = f32>>(w: [V; 3]) -> [V; 6] {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let mut at = [w[0], w[0], w[0], w[0], w[0], w[2]];
            for (i, row) in KERNEL.iter().enumerate() {
                let even = constant::<V>(row[0]).mul(w[0]).add_product(constant::<V>(row[2]), w[2]);
                let odd = constant::<V>(row[1]).mul(w[1]);
                (at[2 * i + 1], at[2 * i + 2]) = (even.add(odd), even.sub(odd));
            }
            at
        }
    }

    #[inline(always)]
    unsafe fn of_products<V: Vector<Elem = f32>>(m: [V; 6]) -> [V; 4] {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let (a, b) = (constant::<V>(ROOTS[0]), constant::<V>(ROOTS[1]));
            let (a3, b3) = (constant::<V>(CUBES[0]), constant::<V>(CUBES[1]));
            let (half, two) = (constant::<V>(0.5), constant::<V>(2.0));
            let (even_a, odd_a) = (m[1].add(m[2]), m[1].sub(m[2]));
            let (even_b, odd_b) = (m[3].add(m[4]), m[3].sub(m[4]));
            [
                m[0].add(even_a).add(even_b),
                a.mul(odd_a).add_product(b, odd_b),
                half.mul(even_a).add_product(two, even_b),
                m[5].add_product(a3, odd_a).add_product(b3, odd_b),
            ]
        }
    }
}

impl GradForm<6, 4> for Straight {
    #[inline(always)]
    unsafe fn of_output_grad<V: Vector<Elem = f32>>(dy: [V; 4]) -> [V; 6] {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let (a, b) = (constant::<V>(ROOTS[0]), constant::<V>(ROOTS[1]));
            let (a3, b3) = (constant::<V>(CUBES[0]), constant::<V>(CUBES[1]));
            let (half, two) = (constant::<V>(0.5), constant::<V>(2.0));
            let (even_a, odd_a) = (dy[0].add_product(half, dy[2]), a.mul(dy[1]).add_product(a3, dy[3]));
            let (even_b, odd_b) = (dy[0].add_product(two, dy[2]), b.mul(dy[1]).add_product(b3, dy[3]));
            [dy[0], even_a.add(odd_a), even_a.sub(odd_a), even_b.add(odd_b), even_b.sub(odd_b), dy[3]]
        }
    }

    #[inline(always)]
    unsafe fn of_kernel_grad<V: Vector<Elem = f32>>(s: [V; 6]) -> [V; 3] {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let mut w = [s[0], V::zero(), s[5]];
            for (i, row) in KERNEL.iter().enumerate() {
                let (even, odd) = (s[2 * i + 1].add(s[2 * i + 2]), s[2 * i + 1].sub(s[2 * i + 2]));
                w[0] = w[0].add_product(constant::<V>(row[0]), even);
                w[1] = w[1].add_product(constant::<V>(row[1]), odd);
                w[2] = w[2].add_product(constant::<V>(row[2]), even);
            }
            w
        }
    }
}

/// Stride 2: five products for two outputs.
pub struct Halving;

// SAFETY of each: the caller has the instructions of `V`.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Form<5, 5, 2> for Halving {
    #[inline(always)]
    unsafe fn of_input<V: Vector<Elem = f32>>(x: [V; 5]) -> [V; 5] {
        unsafe { [x[0].sub(x[2]), x[2], x[4].sub(x[2]), x[1], x[3]] }
    }

    #[inline(always)]
    unsafe fn of_kernel<V: Vector<Elem = f32>>(w: [V; 3]) -> [V; 5] {
        [w[0], unsafe { w[0].add(w[2]) }, w[2], w[1], w[1]]
    }

    #[inline(always)]
    unsafe fn of_products<V: Vector<Elem = f32>>(m: [V; 5]) -> [V; 2] {
        unsafe { [m[0].add(m[1]).add(m[3]), m[1].add(m[2]).add(m[4])] }
    }
}

// SAFETY of each: as above.
#[allow(clippy::undocumented_unsafe_blocks)]
impl GradForm<5, 2> for Halving {
    #[inline(always)]
    unsafe fn of_output_grad<V: Vector<Elem = f32>>(dy: [V; 2]) -> [V; 5] {
        [dy[0], unsafe { dy[0].add(dy[1]) }, dy[1], dy[0], dy[1]]
    }

    #[inline(always)]
    unsafe fn of_kernel_grad<V: Vector<Elem = f32>>(s: [V; 5]) -> [V; 3] {
        unsafe { [s[0].add(s[1]), s[3].add(s[4]), s[1].add(s[2])] }
    }
}

/// The input gradient of stride 2: five products for four outputs, with the taps turned round.
pub struct Doubling;

// SAFETY of each: as above.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Form<3, 5, 4> for Doubling {
    #[inline(always)]
    unsafe fn of_input<V: Vector<Elem = f32>>(x: [V; 3]) -> [V; 5] {
        unsafe { [x[0].sub(x[1]), x[1], x[2].sub(x[1]), x[0], x[1]] }
    }

    #[inline(always)]
    unsafe fn of_kernel<V: Vector<Elem = f32>>(w: [V; 3]) -> [V; 5] {
        unsafe { Halving::of_kernel::<V>(w) }
    }

    #[inline(always)]
    unsafe fn of_products<V: Vector<Elem = f32>>(m: [V; 5]) -> [V; 4] {
        unsafe { [m[3], m[0].add(m[1]), m[4], m[1].add(m[2])] }
    }
}
