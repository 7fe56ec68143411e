//! N-dimensional arrays for CPUs: views, broadcasting, copy-on-write, fast kernels and sums whose bits do not depend on the
//! number of threads.
//!
//! ```
//! use ravine_tensor::{Rng, Tensor};
//!
//! let x = Tensor::<f32>::randn([64, 784], &mut Rng::new(0));
//! let w = Tensor::from_fn([784, 10], |i| (i % 7) as f32 * 0.01);
//! let y = (x.matmul(&w) + 1.0).relu();
//! assert_eq!(y.mean(0).shape(), &[10]);
//! ```
//!
//! The chapters, in reading order: [`Shape`] and [`Axes`] (arguments of ops), `layout` (where the elements of a view lie), [`storage`]
//! (recycled memory), [`Tensor`] (the three together), `ops` (one file per family) and `kernels` (the loops).

#![deny(missing_docs)]

mod awake;
mod create;
mod display;
mod element;
mod files;
mod kernels;
mod layout;
mod ops;
mod parallel;
mod random;
mod serial;
mod shape;
pub mod storage;
mod team;
mod tensor;

pub use element::{DType, Element, Float, Number};
#[doc(hidden)]
pub use files::atomic_file;
pub use files::{FileError, numpy, safetensors};
pub use kernels::math::Math;
pub use kernels::simd::instruction_set;
#[doc(alias = "padding_mode")]
pub use ops::Pad;
pub use ops::{
    Along, At, Cast, Contract, ConvOptions, EinsumError, Indices, Normalize, PoolOptions, Recurrence, Steps,
    UnfoldOptions, Unique, einsum,
};
#[cfg(feature = "linalg")]
pub use ops::{LinalgError, Unsolvable};
pub use parallel::{sequential, threads_for};
#[doc(alias = "Generator")]
pub use random::Rng;
pub use shape::{Axes, Extents, MAX_RANK, Shape};
pub use tensor::Tensor;
