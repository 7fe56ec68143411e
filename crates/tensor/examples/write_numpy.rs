//! Writes npy and npz files for `tools/check_npy.py`, which opens them in NumPy:
//! `cargo run -p ravine-tensor --example write_numpy -- FOLDER`

use std::path::PathBuf;

use ravine_tensor::numpy::{Stored, Writer};
use ravine_tensor::{FileError, Tensor};

fn main() -> Result<(), FileError> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into()));
    let cube = Tensor::<f64>::arange(24).reshape([2, 3, 4]);
    cube.write_npy(folder.join("cube.npy"))?;
    cube.permute([2, 0, 1]).write_npy(folder.join("view.npy"))?;
    let mut writer = Writer::new();
    writer
        .tensor("f8", &cube)
        .tensor("f4", &cube.cast::<f32>())
        .tensor_as("f2", &cube, Stored::F16)
        .tensor("i8", &Tensor::from([[i64::MIN, i64::MAX]]))
        .tensor("i4", &Tensor::from([[i32::MIN], [i32::MAX]]))
        .tensor("u1", &Tensor::from([0u8, 255]))
        .tensor("b1", &Tensor::from([true, false]))
        .tensor("scalar", &Tensor::scalar(2.5f32))
        .tensor("empty", &Tensor::<f32>::zeros([0, 3]))
        .tensor("special", &Tensor::from([f32::NAN, f32::NEG_INFINITY, -0.0, 1e-42]))
        .tensor("näme/with dots.", &Tensor::<f32>::zeros([1000]));
    writer.write(folder.join("stored.npz"))?;
    writer.compressed().write(folder.join("deflated.npz"))
}
