//! The operations on tensors, one file or folder per family.

mod arithmetic;
mod attention;
mod bytes;
mod cast;
mod compare;
mod conv;
mod count;
mod einsum;
mod elementwise;
mod functions;
mod index;
mod join;
#[cfg(feature = "linalg")]
mod linalg;
mod mask;
mod matmul;
mod norm;
mod order;
mod pad;
mod pairs;
mod pool;
mod recurrent;
mod reduce;
mod repeat;
mod scan;
mod scatter;
mod slice;
mod softmax;
mod sort;
mod special;
mod statistics;
mod triangle;
mod view;
mod window;

pub use cast::Cast;
pub use conv::ConvOptions;
pub use einsum::{Contract, EinsumError, einsum};
#[cfg(feature = "linalg")]
pub use linalg::{LinalgError, Unsolvable};
pub use norm::Normalize;
pub use pad::Pad;
pub use pool::PoolOptions;
pub use recurrent::{Recurrence, Steps};
pub use slice::{Along, At, Indices};
pub use sort::Unique;
pub use window::UnfoldOptions;
