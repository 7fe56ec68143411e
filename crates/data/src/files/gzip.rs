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

    /// Whether the file is damaged, or the system did not let us read it.
    pub fn failure(file: &Path, gzipped: bool, error: io::Error) -> DataError {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        if gzipped && matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) {
            DataError::invalid(file, "gzip stream", error, "a whole and undamaged one")
        } else {
            DataError::read(file, error)
        }
    }

    pub fn is_gzipped(&self) -> bool {
        self.gzipped
    }

    /// The next `n` bytes, or all that are left if they are fewer.
    pub fn up_to(&mut self, n: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        match self.by_ref().take(n).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Self::failure(self.file, self.gzipped, error)),
        }
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.reader.read(out)
    }
}
