//! The rules, each with its formula and its source.

mod adam;
#[cfg(test)]
mod pytorch;
mod sgd;

pub use adam::{Adam, AdamW};
pub use sgd::Sgd;
