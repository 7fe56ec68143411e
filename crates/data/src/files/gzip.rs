//! Files that may be gzipped, which is told by their content.

use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::DataError;

/// The two bytes that every gzip file begins with (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The bytes of a file, decompressed if need be, and how to complain about them.
pub(crate) struct Unpacked<'a> {
    reader: Box<dyn Read + 'a>,
    gzipped: bool,
    file: &'a Path,
}

impl<'a> Unpacked<'a> {
    pub fn new(mut reader: impl Read + 'a, file: &'a Path) -> Result<Self, DataError> {
        let mut start = Vec::new();
        reader.by_ref().take(2).read_to_end(&mut start).map_err(|error| DataError::read(file, error))?;
        let gzipped = start == GZIP;
        let whole = io::Cursor::new(start).chain(reader);
        let reader: Box<dyn Read> =
            if gzipped { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
        Ok(Unpacked { reader, gzipped, file })
    }

    pub fn file(&self) -> &'a Path {
        self.file
    }

    /// The next `n` bytes, or all that are left if they are fewer.
    pub fn up_to(&mut self, n: u64) -> Result<Vec<u8>, DataError> {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let mut bytes = Vec::new();
        match self.reader.by_ref().take(n).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            // The decoder says so, rather than the system.
            Err(error)
                if self.gzipped && matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) =>
            {
                Err(DataError::invalid(self.file, "gzip stream", error, "a whole and undamaged one"))
            }
            Err(error) => Err(DataError::read(self.file, error)),
        }
    }
}
