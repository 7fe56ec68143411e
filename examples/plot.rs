//! The pictures of the examples.

pub use ravine::plot::*;
