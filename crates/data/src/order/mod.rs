//! Which samples come when.

pub(crate) mod plan;
