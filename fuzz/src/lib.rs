//! The readers of files, each with the memory that it may take. A fuzzer tries them on bytes of its own, and the tests of their crates on those that
//! lie in `corpus/`, whole, cut and damaged.

pub mod damage;
pub mod data;
pub mod reader;
pub mod state;
pub mod tensors;
