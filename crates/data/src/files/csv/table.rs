//! A table in memory.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use ravine_tensor::Tensor;

use super::{CLASS, Csv, FLOAT, INTEGER, no_column, place, wrong_cell};
use crate::{DataError, TensorSet};

/// A table of text with named columns, whose columns are read as what they should be: numbers, or classes.
///
/// A cell that is not what it should be is an error with the file, row, line and column. Rows are counted from 0, as in the tensors that are made of
/// them, and lines from 1, as in an editor. Spaces around a cell do not count.
///
/// ```
/// use ravine_data::Table;
///
/// let text = "rooms,area,kind,price\n3,70.5,flat,200\n5,140,house,410\n2,48,flat,150\n";
/// let table = Table::read_from(text.as_bytes(), "homes.csv")?;
///
/// let prices = table.regression(&["rooms", "area"], &["price"])?;
/// assert_eq!((prices.x().shape(), prices.y().shape()), (&[3, 2].into(), &[3, 1].into()));
///
/// let (kinds, names) = table.classification(&["rooms", "area", "price"], "kind")?;
/// assert_eq!((kinds.y().to_vec(), names), (vec![0, 1, 0], vec!["flat".to_owned(), "house".to_owned()]));
///
/// let error = table.floats("kind").unwrap_err().to_string();
/// assert_eq!(error, "homes.csv: row 0 (line 2), column kind: found \"flat\", expected a finite number");
/// # Ok::<(), ravine_data::DataError>(())
/// ```
#[derive(Clone)]
pub struct Table {
    pub(super) file: PathBuf,
    pub(super) names: Vec<String>,
    /// Each with the line that it begins at.
    pub(super) rows: Vec<(usize, StringRecord)>,
}

impl Table {
    /// Reads a file with a header and commas; [`Csv`] reads others.
    ///
    /// # Errors
    /// As [`Csv::read`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Csv::new().read(path)
    }

    /// As [`read`](Self::read), from any source of bytes; `name` stands for the file in errors.
    ///
    /// # Errors
    /// As [`Csv::read`].
    pub fn read_from(reader: impl Read, name: impl AsRef<Path>) -> Result<Self, DataError> {
        Csv::new().read_from(reader, name)
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The cells of a column, as they stand in the file.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn texts(&self, column: &str) -> Result<Vec<&str>, DataError> {
        let at = self.names.iter().position(|name| name == column);
        let at = at.ok_or_else(|| no_column(&self.file, column, &self.names))?;
        Ok(self.rows.iter().map(|(_, row)| &row[at]).collect())
    }

    /// A column of finite numbers.
    ///
    /// # Errors
    /// If there is no such column, or a cell is empty, no number, not finite, or too large for an `f32`.
    pub fn floats(&self, column: &str) -> Result<Vec<f32>, DataError> {
        self.parse(column, FLOAT)
    }

    /// A column of whole numbers.
    ///
    /// # Errors
    /// If there is no such column, or a cell is empty, no whole number, or does not fit in 64 bits.
    pub fn integers(&self, column: &str) -> Result<Vec<i64>, DataError> {
        self.parse(column, INTEGER)
    }

    /// A column of classes: their names, sorted, and the class of each row.
    ///
    /// # Errors
    /// If there is no such column, or a cell is empty.
    pub fn classes(&self, column: &str) -> Result<(Vec<String>, Tensor<i64>), DataError> {
        let cells = self.parse(column, (|cell: &str| Some(cell.to_owned()), CLASS))?;
        let mut names = cells.clone();
        names.sort_unstable();
        names.dedup();
        let class = |i: usize| names.partition_point(|name| *name < cells[i]) as i64;
        let classes = Tensor::from_fn(cells.len(), class);
        Ok((names, classes))
    }

    /// Columns of finite numbers side by side: `[rows, columns]`.
    ///
    /// # Errors
    /// As [`floats`](Self::floats).
    pub fn matrix(&self, columns: &[&str]) -> Result<Tensor, DataError> {
        let values = columns.iter().map(|column| self.floats(column)).collect::<Result<Vec<_>, _>>()?;
        let width = columns.len().max(1);
        Ok(Tensor::from_fn([self.rows(), columns.len()], |i| values[i % width][i / width]))
    }

    /// Features `[rows, features]` and targets `[rows, targets]`, all of them finite numbers.
    ///
    /// # Errors
    /// As [`floats`](Self::floats).
    pub fn regression(&self, features: &[&str], targets: &[&str]) -> Result<TensorSet<f32, f32>, DataError> {
        Ok(TensorSet::new(self.matrix(features)?, self.matrix(targets)?))
    }

    /// Features `[rows, features]`, finite numbers, with the class of each row; and the names of the classes.
    ///
    /// # Errors
    /// As [`floats`](Self::floats) and [`classes`](Self::classes).
    pub fn classification(
        &self,
        features: &[&str],
        target: &str,
    ) -> Result<(TensorSet, Vec<String>), DataError> {
        let (names, classes) = self.classes(target)?;
        Ok((TensorSet::new(self.matrix(features)?, classes), names))
    }

    /// The rows without an empty cell.
    ///
    /// # Errors
    /// If none is left.
    pub fn drop_missing(mut self) -> Result<Self, DataError> {
        self.rows.retain(|(_, row)| row.iter().all(|cell| !cell.is_empty()));
        if self.rows.is_empty() {
            return Err(DataError::invalid(&self.file, "rows without an empty cell", 0, "at least 1"));
        }
        Ok(self)
    }

    /// A column, each cell of which is what `parse` makes of it, or an error that says what was expected.
    fn parse<T>(
        &self,
        column: &str,
        (parse, expected): (impl Fn(&str) -> Option<T>, &str),
    ) -> Result<Vec<T>, DataError> {
        let cells = self.texts(column)?.into_iter().enumerate();
        let parsed = cells.map(|(row, cell)| {
            let value = if cell.is_empty() { None } else { parse(cell) };
            let place = || place(row, self.rows[row].0);
            value.ok_or_else(|| wrong_cell(&self.file, place(), column, cell, expected))
        });
        parsed.collect()
    }
}

/// The names; the rows may be many.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("file", &self.file)
            .field("names", &self.names)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::*;

    #[test]
    fn quotes_spaces_and_marks_are_understood() {
        let text = "\u{feff}name,\"the size, in m\", n\n\"a \"\"b\"\"\", 1e-3 ,-7\r\n\"two\nlines\",+2.5,9\n";
        let table = Table::read_from(text.as_bytes(), "t").unwrap();
        assert_eq!(table.names(), ["name", "the size, in m", "n"]);
        assert_eq!(table.texts("name").unwrap(), ["a \"b\"", "two\nlines"]);
        assert_eq!(table.floats("the size, in m").unwrap(), [0.001, 2.5]);
        assert_eq!(table.integers("n").unwrap(), [-7, 9]);
        assert_eq!((table.rows(), table.matrix(&["n"]).unwrap().shape()), (2, &[2, 1].into()));
        assert_eq!(table.matrix(&[]).unwrap().shape(), &[2, 0]);
    }

    #[test]
    fn rows_without_empty_cells_are_kept() {
        let table = Table::read_from("a,b\n1,\n2,3\n,\n4,5".as_bytes(), "t").unwrap();
        let error = table.floats("b").unwrap_err().to_string();
        assert_eq!(error, "t: row 0 (line 2), column b: found nothing, expected a finite number");
        let whole = table.drop_missing().unwrap();
        assert_eq!(whole.matrix(&["b", "a"]).unwrap(), Tensor::from([[3.0, 2.0], [5.0, 4.0]]));
    }

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        let text = "# one\n\na,b\r\n\r\n# four, \"five\n\"1\n1\",2\n\n\n3,x";
        let table = Csv::new().comment(b'#').read_from(text.as_bytes(), "t").unwrap();
        assert_eq!(table.rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [6, 10]);
    }

    #[test]
    fn files_can_be_gzipped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.csv.gz");
        let mut gzip = flate2::write::GzEncoder::new(File::create(&path).unwrap(), Default::default());
        gzip.write_all(b"a\n1\n2\n").unwrap();
        gzip.finish().unwrap();
        assert_eq!(Table::read(&path).unwrap().integers("a").unwrap(), [1, 2]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 6]).unwrap();
        let error = Table::read(&path).unwrap_err().to_string();
        assert!(error.contains("table.csv.gz: gzip stream: found "), "{error}");
    }
}
