//! The safetensors format: named tensors in one file, which cannot contain code.
//!
//! Layout: the length of the header (`u64`, little-endian), the header (JSON: for each name its element type, shape and where
//! its bytes begin and end; `__metadata__` maps strings to strings), and the bytes of all tensors, row-major, little-endian, without gaps.
//! PyTorch, JAX and others read and write it: <https://github.com/huggingface/safetensors>.
//!
//! ```
//! use ravine_tensor::Tensor;
//! use ravine_tensor::safetensors::{SafeTensors, Stored, Writer};
//!
//! # fn main() -> Result<(), ravine_tensor::FileError> {
//! # let folder = std::env::temp_dir().join(format!("ravine-doc-safetensors-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).unwrap();
//! # let path = folder.join("pair.safetensors");
//! let weight = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
//! let mut writer = Writer::new();
//! writer.metadata("format", "pt").tensor("weight", &weight).tensor_as("small", &weight, Stored::Bf16);
//! writer.write(&path)?;
//!
//! let file = SafeTensors::open(&path)?;
//! assert_eq!(file.tensor::<f32>("weight")?, weight);
//! assert_eq!(file.tensor::<f32>("small")?, weight);
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok(())
//! # }
//! ```

mod header;
mod read;
mod write;

pub use super::stored::{Store, Stored};
pub use read::SafeTensors;
pub use write::Writer;

/// The name, type and shape of a tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The type of its elements in the file.
    pub dtype: Stored,
    /// Its size along each axis.
    pub shape: Vec<usize>,
    /// Where its bytes are, counted from the end of the header.
    begin: u64,
    end: u64,
}
