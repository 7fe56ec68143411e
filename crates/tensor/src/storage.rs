//! The memory of tensors: aligned blocks, which are recycled.
//!
//! A training step makes and drops the same temporaries over and over. Handing each one back to the operating system
//! costs a page fault per 4 KiB at its next use, which is more than the arithmetic on it. So blocks of
//! [`RECYCLED_FROM`] bytes and more go to a free list when dropped, and the next buffer of their size class takes one from there.
//!
//! The free lists are a cache in the way a memory allocator is one: they are shared by all threads, and no result depends on
//! them. A program holds at most [`MAX_IDLE`] bytes more than it has had in use at once: when blocks of sizes that are no longer wanted
//! would make it more, all free blocks are given back. [`trim`] does so at any time.

pub(crate) mod map;

use std::alloc::{self, Layout};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Element;

/// Smaller blocks go straight to the system allocator, which is quick enough for them.
pub const RECYCLED_FROM: usize = 2048;

/// The most bytes of blocks that are held beyond what was in use at once.
pub const MAX_IDLE: usize = 256 << 20;

/// Recycled blocks are aligned to a cache line (which is also the widest vector).
const ALIGN: usize = 64;

/// The system is asked to put blocks of this size and more on huge pages.
const HUGE_FROM: usize = 2 * HUGE_PAGE;

/// The size and alignment of huge pages, on x86-64 and on AArch64 with pages of 4 KiB.
const HUGE_PAGE: usize = 2 << 20;

/// A fixed number of elements in one block of memory.
///
/// Every byte has been initialised: zeroed when the block was allocated, or written by an earlier user. So a [`scratch`](Buffer::scratch)
/// buffer holds unspecified but valid numbers, and reading it is a bug, but not undefined behaviour.
pub struct Buffer<T: Element> {
    ptr: NonNull<T>,
    len: usize,
    marker: PhantomData<T>,
}

// SAFETY: a buffer owns its elements like a `Vec` does, and elements are plain data.
unsafe impl<T: Element> Send for Buffer<T> {}
// SAFETY: as above; `&Buffer` gives only `&[T]`.
unsafe impl<T: Element> Sync for Buffer<T> {}

impl<T: Element> Buffer<T> {
    /// `len` elements of unspecified value, for a kernel that writes them all.
    pub fn scratch(len: usize) -> Self {
        let (ptr, fresh) = take(Self::bytes(len));
        let ptr = ptr.cast::<T>();
        debug_assert!(ptr.is_aligned());
        if !T::ANY_BITS && !fresh {
            // SAFETY: the block has room for `len` elements; all-zero bytes are a valid `bool`.
            unsafe { ptr.as_ptr().write_bytes(0, len) };
        }
        Buffer { ptr, len, marker: PhantomData }
    }

    /// `len` elements, all equal to `value`.
    pub fn filled(len: usize, value: T) -> Self {
        let mut buffer = Self::scratch(len);
        buffer.fill(value);
        buffer
    }

    fn bytes(len: usize) -> usize {
        len.checked_mul(size_of::<T>())
            .unwrap_or_else(|| panic!("a tensor of {len} elements does not fit in memory"))
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        give(self.ptr.cast(), self.len * size_of::<T>());
    }
}

impl<T: Element> Deref for Buffer<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `ptr` is aligned and holds `len` initialised elements, which this buffer owns.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }
}

impl<T: Element> DerefMut for Buffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl<T: Element> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::scratch(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl<T: Element> From<&[T]> for Buffer<T> {
    fn from(values: &[T]) -> Self {
        let mut buffer = Self::scratch(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

/// The state of the free lists. See [`stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Bytes waiting in the free lists.
    pub cached: usize,
    /// Blocks of at least [`RECYCLED_FROM`] bytes that were allocated from the system since the program began.
    pub system_allocations: usize,
    /// Bytes of such blocks that have not been returned to the system: in use, or waiting in the free lists.
    pub system_bytes: usize,
}

/// The present state of the free lists, and the number of allocations from the system.
pub fn stats() -> Stats {
    Stats {
        cached: CACHED.load(Ordering::Relaxed),
        system_allocations: SYSTEM_ALLOCATIONS.load(Ordering::Relaxed),
        system_bytes: SYSTEM_BYTES.load(Ordering::Relaxed),
    }
}

/// Returns every block in the free lists to the system.
pub fn trim() {
    for (class, list) in FREE.iter().enumerate() {
        let blocks = std::mem::take(&mut *lock(list));
        for block in blocks {
            CACHED.fetch_sub(class_bytes(class), Ordering::Relaxed);
            SYSTEM_BYTES.fetch_sub(class_bytes(class), Ordering::Relaxed);
            // SAFETY: blocks in list `class` were allocated with exactly this layout, and the list owned them.
            unsafe { alloc::dealloc(block.0.as_ptr(), class_layout(class)) };
        }
    }
}

/// A free block. It may be sent between threads because nobody else has its address.
struct Block(NonNull<u8>);
// SAFETY: see above.
unsafe impl Send for Block {}

/// Size classes per octave, from 2 KiB on: a block is at most a sixteenth larger than needed.
const PER_OCTAVE: usize = 16;
const CLASSES: usize = PER_OCTAVE * 44;
static FREE: [Mutex<Vec<Block>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];
static CACHED: AtomicUsize = AtomicUsize::new(0);
static SYSTEM_ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static SYSTEM_BYTES: AtomicUsize = AtomicUsize::new(0);
/// The most bytes that were in use at once, as far as the system was asked for them.
static MOST_IN_USE: AtomicUsize = AtomicUsize::new(0);

fn lock(list: &Mutex<Vec<Block>>) -> std::sync::MutexGuard<'_, Vec<Block>> {
    // A panic cannot leave a `Vec` of addresses half written.
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The smallest class whose blocks hold `bytes`.
fn class_of(bytes: usize) -> usize {
    let above = (bytes - 1) / (RECYCLED_FROM / PER_OCTAVE);
    let octave = (above / PER_OCTAVE).max(1).ilog2() as usize;
    PER_OCTAVE * octave + (above >> octave) + 1 - PER_OCTAVE
}

/// Bytes of a block of this class: 2048, 2176, 2304, ..., 4096, 4352, ...
fn class_bytes(class: usize) -> usize {
    ((RECYCLED_FROM / PER_OCTAVE) * (PER_OCTAVE + class % PER_OCTAVE)) << (class / PER_OCTAVE)
}

fn class_layout(class: usize) -> Layout {
    let bytes = class_bytes(class);
    let align = if bytes >= HUGE_FROM { HUGE_PAGE } else { ALIGN };
    Layout::from_size_align(bytes, align).expect("a block smaller than isize::MAX")
}

fn small_layout(bytes: usize) -> Layout {
    // System allocators align to 16 bytes anyway; a larger alignment would take a slower path.
    Layout::from_size_align(bytes, 16).expect("a small block")
}

/// A block of at least `bytes` initialised bytes, and whether they are known to be zero.
fn take(bytes: usize) -> (NonNull<u8>, bool) {
    if bytes == 0 {
        return (NonNull::<u128>::dangling().cast(), true);
    }
    let layout = if bytes < RECYCLED_FROM {
        small_layout(bytes)
    } else {
        let class = class_of(bytes);
        if let Some(block) = lock(&FREE[class]).pop() {
            CACHED.fetch_sub(class_bytes(class), Ordering::Relaxed);
            return (block.0, false);
        }
        let held = SYSTEM_BYTES.fetch_add(class_bytes(class), Ordering::Relaxed) + class_bytes(class);
        SYSTEM_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        let in_use = held.saturating_sub(CACHED.load(Ordering::Relaxed));
        if held > MOST_IN_USE.fetch_max(in_use, Ordering::Relaxed).max(in_use) + MAX_IDLE {
            trim();
        }
        class_layout(class)
    };
    let ptr = if layout.align() == HUGE_PAGE {
        huge_zeroed(layout)
    } else {
        // SAFETY: the layout is not empty.
        unsafe { alloc::alloc_zeroed(layout) }
    };
    (NonNull::new(ptr).unwrap_or_else(|| alloc::handle_alloc_error(layout)), true)
}

/// A zeroed block, or null, on huge pages if the system has some: a pass over it then needs hundreds of address translations instead of
/// hundreds of thousands.
fn huge_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: the layout is not empty.
    let ptr = unsafe { alloc::alloc(layout) };
    if !ptr.is_null() {
        // Before the first access, when the pages are allocated. If the advice fails, the block has ordinary pages.
        #[cfg(target_os = "linux")]
        // SAFETY: the range is this block's own, and this advice does not change what memory holds.
        unsafe {
            libc::madvise(ptr.cast(), layout.size(), libc::MADV_HUGEPAGE)
        };
        // SAFETY: the block has that many bytes.
        unsafe { ptr.write_bytes(0, layout.size()) };
    }
    ptr
}

/// Frees a small block that `take(bytes)` returned, and puts a larger one into a free list.
fn give(ptr: NonNull<u8>, bytes: usize) {
    if bytes == 0 {
        return;
    }
    if bytes < RECYCLED_FROM {
        // SAFETY: `take(bytes)` allocated this block with the same layout, and its only owner is giving it back.
        return unsafe { alloc::dealloc(ptr.as_ptr(), small_layout(bytes)) };
    }
    let class = class_of(bytes);
    CACHED.fetch_add(class_bytes(class), Ordering::Relaxed);
    lock(&FREE[class]).push(Block(ptr));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_promise_and_waste_at_most_a_sixteenth() {
        for bytes in (RECYCLED_FROM..100_000).chain([1 << 20, (1 << 20) + 1, 123_456_789, 1 << 40]) {
            let size = class_bytes(class_of(bytes));
            assert!(size >= bytes && size <= bytes + bytes / 16 + 1, "{bytes} -> {size}");
        }
        for class in 1..CLASSES {
            assert!(class_bytes(class) > class_bytes(class - 1));
            assert_eq!(class_of(class_bytes(class)), class);
        }
    }

    #[test]
    fn scratch_of_bool_is_always_valid() {
        let len = 555_555;
        drop(Buffer::<u8>::filled(len, 7));
        assert!(Buffer::<bool>::scratch(len).iter().all(|&b| !b));
    }

    #[test]
    fn empty_and_tiny_buffers() {
        assert!(Buffer::<f32>::scratch(0).is_empty());
        let one = Buffer::filled(1, 3i64);
        assert_eq!(&*one.clone(), &[3]);
    }
}
