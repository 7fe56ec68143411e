//! Named arrays in a zip archive.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rawzip::path::{EntryPath, ZipFilePath};
use rawzip::{
    CompressionMethod, Error, ZipArchiveEntryWayfinder, ZipArchiveWriter, ZipLocator, ZipSliceArchive,
};

use super::header::Place;
use super::{Header, Store, Stored, npy};
use crate::files::replace;
use crate::files::source::Source;
use crate::files::stored::Part;
use crate::{FileError, Tensor};

/// The most bytes that one byte of deflated data can unpack to: four copies of 258 bytes, of two bits each.
pub const MAX_RATIO: u64 = 1032;

/// An open npz file. It is mapped into memory; an array is read on demand.
///
/// Opening allocates at most 64 times the length of the file; for arrays, see [`numpy`](super). As with
/// [safetensors](crate::safetensors::SafeTensors), no program should change an open file in place.
pub struct Npz {
    archive: ZipSliceArchive<Source>,
    /// In the order of the archive.
    names: Vec<String>,
    members: HashMap<String, Member>,
}

/// An array in the archive.
#[derive(Clone, Copy)]
struct Member {
    place: ZipArchiveEntryWayfinder,
    compression: CompressionMethod,
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
        let broken = |source: &Source, error: Error| source.invalid("archive", error, "a zip archive");
        let archive =
            ZipLocator::new().locate_in_slice(source).map_err(|(source, error)| broken(&source, error))?;
        let source = archive.get_ref();
        let (mut names, mut members, mut ranges) = (Vec::new(), HashMap::new(), Vec::new());
        let mut all = HashSet::new();
        for entry in archive.entries() {
            let entry = entry.map_err(|error| broken(source, error))?;
            let place = entry.wayfinder();
            let data = archive.get_entry(place).map_err(|error| broken(source, error))?;
            ranges.push((entry.local_header_offset(), data.compressed_data_range().1));
            let name = entry.file_path().as_bytes();
            if !all.insert(name) {
                return Err(source.invalid("archive", "two members of one name", "one of each name"));
            }
            // An archive may have other files, too; they are ignored.
            if let Some(name) = std::str::from_utf8(name).ok().and_then(|name| name.strip_suffix(".npy")) {
                names.push(name.to_owned());
                members.insert(name.to_owned(), Member { place, compression: entry.compression_method() });
            }
        }
        if ranges.len() as u64 != archive.entries_hint() {
            let expected = format!("{}, as it says", archive.entries_hint());
            return Err(source.invalid("archive", format!("{} members", ranges.len()), expected));
        }
        ranges.sort_unstable();
        if ranges.windows(2).any(|pair| pair[0].1 > pair[1].0) {
            return Err(source.invalid("archive", "members that overlap", "bytes of its own for each"));
        }
        Ok(Npz { archive, names, members })
    }

    /// The names of the arrays, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The header of the array of this name.
    ///
    /// # Errors
    /// If there is no such array, or it is not a complete npy file.
    pub fn header(&self, name: &str) -> Result<Header, FileError> {
        self.with(name, |header, _, _| Ok(header))
    }

    /// The array of this name. Floats of any width are read as `f32` or `f64`, other types as [the one that holds them](Stored::dtype).
    ///
    /// # Errors
    /// If there is no such array, it is not a complete npy file, has elements that cannot be [read as](Store::reads) `T` or more axes than
    /// tensors can have, or its checksum is wrong.
    pub fn tensor<T: Store>(&self, name: &str) -> Result<Tensor<T>, FileError> {
        self.with(name, |header, member, place| {
            let tensor = header.tensor(member, place)?;
            // Reading up to the end of the member makes its reader compare the checksum.
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
        let source = self.archive.get_ref();
        let Some(&Member { place: way, compression }) = self.members.get(name) else {
            let names: Vec<&str> = self.names().take(10).collect();
            let more = if self.names.len() > 10 { ", ..." } else { "" };
            let expected = format!("one of: {}{more}", names.join(", "));
            return Err(source.invalid("name of an array", format!("'{name}'"), expected));
        };
        let place = Place { file: &source.file, array: Some(name) };
        let member = self.archive.get_entry(way).map_err(|error| place.broken(io::Error::other(error)))?;
        let (data, size) = (member.data(), way.uncompressed_size_hint());
        let (mut stored, mut deflated) = (data, DeflateDecoder::new(data));
        let encrypted = member.local_header().flags().is_encrypted();
        let (bytes, ratio): (&mut dyn Read, u64) = match compression {
            _ if encrypted => return Err(place.invalid("compression", "encryption", "stored or deflated")),
            CompressionMethod::STORE => (&mut stored, 1),
            CompressionMethod::DEFLATE => (&mut deflated, MAX_RATIO),
            other => return Err(place.invalid("compression", other, "stored or deflated")),
        };
        let (compressed, most) = (data.len(), (data.len() as u64).saturating_mul(ratio));
        if size > most {
            let found = format!("{size} bytes in {compressed}");
            return Err(place.invalid("size", found, format!("at most {most}")));
        }
        let mut bytes = member.verifying_reader(bytes);
        let header = Header::read(&mut bytes, size, place)?;
        then(header, &mut bytes, place)
    }
}

/// Tensors by name, to be written to one npz file, in this order. Adding one copies nothing.
#[derive(Default)]
pub struct Writer {
    compressed: bool,
    parts: Vec<(String, Part)>,
}

impl Writer {
    /// An empty archive, to be stored uncompressed (NumPy's `savez`).
    pub fn new() -> Self {
        Writer::default()
    }

    /// Compresses the archive (NumPy's `savez_compressed`).
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
    /// As [`tensor`](Self::tensor), or if the elements cannot be converted to this type.
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

    /// Writes the archive to `out`: the same bytes each time.
    ///
    /// # Errors
    /// If writing to `out` fails, or the format cannot hold a name: one that is not ASCII must be a relative path without `.`, `..` and `\`, and
    /// no name may have more than 65,531 bytes.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut archive = ZipArchiveWriter::new(out);
        for (name, part) in &self.parts {
            let member = format!("{name}.npy");
            // A path of ASCII is written as it is; any other says that it is UTF-8, and must be one that any system can unpack.
            let path = if member.is_ascii() {
                EntryPath::verbatim(member.as_bytes())
            } else if ZipFilePath::from_str(&member).as_str() == member {
                EntryPath::conformant(&*member)
            } else {
                let message = format!("npz: '{name}' is neither ASCII nor a relative path");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            };
            let method = if self.compressed { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
            let file = archive.new_file(path).compression_method(method);
            let (mut entry, bytes) = file.start().map_err(io::Error::other)?;
            let descriptor = if self.compressed {
                let mut bytes = bytes.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
                npy::write(part, &mut bytes)?;
                let (deflated, descriptor) = bytes.finish().map_err(io::Error::other)?;
                deflated.finish()?;
                descriptor
            } else {
                let mut bytes = bytes.wrap(&mut entry);
                npy::write(part, &mut bytes)?;
                bytes.finish().map_err(io::Error::other)?.1
            };
            entry.finish(descriptor).map_err(io::Error::other)?;
        }
        archive.finish().map_err(io::Error::other)?.flush()
    }

    /// Writes the archive to `file`, replacing it atomically if it exists.
    ///
    /// # Errors
    /// If the system refuses. The old file is then as it was.
    pub fn write(&self, file: impl AsRef<Path>) -> Result<(), FileError> {
        replace(file.as_ref(), |out| self.write_to(out))
    }
}
