//! IDX files, the format of MNIST: a small header and an array of bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::gzip::Unpacked;
use crate::DataError;

/// The element type `u8` in an IDX header.
const TYPE_U8: u8 = 0x08;

/// An array of bytes of any rank, as an IDX file holds it.
///
/// The file is: two zero bytes, the element type (`0x08` for unsigned bytes, the only one read here), the number of
/// dimensions, each dimension as a big-endian `u32`, then the elements in row-major order
/// (Y. LeCun, C. Cortes, C. Burges, *The MNIST database of handwritten digits*).
///
/// ```
/// use ravine_data::Idx;
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("pair-idx2-ubyte.gz");
/// let pair = Idx::new(vec![2, 3], vec![1, 2, 3, 4, 5, 6]);
/// pair.write(&path)?; // gzipped, as the name ends in .gz
/// assert_eq!(Idx::read(&path)?, pair);
/// # Ok::<(), ravine_data::DataError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Idx {
    dims: Vec<usize>,
    bytes: Vec<u8>,
}

impl Idx {
    /// The array with these dimensions and elements.
    ///
    /// # Panics
    /// If the format cannot say the dimensions (1 to 255 of them, each below 2³²), or there are not as many bytes as they ask for.
    #[track_caller]
    pub fn new(dims: Vec<usize>, bytes: Vec<u8>) -> Self {
        assert!(
            (1..=255).contains(&dims.len()),
            "Idx::new: {} dimensions; the format has 1 to 255",
            dims.len()
        );
        assert!(
            dims.iter().all(|&n| u32::try_from(n).is_ok()),
            "Idx::new: dimensions {dims:?} must each be below 2^32"
        );
        assert!(
            elements(&dims) == Some(bytes.len()),
            "Idx::new: {} bytes do not fill dimensions {dims:?}",
            bytes.len()
        );
        Idx { dims, bytes }
    }

    /// Reads a file, plain or gzipped, as its content shows.
    ///
    /// # Errors
    /// If the file cannot be read, is not an IDX file of unsigned bytes, or is shorter or longer than its header says. Memory is taken
    /// as bytes arrive, at most three times as many; and no more are decompressed than the header announces.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| DataError::read(path, error))?;
        Self::read_from(file, path)
    }

    /// Like [`read`](Self::read), from any source of bytes; `name` stands for the file in errors.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(reader: impl Read, name: impl AsRef<Path>) -> Result<Self, DataError> {
        let file = name.as_ref();
        Source { bytes: Unpacked::new(reader, file)?, file }.idx()
    }

    /// Writes the array to a file, gzipped if the name ends in `.gz`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        let path = path.as_ref();
        let write = || -> io::Result<()> {
            let mut file = BufWriter::new(File::create(path)?);
            if path.extension().is_some_and(|end| end == "gz") {
                let mut gzip = GzEncoder::new(&mut file, Compression::default());
                self.write_to(&mut gzip)?;
                gzip.finish()?;
            } else {
                self.write_to(&mut file)?;
            }
            file.flush()
        };
        write().map_err(|error| DataError::write(path, error))
    }

    /// Writes the array, not compressed.
    ///
    /// # Errors
    /// What `writer` gives.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(&[0, 0, TYPE_U8, self.dims.len() as u8])?;
        for &n in &self.dims {
            writer.write_all(&(n as u32).to_be_bytes())?;
        }
        writer.write_all(&self.bytes)
    }

    /// The size along each axis.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The elements, in row-major order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The elements, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The dimensions; the bytes may be many.
impl fmt::Debug for Idx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idx").field("dims", &self.dims).finish_non_exhaustive()
    }
}

/// The product of the dimensions, unless it overflows.
fn elements(dims: &[usize]) -> Option<usize> {
    if dims.contains(&0) {
        return Some(0);
    }
    dims.iter().try_fold(1usize, |product, &n| product.checked_mul(n)).filter(|&n| n < isize::MAX as usize)
}

/// The decompressed bytes of a file, and errors about them.
struct Source<'a, R> {
    bytes: Unpacked<R>,
    file: &'a Path,
}

impl<R: Read> Source<'_, R> {
    fn idx(mut self) -> Result<Idx, DataError> {
        let magic = self.bytes.up_to(4, self.file)?;
        let &[0, 0, element, rank] = &magic[..] else {
            let found: Vec<String> = magic.iter().map(|byte| format!("{byte:02x}")).collect();
            let found = if found.is_empty() { "nothing".into() } else { found.join(" ") };
            return Err(self.invalid("magic number", found, "00 00 08 and the number of dimensions"));
        };
        if element != TYPE_U8 {
            let found = format!("0x{element:02x} ({})", type_name(element));
            return Err(self.invalid("element type", found, "0x08 (u8)"));
        }
        if rank == 0 {
            return Err(self.invalid("number of dimensions", 0, "at least 1"));
        }
        let mut dims = Vec::new();
        for axis in 0..rank {
            let size = self.bytes.up_to(4, self.file)?;
            let size: [u8; 4] = size.try_into().map_err(|size: Vec<u8>| {
                let found = format!("{} bytes", size.len());
                self.invalid(format!("dimension {axis} of {rank}"), found, "4 bytes")
            })?;
            dims.push(u32::from_be_bytes(size) as usize);
        }
        let expected = elements(&dims).ok_or_else(|| {
            self.invalid("dimensions", format!("{dims:?}"), "a product that fits in memory")
        })?;

        // Memory grows with the bytes that arrive, not with what the header claims; one more byte is read to detect trailing data.
        let mut bytes = self.bytes.up_to(expected as u64 + 1, self.file)?;
        if bytes.len() != expected {
            let found = if bytes.len() > expected {
                format!("more than {expected} bytes")
            } else {
                format!("{} bytes", bytes.len())
            };
            return Err(self.invalid("length of data", found, format!("{expected} bytes for {dims:?}")));
        }
        bytes.shrink_to_fit();
        Ok(Idx { dims, bytes })
    }

    fn invalid(
        &self,
        field: impl Into<String>,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> DataError {
        DataError::invalid(self.file, field, found, expected)
    }
}

fn type_name(element: u8) -> &'static str {
    match element {
        0x09 => "i8",
        0x0b => "i16",
        0x0c => "i32",
        0x0d => "f32",
        0x0e => "f64",
        _ => "no type of the format",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(array: &Idx) -> Vec<u8> {
        let mut bytes = Vec::new();
        array.write_to(&mut bytes).unwrap();
        bytes
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_rank_comes_back_plain_and_gzipped() {
        for dims in [vec![5], vec![2, 3], vec![2, 3, 4], vec![1; 255], vec![3, 0, 2]] {
            let array = Idx::new(dims.clone(), (0..elements(&dims).unwrap()).map(|i| i as u8).collect());
            let plain = encoded(&array);
            assert_eq!(plain.len(), 4 + 4 * dims.len() + array.bytes().len());
            assert_eq!(Idx::read_from(&plain[..], "plain").unwrap(), array);
            assert_eq!(Idx::read_from(&gzipped(&plain)[..], "zipped").unwrap(), array);
        }
    }

    #[test]
    fn the_header_is_the_one_of_the_format() {
        let array = Idx::new(vec![2, 258], vec![7; 516]);
        assert_eq!(encoded(&array)[..13], [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 1, 2, 7]);
    }

    #[test]
    fn content_tells_gzip_and_the_name_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let array = Idx::new(vec![1000], vec![1; 1000]);
        let (plain, zipped) = (dir.path().join("plain"), dir.path().join("zipped.gz"));
        array.write(&plain).unwrap();
        array.write(&zipped).unwrap();
        assert_eq!(std::fs::read(&plain).unwrap().len(), 1008);
        assert!(std::fs::read(&zipped).unwrap().len() < 200);
        let (swapped, back) = (dir.path().join("swapped"), dir.path().join("back.gz"));
        std::fs::rename(&zipped, &swapped).unwrap();
        std::fs::rename(&plain, &back).unwrap();
        assert_eq!(Idx::read(&swapped).unwrap(), array);
        assert_eq!(Idx::read(&back).unwrap(), array);
    }

    #[test]
    fn gzip_in_several_members_is_one_file() {
        let plain = encoded(&Idx::new(vec![6], vec![1, 2, 3, 4, 5, 6]));
        let mut zipped = gzipped(&plain[..9]);
        zipped.extend(gzipped(&plain[9..]));
        assert_eq!(Idx::read_from(&zipped[..], "members").unwrap().bytes(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn no_more_is_decompressed_than_the_header_announces() {
        struct Endless(u64);
        impl Read for &mut Endless {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                out.fill(0);
                self.0 += out.len() as u64;
                Ok(out.len())
            }
        }
        let mut zeros = Endless(0);
        let header: &[u8] = &[0, 0, 8, 1, 0, 0, 1, 0];
        let error = Idx::read_from(header.chain(&mut zeros), "bomb").unwrap_err();
        assert!(error.to_string().contains("found more than 256 bytes, expected 256 bytes"), "{error}");
        assert_eq!(zeros.0, 257);
    }

    #[test]
    fn an_error_of_the_system_is_not_called_corruption() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, "the disk is locked"))
            }
        }
        let start = gzipped(&[0, 0, 8, 1]);
        for kept in [0, 1, 2, 9, 12] {
            let error = Idx::read_from(start[..kept].chain(Broken), "drive").unwrap_err();
            assert!(matches!(error, DataError::Io { .. }), "{error}");
            assert_eq!(error.to_string(), "drive: cannot read: the disk is locked");
        }
    }

    #[test]
    fn no_damage_panics_or_passes_unseen() {
        let array = Idx::new(vec![3, 7], (0..21).map(|i| i * 11).collect());
        let (plain, zipped) = (encoded(&array), gzipped(&encoded(&array)));
        for bytes in [&plain, &zipped] {
            for len in 0..bytes.len() {
                assert!(Idx::read_from(&bytes[..len], "cut").is_err(), "cut at {len}");
            }
            let long = [bytes.as_slice(), &[0]].concat();
            assert!(Idx::read_from(&long[..], "long").is_err());
        }
        for (place, bit) in (0..zipped.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let mut bytes = zipped.clone();
            bytes[place] ^= 1 << bit;
            // Some bits say nothing about the content: fields of the gzip header, and the padding at the end of the stream.
            if let Ok(read) = Idx::read_from(&bytes[..], "flipped") {
                assert_eq!(read, array, "byte {place}, bit {bit}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "Idx::new: 5 bytes do not fill dimensions [2, 3]")]
    fn too_few_bytes() {
        Idx::new(vec![2, 3], vec![0; 5]);
    }
}
