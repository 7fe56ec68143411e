//! Every op against a reference that looks up one element after another, over random shapes, strides, offsets and views; and what the numbers
//! promise (`exact`).

mod conv;
mod create;
mod einsum;
mod elementwise;
mod exact;
mod functions;
mod generators;
mod index;
mod join;
#[cfg(feature = "linalg")]
mod linalg;
mod mask;
mod matmul;
mod pad;
mod reduce;
mod repeat;
mod scan;
mod scatter;
mod slice;
mod sort;
mod triangle;
mod view;
mod window;
