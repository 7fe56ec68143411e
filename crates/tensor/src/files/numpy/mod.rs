//! The npy and npz formats: an array in a file, and named arrays in a zip archive, as NumPy's `save`, `savez` and `savez_compressed` write them.
//!
//! An npy file has the magic `\x93NUMPY`, a version (1.0, 2.0 or 3.0 are read, 1.0 is written), the length of the header, the header (a
//! Python dictionary of `descr`, `fortran_order` and `shape`) and the elements. An npz file is a zip archive of npy files, stored or
//! deflated: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//!
//! Both byte orders and both orders of axes are read, with elements `f2`, `f4`, `f8`, `i1`, `i2`, `i4`, `i8`, `u1`, `u2`, `u4` and `b1`. Types
//! that tensors do not have are [widened](Stored::dtype). Objects, strings, dates, complex numbers and structures are not read.
//!
//! ```
//! use ravine_tensor::Tensor;
//! use ravine_tensor::numpy::{Npz, Writer};
//!
//! # fn main() -> Result<(), ravine_tensor::FileError> {
//! # let folder = std::env::temp_dir().join(format!("ravine-doc-numpy-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).unwrap();
//! let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
//! # let path = folder.join("x.npy");
//! x.write_npy(&path)?;
//! assert_eq!(Tensor::read_npy(&path)?, x);
//!
//! # let path = folder.join("pair.npz");
//! let labels = Tensor::from([3i64, 1]);
//! Writer::new().compressed().tensor("images", &x).tensor("labels", &labels).write(&path)?;
//! let file = Npz::open(&path)?;
//! assert_eq!(file.names().collect::<Vec<_>>(), ["images", "labels"]);
//! assert_eq!(file.tensor::<i64>("labels")?, labels);
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! **How much memory a file can make a reader allocate.** The elements are allocated at once, so their number is checked first. In an npy
//! file they must take exactly the bytes that follow the header. In an npz file they must take exactly the bytes that the archive states
//! for the array, and these must be at most 1,032 times as many as the array takes in the archive, the most that deflate can compress. So
//! an archive that claims more is refused, but one of zeros that unpacks to [`MAX_RATIO`] times its size is read. The members of an archive
//! may not overlap, so the bound holds for all of them together. Elements of a tensor can be up to 4 times as wide as those in the file. If
//! even that is too much, look at [`Npz::header`] first.

mod dictionary;
mod header;
mod npy;
mod npz;

pub use super::stored::{Store, Stored};
pub use header::Header;
pub use npz::{MAX_RATIO, Npz, Writer};
