//! Files: IDX arrays, tables, checksums.

mod checksum;
mod csv;
mod gzip;
mod idx;

pub use checksum::{SUMS, sha256, verify};
pub use csv::{Csv, CsvStream, Row, Table};
pub use idx::Idx;
