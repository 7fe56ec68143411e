//! The loops that do the arithmetic, over plain slices.
//!
//! Nothing here knows tensors: a kernel gets slices, sizes and strides that its caller has checked.

pub mod bytes;
pub mod conv;
pub mod gemm;
pub mod map;
pub mod math;
pub mod norm;
pub mod pool;
pub mod recurrent;
pub mod reduce;
pub mod scan;
pub mod simd;
