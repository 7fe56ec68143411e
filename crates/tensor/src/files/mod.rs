//! Tensors in files.
//!
//! Readers do not trust the contents of a file: every length is checked against the length of the file before memory is allocated, and every
//! fault is a [`FileError`] that names the file and the field.

pub mod atomic_file;
pub mod numpy;
pub mod safetensors;
mod source;
mod stored;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// Why a file of tensors could not be read or written. Its text names the file, the field, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused an operation.
    #[error("{}: cannot {action}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What was tried: `read it`, `write it`, ...
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The content is invalid.
    #[error("{}: {field}: found {found}, expected {expected}", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The part of the file that is wrong.
        field: String,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
}

/// [`atomic_file::write`] with the error type of this module.
fn replace(file: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), FileError> {
    atomic_file::write(file, write).map_err(|(action, source)| FileError::io(file, action)(source))
}

impl FileError {
    pub(crate) fn io(file: &Path, action: &'static str) -> impl FnOnce(io::Error) -> FileError {
        move |source| FileError::Io { file: file.to_owned(), action, source }
    }

    pub(crate) fn invalid(
        file: &Path,
        field: impl Into<String>,
        found: impl Display,
        expected: impl Display,
    ) -> FileError {
        FileError::Invalid {
            file: file.to_owned(),
            field: field.into(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }
}
