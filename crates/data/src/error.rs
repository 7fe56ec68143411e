//! The errors of reading data.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// Data that could not be read or is not what it should be. Its text names the file, the field, what was found and what was expected.
///
/// In errors about data that came from memory, the name of the argument stands for the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file could not be read or written.
    #[error("{}: cannot {action}: {error}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What was tried: `read` or `write`.
        action: &'static str,
        /// The system's error.
        error: io::Error,
    },
    /// The content is invalid.
    #[error("{}: {field}: found {found}, expected {expected}", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The part of it that is wrong: `magic number`, `dimension 2`, `label of row 17`, ...
        field: String,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
    /// The content does not match its checksum.
    #[error("{}: SHA-256: found {found}, expected {expected} as {} says", file.display(), sums.display())]
    Checksum {
        /// The file.
        file: PathBuf,
        /// The file of checksums.
        sums: PathBuf,
        /// The digest of the content, in hexadecimal.
        found: String,
        /// The digest that it should have.
        expected: String,
    },
    /// A file of tensors could not be read.
    #[error(transparent)]
    File(#[from] ravine_tensor::FileError),
    /// An error of a user's own data set. See [`DataError::other`].
    #[error(transparent)]
    Other(Box<dyn Error + Send + Sync>),
}

impl DataError {
    /// Any error, or a text, as the error of a data set.
    ///
    /// ```
    /// use ravine_data::DataError;
    ///
    /// let error = DataError::other("the database hung up");
    /// assert_eq!(error.to_string(), "the database hung up");
    /// ```
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        DataError::Other(error.into())
    }

    pub(crate) fn read(file: &Path, error: io::Error) -> Self {
        DataError::Io { file: file.into(), action: "read", error }
    }

    pub(crate) fn write(file: &Path, error: io::Error) -> Self {
        DataError::Io { file: file.into(), action: "write", error }
    }

    pub(crate) fn invalid(
        file: &Path,
        field: impl Into<String>,
        found: impl Display,
        expected: impl Display,
    ) -> Self {
        DataError::Invalid {
            file: file.into(),
            field: field.into(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }
}
