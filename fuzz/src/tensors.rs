//! The readers of tensors.

use ravine_tensor::numpy::{Npz, Store};
use ravine_tensor::safetensors::SafeTensors;
use ravine_tensor::{FileError, Tensor};

use super::reader::{MIB, Reader};

/// The file itself, and its elements, which may become 4 times as wide, in a block up to a quarter larger than requested.
pub const NPY: Reader = Reader { read: npy, factor: 1 + 5, besides: MIB };

/// As [`NPY`], and the header's JSON.
pub const SAFETENSORS: Reader = Reader { read: safetensors, factor: 1 + 5 + 16, besides: MIB };

/// As [`NPY`], and the table of contents, all compressed as far as deflate can.
pub const NPZ: Reader = Reader { read: npz, factor: 1 + 5 * 1032 + 64, besides: MIB };

/// Reads as every element type in turn: the first success, or the last error.
macro_rules! as_any {
    ($read:ident $arguments:tt) => {
        [
            said($read::<f32> $arguments),
            said($read::<f64> $arguments),
            said($read::<i64> $arguments),
            said($read::<i32> $arguments),
            said($read::<u8> $arguments),
            said($read::<bool> $arguments),
        ]
        .into_iter()
        .fold(Err(String::new()), Result::or)
    };
}

/// The outcome without the value. An error must not be the system's, and must have a message.
fn said<T>(outcome: Result<T, FileError>) -> Result<(), String> {
    outcome.map(drop).map_err(|error| {
        let FileError::Invalid { field, found, expected, .. } = &error else { panic!("{error}") };
        assert!(!field.is_empty() && !found.is_empty() && !expected.is_empty(), "{error}");
        error.to_string()
    })
}

/// A file as one npy array.
fn npy(bytes: &[u8]) -> Result<(), String> {
    fn read<T: Store>(bytes: &[u8]) -> Result<Tensor<T>, FileError> {
        Tensor::from_npy(bytes.to_vec(), "x.npy")
    }
    as_any!(read(bytes))
}

/// A file as an npz archive: every array in it.
fn npz(bytes: &[u8]) -> Result<(), String> {
    fn read<T: Store>(file: &Npz, name: &str) -> Result<Tensor<T>, FileError> {
        file.tensor(name)
    }
    let file = Npz::from_bytes(bytes.to_vec(), "x.npz");
    let Ok(file) = file else { return said(file) };
    let mut outcome = Ok(());
    for name in file.names() {
        outcome = outcome.and(as_any!(read(&file, name)));
    }
    outcome
}

/// A file as safetensors: every tensor in it.
fn safetensors(bytes: &[u8]) -> Result<(), String> {
    fn read<T: Store>(file: &SafeTensors, name: &str) -> Result<Tensor<T>, FileError> {
        file.tensor(name)
    }
    let file = SafeTensors::from_bytes(bytes.to_vec(), "x.safetensors");
    let Ok(file) = file else { return said(file) };
    let mut outcome = Ok(());
    for entry in file.entries() {
        outcome = outcome.and(as_any!(read(&file, &entry.name)));
    }
    outcome
}
