//! Files: IDX arrays, tables, checksums.

mod checksum;
mod csv;
mod gzip;
mod idx;

pub use checksum::{SUMS, verify};
pub use csv::{Csv, Table};
pub use idx::Idx;
