//! When a kernel may use more than one thread.
//!
//! Kernels split their *outputs* over rayon's current pool, never a sum, so the number of threads cannot change a
//! bit. Splitting pays for large work only, and not at all where the caller already runs one piece of work per thread:
//! such a caller wraps each piece in [`sequential`].

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use crate::awake::keep_awake;

thread_local! {
    static SEQUENTIAL: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`; kernels called inside it on this thread stay on this thread.
///
/// Results are the same bits with and without. The data-parallel step runs each shard like this.
pub fn sequential<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            SEQUENTIAL.set(self.0);
        }
    }
    let _restore = Restore(SEQUENTIAL.replace(true));
    f()
}

/// Work, in additions of numbers from the cache, below which a second thread costs more than it brings (some 10 µs).
pub(crate) const WORTH_SPLITTING: usize = 1 << 16;

/// How many threads `work` elementary operations should use here: 1 inside [`sequential`] or when the work is small. If more, the others are
/// told to look out for it.
pub fn threads_for(work: usize) -> usize {
    if work < WORTH_SPLITTING || SEQUENTIAL.get() {
        return 1;
    }
    let threads = rayon::current_num_threads().min(work / (WORTH_SPLITTING / 2));
    keep_awake(threads);
    threads
}

/// Cuts `out` into runs of whole `unit`s and calls `f(range of units, run)` on each, on several threads if `work` is large.
pub(crate) fn split_units<T: Send>(
    out: &mut [T],
    unit: usize,
    work: usize,
    f: impl Fn(Range<usize>, &mut [T]) + Sync,
) {
    let units = out.len().checked_div(unit).unwrap_or(0);
    let threads = threads_for(work).min(units.max(1));
    if threads <= 1 {
        return f(0..units, out);
    }
    run_pieces(out, unit, units.div_ceil(4 * threads), &f);
}

/// The pieces of [`split_units`] on several threads. There are more pieces than threads, so that a thread that is late costs a
/// piece and not a share. It does not know what is done to a piece: all that is done shares the compiled code of the threads.
fn run_pieces<T: Send>(
    out: &mut [T],
    unit: usize,
    per_piece: usize,
    f: &(dyn Fn(Range<usize>, &mut [T]) + Sync),
) {
    out.par_chunks_mut(per_piece * unit).enumerate().for_each(|(i, piece)| {
        let first = i * per_piece;
        f(first..first + piece.len() / unit, piece);
    });
}

/// [`split_units`] of two outputs that have as many units, of different lengths.
pub(crate) fn split_pairs<T: Send>(
    [a, b]: [&mut [T]; 2],
    [a_unit, b_unit]: [usize; 2],
    work: usize,
    f: impl Fn(Range<usize>, &mut [T], &mut [T]) + Sync,
) {
    let units = a.len().checked_div(a_unit).unwrap_or(0);
    debug_assert_eq!(b.len(), units * b_unit);
    let threads = threads_for(work).min(units.max(1));
    if threads <= 1 {
        return f(0..units, a, b);
    }
    let per_piece = units.div_ceil(4 * threads);
    let pieces = a.par_chunks_mut(per_piece * a_unit).zip(b.par_chunks_mut(per_piece * b_unit));
    pieces.enumerate().for_each(|(i, (a, b))| {
        let first = i * per_piece;
        f(first..first + a.len() / a_unit, a, b);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_visited_once_whatever_the_work() {
        for work in [1, WORTH_SPLITTING * 8] {
            let mut out = vec![0usize; 3 * 1001];
            split_units(&mut out, 3, work, |range, piece| {
                for (unit, chunk) in range.zip(piece.chunks_exact_mut(3)) {
                    chunk.iter_mut().for_each(|v| *v += unit);
                }
            });
            assert!(out.iter().enumerate().all(|(i, &v)| v == i / 3));
        }
    }

    #[test]
    fn sequential_is_scoped_and_survives_a_panic() {
        assert!(std::panic::catch_unwind(|| sequential(|| panic!("inside"))).is_err());
        assert!(!SEQUENTIAL.get());
        sequential(|| {
            sequential(|| ());
            assert_eq!(threads_for(usize::MAX), 1);
        });
        assert!(!SEQUENTIAL.get());
    }
}
