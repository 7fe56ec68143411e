//! The vectors of x86-64: AVX2 and AVX-512.

use std::arch::asm;
use std::arch::x86_64::*;

use super::{Kernel, Vector};
use crate::kernels::simd::{run_avx2, run_avx512};

// A tile's sums fill 28 of the 32 registers, and two hold the numbers of `b`. Left to itself, the compiler sometimes loads the numbers of all 14
// rows first and has to spill sums, which costs a third of the speed. With the load beside the products there is nothing to move. A row two
// vectors wide loads its number once: a Zen 5 core multiplies as fast as it loads, and twice as many loads cost it a quarter of its speed.
macro_rules! fma_broadcast {
    ($one:ident $two:ident, $vector:ty, $elem:ty, $broadcast:literal, $fma:literal, $broadcast_fma:literal) => {
        #[inline]
        #[target_feature(enable = "avx512f")]
        unsafe fn $one(sum: &mut $vector, a: *const $elem, at: usize, b: $vector) {
            // SAFETY: reads one number, for which the caller vouches.
            unsafe {
                asm!(
                    $broadcast_fma,
                    sum = inout(zmm_reg) *sum, b = in(zmm_reg) b, a = in(reg) a, at = in(reg) at,
                    options(pure, readonly, nostack, preserves_flags)
                );
            }
        }

        #[inline]
        #[target_feature(enable = "avx512f")]
        unsafe fn $two(
            [low, high]: [&mut $vector; 2],
            a: *const $elem,
            at: usize,
            [b_low, b_high]: [$vector; 2],
        ) {
            // Without a type, it was given a register that is no vector.
            let _number: $vector;
            // SAFETY: as above.
            unsafe {
                asm!(
                    $broadcast,
                    concat!($fma, " {low}, {x}, {b_low}"),
                    concat!($fma, " {high}, {x}, {b_high}"),
                    low = inout(zmm_reg) *low, high = inout(zmm_reg) *high, x = out(zmm_reg) _number,
                    b_low = in(zmm_reg) b_low, b_high = in(zmm_reg) b_high, a = in(reg) a, at = in(reg) at,
                    options(pure, readonly, nostack, preserves_flags)
                );
            }
        }
    };
}
fma_broadcast!(fma_broadcast_ps fma_broadcast_two_ps, __m512, f32, "vbroadcastss {x}, dword ptr [{a} + 4*{at}]", "vfmadd231ps", "vfmadd231ps {sum}, {b}, dword ptr [{a} + 4*{at}]{{1to16}}");
fma_broadcast!(fma_broadcast_pd fma_broadcast_two_pd, __m512d, f64, "vbroadcastsd {x}, qword ptr [{a} + 8*{at}]", "vfmadd231pd", "vfmadd231pd {sum}, {b}, qword ptr [{a} + 8*{at}]{{1to8}}");

// Transposing a block: within each 128 bits first, where processors are fastest, then exchanging the pieces of 128 bits.
macro_rules! transpose {
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
transpose!(transpose_512_ps, __m512, 16, 4, in_corners_512_ps, corners_512_ps);
transpose!(transpose_512_pd, __m512d, 8, 2, in_corners_512_pd, corners_512_pd);
transpose!(transpose_256_ps, __m256, 8, 4, in_corners_256_ps, corners_256_ps);
transpose!(transpose_256_pd, __m256d, 4, 2, in_corners_256_pd, corners_256_pd);

/// Transposes the 4 by 4 numbers in each 128 bits of four rows.
macro_rules! in_corners_ps {
    ($name:ident, $vector:ty, $low:ident $high:ident $to_pd:ident $low_pd:ident $high_pd:ident $to_ps:ident) => {
        #[inline(always)]
        unsafe fn $name(block: &mut [$vector; 16], i: usize) {
            // SAFETY: the caller has the instruction set.
            unsafe {
                let (a, b) = ($to_pd($low(block[i], block[i + 1])), $to_pd($high(block[i], block[i + 1])));
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

/// Transposes the 2 by 2 numbers in each 128 bits of two rows.
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

/// The places `first, first + step, ...` of two vectors, one after the other; for a step of 0, `first` of one and of the other in turn, and on.
#[inline]
#[target_feature(enable = "avx512f")]
fn places_512_ps(first: i32, step: i32) -> __m512i {
    let at = |lane: i32| if step == 0 { first + lane / 2 + lane % 2 * 16 } else { first + lane * step };
    _mm512_setr_epi32(
        at(0),
        at(1),
        at(2),
        at(3),
        at(4),
        at(5),
        at(6),
        at(7),
        at(8),
        at(9),
        at(10),
        at(11),
        at(12),
        at(13),
        at(14),
        at(15),
    )
}

/// The same for vectors of 8.
#[inline]
#[target_feature(enable = "avx512f")]
fn places_512_pd(first: i64, step: i64) -> __m512i {
    let at = |lane: i64| if step == 0 { first + lane / 2 + lane % 2 * 8 } else { first + lane * step };
    _mm512_setr_epi64(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
}

macro_rules! avx512 {
    ($name:ident, $inner:ty, $elem:ty, $lanes:literal, $mask:ty, $zero:ident $splat:ident $load:ident $load_part:ident $store:ident $store_part:ident $add:ident $sub:ident $mul:ident $fma:ident $transpose:ident $pick:ident $places:ident $fma_broadcast:ident $fma_broadcast_two:ident) => {
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
            unsafe fn load_lanes(from: *const $elem, lanes: u16) -> Self {
                $name(unsafe { $load_part(lanes as $mask, from) })
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
            unsafe fn transpose(block: [Self; 16]) -> [Self; 16] {
                // No `map`: it may become a call to code that is not compiled for these vectors.
                let (mut rows, mut transposed) = ([unsafe { $zero() }; 16], block);
                for r in 0..$lanes {
                    rows[r] = block[r].0;
                }
                let columns = unsafe { $transpose(rows) };
                for c in 0..$lanes {
                    transposed[c] = $name(columns[c]);
                }
                transposed
            }
            #[inline(always)]
            unsafe fn deinterleave(self, next: Self) -> (Self, Self) {
                let (even, odd) = unsafe { ($places(0, 2), $places(1, 2)) };
                unsafe { ($name($pick(self.0, even, next.0)), $name($pick(self.0, odd, next.0))) }
            }
            #[inline(always)]
            unsafe fn interleave(self, odd: Self) -> (Self, Self) {
                let (low, high) = unsafe { ($places(0, 0), $places($lanes / 2, 0)) };
                unsafe { ($name($pick(self.0, low, odd.0)), $name($pick(self.0, high, odd.0))) }
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
            unsafe fn add_products<const W: usize>(
                sums: &mut [Self; W],
                a: *const $elem,
                at: usize,
                b: &[Self; W],
            ) {
                if W == 2 {
                    let (low, high) = sums.split_at_mut(1);
                    unsafe { $fma_broadcast_two([&mut low[0].0, &mut high[0].0], a, at, [b[0].0, b[1].0]) };
                } else {
                    for w in 0..W {
                        unsafe { $fma_broadcast(&mut sums[w].0, a, at, b[w].0) };
                    }
                }
            }
        }
    };
}
avx512!(F32x16, __m512, f32, 16, __mmask16, _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_maskz_loadu_ps _mm512_storeu_ps _mm512_mask_storeu_ps _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_fmadd_ps transpose_512_ps _mm512_permutex2var_ps places_512_ps fma_broadcast_ps fma_broadcast_two_ps);
avx512!(F64x8, __m512d, f64, 8, __mmask8, _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_maskz_loadu_pd _mm512_storeu_pd _mm512_mask_storeu_pd _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_fmadd_pd transpose_512_pd _mm512_permutex2var_pd places_512_pd fma_broadcast_pd fma_broadcast_two_pd);

/// A window of this starting at `16 - n` is a mask of the first `n` lanes.
static LANES: [i32; 32] = [
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0,
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

// Lanes whose bit is set become masks of ones.

#[inline]
#[target_feature(enable = "avx2")]
fn mask_of_bits_ps(lanes: u16) -> __m256i {
    let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(lanes.into()), bits), bits)
}

#[inline]
#[target_feature(enable = "avx2")]
fn mask_of_bits_pd(lanes: u16) -> __m256i {
    let bits = _mm256_setr_epi64x(1, 2, 4, 8);
    _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(lanes.into()), bits), bits)
}

// The numbers at even and at odd places of two vectors: within each 128 bits first.

#[inline]
#[target_feature(enable = "avx2")]
fn in_order(x: __m256d) -> __m256d {
    _mm256_permute4x64_pd::<0b11_01_10_00>(x)
}

#[inline]
#[target_feature(enable = "avx2")]
fn even_ps(a: __m256, b: __m256) -> __m256 {
    _mm256_castpd_ps(in_order(_mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(a, b))))
}

#[inline]
#[target_feature(enable = "avx2")]
fn odd_ps(a: __m256, b: __m256) -> __m256 {
    _mm256_castpd_ps(in_order(_mm256_castps_pd(_mm256_shuffle_ps::<0b11_01_11_01>(a, b))))
}

#[inline]
#[target_feature(enable = "avx2")]
fn even_pd(a: __m256d, b: __m256d) -> __m256d {
    in_order(_mm256_unpacklo_pd(a, b))
}

#[inline]
#[target_feature(enable = "avx2")]
fn odd_pd(a: __m256d, b: __m256d) -> __m256d {
    in_order(_mm256_unpackhi_pd(a, b))
}

macro_rules! avx2 {
    ($name:ident, $inner:ty, $elem:ty, $lanes:literal, $zero:ident $splat:ident $load:ident $load_part:ident $store:ident $store_part:ident $add:ident $sub:ident $mul:ident $fma:ident $transpose:ident $bits:ident $even:ident $odd:ident $low:ident $high:ident $halves:ident) => {
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
            unsafe fn load_lanes(from: *const $elem, lanes: u16) -> Self {
                $name(unsafe { $load_part(from, $bits(lanes)) })
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
            unsafe fn transpose(block: [Self; 16]) -> [Self; 16] {
                // No `map`: it may become a call to code that is not compiled for these vectors.
                let (mut rows, mut transposed) = ([unsafe { $zero() }; 16], block);
                for r in 0..$lanes {
                    rows[r] = block[r].0;
                }
                let columns = unsafe { $transpose(rows) };
                for c in 0..$lanes {
                    transposed[c] = $name(columns[c]);
                }
                transposed
            }
            #[inline(always)]
            unsafe fn deinterleave(self, next: Self) -> (Self, Self) {
                unsafe { ($name($even(self.0, next.0)), $name($odd(self.0, next.0))) }
            }
            #[inline(always)]
            unsafe fn interleave(self, odd: Self) -> (Self, Self) {
                let (low, high) = unsafe { ($low(self.0, odd.0), $high(self.0, odd.0)) };
                unsafe { ($name($halves::<0x20>(low, high)), $name($halves::<0x31>(low, high))) }
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
avx2!(F32x8, __m256, f32, 8, _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_maskload_ps _mm256_storeu_ps store_part_ps _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_fmadd_ps transpose_256_ps mask_of_bits_ps even_ps odd_ps _mm256_unpacklo_ps _mm256_unpackhi_ps _mm256_permute2f128_ps);
avx2!(F64x4, __m256d, f64, 4, _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_maskload_pd _mm256_storeu_pd store_part_pd _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_fmadd_pd transpose_256_pd mask_of_bits_pd even_pd odd_pd _mm256_unpacklo_pd _mm256_unpackhi_pd _mm256_permute2f128_pd);
