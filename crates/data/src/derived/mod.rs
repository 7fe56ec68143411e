//! Data sets that are made from others.

pub(crate) mod augment;
pub(crate) mod subset;
