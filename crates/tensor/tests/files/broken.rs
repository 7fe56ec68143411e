//! Files that nobody would write: every truncation, and random damage with a fixed seed. No reader panics, and none takes more memory than its
//! documentation says. The same functions are fuzzed, in `fuzz/`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;

use rand::RngExt;
use ravine_tensor::{FileError, Rng, storage};

#[path = "../../../../fuzz/src/lib.rs"]
mod readers;

thread_local! {
    /// Bytes that this thread has now, and the most that it had since it was last asked.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread.
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

/// A reader, and how many times the length of a file it may take, besides 1 MiB for pieces and the state of an inflater.
struct Reader {
    read: fn(&[u8]) -> Result<(), FileError>,
    factor: usize,
}

/// The file itself; elements 4 times as wide as in it, in a block a quarter larger than asked.
const NPY: Reader = Reader { read: readers::npy, factor: 1 + 5 };
/// The header's JSON besides.
const SAFETENSORS: Reader = Reader { read: readers::safetensors, factor: 1 + 5 + 16 };
/// The table of contents besides, and all of it deflated as far as deflate can.
const NPZ: Reader = Reader { read: readers::npz, factor: 1 + 5 * 1032 + 64 };

impl Reader {
    /// Reads, and whether it could.
    fn try_to(&self, bytes: &[u8], what: &str) -> bool {
        // Else a block from the free lists would not count.
        storage::trim();
        let before = LIVE.get();
        MOST.set(before);
        let outcome = (self.read)(bytes);
        let (taken, most) = (MOST.get() - before, self.factor * bytes.len() + (1 << 20));
        assert!(
            taken as usize <= most,
            "{what}: {taken} bytes for a file of {}, at most {most}",
            bytes.len()
        );
        if let Err(error) = &outcome {
            let FileError::Invalid { field, found, expected, .. } = error else {
                panic!("{what}: {error}");
            };
            assert!(!field.is_empty() && !found.is_empty() && !expected.is_empty(), "{what}: {error}");
        }
        outcome.is_ok()
    }
}

/// The files with these endings below the tests and the fuzzer's corpus, their readers, and their names.
fn files() -> Vec<(Reader, Vec<u8>, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in [
        "tests/data",
        "tests/data/numpy",
        "../../fuzz/corpus/npy",
        "../../fuzz/corpus/npz",
        "../../fuzz/corpus/safetensors",
    ] {
        let entries = fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let reader = match path.extension().and_then(|end| end.to_str()) {
                Some("npy") => NPY,
                Some("npz") => NPZ,
                Some("safetensors") => SAFETENSORS,
                _ => continue,
            };
            files.push((reader, fs::read(&path).unwrap(), path.display().to_string()));
        }
    }
    files
}

/// One to four changes: a bit, a byte, a run of one byte, a piece moved elsewhere, a number that is a limit, a cut.
fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.random_range(1..=4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        let end = (at + rng.random_range(1..=16)).min(bytes.len());
        match rng.random_range(0..6) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => {
                let value = [0, 0xff, b'9', b'(', b'['][rng.random_range(0..5)];
                bytes[at..end].fill(value);
            }
            3 => {
                let to = rng.random_range(0..=bytes.len() - (end - at));
                bytes.copy_within(at..end, to);
            }
            4 => {
                let limit =
                    [0, 1, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX][rng.random_range(0..6)];
                let limit = limit.to_le_bytes();
                bytes[at..end].iter_mut().zip(limit).for_each(|(byte, value)| *byte = value);
            }
            _ => bytes.truncate(at),
        }
    }
}

#[test]
fn what_lies_in_the_folders_is_read_or_refused() {
    let files = files();
    let read = files.iter().filter(|(reader, bytes, name)| reader.try_to(bytes, name)).count();
    assert!(read >= 20 && files.len() - read >= 15, "{read} of {}", files.len());
}

#[test]
fn every_truncation_is_refused() {
    for (reader, bytes, name) in files() {
        for len in (0..bytes.len().min(3000)).chain(bytes.len().saturating_sub(100)..bytes.len()) {
            assert!(!reader.try_to(&bytes[..len], &format!("{name} cut to {len}")), "{name} cut to {len}");
        }
    }
}

/// How often each file is damaged.
const TIMES: u64 = 200;

#[test]
fn random_damage_does_no_harm() {
    let (mut tried, mut refused) = (0, 0);
    for (place, (reader, bytes, name)) in files().into_iter().enumerate() {
        for seed in 0..TIMES {
            let mut damaged = bytes.clone();
            damage(&mut damaged, &mut Rng::new(seed).child(place as u64));
            tried += 1;
            refused += usize::from(!reader.try_to(&damaged, &format!("{name} damaged with seed {seed}")));
        }
    }
    assert!(refused > tried / 2, "{refused} of {tried}");
}
