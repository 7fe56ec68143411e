//! Named arrays in a zip archive.

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zip::read::ZipArchiveMetadata;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipReadOptions, ZipWriter};

use super::header::Place;
use super::{Header, Store, Stored, npy};
use crate::files::replace::replace;
use crate::files::source::Source;
use crate::files::stored::Part;
use crate::{FileError, Tensor};

/// The most bytes that one byte of deflated data can stand for: four copies of 258 bytes, two bits each.
pub const MAX_RATIO: u64 = 1032;

/// An open npz file. It is mapped into memory; an array is looked at when it is asked for.
///
/// Opening asks for memory of at most 64 times the length of the file; for arrays, see [`numpy`](super). As for
/// [safetensors](crate::safetensors::SafeTensors), no program should change an open file in place.
pub struct Npz {
    source: Source,
    archive: Arc<ZipArchiveMetadata>,
    /// In the order of the archive.
    names: Vec<String>,
    /// The place of each in the archive.
    places: HashMap<String, usize>,
}

impl Npz {
    /// Opens a file and reads its table of contents.
    ///
    /// # Errors
    /// If the file cannot be read or is not a zip archive whose members have names and bytes of their own.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::of(Source::open(file.as_ref())?)
    }

    /// The same of bytes in memory; errors name them as `file`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>, file: impl Into<PathBuf>) -> Result<Self, FileError> {
        Self::of(Source::new(bytes, file))
    }

    fn of(source: Source) -> Result<Self, FileError> {
        let broken = |error: ZipError| source.invalid("archive", error, "a zip archive");
        let mut archive = ZipArchive::new(Cursor::new(source.bytes())).map_err(broken)?;
        if archive.has_duplicate_names() {
            return Err(source.invalid("archive", "two members of one name", "one of each name"));
        }
        if archive.has_overlapping_entries().map_err(broken)? {
            return Err(source.invalid("archive", "members that overlap", "bytes of its own for each"));
        }
        let archive = archive.metadata();
        let (mut names, mut places) = (Vec::new(), HashMap::new());
        for place in 0..archive.len() {
            let member = archive.entry(place).map_err(broken)?;
            // Other files may be there too; they are none of ours.
            if let Some(name) =
                std::str::from_utf8(member.name_raw()).ok().and_then(|name| name.strip_suffix(".npy"))
            {
                names.push(name.to_owned());
                places.insert(name.to_owned(), place);
            }
        }
        Ok(Npz { source, archive, names, places })
    }

    /// The names of the arrays, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// What the file says about the array of this name.
    ///
    /// # Errors
    /// If there is no such array, or it is not a whole npy file.
    pub fn header(&self, name: &str) -> Result<Header, FileError> {
        self.with(name, |header, _, _| Ok(header))
    }

    /// The array of this name. Floats of any width are read as `f32` or `f64`, other types as [the one that holds them](Stored::dtype).
    ///
    /// # Errors
    /// If there is no such array, it is not a whole npy file, has elements that are not [read as](Store::reads) `T` or more axes than tensors can
    /// have, or its checksum is wrong.
    pub fn tensor<T: Store>(&self, name: &str) -> Result<Tensor<T>, FileError> {
        self.with(name, |header, member, place| {
            let tensor = header.tensor(member, place)?;
            // The checksum is compared where the member ends.
            member.read_exact(&mut [0]).map_or_else(
                |error| {
                    if error.kind() == io::ErrorKind::UnexpectedEof {
                        Ok(tensor)
                    } else {
                        Err(place.broken(error))
                    }
                },
                |()| Err(place.invalid("data", "more bytes", "its end")),
            )
        })
    }

    /// Opens a member, reads its header, and goes on with `then`.
    fn with<O>(
        &self,
        name: &str,
        then: impl FnOnce(Header, &mut dyn Read, Place) -> Result<O, FileError>,
    ) -> Result<O, FileError> {
        let Some(&index) = self.places.get(name) else {
            let names: Vec<&str> = self.names().take(10).collect();
            let more = if self.names.len() > 10 { ", ..." } else { "" };
            let expected = format!("one of: {}{more}", names.join(", "));
            return Err(self.source.invalid("name of an array", format!("'{name}'"), expected));
        };
        let place = Place { file: &self.source.file, array: Some(name) };
        let unzip = |error: ZipError| place.broken(error.into());
        let member = self.archive.entry(index).map_err(unzip)?;
        let (size, compressed) = (member.size(), member.compressed_size());
        let most = match member.compression() {
            CompressionMethod::Stored => compressed,
            CompressionMethod::Deflated => compressed.saturating_mul(MAX_RATIO),
            other => return Err(place.invalid("compression", other, "stored or deflated")),
        };
        if size > most {
            let found = format!("{size} bytes in {compressed}");
            return Err(place.invalid("size", found, format!("at most {most}")));
        }
        let mut bytes = Cursor::new(self.source.bytes());
        let mut member = member.with_reader(&mut bytes, ZipReadOptions::new()).map_err(unzip)?;
        let header = Header::read(&mut member, size, place)?;
        then(header, &mut member, place)
    }
}

/// Tensors by name, to be written to one npz file, in this order. Adding one copies nothing.
#[derive(Default)]
pub struct Writer {
    compressed: bool,
    parts: Vec<(String, Part)>,
}

impl Writer {
    /// Nothing yet, to be stored as it is (NumPy's `savez`).
    pub fn new() -> Self {
        Writer::default()
    }

    /// Deflates what is written (NumPy's `savez_compressed`).
    pub fn compressed(&mut self) -> &mut Self {
        self.compressed = true;
        self
    }

    /// Adds a tensor.
    ///
    /// # Panics
    /// If there is one of this name already.
    #[track_caller]
    pub fn tensor<T: Store>(&mut self, name: impl Into<String>, tensor: &Tensor<T>) -> &mut Self {
        self.tensor_as(name, tensor, T::STORED)
    }

    /// Adds a tensor, its elements converted: floats to any float that NumPy has, rounded to the nearest, ties to even.
    ///
    /// # Panics
    /// As [`tensor`](Self::tensor), or if the elements cannot be written so.
    #[track_caller]
    pub fn tensor_as<T: Store>(
        &mut self,
        name: impl Into<String>,
        tensor: &Tensor<T>,
        stored: Stored,
    ) -> &mut Self {
        let name = name.into();
        assert!(
            stored.is_written_from::<T>() && stored.numpy_name().is_some(),
            "npz: '{name}' has elements of {}, which are not written as {stored}",
            T::DTYPE
        );
        assert!(self.parts.iter().all(|(other, _)| *other != name), "npz: two tensors are called '{name}'");
        self.parts.push((name, Part::of(tensor, stored)));
        self
    }

    /// Writes all of it to `out`: the same bytes whenever it is written.
    ///
    /// # Errors
    /// If `out` does, or if a name is longer than the format allows (65,531 bytes).
    pub fn write_to(&self, out: impl Write + Seek) -> io::Result<()> {
        let method = if self.compressed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(zip::DateTime::default());
        let mut archive = ZipWriter::new(out);
        for (name, part) in &self.parts {
            // With room for the header, and for data that deflates to more than it is.
            let large = part.bytes() as u64 > u64::from(u32::MAX) / 2;
            archive.start_file(format!("{name}.npy"), options.large_file(large))?;
            npy::write(part, &mut archive)?;
        }
        archive.finish()?.flush()
    }

    /// Writes all of it to `file`, in the place of what that may hold: beside it, flushed to the disk, and renamed.
    ///
    /// # Errors
    /// If the system refuses. The old file is then as it was.
    pub fn write(&self, file: impl AsRef<Path>) -> Result<(), FileError> {
        replace(file.as_ref(), |out| self.write_to(out))
    }
}
