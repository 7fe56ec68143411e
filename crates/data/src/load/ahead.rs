//! Items that threads make ahead of use, and that are taken in order.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, Scope};

use ravine_tensor::sequential;

/// What a thread is to do, and how to wait for it.
type Work<'a> = Box<dyn FnOnce() + Send + 'a>;
type Join<'a> = Box<dyn FnOnce() -> thread::Result<()> + Send + 'a>;

/// Makes items on threads ahead of use, while `take` takes them, in their order.
///
/// Item `k` is `make(k)`, up to the first that is `None`. At most `ahead` items are ready or being made beyond those that were taken. Which
/// thread makes an item, and when, is left open; so `make` must be a function of `k` alone.
///
/// ```
/// use ravine_data::read_ahead;
///
/// let squares = read_ahead(3, 6, |k| (k < 10).then_some(k * k), |items| items.collect::<Vec<_>>());
/// assert_eq!(squares, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
/// ```
///
/// # Panics
/// If there is no thread or nothing may be ready, or if `make` panics for an item that is asked for.
pub fn read_ahead<T: Send, R>(
    threads: usize,
    ahead: usize,
    make: impl Fn(usize) -> Option<T> + Sync,
    take: impl FnOnce(&mut dyn Iterator<Item = T>) -> R,
) -> R {
    let make = &make;
    thread::scope(|scope| take(&mut Ahead::start(threads, ahead, make, |work| spawn(scope, work))))
}

fn spawn<'scope>(scope: &'scope Scope<'scope, '_>, work: Work<'scope>) -> Join<'scope> {
    let thread = thread::Builder::new().name("ravine-loader".into()).spawn_scoped(scope, work);
    let thread = thread.expect("the system gives no thread for the loader");
    Box::new(move || thread.join())
}

/// The items that threads make ahead of use. Thread `i` of `n` makes the items `i`, `i + n`, `i + 2n`, ... and puts them into a queue of its own, so
/// whoever takes from one queue after the other gets them in order.
pub(super) struct Ahead<'a, T> {
    queues: Vec<Receiver<T>>,
    joins: Vec<Join<'a>>,
    next: usize,
}

impl<'a, T: Send + 'a> Ahead<'a, T> {
    /// Has `threads` threads make items, of which at most `ahead` are ready or being made.
    pub fn start<'w>(
        threads: usize,
        ahead: usize,
        make: impl FnMut(usize) -> Option<T> + Clone + Send + 'w,
        spawn: impl Fn(Work<'w>) -> Join<'a>,
    ) -> Self
    where
        T: 'w,
    {
        assert!(threads > 0 && ahead > 0, "{threads} threads read {ahead} items ahead; expected at least 1");
        let threads = threads.min(ahead);
        let (mut queues, mut joins) = (Vec::new(), Vec::new());
        for i in 0..threads {
            // Besides the items in its queue, each thread holds one that waits for room.
            let share = ahead / threads + usize::from(i < ahead % threads);
            let (sender, queue) = sync_channel(share - 1);
            let mut make = make.clone();
            let work = move || {
                // Kernels stay on this thread, and out of the way of those that train.
                sequential(|| {
                    let mut k = i;
                    while let Some(item) = make(k) {
                        if sender.send(item).is_err() {
                            return;
                        }
                        k += threads;
                    }
                });
            };
            queues.push(queue);
            joins.push(spawn(Box::new(work)));
        }
        Ahead { queues, joins, next: 0 }
    }
}

impl<T> Iterator for Ahead<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let item = self.queues.get(self.next)?.recv();
        if let Ok(item) = item {
            self.next = (self.next + 1) % self.queues.len();
            return Some(item);
        }
        // The thread whose turn it is hung up: it is done, or it panicked.
        self.queues.clear();
        let join = self.joins.remove(self.next);
        if let Err(panic) = join() {
            resume_unwind(panic);
        }
        None
    }
}

impl<T> Drop for Ahead<'_, T> {
    fn drop(&mut self) {
        // Without a queue their next `send` fails.
        self.queues.clear();
        for join in self.joins.drain(..) {
            // A panic while making an item that was never taken is ignored.
            let _ = join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn items_come_in_order_however_long_each_takes() {
        for (threads, ahead) in [(1, 1), (1, 5), (2, 2), (3, 4), (4, 2), (5, 20)] {
            let slow = |k: usize| {
                thread::sleep(Duration::from_micros((k * 7919 % 5) as u64 * 100));
                (k < 50).then_some(k)
            };
            let taken = read_ahead(threads, ahead, slow, |items| items.collect::<Vec<_>>());
            assert!(taken.into_iter().eq(0..50), "{threads} threads, {ahead} ahead");
        }
    }

    #[test]
    fn no_more_is_made_than_was_asked_to_be_ready() {
        for (threads, ahead) in [(1, 1), (2, 3), (3, 7), (4, 2)] {
            let made = AtomicUsize::new(0);
            let make = |k| {
                made.fetch_add(1, Ordering::SeqCst);
                Some(k)
            };
            read_ahead(threads, ahead, make, |items| {
                for taken in 0..20 {
                    thread::sleep(Duration::from_millis(2));
                    assert!(made.load(Ordering::SeqCst) <= taken + ahead);
                    items.next();
                }
            });
        }
    }

    #[test]
    fn whoever_has_enough_may_go() {
        let taken = read_ahead(3, 6, Some, |items| items.take(4).collect::<Vec<_>>());
        assert_eq!(taken, [0, 1, 2, 3]);
        let ended = read_ahead(
            2,
            4,
            |k| (k < 3).then_some(k),
            |items| ((&mut *items).count(), items.next(), items.next()),
        );
        assert_eq!(ended, (3, None, None));
    }

    #[test]
    #[should_panic(expected = "item 5 is cursed")]
    fn a_panic_comes_in_its_place() {
        let make = |k| {
            assert!(k != 5, "item {k} is cursed");
            Some(k)
        };
        read_ahead(3, 9, make, |items| {
            assert!(items.take(5).eq(0..5));
            items.next();
        });
    }

    #[test]
    fn a_panic_ahead_of_what_was_asked_for_is_nobodys() {
        let make = |k| {
            assert!(k != 5, "item {k} is cursed");
            Some(k)
        };
        assert!(read_ahead(2, 9, make, |items| items.take(4).eq(0..4)));
    }
}
