//! A table that is read row by row.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use csv::{ByteRecord, Reader};

use super::marks::Marks;
use super::quotes::Closed;
use super::row::Row;
use super::{Csv, Lines, no_rows, place, trouble, wrong_width};
use crate::files::gzip::Unpacked;
use crate::files::verify;
use crate::load::Coming;
use crate::{Collate, DataError, Stream};

/// The largest number of bytes of a row, which limits the memory that a quote which is never closed can take.
const MAX_ROW: usize = 1 << 24;

/// The rows of a CSV file as a [`Stream`]. Made by [`Csv::stream`].
///
/// Each epoch opens the file again. To resume in the middle of an epoch, no samples are made of the rows before. In an uncompressed file that
/// was read up to there before, in this process or in an earlier one whose [marks](Stream::marks) are [recalled](Stream::recall), at least
/// 99 % of them are skipped by seeking; otherwise they are read as text.
pub struct CsvStream<F> {
    source: Arc<Source<F>>,
}

struct Source<F> {
    head: Head,
    marks: Mutex<Marks>,
    sample: F,
}

impl<F> Source<F> {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a file before its first row.
pub(super) struct Head {
    format: Csv,
    pub file: PathBuf,
    pub names: Vec<String>,
    pub columns: HashMap<String, usize>,
}

impl<F> CsvStream<F> {
    pub(super) fn open(format: Csv, file: &Path, sample: F) -> Result<Self, DataError> {
        verify(file)?;
        let mut head = Head { format, file: file.to_owned(), names: Vec::new(), columns: HashMap::new() };
        head.names = head.format.header(&mut head.reader()?.0, file)?;
        head.columns = head.names.iter().enumerate().map(|(column, name)| (name.clone(), column)).collect();
        Ok(CsvStream { source: Arc::new(Source { head, marks: Mutex::new(Marks::new()), sample }) })
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.source.head.names
    }
}

impl<S, F> Stream for CsvStream<F>
where
    S: Collate + Send + 'static,
    F: Fn(&Row<'_>) -> Result<S, DataError> + Send + Sync + 'static,
{
    type Sample = S;

    fn samples(&self, _epoch: usize) -> Result<Coming<S>, DataError> {
        let (reader, plain) = self.source.head.reader()?;
        let source = Arc::clone(&self.source);
        let cells = ByteRecord::new();
        Ok(Box::new(Rows { source, reader, base: 0, plain, cells, begin: 0, read: 0, over: false }))
    }

    fn marks(&self) -> Vec<u64> {
        self.source.head.length().map_or(Vec::new(), |length| self.source.marks().numbers(length))
    }

    fn recall(&self, marks: &[u64]) {
        let length = self.source.head.length().unwrap_or(0);
        if let Some(marks) = Marks::from_numbers(marks, length) {
            *self.source.marks() = marks;
        }
    }
}

/// The file and the names.
impl<F> fmt::Debug for CsvStream<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { file, names, .. } = &self.source.head;
        f.debug_struct("CsvStream").field("file", file).field("names", names).finish_non_exhaustive()
    }
}

impl Head {
    fn bytes(&self) -> Result<Unpacked<File>, DataError> {
        let file = File::open(&self.file).map_err(|error| DataError::read(&self.file, error))?;
        Unpacked::new(file, &self.file)
    }

    /// A parser at the first row, and whether the file is uncompressed.
    fn reader(&self) -> Result<(Reader<Closed<Bounded>>, bool), DataError> {
        let bytes = self.bytes()?;
        let plain = bytes.is_plain();
        let mut reader = self.format.reader(self.bounded(bytes));
        if reader.has_headers() {
            reader.byte_headers().map_err(|error| trouble(&self.file, error, "header".into()))?;
        }
        Ok((reader, plain))
    }

    /// A parser at the row that begins at this byte of an uncompressed file.
    fn reader_at(&self, byte: u64) -> Result<Reader<Closed<Bounded>>, DataError> {
        let failed = |error| DataError::read(&self.file, error);
        let mut file = File::open(&self.file).map_err(failed)?;
        file.seek(SeekFrom::Start(byte)).map_err(failed)?;
        let headless = self.format.clone().names(&self.names);
        Ok(headless.reader(self.bounded(Unpacked::plain(file))))
    }

    fn bounded(&self, bytes: Unpacked<File>) -> Bounded {
        Bounded { bytes, file: self.file.clone(), left: MAX_ROW }
    }

    /// The present length of the file in bytes.
    fn length(&self) -> Option<u64> {
        Some(self.file.metadata().ok()?.len())
    }

    /// The number and line of a row that begins at this byte or after it, for errors. Lines are counted only on demand.
    pub fn place(&self, row: usize, byte: u64) -> String {
        match self.bytes() {
            Ok(bytes) => {
                let text = BufReader::new(bytes).bytes().map_while(Result::ok);
                place(row, Lines::new(text, self.format.comment).line(byte))
            }
            Err(_) => format!("row {row}"),
        }
    }
}

/// The samples of an epoch.
struct Rows<F> {
    source: Arc<Source<F>>,
    reader: Reader<Closed<Bounded>>,
    /// The byte of the file at which the parser began.
    base: u64,
    /// Whether the file is uncompressed, so that the parser can seek.
    plain: bool,
    /// The row that was read last.
    cells: ByteRecord,
    /// The byte at or before the beginning of that row.
    begin: u64,
    /// The number of rows up to and including that row.
    read: usize,
    /// Whether the rows have ended, or an error has occurred.
    over: bool,
}

impl<F> Rows<F> {
    /// Reads the next row, if there is one.
    fn advance(&mut self) -> Result<bool, DataError> {
        let Head { file, names, .. } = &self.source.head;
        self.reader.get_mut().get_mut().left = MAX_ROW;
        self.begin = self.base + self.reader.position().byte();
        let place = || self.source.head.place(self.read, self.begin);
        match self.reader.read_byte_record(&mut self.cells) {
            Ok(true) if self.cells.len() == names.len() => {
                if self.plain {
                    self.source.marks().note(self.read as u64, self.begin);
                }
                self.read += 1;
                Ok(true)
            }
            Ok(true) => Err(wrong_width(file, place(), self.cells.len(), names.len())),
            Ok(false) if self.read == 0 => Err(no_rows(file)),
            Ok(false) => Ok(false),
            Err(error) => Err(trouble(file, error, place())),
        }
    }
}

impl<F> Rows<F> {
    /// Seeks to the last row up to `row` whose position is known.
    fn leap(&mut self, row: usize) -> Result<(), DataError> {
        let known = self.source.marks().before(row as u64);
        if let Some((row, byte)) = known.filter(|(row, _)| self.plain && *row > self.read as u64) {
            self.reader = self.source.head.reader_at(byte)?;
            (self.base, self.read) = (byte, row as usize);
        }
        Ok(())
    }
}

impl<S, F: Fn(&Row<'_>) -> Result<S, DataError>> Iterator for Rows<F> {
    type Item = Result<S, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.nth(0)
    }

    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        let row = self.read.saturating_add(n);
        if n > 0
            && !self.over
            && let Err(error) = self.leap(row)
        {
            self.over = true;
            return Some(Err(error));
        }
        for _ in self.read..=row {
            if self.over {
                return None;
            }
            let advanced = self.advance();
            self.over = !matches!(advanced, Ok(true));
            if let Err(error) = advanced {
                return Some(Err(error));
            }
        }
        if self.over {
            return None;
        }
        let Source { head, sample, .. } = &*self.source;
        let sample = sample(&Row { head, cells: &self.cells, begin: self.begin, number: self.read - 1 });
        self.over = sample.is_err();
        Some(sample)
    }
}

/// The bytes of a file up to a limit. Its errors are [`DataError`]s, except for that of reaching the limit.
struct Bounded {
    bytes: Unpacked<File>,
    file: PathBuf,
    left: usize,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other(format!("more than {MAX_ROW} bytes")));
        }
        let room = buffer.len().min(self.left);
        match self.bytes.read(&mut buffer[..room]) {
            Ok(read) => {
                self.left -= read;
                Ok(read)
            }
            Err(error) => Err(io::Error::other(self.bytes.trouble(error, &self.file))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rand::RngExt;
    use ravine_tensor::Rng;

    use super::*;
    use crate::{Position, StreamLoader, Walk};

    /// A file of so many rows, some of them behind empty lines and comments.
    fn file(rows: usize) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        let mut text = "# numbers\n\nnumber, square,note\n".to_owned();
        for i in 0..rows {
            text += &format!("{i}, {} ,\"a\nb\"\n{}", i * i, if i % 3 == 0 { "\n# more\n" } else { "" });
        }
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn numbers(path: &Path) -> impl Stream<Sample = (i64, f32)> + use<> {
        let csv = Csv::new().comment(b'#');
        csv.stream(path, |row| Ok((row.integer("number")?, row.float("square")?))).unwrap()
    }

    fn taken<S: Collate + 'static>(samples: Coming<S>) -> Vec<S> {
        samples.map(Result::unwrap).collect()
    }

    #[test]
    fn rows_come_as_they_stand_in_the_file_plain_and_gzipped() {
        let (folder, path) = file(100);
        let expected: Vec<(i64, f32)> = (0..100).map(|i| (i, (i * i) as f32)).collect();
        let stream = numbers(&path);
        assert_eq!(taken(stream.samples(0).unwrap()), expected);
        assert_eq!(taken(stream.samples(7).unwrap()), expected, "every epoch begins anew");

        let zipped = folder.path().join("zipped");
        let mut gzip = flate2::write::GzEncoder::new(File::create(&zipped).unwrap(), Default::default());
        gzip.write_all(&fs::read(&path).unwrap()).unwrap();
        gzip.finish().unwrap();
        assert_eq!(taken(numbers(&zipped).samples(0).unwrap()), expected);
        let bytes = fs::read(&zipped).unwrap();
        fs::write(&zipped, &bytes[..bytes.len() - 6]).unwrap();
        let error = numbers(&zipped).samples(0).unwrap().find_map(Result::err).unwrap().to_string();
        assert!(error.contains("zipped: gzip stream: found "), "{error}");
    }

    #[test]
    fn from_any_position_it_goes_on_and_makes_no_sample_before_it() {
        let (_folder, path) = file(23);
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        let stream = Csv::new().comment(b'#').stream(&path, move |row| {
            count.fetch_add(1, Ordering::Relaxed);
            row.integer("number")
        });
        let stream = stream.unwrap();
        let all: Vec<Vec<i64>> =
            Walk::new(&stream, 5, Position::default()).take(12).map(Result::unwrap).collect();
        for step in 0..12 {
            let position = Position { epoch: step / 5, batch: step % 5 };
            made.store(0, Ordering::Relaxed);
            let rest = Walk::new(&stream, 5, position).take(12 - step).map(Result::unwrap);
            assert!(rest.eq(all[step..].iter().cloned()), "from step {step}");
            let samples: usize = all[step..].iter().map(Vec::len).sum();
            // And the one that says where to go on.
            let over = usize::from(position.batch > 0);
            assert_eq!(made.load(Ordering::Relaxed), samples + over, "from step {step}");
        }
    }

    /// Whatever the bytes: either both readers give the same cells, or both refuse, for the same reason.
    #[test]
    fn row_by_row_a_file_is_what_it_is_as_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.csv");
        let whole = b"# one\n\na,b\r\n\r\n# four, \"five\n\"1\n1\",2\n\n\n3,\xc3\xa4\n5, 6 ";
        let mut rng = Rng::new(7);
        let (mut read, mut refused) = (0, 0);
        for _ in 0..600 {
            let mut bytes = whole.to_vec();
            for _ in 0..rng.random_range(0..4) {
                let (at, byte) =
                    (rng.random_range(0..bytes.len()), b"\n\r\",# a\xc3\x00"[rng.random_range(0..9)]);
                match rng.random_range(0..3) {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ => drop(bytes.drain(at..(at + 3).min(bytes.len() - 1))),
                }
            }
            fs::write(&path, &bytes).unwrap();
            let format = Csv::new().comment(b'#');
            let table = format.read(&path).and_then(|table| {
                let columns: Vec<Vec<&str>> =
                    table.names().iter().map(|name| table.texts(name)).collect::<Result<_, _>>()?;
                Ok((0..table.rows())
                    .map(|row| columns.iter().map(|cells| cells[row]).collect::<Vec<_>>().join("|"))
                    .collect())
            });
            let cells = |row: &Row<'_>| {
                Ok(row.names().iter().map(|name| row.text(name)).collect::<Result<Vec<_>, _>>()?.join("|"))
            };
            let rows = format
                .stream(&path, cells)
                .and_then(|rows| rows.samples(0)?.collect::<Result<Vec<String>, _>>());
            match (table, rows) {
                (Ok(table), Ok(rows)) => {
                    let table: Vec<String> = table;
                    assert_eq!(rows, table, "{}", String::from_utf8_lossy(&bytes));
                    read += 1;
                }
                (Err(table), Err(rows)) => {
                    let (table, rows) = (table.to_string(), rows.to_string());
                    // A table looks at the text of all cells first.
                    assert!(rows == table || table.contains("UTF-8"), "{rows}\n{table}");
                    refused += 1;
                }
                (table, rows) => panic!("{table:?}\n{rows:?}\n{}", String::from_utf8_lossy(&bytes)),
            }
        }
        assert!(read > 100 && refused > 100, "{read} {refused}");
    }

    #[test]
    fn rows_that_were_passed_before_are_leapt_over() {
        let (folder, path) = file(3_000);
        let stream = numbers(&path);
        let all = taken(stream.samples(0).unwrap());
        let fresh = numbers(&path);
        fresh.recall(&stream.marks());
        assert_eq!(fresh.marks(), stream.marks());
        assert_eq!(stream.marks().len(), 2 + 11);
        for over in [0, 1, 255, 256, 257, 1_000, 2_815, 2_816, 2_999, 3_000, 9_999] {
            let mut samples = fresh.samples(1).unwrap();
            assert_eq!(samples.nth(over).map(Result::unwrap).as_ref(), all.get(over), "{over}");
            assert_eq!(taken(samples), all[(over + 1).min(3_000)..]);
        }
        // From where it is to where it has been, and no further back.
        let mut samples = fresh.samples(0).unwrap();
        assert_eq!(samples.nth(300).unwrap().unwrap(), all[300]);
        assert_eq!(samples.nth(10).unwrap().unwrap(), all[311]);
        assert_eq!(samples.nth(1_000).unwrap().unwrap(), all[1_312]);

        // What is before the position is not even read, and an error after it names the line.
        let mut text = fs::read_to_string(&path).unwrap();
        text.replace_range(100..103, "\n,\n");
        let last = text.rfind("2999,").unwrap();
        text.replace_range(last..last + 4, "many");
        fs::write(&path, &text).unwrap();
        let mut samples = fresh.samples(0).unwrap();
        assert_eq!(samples.nth(2_900).unwrap().unwrap(), all[2_900]);
        let error = samples.last().unwrap().unwrap_err().to_string();
        let line = text[..last].matches('\n').count() + 1;
        let expected =
            format!("row 2999 (line {line}), column number: found \"many\", expected a whole number");
        assert!(error.ends_with(&expected), "{error}");

        // Marks of another file are none.
        let other = folder.path().join("other.csv");
        fs::write(&other, text + "\n").unwrap();
        let other = numbers(&other);
        other.recall(&stream.marks());
        assert_eq!(other.marks().len(), 2);
    }

    #[test]
    fn a_loader_shuffles_rows() {
        let (_folder, path) = file(2_000);
        let loader = StreamLoader::new(numbers(&path).shuffle(100, 3), 50).prefetch(1);
        let mut seen: Vec<i64> = loader.epoch(0).flat_map(|batch| batch.unwrap().0.to_vec()).collect();
        assert!(!seen.is_sorted());
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..2_000));
    }

    #[test]
    fn errors_name_the_line_and_are_the_last_item() {
        let (_folder, path) = file(7);
        let stream = Csv::new().comment(b'#').stream(&path, |row| match row.number() {
            5 => row.integer("note"),
            _ => row.integer("number"),
        });
        let mut samples = stream.unwrap().samples(0).unwrap();
        assert!(samples.by_ref().take(5).all(|sample| sample.is_ok()));
        let error = samples.next().unwrap().unwrap_err().to_string();
        assert!(
            error.ends_with("row 5 (line 18), column note: found \"a\\nb\", expected a whole number"),
            "{error}"
        );
        assert!(samples.next().is_none() && samples.next().is_none());
    }
}
