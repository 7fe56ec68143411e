//! The loops that do the arithmetic, over plain slices.
//!
//! Kernels do not know of tensors: they take slices, sizes and strides, which their callers have checked.

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
