//! Choosing the instruction set at run time.
//!
//! A kernel is written once, as the body of [`Kernel::run`]. [`dispatch`] compiles that body three times (portable,
//! AVX2 + FMA, AVX-512) and calls the copy that suits the processor it finds, so that a plain `cargo build --release`
//! is fast everywhere; with `RAVINE_ISA=avx2` (or `portable`) in the environment it uses no wider one. NEON is part of the baseline on aarch64, where the portable copy already uses it.

use std::env;
use std::marker::PhantomData;
use std::sync::LazyLock;

use super::gemm::{Vector, Vectors};

/// A kernel: a value holding its operands, and the code to run over them.
///
/// `run` must be `#[inline(always)]`, and so must everything hot that it calls: only code inlined into the
/// dispatched copies is compiled for their instruction set.
pub trait Kernel {
    /// What the kernel returns.
    type Output;
    /// Runs it, compiled for the instruction set of the caller.
    fn run(self) -> Self::Output;
}

/// A closure marked `#[inline(always)]` is a kernel. It is asked for as an `FnMut`, because calling it as an `FnOnce` goes through a
/// function that the compiler makes, which it may leave outside the dispatched copies, and the closure's body with it.
impl<R, F: FnMut() -> R> Kernel for F {
    type Output = R;
    #[inline(always)]
    fn run(mut self) -> R {
        self()
    }
}

/// The instruction sets for which kernels are compiled, narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// What the compile target guarantees: SSE2 on x86-64, NEON on aarch64.
    Portable,
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// 512-bit vectors with masks.
    Avx512,
}

impl Isa {
    /// The widest set that this processor has and the user permits, found once.
    #[inline]
    pub fn detect() -> Isa {
        static WIDEST: LazyLock<Isa> = LazyLock::new(|| {
            let here = Isa::of_this_processor();
            env::var_os(LIMIT).map_or(here, |name| here.min(Isa::named(&name.to_string_lossy())))
        });
        *WIDEST
    }

    fn of_this_processor() -> Isa {
        #[cfg(target_arch = "x86_64")]
        {
            use std::is_x86_feature_detected as has;
            if has!("avx512f") && has!("avx512vl") && has!("avx512bw") && has!("avx512dq") && has!("fma") {
                return Isa::Avx512;
            }
            if has!("avx2") && has!("fma") {
                return Isa::Avx2;
            }
        }
        Isa::Portable
    }

    fn named(name: &str) -> Isa {
        let named = NAMES.iter().find(|(_, known)| *known == name);
        named.unwrap_or_else(|| panic!("{LIMIT}: found {name:?}, expected portable, avx2 or avx512")).0
    }

    fn name(self) -> &'static str {
        NAMES[self as usize].1
    }
}

const NAMES: [(Isa, &str); 3] = [(Isa::Portable, "portable"), (Isa::Avx2, "avx2"), (Isa::Avx512, "avx512")];

/// The environment variable that names the widest instruction set to use: to see here how another processor would fare.
const LIMIT: &str = "RAVINE_ISA";

/// The instruction set that kernels use: `"portable"` (what every machine of the target has), `"avx2"` or `"avx512"`.
///
/// It is the widest that the processor has, or the one that the environment variable `RAVINE_ISA` names, if that is narrower. The last digits of
/// results depend on it.
///
/// # Panics
/// If the variable names none of them.
pub fn instruction_set() -> &'static str {
    Isa::detect().name()
}

/// Runs `kernel`, compiled for the widest instruction set that this processor has.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match Isa::detect() {
        // SAFETY: `detect` has just found AVX-512 F, VL, BW, DQ and FMA on this processor.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { run_avx512(kernel) },
        // SAFETY: `detect` has just found AVX2 and FMA on this processor.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { run_avx2(kernel) },
        _ => kernel.run(),
    }
}

/// Runs `kernel`, compiled for AVX-512, in a function of its own.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
pub fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// Runs `kernel`, compiled for AVX2 and FMA, in a function of its own.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
pub fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// Runs `kernel`, compiled for every machine of the target, in a function of its own.
#[inline(never)]
pub fn run_portable<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// Prefetches memory that is going to be read.
#[inline(always)]
pub fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        let line = 64 / size_of::<T>();
        // The last value may lie on one line more.
        let last = values.last().filter(|_| values.len() % line != 1);
        for value in values.iter().step_by(line).chain(last) {
            // SAFETY: SSE belongs to every x86-64, and asking for memory changes nothing.
            unsafe {
                std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
                    (&raw const *value).cast(),
                )
            };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// A local array that is aligned to a cache line. Otherwise a vector might cross two lines, and reading it back soon after it was written is slow.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub struct Aligned<T>(pub T);

/// Which threads are going to read what a kernel writes.
///
/// A cache line that another processor has read is slow to write: it must be invalidated there first, and few such requests are in flight at
/// once. So what all threads read next is written past the caches (by non-temporal stores). Writing and reading 100 KB for each of two threads
/// took 22 µs if they shared a cache, and 75 µs if they did not; past the caches, 16 and 23 µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Mostly the thread that writes it.
    Writer,
    /// All threads. They see what was written after [`settle`].
    All,
}

/// Waits until everything written past the caches is visible to other threads; to be called before one is told to read it.
pub fn settle() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE belongs to every x86-64.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

/// A kernel written over vectors of any width.
pub trait VectorKernel<T: Vectors> {
    /// Runs it with vectors of the kind `V`, inlined into code that is compiled for them.
    fn run<V: Vector<Elem = T>>(self);
}

/// A vector kernel with the vectors that were chosen for it.
struct With<T, V, K>(K, PhantomData<(T, V)>);

impl<T: Vectors, V: Vector<Elem = T>, K: VectorKernel<T>> Kernel for With<T, V, K> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.0.run::<V>();
    }
}

/// Runs `kernel` with the vectors of `isa`, which this processor has.
#[inline]
pub fn dispatch_on<T: Vectors, K: VectorKernel<T>>(isa: Isa, kernel: K) {
    assert!(isa <= Isa::detect(), "this processor has no {isa:?}");
    match isa {
        // SAFETY: `detect` has found these instructions.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { run_avx512(With::<T, T::Avx512, K>(kernel, PhantomData)) },
        // SAFETY: `detect` has found these instructions.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { run_avx2(With::<T, T::Avx2, K>(kernel, PhantomData)) },
        _ => kernel.run::<T::Portable>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_names_and_an_order() {
        let sets = [Isa::Portable, Isa::Avx2, Isa::Avx512];
        assert_eq!(["portable", "avx2", "avx512"].map(Isa::named), sets);
        assert_eq!(sets.map(Isa::name), ["portable", "avx2", "avx512"]);
        assert!(Isa::Portable < Isa::Avx2 && Isa::Avx2 < Isa::Avx512);
    }

    #[test]
    #[should_panic(expected = "RAVINE_ISA: found \"sse\", expected portable, avx2 or avx512")]
    fn other_names_are_refused() {
        Isa::named("sse");
    }
}
