//! The data sets that are here.

pub(crate) mod images;
pub(crate) mod mnist;
pub(crate) mod tensors;
