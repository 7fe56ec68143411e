//! When and how kernels use several threads.
//!
//! Kernels split their *outputs*, never a sum, among the threads of rayon's current pool, so the number of threads cannot change a bit.
//! Splitting pays only for large work, and not at all if the caller already runs one piece of work per thread: such a caller wraps each
//! piece in [`sequential`].
//!
//! Kernels do not use rayon's own loops. In those, a waiting thread may start any other job of the pool; if it holds a lock (of a parameter,
//! or of the user) that this job needs, it deadlocks. Instead, a thread that splits a kernel ([`for_parts`]) does all parts that no other
//! thread has begun, and waits only for those that others are working on ([`share_out`]).

use std::cell::Cell;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::awake::keep_awake;
use crate::team::share_out;

thread_local! {
    static SEQUENTIAL: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`; kernels called inside it on this thread stay on this thread.
///
/// The results are the same, bit for bit. The data-parallel step runs each shard like this.
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

/// The work, in additions of numbers from the cache, below which a second thread costs more than it saves (some 10 µs).
pub(crate) const WORTH_SPLITTING: usize = 1 << 16;

/// The number of threads that `work` elementary operations should use here: 1 inside [`sequential`] or if the work is small. If it is more,
/// the other threads are asked to stay awake.
pub fn threads_for(work: usize) -> usize {
    if work < WORTH_SPLITTING || SEQUENTIAL.get() {
        return 1;
    }
    let threads = rayon::current_num_threads().min(work / (WORTH_SPLITTING / 2));
    keep_awake(threads);
    threads
}

/// The number of pieces to cut the work of several threads into. Small arrays are cut into one piece per thread, which stays in that thread's
/// cache from kernel to kernel. Large ones come from memory, and are cut into more pieces, so that a late thread costs little; so are few
/// units, which may not divide evenly.
pub(crate) fn pieces_for(threads: usize, units: usize) -> usize {
    /// The number of elements up to which a thread's share fits in its second-level cache.
    const SMALL: usize = 1 << 19;
    if (64 * threads..SMALL).contains(&units) { threads } else { 4 * threads }
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
    run_pieces(out, unit, units.div_ceil(pieces_for(threads, units)), &f);
}

/// Runs the pieces of [`split_units`] on several threads. It takes a trait object, so that its code is compiled only once.
fn run_pieces<T: Send>(
    out: &mut [T],
    unit: usize,
    per_piece: usize,
    f: &(dyn Fn(Range<usize>, &mut [T]) + Sync),
) {
    for_parts(out.chunks_mut(per_piece * unit).enumerate(), |(i, piece)| {
        let first = i * per_piece;
        f(first..first + piece.len() / unit, piece);
    });
}

/// [`split_units`] for two outputs with the same number of units, of different lengths.
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
    let per_piece = units.div_ceil(pieces_for(threads, units));
    let pieces = a.chunks_mut(per_piece * a_unit).zip(b.chunks_mut(per_piece * b_unit));
    for_parts(pieces.enumerate(), |(i, (a, b))| {
        let first = i * per_piece;
        f(first..first + a.len() / a_unit, a, b);
    });
}

/// Calls `f` with each part, on this thread and on idle threads that are awake; each is [`sequential`] meanwhile. A single part is run
/// directly, and so are all parts inside [`sequential`].
///
/// A panic of `f` is propagated when all parts have ended.
pub(crate) fn for_parts<P: Send>(parts: impl IntoIterator<Item = P>, f: impl Fn(P) + Sync) {
    map_parts(parts, f);
}

/// [`for_parts`] with results, in the order of the parts.
pub(crate) fn map_parts<P: Send, R: Send>(
    parts: impl IntoIterator<Item = P>,
    f: impl Fn(P) -> R + Sync,
) -> Vec<R> {
    let places: Vec<_> = parts.into_iter().map(|part| Mutex::new((Some(part), None))).collect();
    let lock = |i: usize| places[i].lock().unwrap_or_else(PoisonError::into_inner);
    let run = |i: usize| {
        let part = lock(i).0.take().expect("each part is taken once");
        let result = f(part);
        lock(i).1 = Some(result);
    };
    let threads = if SEQUENTIAL.get() { 1 } else { rayon::current_num_threads().min(places.len()) };
    if threads <= 1 {
        (0..places.len()).for_each(run)
    } else {
        share_out(places.len(), threads, &run)
    }
    let result = |place: Mutex<(_, Option<R>)>| place.into_inner().unwrap_or_else(PoisonError::into_inner).1;
    places.into_iter().map(|place| result(place).expect("each part has ended")).collect()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

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

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    #[test]
    fn every_part_is_done_once_and_results_keep_their_order() {
        for threads in [1, 2, 5] {
            for parts in [0, 1, 2, 3, 7, 100] {
                let squares = pool(threads).install(|| map_parts(0..parts, |i| i * i));
                assert!(squares.into_iter().eq((0..parts).map(|i| i * i)), "{parts} on {threads} threads");
            }
        }
    }

    #[test]
    fn a_part_may_be_shared_out_in_its_turn() {
        let sums =
            pool(3).install(|| map_parts(1..6u64, |n| map_parts(0..n, |i| i).into_iter().sum::<u64>()));
        assert_eq!(sums, [0, 1, 3, 6, 10]);
    }

    /// With rayon's loops it would come to another of its own jobs, and wait for itself.
    #[test]
    fn who_holds_a_lock_comes_to_nothing_else() {
        let (lock, pool) = (Mutex::new(0), pool(4));
        pool.scope(|scope| {
            for _ in 0..2_000 {
                scope.spawn(|_| {
                    let mut sum = lock.lock().unwrap();
                    *sum += map_parts(0..8, |i| i).into_iter().sum::<usize>();
                });
            }
        });
        assert_eq!(lock.into_inner().unwrap(), 2_000 * 28);
    }

    /// All threads of the pool may wait for what this one holds.
    #[test]
    fn who_holds_a_lock_needs_nobody() {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.lock().unwrap();
        for _ in 0..rayon::current_num_threads() {
            let lock = Arc::clone(&lock);
            rayon::spawn(move || drop(lock.lock()));
        }
        assert!(map_parts(0..8, |i| i).into_iter().eq(0..8));
        drop(held);
    }

    #[test]
    fn a_panic_comes_when_all_parts_have_ended() {
        let ended = AtomicUsize::new(0);
        let run = || {
            for_parts(0..20, |i| {
                assert!(i != 3, "part {i}");
                ended.fetch_add(1, Ordering::Relaxed);
            });
        };
        let panic = pool(3).install(|| catch_unwind(AssertUnwindSafe(run))).unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "part 3");
        assert_eq!(ended.load(Ordering::Relaxed), 19);
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
