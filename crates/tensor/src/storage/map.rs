//! Memory-mapped files.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::Mmap;

/// The bytes of a file, which the system reads when they are accessed.
///
/// Only the readers of this crate have one. They copy numbers out of it and give no reference to it away.
pub(crate) struct Map(Mmap);

impl Map {
    /// Maps a whole file, for reading.
    pub(crate) fn of(file: &File) -> io::Result<Map> {
        // SAFETY: the memory is valid for as long as the map, and nobody in this program writes to it. Another program may change the
        // file meanwhile. If it overwrites bytes, a reader finds some of the old and some of the new, as it would with `read`: it takes
        // numbers, for which every pattern of bits is valid, and checks each length against that of the map, not of the file. If it
        // shortens the file, then on Unix a look beyond the new end ends this program (SIGBUS), as a failed `read` would not. What writes
        // files as this crate does, beside the old one and renamed, does neither: the map stays that of the old file.
        unsafe { Mmap::map(file) }.map(Map)
    }
}

impl Deref for Map {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}
