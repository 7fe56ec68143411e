//! Reading, one tensor at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::header::{self, Header};
use super::{Entry, Store, Stored};
use crate::files::source::Source;
use crate::{FileError, Shape, Tensor};

/// An open file. It is mapped into memory: its header is read and checked at once; a tensor is decoded from the mapped bytes on demand.
///
/// Opening allocates at most 16 times the length of the header; reading a tensor allocates its elements, which are at most 4 times as wide
/// as those in the file.
///
/// As long as a file is open, no program should change it in place: readers would see a mixture of old and new numbers, and if it were
/// shortened, the system might end this program. Replacing it, as [`Writer`](super::Writer) does, is safe.
pub struct SafeTensors {
    source: Source,
    header: Header,
    /// Where the header ends.
    start: usize,
}

impl SafeTensors {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read or is not a complete safetensors file.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::of(Source::open(file.as_ref())?)
    }

    /// The same of bytes in memory; errors name them as `file`.
    ///
    /// # Errors
    /// If they are not those of a complete safetensors file.
    pub fn from_bytes(bytes: Vec<u8>, file: impl Into<PathBuf>) -> Result<Self, FileError> {
        Self::of(Source::new(bytes, file))
    }

    fn of(source: Source) -> Result<Self, FileError> {
        let bytes = source.bytes();
        let Some((length, rest)) = bytes.split_first_chunk() else {
            return Err(source.invalid("length", format!("{} bytes", bytes.len()), "at least 8"));
        };
        if length.starts_with(b"PK") {
            let expected = "a safetensors file, which safetensors.torch.save_file writes";
            return Err(source.invalid("content", "a zip archive, as torch.save writes", expected));
        }
        let (begin, longest) = (length.escape_ascii(), header::LONGEST.min(rest.len() as u64));
        let length = u64::from_le_bytes(*length);
        if length > longest {
            let expected = format!("at most {longest} (it begins `{begin}`: no safetensors file?)");
            return Err(source.invalid("length of the header", length, expected));
        }
        let (json, data) = rest.split_at(length as usize);
        let header = header::parse(&source.file, json, data.len() as u64)?;
        Ok(SafeTensors { start: 8 + json.len(), source, header })
    }

    /// The names, types and shapes of the tensors, in the order of their bytes.
    pub fn entries(&self) -> &[Entry] {
        &self.header.entries
    }

    /// The metadata of the file.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.header.metadata
    }

    /// The tensor of this name. Floats of any width are read as `f32` or `f64`, other types as [the one that holds them](Stored::dtype).
    ///
    /// # Errors
    /// If there is no such tensor, it is of another type, or has more axes than ours can have.
    pub fn tensor<T: Store>(&self, name: &str) -> Result<Tensor<T>, FileError> {
        let source = &self.source;
        let Some(entry) = self.header.entries.iter().find(|entry| entry.name == name) else {
            let names: Vec<&str> = self.header.entries.iter().map(|entry| &*entry.name).take(10).collect();
            let more = if self.header.entries.len() > 10 { ", ..." } else { "" };
            let expected = format!("one of: {}{more}", names.join(", "));
            return Err(source.invalid("name of a tensor", format!("'{name}'"), expected));
        };
        if !T::reads(&entry.dtype) {
            let expected = Stored::readable_as::<T>(|stored| Some(stored.to_string()));
            return Err(source.invalid(format!("dtype of tensor '{name}'"), &entry.dtype, expected));
        }
        let shape = Shape::checked(&entry.shape).map_err(|expected| {
            source.invalid(format!("shape of tensor '{name}'"), format!("{:?}", entry.shape), expected)
        })?;
        // When the header was parsed, it was checked that these bytes exist and are as many as the shape needs.
        let bytes = &source.bytes()[self.start..][entry.begin as usize..entry.end as usize];
        let mut sound = true;
        let tensor = Tensor::build(shape, |out| sound = T::decode(&entry.dtype, bytes, out));
        if !sound {
            let found = "a truth value that is neither 0 nor 1";
            return Err(source.invalid(format!("tensor '{name}'"), found, "0 or 1"));
        }
        Ok(tensor)
    }
}
