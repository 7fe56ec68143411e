//! One array in a file.

use std::io::{self, Write};
use std::path::Path;

use super::header::Place;
use super::{Header, Store};
use crate::files::replace;
use crate::files::source::Source;
use crate::files::stored::Part;
use crate::{FileError, Tensor};

impl<T: Store> Tensor<T> {
    /// Reads an npy file, as NumPy's `save` writes it: see [`numpy`](super). An array in Fortran order becomes a view whose first axis
    /// has stride 1, without moving an element.
    ///
    /// # Errors
    /// If the file cannot be read, is not a complete npy file, or has elements that cannot be [read as](Store::reads) `T` or more axes than
    /// tensors can have.
    #[doc(alias = "from_numpy")]
    pub fn read_npy(file: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::of_npy(&Source::open(file.as_ref())?)
    }

    /// The same from bytes in memory; errors name them as `file`.
    ///
    /// # Errors
    /// As [`read_npy`](Self::read_npy).
    pub fn from_npy(bytes: Vec<u8>, file: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::of_npy(&Source::new(bytes, file.as_ref()))
    }

    fn of_npy(source: &Source) -> Result<Self, FileError> {
        let (place, mut bytes) = (Place { file: &source.file, array: None }, source.bytes());
        let length = bytes.len() as u64;
        let header = Header::read(&mut bytes, length, place)?;
        header.tensor(&mut bytes, place)
    }

    /// Writes an npy file, replacing `file` atomically if it exists.
    ///
    /// # Errors
    /// If the system refuses. The old file is then as it was.
    pub fn write_npy(&self, file: impl AsRef<Path>) -> Result<(), FileError> {
        let part = Part::of(self, T::STORED);
        replace(file.as_ref(), |out| write(&part, out))
    }
}

impl Header {
    /// The header of an npy file.
    ///
    /// # Errors
    /// If the file cannot be read or is not a complete npy file.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, FileError> {
        let source = Source::open(file.as_ref())?;
        let place = Place { file: &source.file, array: None };
        Header::read(&mut source.bytes(), source.bytes().len() as u64, place)
    }
}

/// Writes header and elements.
pub(super) fn write(part: &Part, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&Header::written(&part.stored, &part.shape))?;
    part.write_to(out)
}
