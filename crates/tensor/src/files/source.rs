//! The bytes of a file, for readers, and errors about them.

use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::FileError;
use crate::storage::map::Map;

/// The bytes of a file and its name.
pub(super) struct Source {
    pub(super) file: PathBuf,
    bytes: Bytes,
}

enum Bytes {
    Mapped(Map),
    Owned(Vec<u8>),
}

impl Source {
    /// A file, mapped into memory.
    pub(super) fn open(file: &Path) -> Result<Self, FileError> {
        let open = File::open(file).map_err(FileError::io(file, "open it"))?;
        let map = Map::of(&open).map_err(FileError::io(file, "map it into memory"))?;
        Ok(Source { file: file.to_owned(), bytes: Bytes::Mapped(map) })
    }

    /// Bytes in memory, as if they were a file of this name.
    pub(super) fn new(bytes: Vec<u8>, file: impl Into<PathBuf>) -> Self {
        Source { file: file.into(), bytes: Bytes::Owned(bytes) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }

    pub(super) fn invalid(
        &self,
        field: impl Into<String>,
        found: impl Display,
        expected: impl Display,
    ) -> FileError {
        FileError::invalid(&self.file, field, found, expected)
    }
}

impl AsRef<[u8]> for Source {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}
