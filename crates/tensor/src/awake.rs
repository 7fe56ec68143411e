//! Keeping threads awake between one kernel and the next.
//!
//! Between two parallel kernels there is often some work for one thread, during which the others would fall asleep; and waking a thread
//! takes longer than many a kernel. So an idle thread looks for work for [`PATIENCE`] before it sleeps, as those of OpenMP do for much
//! longer. The results do not depend on which threads are awake.

use std::cell::Cell;
use std::hint::spin_loop;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::thread;
use std::time::{Duration, Instant};

use crate::team::help;

/// How long an idle thread looks for work.
const PATIENCE: Duration = Duration::from_micros(200);

/// How often it looks at the board of jobs before it looks at rayon's queues and at the clock, which takes longer.
const LOOKS: usize = 16;

/// The longest time that a thread watches without being asked again.
const LONGEST: Duration = Duration::from_millis(5);

/// The number of threads that watch for work, or have been asked to.
static WATCHING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static WATCHES: Cell<bool> = const { Cell::new(false) };
}

/// Asks other threads of the current pool to watch for work, so that this many are awake: at most as many as there are processors.
pub fn keep_awake(threads: usize) {
    static PROCESSORS: LazyLock<usize> =
        LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
    let threads = threads.min(*PROCESSORS);
    let caller = rayon::current_thread_index();
    // The caller may itself be a watching thread that has found a job; it does not count.
    let others = WATCHING.load(Ordering::Relaxed) - usize::from(WATCHES.get());
    for _ in others + 1..threads {
        WATCHING.fetch_add(1, Ordering::Relaxed);
        rayon::spawn(move || {
            // A thread needs only one watch; and the caller has other work.
            if rayon::current_thread_index() != caller && !WATCHES.replace(true) {
                watch();
                WATCHES.set(false);
            }
            WATCHING.fetch_sub(1, Ordering::Relaxed);
        });
        // A thread that is just falling asleep may miss a job spawned in its own pool. Rayon relies on the spawning thread to run such a job
        // in the end, but this one may not do so for hours. A second job, spawned when the first is visible to all threads, finds the thread
        // either asleep, and wakes it, or about to look once more.
        fence(Ordering::SeqCst);
        rayon::spawn(|| ());
    }
}

/// Helps with jobs until there have been none for a while, or for [`LONGEST`]: other work may be waiting for this thread.
fn watch() {
    let begun = Instant::now();
    let (mut idle, mut now) = (begun, begun);
    while now - idle < PATIENCE && now - begun < LONGEST {
        // Looking at the board is quick; looking at rayon's queues and at the clock is not.
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
