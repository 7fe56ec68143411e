//! Jobs that several threads share.
//!
//! A thread with a job of several parts posts it on a board, and works on the parts that no other thread has begun. Threads of any pool that
//! are [awake](crate::awake) look at the board and help. Passing on a job takes as long as moving a cache line between processors and back
//! a few times: half a microsecond if they share a cache, two if they do not.

use std::any::Any;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::awake::keep_awake;
use crate::parallel::sequential;

/// The jobs that need members. A job's owner waits for all members that have joined before it removes the job's memory.
static BOARD: Mutex<Vec<Job>> = Mutex::new(Vec::new());

/// The number of jobs on the board, for threads that look often.
static JOBS: AtomicUsize = AtomicUsize::new(0);

/// A team on the board.
struct Job(*const Team<'static>);

// SAFETY: a `Team` is `Sync`: its function is, and the rest are atomics and a mutex.
unsafe impl Send for Job {}

/// Calls `f(0)` to `f(parts - 1)` on at most `members` threads, including this one.
///
/// A panic of `f` is propagated when all parts have ended.
pub fn share_out(parts: usize, members: usize, f: &(dyn Fn(usize) + Sync)) {
    let team = Team::new(parts, members, f);
    keep_awake(members);
    {
        let _posted = Posted::new(&team);
        team.work();
    }
    if let Some(panic) = lock(&team.panic).take() {
        resume_unwind(panic);
    }
}

/// Helps with a job, if there is one that needs members, and returns whether there was.
pub fn help() -> bool {
    if JOBS.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let mut board = lock(&BOARD);
    let Some(&Job(team)) = board.last() else { return false };
    // SAFETY: the team of a job on the board exists, and from here on its owner waits for this thread.
    let team = unsafe { &*team };
    team.present.fetch_add(1, Ordering::Relaxed);
    if team.vacant.fetch_sub(1, Ordering::Release) == 1 {
        remove(&mut board, team);
    }
    drop(board);
    team.work();
    // The last use of the team.
    team.present.fetch_sub(1, Ordering::Release);
    true
}

/// Takes a job off the board.
fn remove(board: &mut MutexGuard<'_, Vec<Job>>, team: &Team<'_>) {
    board.retain(|job| !std::ptr::addr_eq(job.0, team));
    JOBS.store(board.len(), Ordering::Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A guard for a team on the board. Dropping it removes the team, and waits until all members have left.
struct Posted<'a>(&'a Team<'a>);

impl<'a> Posted<'a> {
    fn new(team: &'a Team<'a>) -> Self {
        let mut board = lock(&BOARD);
        board.push(Job(std::ptr::from_ref(team).cast()));
        JOBS.store(board.len(), Ordering::Relaxed);
        Posted(team)
    }
}

impl Drop for Posted<'_> {
    fn drop(&mut self) {
        /// How often to look before yielding the processor, as there may be more threads than processors.
        const LOOKS: usize = 1 << 10;
        // If there is no vacancy, the last thread that joined has removed the job.
        if self.0.vacant.load(Ordering::Acquire) > 0 {
            remove(&mut lock(&BOARD), self.0);
        }
        let mut looks = 0;
        while self.0.present.load(Ordering::Acquire) > 0 {
            looks += 1;
            if looks < LOOKS { spin_loop() } else { thread::yield_now() }
        }
    }
}

/// The state of a job, shared by the threads that work on it.
struct Team<'a> {
    /// Does a part.
    f: &'a (dyn Fn(usize) + Sync),
    parts: usize,
    /// Each member has a range of parts, of which this is the next; one that has finished its range takes parts from the others'.
    next: Box<[AtomicUsize]>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// The number of members that have not joined.
    vacant: AtomicUsize,
    /// The number of members, besides the owner, that have joined and not left.
    present: AtomicUsize,
}

impl<'a> Team<'a> {
    fn new(parts: usize, members: usize, f: &'a (dyn Fn(usize) + Sync)) -> Self {
        Team {
            f,
            parts,
            next: (0..members).map(|member| AtomicUsize::new(member * parts / members)).collect(),
            panic: Mutex::new(None),
            vacant: AtomicUsize::new(members - 1),
            present: AtomicUsize::new(0),
        }
    }

    /// Does parts until all have been begun.
    ///
    /// If possible, a thread begins with the same range in every job, whose data the last kernel may have left in its cache.
    fn work(&self) {
        let members = self.next.len();
        let me = rayon::current_thread_index().unwrap_or(0);
        let run = || {
            for member in (me..me + members).map(|member| member % members) {
                let end = (member + 1) * self.parts / members;
                loop {
                    let part = self.next[member].fetch_add(1, Ordering::Relaxed);
                    if part >= end {
                        break;
                    }
                    (self.f)(part);
                }
            }
        };
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| sequential(run))) {
            *lock(&self.panic) = Some(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `f` with a thread that looks for jobs all the time.
    fn with_helper(f: impl FnOnce()) {
        let ended = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                while ended.load(Ordering::Relaxed) == 0 {
                    help();
                }
            });
            let result = catch_unwind(AssertUnwindSafe(f));
            ended.store(1, Ordering::Relaxed);
            result.unwrap_or_else(|panic| resume_unwind(panic));
        });
    }

    #[test]
    fn helpers_come_and_every_part_is_done_once() {
        with_helper(|| {
            for parts in (0..2_000).map(|i| i % 9) {
                let done: Vec<_> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                share_out(parts, 3, &|i| {
                    done[i].fetch_add(1, Ordering::Relaxed);
                });
                assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 1), "{parts} parts");
            }
        });
    }

    /// The two parts wait for each other, so each has a thread of its own.
    #[test]
    fn a_helper_works_beside_the_owner() {
        let met = std::sync::Barrier::new(2);
        with_helper(|| {
            share_out(2, 2, &|_| {
                met.wait();
            });
        });
    }

    #[test]
    fn several_owners_share_the_board() {
        with_helper(|| {
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..500 {
                            let sum = AtomicUsize::new(0);
                            share_out(6, 2, &|i| {
                                sum.fetch_add(i, Ordering::Relaxed);
                            });
                            assert_eq!(sum.into_inner(), 15);
                        }
                    });
                }
            });
        });
    }

    #[test]
    fn a_panic_reaches_the_owner_and_leaves_the_board_clean() {
        with_helper(|| {
            for _ in 0..50 {
                let run = || share_out(4, 2, &|i| assert!(i != 2, "part {i}"));
                let panic = catch_unwind(run).unwrap_err();
                assert_eq!(panic.downcast_ref::<String>().unwrap(), "part 2");
            }
        });
    }
}
