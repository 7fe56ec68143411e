//! SIMD vectors.

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
pub use x86::{F32x8, F32x16, F64x4, F64x8};

use crate::kernels::simd::{Kernel, run_portable};

/// A vector register of numbers and what the products need of it.
///
/// # Safety
/// The methods of an instruction set may only run where it was found ([`Isa::detect`](crate::kernels::simd::Isa::detect)), inside a
/// function that is compiled for it. Pointers must be valid for the lanes that are read or written. A vector whose bits are all zero is [`zero`](Vector::zero).
pub unsafe trait Vector: Copy {
    /// The type of a lane.
    type Elem: Copy + std::ops::Add<Output = Self::Elem>;
    /// The number of lanes.
    const LANES: usize;
    /// The rows of the largest tile two vectors wide whose sums stay in registers.
    const ROWS: usize;
    /// Zeros.
    unsafe fn zero() -> Self;
    /// `x` in all lanes.
    unsafe fn splat(x: Self::Elem) -> Self;
    /// The numbers at `from`.
    unsafe fn load(from: *const Self::Elem) -> Self;
    /// The first `n` numbers at `from`, then zeros; nothing beyond is touched.
    unsafe fn load_part(from: *const Self::Elem, n: usize) -> Self;
    /// The numbers at `from` of the lanes whose bit is set, the lowest for lane 0; zeros in the others, whose places are not touched.
    unsafe fn load_lanes(from: *const Self::Elem, lanes: u16) -> Self;
    /// Writes the lanes to `to`.
    unsafe fn store(self, to: *mut Self::Elem);
    /// Writes the first `n` lanes to `to`.
    unsafe fn store_part(self, to: *mut Self::Elem, n: usize);
    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;
    /// `self - other`.
    unsafe fn sub(self, other: Self) -> Self;
    /// `self other`.
    unsafe fn mul(self, other: Self) -> Self;
    /// The transpose of the matrix whose rows are the first `LANES` vectors of `block`.
    unsafe fn transpose(block: [Self; 16]) -> [Self; 16];
    /// The numbers at even places and those at odd places of two vectors, one after the other.
    unsafe fn deinterleave(self, next: Self) -> (Self, Self);
    /// Two vectors, one after the other, whose numbers at even places are these and at odd places those of `odd`.
    unsafe fn interleave(self, odd: Self) -> (Self, Self);
    /// `self + a b`, rounded once where the instruction set can.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// Runs a kernel, compiled for these vectors, in a function of its own, so that it is not inlined into each caller.
    unsafe fn apart<K: Kernel>(kernel: K) -> K::Output;
    /// `sums[w] += a[at] b[w]`: a step of one row of a tile.
    #[inline(always)]
    unsafe fn add_products<const W: usize>(
        sums: &mut [Self; W],
        a: *const Self::Elem,
        at: usize,
        b: &[Self; W],
    ) {
        // SAFETY: the caller vouches for `a[at]`.
        unsafe {
            let a = Self::splat(*a.add(at));
            for w in 0..W {
                sums[w] = sums[w].add_product(a, b[w]);
            }
        }
    }
}

/// A short array, which the compiler maps to the vectors that every machine of the target has (SSE2, NEON).
#[derive(Clone, Copy)]
pub struct Portable<T, const N: usize>([T; N]);

// The lanes are written out: a build spends seconds on unrolling loops over them.
macro_rules! portable {
    ($t:ty; $($lane:literal)*) => {
        // SAFETY: ordinary code that touches the lanes that it is asked to.
        unsafe impl Vector for Portable<$t, { [$($lane),*].len() }> {
            type Elem = $t;
            const LANES: usize = [$($lane),*].len();
            const ROWS: usize = 6;
            #[inline(always)]
            unsafe fn zero() -> Self {
                Portable([0.0; Self::LANES])
            }
            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                Portable([x; Self::LANES])
            }
            #[inline(always)]
            unsafe fn load(from: *const $t) -> Self {
                // SAFETY: the caller vouches for all lanes.
                Portable(unsafe { from.cast::<[$t; Self::LANES]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn load_part(from: *const $t, n: usize) -> Self {
                // SAFETY: the caller vouches for the first `n`.
                Portable([$(if $lane < n { unsafe { *from.add($lane) } } else { 0.0 }),*])
            }
            #[inline(always)]
            unsafe fn load_lanes(from: *const $t, lanes: u16) -> Self {
                // SAFETY: the caller vouches for these lanes.
                Portable([$(if lanes >> $lane & 1 == 1 { unsafe { *from.wrapping_add($lane) } } else { 0.0 }),*])
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $t) {
                // SAFETY: the caller vouches for all lanes.
                unsafe { to.cast::<[$t; Self::LANES]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn store_part(self, to: *mut $t, n: usize) {
                $(if $lane < n {
                    // SAFETY: the caller vouches for the first `n`.
                    unsafe { *to.add($lane) = self.0[$lane] }
                })*
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                Portable([$(self.0[$lane] + other.0[$lane]),*])
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                Portable([$(self.0[$lane] - other.0[$lane]),*])
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                Portable([$(self.0[$lane] * other.0[$lane]),*])
            }
            #[inline(always)]
            unsafe fn transpose(mut block: [Self; 16]) -> [Self; 16] {
                let column = |c: usize| Portable([$(block[$lane].0[c]),*]);
                let columns = [$(column($lane)),*];
                $(block[$lane] = columns[$lane];)*
                block
            }
            #[inline(always)]
            unsafe fn deinterleave(self, next: Self) -> (Self, Self) {
                let both = [self.0, next.0];
                let at = |i: usize| both[i / Self::LANES][i % Self::LANES];
                (Portable([$(at(2 * $lane)),*]), Portable([$(at(2 * $lane + 1)),*]))
            }
            #[inline(always)]
            unsafe fn interleave(self, odd: Self) -> (Self, Self) {
                let both = [self.0, odd.0];
                let at = |i: usize| both[i % 2][i / 2];
                (Portable([$(at($lane)),*]), Portable([$(at(Self::LANES + $lane)),*]))
            }
            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                // On aarch64 a fused product is one instruction; on bare x86-64 it would be a function call.
                if cfg!(target_arch = "aarch64") {
                    Portable([$(a.0[$lane].mul_add(b.0[$lane], self.0[$lane])),*])
                } else {
                    Portable([$(self.0[$lane] + a.0[$lane] * b.0[$lane]),*])
                }
            }
            #[inline(always)]
            unsafe fn apart<K: Kernel>(kernel: K) -> K::Output {
                run_portable(kernel)
            }
        }
    };
}
portable!(f32; 0 1 2 3);
portable!(f64; 0 1);

/// The vectors of an element type, by instruction set.
#[doc(hidden)]
pub trait Vectors: Copy + std::ops::Add<Output = Self> {
    /// 512 bits.
    #[cfg(target_arch = "x86_64")]
    type Avx512: Vector<Elem = Self>;
    /// 256 bits.
    #[cfg(target_arch = "x86_64")]
    type Avx2: Vector<Elem = Self>;
    /// What every machine of the target has.
    type Portable: Vector<Elem = Self>;
}

impl Vectors for f32 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = F32x16;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = F32x8;
    type Portable = Portable<f32, 4>;
}

impl Vectors for f64 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = F64x8;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = F64x4;
    type Portable = Portable<f64, 2>;
}
