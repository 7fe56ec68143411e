//! Data sets that are made from others.

mod augment;
mod concat;
mod rows;
mod subset;

pub use augment::{Augmented, Draws};
pub use concat::Concat;
pub use rows::Rows;
pub use subset::Subset;
