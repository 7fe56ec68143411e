//! Reading, one tensor at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::header::{self, Header};
use super::{Entry, Store};
use crate::{FileError, MAX_RANK, Shape, Tensor};

/// How many bytes are decoded at once.
const PIECE: usize = 1 << 16;

/// An open file. Its header is read and checked; a tensor is read when it is asked for.
///
/// Opening asks for memory of at most 16 times the length of the header, which is at most that of the file; reading a tensor for its own
/// elements and 64 KiB. The bytes go from the system's cache straight into the tensor: mapping the file into memory would save
/// no copy, and another program that shortens the file meanwhile could then end this one.
pub struct SafeTensors<R = File> {
    file: PathBuf,
    reader: R,
    header: Header,
    /// Where the header ends.
    start: u64,
}

impl SafeTensors {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read or is not a whole safetensors file.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, FileError> {
        let file = file.as_ref();
        let reader = File::open(file).map_err(FileError::io(file, "open it"))?;
        SafeTensors::new(reader, file)
    }
}

impl<R: Read + Seek> SafeTensors<R> {
    /// Reads the header from anything; errors name it as `file`.
    ///
    /// # Errors
    /// If it cannot be read or is not a whole safetensors file.
    pub fn new(mut reader: R, file: impl Into<PathBuf>) -> Result<Self, FileError> {
        let file = file.into();
        let read = || FileError::io(&file, "read it");
        let length = reader.seek(SeekFrom::End(0)).map_err(read())?;
        reader.rewind().map_err(read())?;
        if length < 8 {
            return Err(FileError::invalid(&file, "length", format!("{length} bytes"), "at least 8"));
        }
        let mut size = [0; 8];
        reader.read_exact(&mut size).map_err(read())?;
        let size = u64::from_le_bytes(size);
        let longest = (length - 8).min(header::LONGEST);
        if size > longest {
            return Err(FileError::invalid(
                &file,
                "length of the header",
                size,
                format!("at most {longest}"),
            ));
        }
        let mut json = vec![0; size as usize];
        reader.read_exact(&mut json).map_err(read())?;
        let start = 8 + size;
        let header = header::parse(&file, &json, length - start)?;
        Ok(SafeTensors { file, reader, header, start })
    }

    /// What the file says about its tensors, in the order of their bytes.
    pub fn entries(&self) -> &[Entry] {
        &self.header.entries
    }

    /// The texts that the file carries beside its tensors.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.header.metadata
    }

    /// The tensor of this name. Floats of any width are read as `f32` or `f64`, other types as themselves.
    ///
    /// # Errors
    /// If there is no such tensor, it is of another type, has more axes than ours can have, or cannot be read.
    pub fn tensor<T: Store>(&mut self, name: &str) -> Result<Tensor<T>, FileError> {
        let file = &self.file;
        let bad =
            |field: String, found: String, expected: String| FileError::invalid(file, field, found, expected);
        let Some(entry) = self.header.entries.iter().find(|entry| entry.name == name) else {
            let names: Vec<&str> = self.header.entries.iter().map(|entry| &*entry.name).take(10).collect();
            let more = if self.header.entries.len() > 10 { ", ..." } else { "" };
            let expected = format!("one of: {}{more}", names.join(", "));
            return Err(bad("name of a tensor".into(), format!("'{name}'"), expected));
        };
        if !T::reads(&entry.dtype) {
            let expected = if T::STORED.is_float() {
                "a float, F64, F32, F16 or BF16".into()
            } else {
                T::STORED.to_string()
            };
            return Err(bad(format!("dtype of tensor '{name}'"), entry.dtype.to_string(), expected));
        }
        if entry.shape.len() > MAX_RANK {
            let (found, expected) = (format!("{} axes", entry.shape.len()), format!("at most {MAX_RANK}"));
            return Err(bad(format!("shape of tensor '{name}'"), found, expected));
        }
        // Beside a size of 0, which makes the product 0, the others can still be anything.
        let mut sizes = entry.shape.iter().filter(|&&n| n > 0);
        if sizes.try_fold(1isize, |n, &size| n.checked_mul(size.try_into().ok()?)).is_none() {
            let expected = "sizes that memory has addresses for".into();
            return Err(bad(format!("shape of tensor '{name}'"), format!("{:?}", entry.shape), expected));
        }
        self.reader
            .seek(SeekFrom::Start(self.start + entry.begin))
            .map_err(FileError::io(file, "read it"))?;
        // Its product was compared with the length of the file.
        let shape = Shape::new(&entry.shape);
        let width = entry.dtype.size().expect("a type that can be read");
        let mut piece = vec![0; PIECE.min((entry.end - entry.begin) as usize)];
        let mut outcome = Ok(());
        let tensor = Tensor::build(shape, |out| {
            for out in out.chunks_mut(PIECE / width) {
                let bytes = &mut piece[..out.len() * width];
                if let Err(error) = self.reader.read_exact(bytes) {
                    outcome = Err(FileError::io(file, "read it")(error));
                    return;
                }
                if !T::decode(&entry.dtype, bytes, out) {
                    let (field, expected) = (format!("tensor '{name}'"), "0 or 1".into());
                    outcome = Err(bad(field, "a truth value that is neither 0 nor 1".into(), expected));
                    return;
                }
            }
        });
        outcome.map(|()| tensor)
    }
}
