//! Vectors of numbers, as the processors have them.

/// A vector register of numbers and what the products need of it.
///
/// # Safety
/// The methods of an instruction set may only run where it was found ([`Isa::detect`](crate::kernels::simd::Isa::detect)), inside a
/// function that is compiled for it. Pointers must be valid for the lanes that are read or written.
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
    /// `self + a b`, rounded once where the instruction set can.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
}

/// A short array, which the compiler maps to the vectors that every machine of the target has (SSE2, NEON).
#[derive(Clone, Copy)]
pub struct Portable<T, const N: usize>([T; N]);

macro_rules! portable {
    ($t:ty, $lanes:literal) => {
        // SAFETY: ordinary code that touches the lanes that it is asked to.
        unsafe impl Vector for Portable<$t, $lanes> {
            type Elem = $t;
            const LANES: usize = $lanes;
            const ROWS: usize = 6;
            #[inline(always)]
            unsafe fn zero() -> Self {
                Portable([0.0; $lanes])
            }
            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                Portable([x; $lanes])
            }
            #[inline(always)]
            unsafe fn load(from: *const $t) -> Self {
                // SAFETY: the caller vouches for all lanes.
                Portable(unsafe { from.cast::<[$t; $lanes]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn load_part(from: *const $t, n: usize) -> Self {
                // SAFETY: the caller vouches for the first `n`.
                Portable(std::array::from_fn(|i| if i < n { unsafe { *from.add(i) } } else { 0.0 }))
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $t) {
                // SAFETY: the caller vouches for all lanes.
                unsafe { to.cast::<[$t; $lanes]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn store_part(self, to: *mut $t, n: usize) {
                for (i, x) in self.0.into_iter().enumerate().take(n) {
                    // SAFETY: the caller vouches for the first `n`.
                    unsafe { *to.add(i) = x }
                }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                Portable(std::array::from_fn(|i| self.0[i] + other.0[i]))
            }
            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                // On aarch64 a fused product is one instruction; on bare x86-64 it would be a function call.
                Portable(std::array::from_fn(|i| {
                    if cfg!(target_arch = "aarch64") {
                        a.0[i].mul_add(b.0[i], self.0[i])
                    } else {
                        self.0[i] + a.0[i] * b.0[i]
                    }
                }))
            }
        }
    };
}
portable!(f32, 4);
portable!(f64, 2);

#[cfg(target_arch = "x86_64")]
pub use x86::{F32x8, F32x16, F64x4, F64x8};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Vector;

    /// The mask of the first `n` lanes.
    #[inline(always)]
    fn first(n: usize) -> u16 {
        ((1u32 << n) - 1) as u16
    }

    macro_rules! avx512 {
        ($name:ident, $inner:ty, $elem:ty, $lanes:literal, $mask:ty, $zero:ident $splat:ident $load:ident $load_part:ident $store:ident $store_part:ident $add:ident $fma:ident) => {
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
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    $name(unsafe { $fma(a.0, b.0, self.0) })
                }
            }
        };
    }
    avx512!(F32x16, __m512, f32, 16, __mmask16, _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_maskz_loadu_ps _mm512_storeu_ps _mm512_mask_storeu_ps _mm512_add_ps _mm512_fmadd_ps);
    avx512!(F64x8, __m512d, f64, 8, __mmask8, _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_maskz_loadu_pd _mm512_storeu_pd _mm512_mask_storeu_pd _mm512_add_pd _mm512_fmadd_pd);

    /// A window of this starting at `16 - n` is a mask of the first `n` lanes.
    static LANES: [i32; 32] = [
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0,
    ];

    macro_rules! avx2 {
        ($name:ident, $inner:ty, $elem:ty, $lanes:literal, $zero:ident $splat:ident $load:ident $load_part:ident $store:ident $store_part:ident $add:ident $fma:ident) => {
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
                    unsafe { $store_part(to, Self::mask(n), self.0) }
                }
                #[inline(always)]
                unsafe fn add(self, other: Self) -> Self {
                    $name(unsafe { $add(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    $name(unsafe { $fma(a.0, b.0, self.0) })
                }
            }
        };
    }
    avx2!(F32x8, __m256, f32, 8, _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_maskload_ps _mm256_storeu_ps _mm256_maskstore_ps _mm256_add_ps _mm256_fmadd_ps);
    avx2!(F64x4, __m256d, f64, 4, _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_maskload_pd _mm256_storeu_pd _mm256_maskstore_pd _mm256_add_pd _mm256_fmadd_pd);
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
