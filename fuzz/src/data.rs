//! The readers of data sets.

use ravine_data::{Csv, DataError, Idx};

use super::reader::{MIB, Reader};

/// The most bytes that one byte of a gzipped file can expand to: see `ravine_tensor::numpy::MAX_RATIO`.
const MAX_RATIO: usize = 1032;

/// What it holds, gzipped as far as that goes, in a vector that grows as it arrives: old and new, which is twice as long.
pub const IDX: Reader = Reader {
    read: |bytes| Idx::read_from(bytes, "x.idx").map(drop).map_err(said),
    factor: 3 * MAX_RATIO,
    besides: MIB,
};

/// The same, and for each row, which has two bytes at the least, a record.
pub const CSV: Reader =
    Reader { read: |bytes| csv(bytes).map_err(said), factor: 200 * MAX_RATIO, besides: MIB };

/// The text of an error, which must not be one of the system's.
fn said(error: DataError) -> String {
    assert!(matches!(error, DataError::Invalid { .. }), "{error}");
    error.to_string()
}

/// A file as a table, each column read as every type. A cell that is not a number is not an error of the file.
fn csv(bytes: &[u8]) -> Result<(), DataError> {
    let table = Csv::new().comment(b'#').read_from(bytes, "x.csv")?;
    for column in table.names() {
        let _ = (table.floats(column), table.integers(column), table.classes(column));
    }
    Ok(())
}
