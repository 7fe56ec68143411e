//! The order of the samples, and their division into batches.

mod classes;
mod plan;
mod sampling;

pub use classes::{Strata, Weights};
pub use plan::{Epoch, Epochs, Pick, Plan, Position};
pub use sampling::Order;
pub(crate) use sampling::permutation;
