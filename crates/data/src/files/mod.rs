//! Files: IDX arrays, and checksums.

pub(crate) mod checksum;
pub(crate) mod idx;
