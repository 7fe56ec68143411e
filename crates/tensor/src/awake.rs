//! Keeping threads awake between one kernel and the next.
//!
//! Between two kernels that are worth several threads there is often some work for one, in which the others fall asleep; and to wake
//! a thread takes the system longer than many a kernel takes. So a thread that has no work looks for more during [`PATIENCE`] before it
//! sleeps, as those of OpenMP do for much longer. No bit depends on who is awake.

use std::cell::Cell;
use std::hint::spin_loop;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::thread;
use std::time::{Duration, Instant};

use crate::team::help;

/// How long a thread looks for work.
const PATIENCE: Duration = Duration::from_micros(200);

/// How often it looks for a job to help with, before it looks for others.
const LOOKS: usize = 16;

/// The longest that it does so before it is asked again.
const LONGEST: Duration = Duration::from_millis(5);

/// Threads that are asked to look for work, or do.
static WATCHING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static WATCHES: Cell<bool> = const { Cell::new(false) };
}

/// Asks other threads of the current pool to look for work, so that this many are awake; no more than there are processors, on which they would be
/// in each other's way.
pub fn keep_awake(threads: usize) {
    static PROCESSORS: LazyLock<usize> =
        LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
    let threads = threads.min(*PROCESSORS);
    let caller = rayon::current_thread_index();
    // The caller may be a job that a watch has come to, and is no help to itself.
    let others = WATCHING.load(Ordering::Relaxed) - usize::from(WATCHES.get());
    for _ in others + 1..threads {
        WATCHING.fetch_add(1, Ordering::Relaxed);
        rayon::spawn(move || {
            // One watch a thread is enough; and the caller has other things to do.
            if rayon::current_thread_index() != caller && !WATCHES.replace(true) {
                watch();
                WATCHES.set(false);
            }
            WATCHING.fetch_sub(1, Ordering::Relaxed);
        });
        // A thread that falls asleep just then may miss a job from its own pool. Rayon leaves that to whoever made the job, who comes to it in the
        // end; but the caller may not for hours. A second job, after the first is seen by all, finds the thread either asleep, or about to look once more.
        fence(Ordering::SeqCst);
        rayon::spawn(|| ());
    }
}

/// Helps with what there is to do, until there has been nothing for a while. But not for long: something else may wait for this thread.
fn watch() {
    let begun = Instant::now();
    let (mut idle, mut now) = (begun, begun);
    while now - idle < PATIENCE && now - begun < LONGEST {
        // Looking for a job is quick, for others and at the clock is not.
        let helped = (0..LOOKS).any(|_| {
            spin_loop();
            help()
        });
        let did = helped || rayon::yield_now() == Some(rayon::Yield::Executed);
        now = Instant::now();
        if did {
            idle = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::team::share_out;

    #[test]
    fn a_watch_does_what_there_is_to_do_and_ends() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let done = pool.install(|| {
            let done = Arc::new(AtomicUsize::new(0));
            for _ in 0..3 {
                let done = done.clone();
                rayon::spawn(move || {
                    done.fetch_add(1, Ordering::Relaxed);
                });
            }
            // The only thread is here, so nobody else can have done it.
            watch();
            done.load(Ordering::Relaxed)
        });
        assert_eq!(done, 3);
    }

    /// Such a job once had the other thread sleep for as long as it took itself.
    #[test]
    fn a_job_that_a_watch_has_come_to_finds_help() {
        if thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            pool.install(|| {
                WATCHING.fetch_add(1, Ordering::Relaxed);
                WATCHES.set(true);
                let (here, begun) = (AtomicUsize::new(0), Instant::now());
                share_out(2, 2, &|_| {
                    here.fetch_add(1, Ordering::Relaxed);
                    while here.load(Ordering::Relaxed) < 2 {
                        keep_awake(2);
                        assert!(begun.elapsed() < Duration::from_secs(20), "nobody has come");
                    }
                });
                WATCHES.set(false);
                WATCHING.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}
