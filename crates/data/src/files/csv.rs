//! Tables of text: CSV files.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use ravine_tensor::Tensor;

use super::gzip::Unpacked;
use super::verify;
use crate::{DataError, TensorSet};

/// How to read a table.
///
/// ```
/// use ravine_data::Csv;
///
/// let text = "# measured in May\n5.1;setosa\n7.0;versicolor\n";
/// let table = Csv::new().delimiter(b';').comment(b'#').names(["length", "species"]).read_from(text.as_bytes(), "iris.csv")?;
/// assert_eq!(table.floats("length")?, [5.1, 7.0]);
/// # Ok::<(), ravine_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Csv {
    delimiter: u8,
    comment: Option<u8>,
    names: Option<Vec<String>>,
}

impl Default for Csv {
    fn default() -> Self {
        Csv::new()
    }
}

impl Csv {
    /// Cells between commas, without comments, beneath a first line with the names of the columns.
    pub fn new() -> Self {
        Csv { delimiter: b',', comment: None, names: None }
    }

    /// What stands between cells: `b';'`, or `b'\t'`.
    #[must_use]
    pub fn delimiter(mut self, byte: u8) -> Self {
        self.delimiter = byte;
        self
    }

    /// Lines that begin with this are left out.
    #[must_use]
    pub fn comment(mut self, byte: u8) -> Self {
        self.comment = Some(byte);
        self
    }

    /// The names of the columns, if the first line has none but is already a row.
    #[must_use]
    pub fn names(mut self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        self.names = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Reads a file, plain or gzipped, which is told by its content. It is [verified](verify) if there are checksums beside it.
    ///
    /// # Errors
    /// If the file cannot be read or is no text, a name is missing or there twice, a row has more or fewer cells than there are names, or
    /// there is no row.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Table, DataError> {
        let path = path.as_ref();
        verify(path)?;
        let file = File::open(path).map_err(|error| DataError::read(path, error))?;
        self.read_from(file, path)
    }

    /// As [`read`](Self::read), from any source of bytes; `name` stands for the file in errors.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(&self, reader: impl Read, name: impl AsRef<Path>) -> Result<Table, DataError> {
        let file = name.as_ref();
        let text = Unpacked::new(reader, file)?.up_to(u64::MAX)?;
        let mut lines = Lines { text: &text, comment: self.comment, at: 0, line: 1 };
        let mut reader = ReaderBuilder::new()
            .delimiter(self.delimiter)
            .comment(self.comment)
            .has_headers(self.names.is_none())
            .trim(Trim::All)
            .from_reader(&text[..]);
        let names = match &self.names {
            Some(names) => names.clone(),
            None => match reader.headers() {
                Ok(header) => {
                    header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect()
                }
                Err(error) => return Err(trouble(file, error, "header".into(), 0)),
            },
        };
        check_names(file, &names)?;
        let mut rows = Vec::new();
        for record in reader.into_records() {
            let position = match &record {
                Ok(record) => record.position(),
                Err(error) => error.position(),
            };
            let line = lines.line(position.map_or(0, |position| position.byte() as usize));
            let place = || place(rows.len(), line);
            let record = record.map_err(|error| trouble(file, error, place(), names.len()))?;
            if record.len() != names.len() {
                return Err(wrong_width(file, place(), record.len(), names.len()));
            }
            rows.push((line, record));
        }
        if rows.is_empty() {
            return Err(DataError::invalid(file, "number of rows", 0, "at least 1"));
        }
        Ok(Table { file: file.into(), names, rows })
    }
}

/// Counts the lines of a text. (The parser says where it began to look for a row, which may be some empty lines before it.)
struct Lines<'a> {
    text: &'a [u8],
    comment: Option<u8>,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the first row at or behind this place, which must be behind the last one that was asked for.
    fn line(&mut self, begin: usize) -> usize {
        while let Some(&byte) = self.text.get(self.at) {
            let is_empty = matches!(byte, b'\n' | b'\r');
            if self.at >= begin && Some(byte) == self.comment {
                let rest = &self.text[self.at..];
                self.at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            } else if self.at < begin || is_empty {
                self.line += usize::from(byte == b'\n');
                self.at += 1;
            } else {
                break;
            }
        }
        self.line
    }
}

/// Refuses names that no one could ask for.
fn check_names(file: &Path, names: &[String]) -> Result<(), DataError> {
    if names.is_empty() || names.iter().all(String::is_empty) {
        return Err(DataError::invalid(file, "header", "nothing", "the names of the columns"));
    }
    for (column, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(DataError::invalid(file, format!("header, column {column}"), "nothing", "a name"));
        }
        if let Some(first) = names[..column].iter().position(|other| other == name) {
            let found = format!("{name:?} as in column {first}");
            return Err(DataError::invalid(
                file,
                format!("header, column {column}"),
                found,
                "a name of its own",
            ));
        }
    }
    Ok(())
}

/// What the parser says, in our words.
fn trouble(file: &Path, error: csv::Error, place: String, width: usize) -> DataError {
    match error.into_kind() {
        ErrorKind::UnequalLengths { len, .. } => wrong_width(file, place, len as usize, width),
        ErrorKind::Utf8 { err, .. } => {
            let field = format!("{place}, column {}", err.field());
            DataError::invalid(file, field, "bytes that are no UTF-8", "text")
        }
        other => DataError::invalid(file, place, format!("{other:?}"), "a row of cells"),
    }
}

fn wrong_width(file: &Path, place: String, found: usize, expected: usize) -> DataError {
    DataError::invalid(file, place, format!("{found} cells"), format!("{expected}, one for each name"))
}

/// Where a row stands: its number in the table, and the line in the file.
fn place(row: usize, line: usize) -> String {
    format!("row {row} (line {line})")
}

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
    file: PathBuf,
    names: Vec<String>,
    /// Each with the line that it begins at.
    rows: Vec<(usize, StringRecord)>,
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
        let at = self.names.iter().position(|name| name == column).ok_or_else(|| {
            let found = format!("no {column:?}");
            DataError::invalid(&self.file, "header", found, format!("one of {}", self.names.join(", ")))
        })?;
        Ok(self.rows.iter().map(|(_, row)| &row[at]).collect())
    }

    /// A column of finite numbers.
    ///
    /// # Errors
    /// If there is no such column, or a cell is empty, no number, not finite, or too large for an `f32`.
    pub fn floats(&self, column: &str) -> Result<Vec<f32>, DataError> {
        let number = |cell: &str| cell.parse().ok().filter(|number: &f32| number.is_finite());
        self.parse(column, "a finite number", number)
    }

    /// A column of whole numbers.
    ///
    /// # Errors
    /// If there is no such column, or a cell is empty, no whole number, or does not fit in 64 bits.
    pub fn integers(&self, column: &str) -> Result<Vec<i64>, DataError> {
        self.parse(column, "a whole number", |cell| cell.parse().ok())
    }

    /// A column of classes: their names, sorted, and the class of each row.
    ///
    /// # Errors
    /// If there is no such column, or a cell is empty.
    pub fn classes(&self, column: &str) -> Result<(Vec<String>, Tensor<i64>), DataError> {
        let cells = self.parse(column, "the name of a class", |cell| Some(cell.to_owned()))?;
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

    /// A column, each cell of which is what `parse` makes of it, or an error.
    fn parse<T>(
        &self,
        column: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, DataError> {
        let cells = self.texts(column)?;
        let mut values = Vec::with_capacity(cells.len());
        for (row, cell) in cells.into_iter().enumerate() {
            let value = if cell.is_empty() { None } else { parse(cell) };
            values.push(value.ok_or_else(|| {
                let field = format!("{}, column {column}", place(row, self.rows[row].0));
                let found = match cell {
                    "" => "nothing".to_owned(),
                    _ => format!("{:?}", cell.chars().take(100).collect::<String>()),
                };
                DataError::invalid(&self.file, field, found, expected)
            })?);
        }
        Ok(values)
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
