//! Detecting a quote that is never closed: the parser would take everything from it to the end of the file for one cell.

use std::io::{self, Read};

/// The state of quoting after the text that has been read so far.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Row,
    Cell,
    Plain,
    Quoted,
    /// After a quote inside quotes, which closes them unless another follows.
    Quote,
    Comment,
}

/// The bytes of a CSV file, with an error at their end instead of an end inside quotes.
pub(super) struct Closed<R> {
    bytes: R,
    delimiter: u8,
    comment: Option<u8>,
    place: Place,
    begun: bool,
}

impl<R> Closed<R> {
    /// A check of `bytes`, which begin with a row.
    pub fn new(bytes: R, delimiter: u8, comment: Option<u8>) -> Self {
        Closed { bytes, delimiter, comment, place: Place::Row, begun: false }
    }

    pub fn get_mut(&mut self) -> &mut R {
        &mut self.bytes
    }

    fn pass(&mut self, text: &[u8]) {
        // The byte order mark with which some programs begin a file is not part of the first cell.
        let text = text.strip_prefix(b"\xef\xbb\xbf").filter(|_| !self.begun).unwrap_or(text);
        self.begun = true;
        self.place = text.iter().fold(self.place, |place, &byte| match (place, byte) {
            (Place::Quoted, b'"') => Place::Quote,
            (Place::Quoted, _) => Place::Quoted,
            (Place::Comment, byte) if byte != b'\n' => Place::Comment,
            (Place::Row | Place::Cell | Place::Quote, b'"') => Place::Quoted,
            (Place::Row, byte) if Some(byte) == self.comment => Place::Comment,
            (_, b'\n' | b'\r') => Place::Row,
            (_, byte) if byte == self.delimiter => Place::Cell,
            _ => Place::Plain,
        });
    }
}

impl<R: Read> Read for Closed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.pass(&buffer[..read]);
        match read == 0 && !buffer.is_empty() && self.place == Place::Quoted {
            true => Err(io::Error::other("the end of the file")),
            false => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_quote_is_an_error() {
        let read = |text: &str| {
            let mut closed = Closed::new(text.as_bytes(), b',', Some(b'#'));
            closed.read_to_end(&mut Vec::new()).map_err(|error| error.to_string())
        };
        let open = Err("the end of the file".to_owned());
        for text in ["1,\"2", "\"", "a\n\"b\n\n", "a,\"b\"\"", "\u{feff}\"a", "# \"\n\"", "a,\"\"\"b\n"] {
            assert_eq!(read(text), open, "{text}");
        }
        for text in [
            "",
            "1,2",
            "a,\"b\"",
            "a,\"b\"\"\"\n",
            "5\" wide,it's\n",
            "# \"\n",
            "\u{feff}\"a\"\n",
            "\"a\"b\"\n",
            "a \"b\n",
        ] {
            assert_eq!(read(text), Ok(text.len()), "{text}");
        }
    }
}
