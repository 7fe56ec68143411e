//! What a fuzzer tries, and what the tests of `ravine-tensor` try with a fixed seed: to read all that a file says it has. It may fail, but not
//! otherwise than by an error.

use ravine_tensor::numpy::Npz;
use ravine_tensor::safetensors::SafeTensors;
use ravine_tensor::{DType, FileError, Tensor};

/// A file as one npy array, of every type of tensor.
pub fn npy(bytes: &[u8]) -> Result<(), FileError> {
    let read = || bytes.to_vec();
    Tensor::<f32>::from_npy(read(), "x.npy")
        .map(drop)
        .or_else(|_| Tensor::<f64>::from_npy(read(), "x.npy").map(drop))
        .or_else(|_| Tensor::<i64>::from_npy(read(), "x.npy").map(drop))
        .or_else(|_| Tensor::<i32>::from_npy(read(), "x.npy").map(drop))
        .or_else(|_| Tensor::<u8>::from_npy(read(), "x.npy").map(drop))
        .or_else(|_| Tensor::<bool>::from_npy(read(), "x.npy").map(drop))
}

/// A file as an npz archive: every array that can be read.
pub fn npz(bytes: &[u8]) -> Result<(), FileError> {
    let file = Npz::from_bytes(bytes.to_vec(), "x.npz")?;
    let mut outcome = Ok(());
    for name in file.names() {
        let read = file.header(name).and_then(|header| match header.dtype.dtype() {
            Some(DType::F64) => file.tensor::<f64>(name).map(drop),
            Some(DType::I64) => file.tensor::<i64>(name).map(drop),
            Some(DType::I32) => file.tensor::<i32>(name).map(drop),
            Some(DType::U8) => file.tensor::<u8>(name).map(drop),
            Some(DType::Bool) => file.tensor::<bool>(name).map(drop),
            _ => file.tensor::<f32>(name).map(drop),
        });
        outcome = outcome.and(read);
    }
    outcome
}

/// A file as safetensors: every tensor that can be read.
pub fn safetensors(bytes: &[u8]) -> Result<(), FileError> {
    let file = SafeTensors::from_bytes(bytes.to_vec(), "x.safetensors")?;
    let mut outcome = Ok(());
    for entry in file.entries() {
        let name = &*entry.name;
        let read = match entry.dtype.dtype() {
            Some(DType::F64) => file.tensor::<f64>(name).map(drop),
            Some(DType::I64) => file.tensor::<i64>(name).map(drop),
            Some(DType::I32) => file.tensor::<i32>(name).map(drop),
            Some(DType::U8) => file.tensor::<u8>(name).map(drop),
            Some(DType::Bool) => file.tensor::<bool>(name).map(drop),
            _ => file.tensor::<f32>(name).map(drop),
        };
        outcome = outcome.and(read);
    }
    outcome
}
