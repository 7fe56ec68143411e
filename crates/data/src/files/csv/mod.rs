//! Tables of text: CSV files, read whole or row by row.

mod marks;
mod quotes;
mod row;
mod rows;
mod table;

use std::fs::File;
use std::io::Read;
use std::iter::Peekable;
use std::path::Path;

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};

use super::gzip::Unpacked;
use super::verify;
use crate::DataError;

use self::quotes::Closed;
pub use self::row::Row;
pub use self::rows::CsvStream;
pub use self::table::Table;

/// How to read a table: [whole](Self::read), or [row by row](Self::stream).
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

    /// The byte between cells, such as `b';'` or `b'\t'`.
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

    /// Reads a file, plain or gzipped, as its content shows. It is [verified](verify) if there are checksums beside it. The table
    /// takes at most 200 bytes of memory for each byte of the text, if the rows are that short; it is a row that costs.
    ///
    /// # Errors
    /// If the file cannot be read or is no text, a name is missing or there twice, a row has more or fewer cells than there are names, a
    /// quote is left open, or there is no row.
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
        let text = Unpacked::new(reader, file)?.up_to(u64::MAX, file)?;
        let mut lines = Lines::new(text.iter().copied(), self.comment);
        let mut reader = self.reader(&text[..]);
        let names = self.header(&mut reader, file)?;
        let mut rows = Vec::new();
        loop {
            let (begin, mut record) = (reader.position().byte(), StringRecord::new());
            let more = reader.read_record(&mut record);
            if let Ok(false) = more {
                break;
            }
            let line = lines.line(begin);
            let place = || place(rows.len(), line);
            more.map_err(|error| trouble(file, error, place()))?;
            if record.len() != names.len() {
                return Err(wrong_width(file, place(), record.len(), names.len()));
            }
            rows.push((line, record));
        }
        if rows.is_empty() {
            return Err(no_rows(file));
        }
        Ok(Table { file: file.into(), names, rows })
    }

    /// Reads a file, plain or gzipped, row by row, without ever having more of it in memory than a row. `sample` makes of each what a model
    /// takes in, epoch after epoch. The file is [verified](verify) first if there are checksums beside it.
    ///
    /// ```
    /// use ravine_data::{Csv, StreamLoader};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # std::env::set_current_dir(&folder)?;
    /// std::fs::write("homes.csv", "rooms,area,kind,price\n3,70.5,flat,200\n5,140,house,410\n2,4 8,flat,150\n")?;
    /// let homes = Csv::new().stream("homes.csv", |row| {
    ///     Ok((row.floats(&["rooms", "area"])?, row.float("price")?, row.class("kind", &["flat", "house"])?))
    /// })?;
    /// let mut batches = StreamLoader::new(homes, 2).epoch(0);
    /// let (x, prices, kinds) = batches.next().unwrap()?;
    /// assert_eq!((x.shape(), prices.to_vec(), kinds.to_vec()), (&[2, 2].into(), vec![200.0, 410.0], vec![0, 1]));
    ///
    /// let error = batches.next().unwrap().unwrap_err().to_string();
    /// assert_eq!(error, "homes.csv: row 2 (line 4), column area: found \"4 8\", expected a finite number");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read, or a column name is missing or repeated. The errors of rows are items of the stream: those of `sample`; a file
    /// without rows; a row with more or fewer cells than there are names, or of more than 16 MiB; and an unclosed quote.
    pub fn stream<S, F>(&self, path: impl AsRef<Path>, sample: F) -> Result<CsvStream<F>, DataError>
    where
        F: Fn(&Row<'_>) -> Result<S, DataError> + Send + Sync + 'static,
    {
        CsvStream::open(self.clone(), path.as_ref(), sample)
    }

    /// A parser of these bytes. The caller checks the number of cells of each row.
    fn reader<R: Read>(&self, bytes: R) -> Reader<Closed<R>> {
        ReaderBuilder::new()
            .delimiter(self.delimiter)
            .comment(self.comment)
            .has_headers(self.names.is_none())
            .flexible(true)
            .trim(Trim::All)
            .from_reader(Closed::new(bytes, self.delimiter, self.comment))
    }

    /// The names of the columns.
    fn header<R: Read>(&self, reader: &mut Reader<R>, file: &Path) -> Result<Vec<String>, DataError> {
        let names = match &self.names {
            Some(names) => names.clone(),
            None => match reader.headers() {
                Ok(header) => {
                    header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect()
                }
                Err(error) => return Err(trouble(file, error, "header".into())),
            },
        };
        check_names(file, &names)?;
        Ok(names)
    }
}

/// Counts the lines of a text. (The parser reports where it began to look for a row, which may be some empty lines before it.)
struct Lines<I: Iterator<Item = u8>> {
    text: Peekable<I>,
    comment: Option<u8>,
    at: u64,
    line: usize,
}

impl<I: Iterator<Item = u8>> Lines<I> {
    fn new(text: I, comment: Option<u8>) -> Self {
        Lines { text: text.peekable(), comment, at: 0, line: 1 }
    }

    /// The line of the first row at or after this position, which must be after the last one asked for.
    fn line(&mut self, begin: u64) -> usize {
        let mut commented = false;
        while let Some(&byte) = self.text.peek() {
            commented = byte != b'\n' && (commented || self.at >= begin && Some(byte) == self.comment);
            if self.at >= begin && !commented && !matches!(byte, b'\n' | b'\r') {
                break;
            }
            self.line += usize::from(byte == b'\n');
            self.at += 1;
            self.text.next();
        }
        self.line
    }
}

/// Refuses column names that are missing or occur twice.
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

/// The parser's error as a [`DataError`].
fn trouble(file: &Path, error: csv::Error, place: String) -> DataError {
    match error.into_kind() {
        ErrorKind::Utf8 { err, .. } => no_text(file, &format!("{place}, column {}", err.field())),
        // The reader has already reported read errors, except a row without an end.
        ErrorKind::Io(error) => error.downcast().unwrap_or_else(|error| {
            DataError::invalid(file, place, error, "a row that comes to its end; is a quote left open?")
        }),
        other => DataError::invalid(file, place, format!("{other:?}"), "a row of cells"),
    }
}

fn no_text(file: &Path, field: &str) -> DataError {
    DataError::invalid(file, field, "bytes that are no UTF-8", "text")
}

fn no_rows(file: &Path) -> DataError {
    DataError::invalid(file, "number of rows", 0, "at least 1")
}

fn no_column(file: &Path, column: &str, names: &[String]) -> DataError {
    DataError::invalid(file, "header", format!("no {column:?}"), format!("one of {}", names.join(", ")))
}

fn wrong_width(file: &Path, place: String, found: usize, expected: usize) -> DataError {
    DataError::invalid(file, place, format!("{found} cells"), format!("{expected}, one for each name"))
}

fn wrong_cell(file: &Path, place: String, column: &str, cell: &str, expected: &str) -> DataError {
    let found = match cell {
        "" => "nothing".to_owned(),
        _ => format!("{:?}", cell.chars().take(100).collect::<String>()),
    };
    DataError::invalid(file, format!("{place}, column {column}"), found, expected)
}

/// Where a row stands: its number in the table, and the line in the file.
fn place(row: usize, line: usize) -> String {
    format!("row {row} (line {line})")
}

// The types of cells: a parser, and a description for errors.
const FLOAT: (fn(&str) -> Option<f32>, &str) =
    (|cell| cell.parse().ok().filter(|number: &f32| number.is_finite()), "a finite number");
const INTEGER: (fn(&str) -> Option<i64>, &str) = (|cell| cell.parse().ok(), "a whole number");
const CLASS: &str = "the name of a class";
