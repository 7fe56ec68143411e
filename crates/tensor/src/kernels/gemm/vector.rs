//! Vectors of numbers, as the processors have them.

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
    /// The first `LANES` vectors of `block` as rows, turned into columns.
    unsafe fn turn(block: [Self; 16]) -> [Self; 16];
    /// `self + a b`, rounded once where the instruction set can.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// Runs a kernel, compiled for these vectors, in a function of its own: once for all that call it, and not in each of them.
    unsafe fn apart<K: Kernel>(kernel: K) -> K::Output;
    /// `sums[w] += *a b[w]`: a step of one row of a tile.
    #[inline(always)]
    unsafe fn add_products<const W: usize>(sums: &mut [Self; W], a: *const Self::Elem, b: &[Self; W]) {
        // SAFETY: the caller vouches for `a`.
        unsafe {
            let a = Self::splat(*a);
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
            unsafe fn turn(mut block: [Self; 16]) -> [Self; 16] {
                let column = |c: usize| Portable([$(block[$lane].0[c]),*]);
                let columns = [$(column($lane)),*];
                $(block[$lane] = columns[$lane];)*
                block
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

#[cfg(target_arch = "x86_64")]
pub use x86::{F32x8, F32x16, F64x4, F64x8};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::*;

    use super::{Kernel, Vector};
    use crate::kernels::simd::{run_avx2, run_avx512};

    // A tile's sums fill 28 of the 32 registers. Left to itself, the compiler sometimes loads the numbers of all 14 rows first and has to spill
    // sums, which costs a third of the speed. With the load inside the instruction there is nothing to move.
    macro_rules! fma_broadcast {
        ($name:ident, $vector:ty, $elem:ty, $text:literal) => {
            #[inline]
            #[target_feature(enable = "avx512f")]
            unsafe fn $name(mut sum: $vector, a: *const $elem, b: $vector) -> $vector {
                // SAFETY: reads one number at `a`, for which the caller vouches.
                unsafe {
                    asm!($text, inout(zmm_reg) sum, in(zmm_reg) b, in(reg) a, options(pure, readonly, nostack, preserves_flags));
                }
                sum
            }
        };
    }
    fma_broadcast!(fma_broadcast_ps, __m512, f32, "vfmadd231ps {0}, {1}, dword ptr [{2}]{{1to16}}");
    fma_broadcast!(fma_broadcast_pd, __m512d, f64, "vfmadd231pd {0}, {1}, qword ptr [{2}]{{1to8}}");

    // Turning a block: inside each 128 bits first, where processors are quickest, then the pieces of 128 bits among each other.
    macro_rules! turn {
        ($name:ident, $vector:ty, $lanes:literal, $corner:literal, $in_corners:ident, $corners:ident) => {
            #[inline(always)]
            unsafe fn $name(mut block: [$vector; 16]) -> [$vector; 16] {
                // SAFETY: the caller has the instruction set.
                unsafe {
                    for group in 0..$lanes / $corner {
                        $in_corners(&mut block, group * $corner);
                    }
                    for i in 0..$corner {
                        $corners(&mut block, i);
                    }
                }
                block
            }
        };
    }
    turn!(turn_512_ps, __m512, 16, 4, in_corners_512_ps, corners_512_ps);
    turn!(turn_512_pd, __m512d, 8, 2, in_corners_512_pd, corners_512_pd);
    turn!(turn_256_ps, __m256, 8, 4, in_corners_256_ps, corners_256_ps);
    turn!(turn_256_pd, __m256d, 4, 2, in_corners_256_pd, corners_256_pd);

    /// Turns the corners of 4 by 4 numbers that lie in each 128 bits of four rows.
    macro_rules! in_corners_ps {
        ($name:ident, $vector:ty, $low:ident $high:ident $to_pd:ident $low_pd:ident $high_pd:ident $to_ps:ident) => {
            #[inline(always)]
            unsafe fn $name(block: &mut [$vector; 16], i: usize) {
                // SAFETY: the caller has the instruction set.
                unsafe {
                    let (a, b) =
                        ($to_pd($low(block[i], block[i + 1])), $to_pd($high(block[i], block[i + 1])));
                    let (c, d) =
                        ($to_pd($low(block[i + 2], block[i + 3])), $to_pd($high(block[i + 2], block[i + 3])));
                    block[i] = $to_ps($low_pd(a, c));
                    block[i + 1] = $to_ps($high_pd(a, c));
                    block[i + 2] = $to_ps($low_pd(b, d));
                    block[i + 3] = $to_ps($high_pd(b, d));
                }
            }
        };
    }
    in_corners_ps!(in_corners_512_ps, __m512, _mm512_unpacklo_ps _mm512_unpackhi_ps _mm512_castps_pd _mm512_unpacklo_pd _mm512_unpackhi_pd _mm512_castpd_ps);
    in_corners_ps!(in_corners_256_ps, __m256, _mm256_unpacklo_ps _mm256_unpackhi_ps _mm256_castps_pd _mm256_unpacklo_pd _mm256_unpackhi_pd _mm256_castpd_ps);

    /// Turns the corners of 2 by 2 numbers that lie in each 128 bits of two rows.
    macro_rules! in_corners_pd {
        ($name:ident, $vector:ty, $low:ident $high:ident) => {
            #[inline(always)]
            unsafe fn $name(block: &mut [$vector; 16], i: usize) {
                let (a, b) = (block[i], block[i + 1]);
                // SAFETY: the caller has the instruction set.
                unsafe { (block[i], block[i + 1]) = ($low(a, b), $high(a, b)) };
            }
        };
    }
    in_corners_pd!(in_corners_512_pd, __m512d, _mm512_unpacklo_pd _mm512_unpackhi_pd);
    in_corners_pd!(in_corners_256_pd, __m256d, _mm256_unpacklo_pd _mm256_unpackhi_pd);

    /// Corner `j` of row `i` of each group of rows goes to corner `i` of row `j`: four groups of four corners.
    macro_rules! corners_512 {
        ($name:ident, $vector:ty, $corner:literal, $pick:ident) => {
            #[inline(always)]
            unsafe fn $name(block: &mut [$vector; 16], row: usize) {
                let (a, b) = (block[row], block[$corner + row]);
                let (c, d) = (block[2 * $corner + row], block[3 * $corner + row]);
                // SAFETY: the caller has the instruction set.
                unsafe {
                    let (even, odd) = ($pick::<0x88>(a, b), $pick::<0xdd>(a, b));
                    let (later_even, later_odd) = ($pick::<0x88>(c, d), $pick::<0xdd>(c, d));
                    block[row] = $pick::<0x88>(even, later_even);
                    block[$corner + row] = $pick::<0x88>(odd, later_odd);
                    block[2 * $corner + row] = $pick::<0xdd>(even, later_even);
                    block[3 * $corner + row] = $pick::<0xdd>(odd, later_odd);
                }
            }
        };
    }
    corners_512!(corners_512_ps, __m512, 4, _mm512_shuffle_f32x4);
    corners_512!(corners_512_pd, __m512d, 2, _mm512_shuffle_f64x2);

    /// The same with two groups of two corners.
    macro_rules! corners_256 {
        ($name:ident, $vector:ty, $corner:literal, $pick:ident) => {
            #[inline(always)]
            unsafe fn $name(block: &mut [$vector; 16], row: usize) {
                let (a, b) = (block[row], block[$corner + row]);
                // SAFETY: the caller has the instruction set.
                unsafe { (block[row], block[$corner + row]) = ($pick::<0x20>(a, b), $pick::<0x31>(a, b)) };
            }
        };
    }
    corners_256!(corners_256_ps, __m256, 4, _mm256_permute2f128_ps);
    corners_256!(corners_256_pd, __m256d, 2, _mm256_permute2f128_pd);

    /// The mask of the first `n` lanes.
    #[inline(always)]
    fn first(n: usize) -> u16 {
        ((1u32 << n) - 1) as u16
    }

    macro_rules! avx512 {
        ($name:ident, $inner:ty, $elem:ty, $lanes:literal, $mask:ty, $zero:ident $splat:ident $load:ident $load_part:ident $store:ident $store_part:ident $add:ident $sub:ident $mul:ident $fma:ident $turn:ident $fma_broadcast:ident) => {
            /// 512 bits.
            #[derive(Clone, Copy)]
            pub struct $name($inner);
            // SAFETY: the intrinsics do what the methods say; the caller has the instruction set and vouches for the pointers.
            #[allow(clippy::undocumented_unsafe_blocks)]
            unsafe impl Vector for $name {
                type Elem = $elem;
                const LANES: usize = $lanes;
                const ROWS: usize = 14;
                #[inline(always)]
                unsafe fn zero() -> Self {
                    $name(unsafe { $zero() })
                }
                #[inline(always)]
                unsafe fn splat(x: $elem) -> Self {
                    $name(unsafe { $splat(x) })
                }
                #[inline(always)]
                unsafe fn load(from: *const $elem) -> Self {
                    $name(unsafe { $load(from) })
                }
                #[inline(always)]
                unsafe fn load_part(from: *const $elem, n: usize) -> Self {
                    $name(unsafe { $load_part(first(n) as $mask, from) })
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $elem) {
                    unsafe { $store(to, self.0) }
                }
                #[inline(always)]
                unsafe fn store_part(self, to: *mut $elem, n: usize) {
                    unsafe { $store_part(to, first(n) as $mask, self.0) }
                }
                #[inline(always)]
                unsafe fn add(self, other: Self) -> Self {
                    $name(unsafe { $add(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn sub(self, other: Self) -> Self {
                    $name(unsafe { $sub(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn mul(self, other: Self) -> Self {
                    $name(unsafe { $mul(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn turn(block: [Self; 16]) -> [Self; 16] {
                    // No `map`: it may become a call to code that is not compiled for these vectors.
                    let (mut rows, mut turned) = ([unsafe { $zero() }; 16], block);
                    for r in 0..$lanes {
                        rows[r] = block[r].0;
                    }
                    let columns = unsafe { $turn(rows) };
                    for c in 0..$lanes {
                        turned[c] = $name(columns[c]);
                    }
                    turned
                }
                #[inline(always)]
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    $name(unsafe { $fma(a.0, b.0, self.0) })
                }
                #[inline(always)]
                unsafe fn apart<K: Kernel>(kernel: K) -> K::Output {
                    unsafe { run_avx512(kernel) }
                }
                #[inline(always)]
                unsafe fn add_products<const W: usize>(sums: &mut [Self; W], a: *const $elem, b: &[Self; W]) {
                    for w in 0..W {
                        sums[w].0 = unsafe { $fma_broadcast(sums[w].0, a, b[w].0) };
                    }
                }
            }
        };
    }
    avx512!(F32x16, __m512, f32, 16, __mmask16, _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_maskz_loadu_ps _mm512_storeu_ps _mm512_mask_storeu_ps _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_fmadd_ps turn_512_ps fma_broadcast_ps);
    avx512!(F64x8, __m512d, f64, 8, __mmask8, _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_maskz_loadu_pd _mm512_storeu_pd _mm512_mask_storeu_pd _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_fmadd_pd turn_512_pd fma_broadcast_pd);

    /// A window of this starting at `16 - n` is a mask of the first `n` lanes.
    static LANES: [i32; 32] = [
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0,
    ];

    // The first lanes are written in pieces: AMD's processors take 20 to 40 operations for a store with a mask.

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store_part_ps(mut to: *mut f32, n: usize, x: __m256) {
        // SAFETY: the caller vouches for `n` numbers, and the pieces are `n` together.
        unsafe {
            if n == 8 {
                return _mm256_storeu_ps(to, x);
            }
            let mut rest = _mm256_castps256_ps128(x);
            if n & 4 != 0 {
                _mm_storeu_ps(to, rest);
                (rest, to) = (_mm256_extractf128_ps::<1>(x), to.add(4));
            }
            if n & 2 != 0 {
                _mm_storel_pd(to.cast(), _mm_castps_pd(rest));
                (rest, to) = (_mm_movehl_ps(rest, rest), to.add(2));
            }
            if n & 1 != 0 {
                _mm_store_ss(to, rest);
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store_part_pd(mut to: *mut f64, n: usize, x: __m256d) {
        // SAFETY: as above.
        unsafe {
            if n == 4 {
                return _mm256_storeu_pd(to, x);
            }
            let mut rest = _mm256_castpd256_pd128(x);
            if n & 2 != 0 {
                _mm_storeu_pd(to, rest);
                (rest, to) = (_mm256_extractf128_pd::<1>(x), to.add(2));
            }
            if n & 1 != 0 {
                _mm_store_sd(to, rest);
            }
        }
    }

    macro_rules! avx2 {
        ($name:ident, $inner:ty, $elem:ty, $lanes:literal, $zero:ident $splat:ident $load:ident $load_part:ident $store:ident $store_part:ident $add:ident $sub:ident $mul:ident $fma:ident $turn:ident) => {
            /// 256 bits.
            #[derive(Clone, Copy)]
            pub struct $name($inner);
            impl $name {
                #[inline(always)]
                unsafe fn mask(n: usize) -> __m256i {
                    let words = n * size_of::<$elem>() / 4;
                    // SAFETY: `n` is at most the number of lanes, so 8 words from `16 - words` on are inside the table.
                    unsafe { _mm256_loadu_si256(LANES.as_ptr().add(16 - words).cast()) }
                }
            }
            // SAFETY: the intrinsics do what the methods say; the caller has the instruction set and vouches for the pointers.
            #[allow(clippy::undocumented_unsafe_blocks)]
            unsafe impl Vector for $name {
                type Elem = $elem;
                const LANES: usize = $lanes;
                const ROWS: usize = 6;
                #[inline(always)]
                unsafe fn zero() -> Self {
                    $name(unsafe { $zero() })
                }
                #[inline(always)]
                unsafe fn splat(x: $elem) -> Self {
                    $name(unsafe { $splat(x) })
                }
                #[inline(always)]
                unsafe fn load(from: *const $elem) -> Self {
                    $name(unsafe { $load(from) })
                }
                #[inline(always)]
                unsafe fn load_part(from: *const $elem, n: usize) -> Self {
                    $name(unsafe { $load_part(from, Self::mask(n)) })
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $elem) {
                    unsafe { $store(to, self.0) }
                }
                #[inline(always)]
                unsafe fn store_part(self, to: *mut $elem, n: usize) {
                    unsafe { $store_part(to, n, self.0) }
                }
                #[inline(always)]
                unsafe fn add(self, other: Self) -> Self {
                    $name(unsafe { $add(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn sub(self, other: Self) -> Self {
                    $name(unsafe { $sub(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn mul(self, other: Self) -> Self {
                    $name(unsafe { $mul(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn turn(block: [Self; 16]) -> [Self; 16] {
                    // No `map`: it may become a call to code that is not compiled for these vectors.
                    let (mut rows, mut turned) = ([unsafe { $zero() }; 16], block);
                    for r in 0..$lanes {
                        rows[r] = block[r].0;
                    }
                    let columns = unsafe { $turn(rows) };
                    for c in 0..$lanes {
                        turned[c] = $name(columns[c]);
                    }
                    turned
                }
                #[inline(always)]
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    $name(unsafe { $fma(a.0, b.0, self.0) })
                }
                #[inline(always)]
                unsafe fn apart<K: Kernel>(kernel: K) -> K::Output {
                    unsafe { run_avx2(kernel) }
                }
            }
        };
    }
    avx2!(F32x8, __m256, f32, 8, _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_maskload_ps _mm256_storeu_ps store_part_ps _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_fmadd_ps turn_256_ps);
    avx2!(F64x4, __m256d, f64, 4, _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_maskload_pd _mm256_storeu_pd store_part_pd _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_fmadd_pd turn_256_pd);
}

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
