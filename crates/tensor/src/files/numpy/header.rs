//! The header of an npy file.

use std::fmt::{Display, Write as _};
use std::io::{self, Read};
use std::path::Path;

use super::dictionary::{Dictionary, Unexpected};
use super::{Store, Stored};
use crate::{FileError, Shape, Tensor};

const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// The longest dictionary that is read: the longest that version 1.0 permits.
const LONGEST: u64 = 65_535;

/// The bytes before a dictionary that is written: magic, version and length.
const BEFORE: usize = 10;

/// How many bytes are decoded at once.
const PIECE: usize = 1 << 16;

/// The type and shape of an array in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The type of its elements: `<f4`, `>i8`, ...
    pub descr: String,
    /// The same as a [`Stored`] type. [`Stored::Other`] cannot be read.
    pub dtype: Stored,
    /// Whether elements that are adjacent in the file are neighbours along the first axis, and not the last.
    pub fortran_order: bool,
    /// Its size along each axis.
    pub shape: Vec<usize>,
    big_endian: bool,
}

/// Where an array is, for errors: a file, or a member of an archive.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: &'a Path,
    pub(super) array: Option<&'a str>,
}

impl Place<'_> {
    pub(super) fn invalid(self, field: &str, found: impl Display, expected: impl Display) -> FileError {
        let field = match self.array {
            Some(array) => format!("{field} of array '{array}'"),
            None => field.to_owned(),
        };
        FileError::invalid(self.file, field, found, expected)
    }

    /// The error of a reader that works in memory: the fault must be in the bytes that it reads.
    pub(super) fn broken(self, error: io::Error) -> FileError {
        self.invalid("data", error, "what was written")
    }
}

impl Header {
    /// Reads the header of an array of `length` bytes in all, and checks that the elements, which follow in `reader`, are as many as the
    /// shape has, if their size is known.
    pub(super) fn read(reader: &mut dyn Read, length: u64, place: Place) -> Result<Header, FileError> {
        let mut left = length;
        let mut bytes = |count: u64, field: &str| {
            if count > left {
                return Err(place.invalid(field, format!("{left} bytes"), format!("at least {count}")));
            }
            left -= count;
            let mut bytes = vec![0; count as usize];
            reader.read_exact(&mut bytes).map(|()| bytes).map_err(|error| place.broken(error))
        };
        let start = bytes(8, "length")?;
        if start[..6] != MAGIC {
            return Err(place.invalid("magic", Hex(&start[..6]), Hex(&MAGIC)));
        }
        let prefix = match start[6..] {
            [1, 0] => 2,
            [2 | 3, 0] => 4,
            [major, minor, ..] => {
                return Err(place.invalid("version", format!("{major}.{minor}"), "1.0, 2.0 or 3.0"));
            }
            _ => unreachable!("two bytes of eight"),
        };
        let size = bytes(prefix, "length")?;
        let size = size.iter().rev().fold(0, |size, &byte| size << 8 | u64::from(byte));
        if size > LONGEST {
            return Err(place.invalid("length of the header", size, format!("at most {LONGEST}")));
        }
        let text = String::from_utf8(bytes(size, "header")?)
            .map_err(|error| place.invalid("header", error, "a text in UTF-8"))?;
        let Dictionary { descr, fortran_order, shape } = Dictionary::parse(&text)
            .map_err(|Unexpected { found, expected }| place.invalid("header", found, expected))?;
        let (order, name) = match descr.strip_prefix(['<', '>', '=', '|']) {
            Some(name) => (descr.as_bytes()[0], name),
            None => (b'<', &*descr),
        };
        let dtype = Stored::named_by_numpy(name).unwrap_or_else(|| Stored::Other(descr.clone()));
        if let Some(width) = dtype.size() {
            let needed = shape.iter().try_fold(width as u64, |n, &size| n.checked_mul(size as u64));
            if needed != Some(left) {
                let expected = match needed {
                    Some(needed) => format!("{needed} for {shape:?} of {descr}"),
                    None => format!("more than there can be, for {shape:?} of {descr}"),
                };
                return Err(place.invalid("length", format!("{left} bytes after the header"), expected));
            }
        }
        Ok(Header { descr, dtype, fortran_order, shape, big_endian: order == b'>' })
    }

    /// Reads the elements, which follow the header.
    pub(super) fn tensor<T: Store>(
        &self,
        reader: &mut dyn Read,
        place: Place,
    ) -> Result<Tensor<T>, FileError> {
        if !T::reads(&self.dtype) {
            let expected = Stored::readable_as::<T>(|stored| stored.numpy_name().map(str::to_owned));
            return Err(place.invalid("descr", &self.descr, expected));
        }
        let mut shape = Shape::checked(&self.shape)
            .map_err(|expected| place.invalid("shape", format!("{:?}", self.shape), expected))?;
        if self.fortran_order {
            shape.reverse();
        }
        let width = self.dtype.size().expect("a type that can be read");
        let mut piece = vec![0; PIECE.min(shape.numel() * width)];
        let mut outcome = Ok(());
        let tensor = Tensor::build(shape, |out| {
            outcome = out.chunks_mut(PIECE / width).try_for_each(|out| {
                let bytes = &mut piece[..out.len() * width];
                reader.read_exact(bytes).map_err(|error| place.broken(error))?;
                if self.big_endian {
                    bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
                }
                let sound = T::decode(&self.dtype, bytes, out);
                sound
                    .then_some(())
                    .ok_or_else(|| place.invalid("data", "a truth value that is neither 0 nor 1", "0 or 1"))
            });
        });
        outcome?;
        if !self.fortran_order {
            return Ok(tensor);
        }
        let axes: Vec<isize> = (0..tensor.rank() as isize).rev().collect();
        Ok(tensor.permute(axes))
    }

    /// The header, with magic, of elements in C order: version 1.0, its length a multiple of 64.
    ///
    /// # Panics
    /// If NumPy has no such type.
    pub(super) fn written(dtype: &Stored, shape: &[usize]) -> Vec<u8> {
        let name = dtype.numpy_name().expect("a type of NumPy's");
        let order = if dtype.size() == Some(1) { '|' } else { '<' };
        let sizes: String = shape.iter().fold(String::new(), |mut sizes, size| {
            let _ = write!(sizes, "{size}, ");
            sizes
        });
        // One size needs its comma, two do not.
        let sizes = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
        let mut text = format!("{{'descr': '{order}{name}', 'fortran_order': False, 'shape': ({sizes}), }}");
        let length = (BEFORE + text.len() + 1).next_multiple_of(64) - BEFORE;
        text.extend(std::iter::repeat_n(' ', length - 1 - text.len()));
        text.push('\n');
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((length as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }
}

/// Bytes in hexadecimal, for messages.
struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x?}", self.0)
    }
}
