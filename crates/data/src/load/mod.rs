//! Who fetches them.

pub(crate) mod loader;
