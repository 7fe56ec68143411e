//! Files that may be gzipped, which is detected by their content.

use std::io::{self, Chain, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::DataError;

/// The two bytes that every gzip file begins with (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The bytes of a file, decompressed if necessary, and errors about them.
pub(crate) struct Unpacked<R> {
    bytes: Bytes<R>,
}

/// A file whose first bytes have been inspected.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

enum Bytes<R> {
    Plain(Whole<R>),
    Gzipped(Box<MultiGzDecoder<Whole<R>>>),
}

impl<R: Read> Unpacked<R> {
    /// Bytes that are known not to be gzipped.
    pub fn plain(reader: R) -> Self {
        Unpacked { bytes: Bytes::Plain(Cursor::new(Vec::new()).chain(reader)) }
    }

    pub fn new(mut reader: R, file: &Path) -> Result<Self, DataError> {
        let mut start = Vec::new();
        reader.by_ref().take(2).read_to_end(&mut start).map_err(|error| DataError::read(file, error))?;
        let gzipped = start == GZIP;
        let whole = Cursor::new(start).chain(reader);
        let bytes = match gzipped {
            true => Bytes::Gzipped(Box::new(MultiGzDecoder::new(whole))),
            false => Bytes::Plain(whole),
        };
        Ok(Unpacked { bytes })
    }

    /// Whether the file is not compressed.
    pub fn is_plain(&self) -> bool {
        matches!(self.bytes, Bytes::Plain(_))
    }

    /// The next `n` bytes, or all that are left if they are fewer.
    pub fn up_to(&mut self, n: u64, file: &Path) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        match self.by_ref().take(n).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.trouble(error, file)),
        }
    }

    /// An error of [`read`](Read::read) as a [`DataError`].
    pub fn trouble(&self, error: io::Error, file: &Path) -> DataError {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let decoder_says_so = matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof);
        match self.bytes {
            Bytes::Gzipped(_) if decoder_says_so => {
                DataError::invalid(file, "gzip stream", error, "a whole and undamaged one")
            }
            _ => DataError::read(file, error),
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.bytes {
            Bytes::Plain(reader) => reader.read(buffer),
            Bytes::Gzipped(reader) => reader.read(buffer),
        }
    }
}
