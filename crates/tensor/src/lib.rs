//! N-dimensional arrays for CPUs.

mod element;
#[doc(hidden)]
pub mod kernels;
mod parallel;
pub mod storage;

pub use element::{DType, Element, Float, Number};
pub use parallel::sequential;
