//! Data that are not as they should be: each is an error of its kind that names file, place, what was found and what was expected, and nothing panics.

mod broken;
mod files;
mod images;
mod sets;
mod tables;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use ravine_data::DataError;

/// A folder to put bad files into.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Checks each error: its kind, and its text without the name of the folder. That of the system is known only at its beginning.
    #[track_caller]
    fn check(&self, cases: Vec<(Result<(), DataError>, Kind, &str)>) {
        let prefix = format!("{}/", self.0.path().display());
        for (number, (result, kind, expected)) in cases.into_iter().enumerate() {
            let error = result.expect_err(&format!("case {number} passed, but should say: {expected}"));
            let text = error.to_string().replace(&prefix, "").replace(self.0.path().to_str().unwrap(), "DIR");
            let found = match error {
                DataError::Io { .. } => Kind::Io,
                DataError::Invalid { .. } => Kind::Invalid,
                DataError::Checksum { .. } => Kind::Checksum,
                DataError::File(_) => Kind::File,
                _ => Kind::Other,
            };
            assert_eq!(found, kind, "case {number}: {text}");
            match kind {
                Kind::Io | Kind::File => {
                    assert!(text.starts_with(expected), "case {number}: {text}\nexpected: {expected}")
                }
                _ => assert_eq!(text, expected, "case {number}"),
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Io,
    Invalid,
    Checksum,
    File,
    Other,
}
use Kind::{Checksum, File, Invalid, Io, Other};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn drop_ok<T>(result: Result<T, DataError>) -> Result<(), DataError> {
    result.map(drop)
}
