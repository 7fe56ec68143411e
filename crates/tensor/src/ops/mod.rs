//! What can be done with tensors, one room per family.

mod arithmetic;
mod cast;
mod compare;
mod conv;
mod elementwise;
mod functions;
mod index;
mod join;
mod matmul;
mod pool;
mod reduce;
mod softmax;
mod view;

pub use cast::Cast;
pub use conv::ConvOptions;
pub use pool::PoolOptions;
