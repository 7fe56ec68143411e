//! What a reader of files must do: whatever the bytes, return a value or an error, and take no more memory than it states.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ravine_tensor::storage;

thread_local! {
    /// The bytes that this thread has allocated now, and the most since the last query.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count for each thread.
struct Counting;

impl Counting {
    fn count(bytes: isize) {
        LIVE.set(LIVE.get() + bytes);
        MOST.set(MOST.get().max(LIVE.get()));
    }
}

// SAFETY: every call is passed on to the system's allocator as it came.
#[allow(clippy::undocumented_unsafe_blocks)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Counting::count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old block and the new one may both be there for a moment.
        Counting::count(size as isize);
        Counting::count(-(layout.size() as isize));
        unsafe { System.realloc(ptr, layout, size) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        Counting::count(-(layout.size() as isize));
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What most readers may take whatever the length of the file: for the pieces in which they read, and the state of an inflater.
pub const MIB: usize = 1 << 20;

/// A reader, and how much it may take.
#[derive(Clone, Copy)]
pub struct Reader {
    /// Reads everything that a file declares. The message about a refused file is not empty.
    pub read: fn(&[u8]) -> Result<(), String>,
    /// The memory it may take: this many times the length of the file, plus `besides`.
    pub factor: usize,
    /// The memory, in bytes, that it may take whatever the length of the file.
    pub besides: usize,
}

impl Reader {
    /// Reads the bytes, and returns whether they were accepted.
    ///
    /// # Panics
    /// If the reader panics, takes more memory than it may, or gives an empty message.
    pub fn check(&self, bytes: &[u8], what: &str) -> bool {
        // Otherwise a block from the free lists would not be counted.
        storage::trim();
        let before = LIVE.get();
        MOST.set(before);
        let outcome = (self.read)(bytes);
        let (taken, most) = ((MOST.get() - before) as usize, self.factor * bytes.len() + self.besides);
        assert!(taken <= most, "{what}: {taken} bytes for a file of {}, at most {most}", bytes.len());
        if let Err(said) = &outcome {
            assert!(!said.is_empty(), "{what}: refused without a word");
        }
        outcome.is_ok()
    }
}
