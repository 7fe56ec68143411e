//! One row of a table that is read row by row, and its typed cells.

use std::fmt;

use csv::ByteRecord;
use ravine_tensor::Tensor;

use super::rows::Head;
use super::{CLASS, FLOAT, INTEGER, no_column, no_text, wrong_cell};
use crate::DataError;

/// A row of a CSV file. A cell that is not what it is asked for as is an error with the file, row, line and column, as with a
/// [`Table`](super::Table).
pub struct Row<'a> {
    pub(super) head: &'a Head,
    pub(super) cells: &'a ByteRecord,
    pub(super) begin: u64,
    pub(super) number: usize,
}

impl Row<'_> {
    /// Its number, counted from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.head.names
    }

    /// A cell as it stands in the file, without the spaces around it; it may be empty.
    ///
    /// # Errors
    /// If there is no such column, or the cell is no text.
    pub fn text(&self, column: &str) -> Result<&str, DataError> {
        let Head { file, names, columns, .. } = self.head;
        let at = *columns.get(column).ok_or_else(|| no_column(file, column, names))?;
        let cell = std::str::from_utf8(&self.cells[at]);
        cell.map(str::trim).map_err(|_| no_text(file, &format!("{}, column {column}", self.place())))
    }

    /// A finite number.
    ///
    /// # Errors
    /// If there is no such column, or the cell is empty, no number, not finite, or too large for an `f32`.
    pub fn float(&self, column: &str) -> Result<f32, DataError> {
        self.parse(column, FLOAT)
    }

    /// A whole number.
    ///
    /// # Errors
    /// If there is no such column, or the cell is empty, no whole number, or does not fit in 64 bits.
    pub fn integer(&self, column: &str) -> Result<i64, DataError> {
        self.parse(column, INTEGER)
    }

    /// The class named in the cell: its index in `names`.
    ///
    /// # Errors
    /// If there is no such column, or the cell is empty or none of the names.
    pub fn class(&self, column: &str, names: &[impl AsRef<str>]) -> Result<i64, DataError> {
        let expected = || names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
        let cell = self.text(column)?;
        match names.iter().position(|name| name.as_ref() == cell) {
            Some(class) => Ok(class as i64),
            None => Err(self.wrong(column, cell, &format!("{CLASS}, one of {}", expected()))),
        }
    }

    /// Finite numbers side by side: `[columns]`.
    ///
    /// # Errors
    /// As [`float`](Self::float).
    pub fn floats(&self, columns: &[&str]) -> Result<Tensor, DataError> {
        let values = columns.iter().map(|column| self.float(column)).collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::from_slice(&values, values.len()))
    }

    fn parse<T>(
        &self,
        column: &str,
        (parse, expected): (fn(&str) -> Option<T>, &str),
    ) -> Result<T, DataError> {
        let cell = self.text(column)?;
        let value = if cell.is_empty() { None } else { parse(cell) };
        value.ok_or_else(|| self.wrong(column, cell, expected))
    }

    fn wrong(&self, column: &str, cell: &str, expected: &str) -> DataError {
        wrong_cell(&self.head.file, self.place(), column, cell, expected)
    }

    fn place(&self) -> String {
        self.head.place(self.number, self.begin)
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("number", &self.number).field("cells", self.cells).finish_non_exhaustive()
    }
}
