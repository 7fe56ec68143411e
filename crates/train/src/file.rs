//! One value in one file, which is replaced atomically, and checked before it is read.
//!
//! Layout: the magic `RAVINE\r\n` (8 bytes; a transfer as text would change the line end), the version of the format (`u32`), the length of
//! the payload (`u64`), the CRC-32 of version, length and payload (`u32`), all little-endian, and the payload: the value in bincode.
//! (In version 1 the CRC was that of the payload alone.) Only this module knows of bincode: the crate writes, and `decode` reads.

mod decode;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ravine_tensor::atomic_file;
use serde::Serialize;
use serde::de::DeserializeOwned;

const MAGIC: [u8; 8] = *b"RAVINE\r\n";
/// The version that is written. Older ones can be read: see [`Payload::version`].
const VERSION: u32 = 3;
const HEADER: usize = 24;

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused an operation.
    #[error("{}: cannot {action}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin with the magic.
    #[error("{}: magic: found {found:02x?}, expected {MAGIC:02x?}: this is not a Ravine file", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// The file is of a version that this program does not know, or not for this kind of value.
    #[error("{}: version: found {found}, expected {}", file.display(), expected_version(*found))]
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The file is shorter or longer than its header says.
    #[error("{}: length: found {found} bytes, expected {expected}: the file is torn", file.display())]
    Length {
        /// The file.
        file: PathBuf,
        /// The length it has.
        found: u64,
        /// The length it should have.
        expected: u64,
    },
    /// The checksum is wrong.
    #[error("{}: CRC-32: found {found:08x}, expected {expected:08x}: the file is corrupt", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// The checksum of the payload.
        found: u32,
        /// The checksum that the header gives.
        expected: u32,
    },
    /// The file is undamaged, but does not hold a value of the type that was asked for.
    #[error("{}: contents: {why}", file.display())]
    Contents {
        /// The file.
        file: PathBuf,
        /// What is wrong with its contents.
        why: String,
    },
}

/// What is expected where the version `found` is not read.
fn expected_version(found: u32) -> String {
    match found > VERSION {
        true => format!("at most {VERSION}: written by a later version of Ravine"),
        false => format!(
            "{VERSION}: written by an earlier version of Ravine, of which only checkpoints can be read"
        ),
    }
}

impl FileError {
    pub(crate) fn io(file: &Path, action: &'static str) -> impl FnOnce(io::Error) -> FileError {
        move |source| FileError::Io { file: file.to_owned(), action, source }
    }

    pub(crate) fn contents(file: &Path, why: impl ToString) -> FileError {
        FileError::Contents { file: file.to_owned(), why: why.to_string() }
    }
}

/// Writes `value` to `file`, replacing it if it exists.
///
/// The value is written to a new file beside it, which is flushed to the disk and renamed: whenever the power fails, `file` holds either
/// the old value or the new one.
///
/// # Errors
/// If the system refuses. The old file is then as it was.
pub fn write<T: Serialize>(file: impl AsRef<Path>, value: &T) -> Result<(), FileError> {
    let file = file.as_ref();
    let payload = bincode::serde::encode_to_vec(value, bincode::config::standard())
        .map_err(|error| FileError::contents(file, error))?;
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    let sum = checksum(&[&header[8..20], &payload]);
    header[20..].copy_from_slice(&sum.to_le_bytes());
    replace(file, &[&header, &payload])
}

/// Replaces the contents of `file` by these bytes: by all of them, or not at all.
pub(crate) fn replace(file: &Path, parts: &[&[u8]]) -> Result<(), FileError> {
    atomic_file::write(file, |out| parts.iter().try_for_each(|part| out.write_all(part)))
        .map_err(|(action, source)| FileError::io(file, action)(source))
}

/// Appends bytes to `out`: all of them, or none. Half a line or half an event would spoil those that follow it once there is room again.
pub(crate) fn append(out: &mut File, bytes: &[u8]) -> io::Result<()> {
    let end = out.metadata()?.len();
    out.write_all(bytes).inspect_err(|_| {
        let _ = out.set_len(end);
    })
}

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

/// Reads a value that [`write`](write()) wrote.
///
/// # Errors
/// If the file cannot be read, is not a Ravine file, is of another version, torn or corrupt, or holds a value of another type. Whatever it
/// contains, reading it takes no more memory than a small multiple of its length: at most as many values as it has bytes.
pub fn read<T: DeserializeOwned>(file: impl AsRef<Path>) -> Result<T, FileError> {
    let file = file.as_ref();
    let payload = Payload::read(file)?;
    if payload.version != VERSION {
        return Err(FileError::Version { file: file.to_owned(), found: payload.version });
    }
    payload.decode()
}

/// The checked contents of a file.
pub(crate) struct Payload {
    file: PathBuf,
    /// The version of the format, which decides the type of the value.
    pub version: u32,
    bytes: Vec<u8>,
}

impl Payload {
    /// The contents of a file of any version up to the present one.
    pub fn read(file: &Path) -> Result<Self, FileError> {
        let mut input = File::open(file).map_err(FileError::io(file, "open it"))?;
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(FileError::io(file, "read it"))?;
        Payload::parse(bytes, file)
    }

    /// The contents of a file of these bytes.
    pub fn parse(mut bytes: Vec<u8>, file: &Path) -> Result<Self, FileError> {
        let owned = || file.to_owned();

        let magic = &bytes[..bytes.len().min(8)];
        if !MAGIC.starts_with(magic) || magic.is_empty() {
            return Err(FileError::Foreign { file: owned(), found: magic.to_vec() });
        }
        let found = bytes.len() as u64;
        if bytes.len() < HEADER {
            return Err(FileError::Length { file: owned(), found, expected: HEADER as u64 });
        }
        let (header, payload) = bytes.split_at(HEADER);
        let u32_at = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("4 bytes"));
        let version = u32_at(8);
        if !(1..=VERSION).contains(&version) {
            return Err(FileError::Version { file: owned(), found: version });
        }
        let length = u64::from_le_bytes(header[12..20].try_into().expect("8 bytes"));
        let expected = length.saturating_add(HEADER as u64);
        if found != expected {
            return Err(FileError::Length { file: owned(), found, expected });
        }
        let covered = if version == 1 { &[][..] } else { &header[8..20] };
        let (found, expected) = (checksum(&[covered, payload]), u32_at(20));
        if found != expected {
            return Err(FileError::Corrupt { file: owned(), found, expected });
        }
        bytes.drain(..HEADER);
        Ok(Payload { file: owned(), version, bytes })
    }

    /// The value. The caller chooses its type by the [`version`](Self::version).
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        decode::decode(&self.bytes).map_err(|error| self.wrong(error))
    }

    /// The error that says what is wrong with the value.
    pub fn wrong(&self, why: impl ToString) -> FileError {
        FileError::contents(&self.file, why)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    type Value = (u64, Vec<f32>, String);

    fn value() -> Value {
        (7, vec![1.5, f32::NAN.copysign(-1.0), -0.0, 1e-42], "näme".into())
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("value.ravine");
        (folder, file)
    }

    fn bits(value: &Value) -> Vec<u32> {
        value.1.iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn what_was_written_is_read_to_the_bit() {
        let (folder, file) = folder();
        write(&file, &value()).unwrap();
        write(&file, &value()).unwrap();
        let back: Value = read(&file).unwrap();
        assert_eq!((back.0, bits(&back), &back.2), (7, bits(&value()), &value().2));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_found() {
        let (_folder, file) = folder();
        write(&file, &value()).unwrap();
        let whole = fs::read(&file).unwrap();
        for len in 0..whole.len() {
            fs::write(&file, &whole[..len]).unwrap();
            let error = read::<Value>(&file).unwrap_err();
            let kind = matches!(error, FileError::Length { .. })
                || (len == 0 && matches!(error, FileError::Foreign { .. }));
            assert!(kind, "cut to {len}: {error}");
        }
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, &bytes).unwrap();
            let error = read::<Value>(&file).unwrap_err();
            let right = match bit / 8 {
                0..8 => matches!(error, FileError::Foreign { .. }),
                8..12 => matches!(error, FileError::Version { .. } | FileError::Corrupt { .. }),
                12..20 => matches!(error, FileError::Length { .. }),
                _ => matches!(error, FileError::Corrupt { .. }),
            };
            assert!(right, "bit {bit}: {error}");
        }
    }

    #[test]
    fn messages_name_file_field_and_what_was_expected() {
        let (_folder, file) = folder();
        let message = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            read::<Value>(&file).unwrap_err().to_string()
        };
        let found = message(b"PK\x03\x04 a zip file, say");
        assert!(
            found.contains("value.ravine: magic: found [50, 4b, 03, 04")
                && found.contains("not a Ravine file"),
            "{found}"
        );
        write(&file, &value()).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        bytes.push(0);
        assert!(message(&bytes).contains("value.ravine: length: found"), "trailing bytes");
        // As version 1 was written, whose checksum covers the payload alone.
        bytes.pop();
        bytes[8] = 1;
        let sum = checksum(&[&bytes[HEADER..]]);
        bytes[20..HEADER].copy_from_slice(&sum.to_le_bytes());
        let found = message(&bytes);
        assert!(found.contains("version: found 1, expected 3: written by an earlier version"), "{found}");
        bytes[8] = 9;
        let found = message(&bytes);
        assert!(found.contains("found 9, expected at most 3: written by a later version"), "{found}");
        write(&file, &"another kind of value").unwrap();
        let found = read::<Value>(&file).unwrap_err().to_string();
        assert!(found.contains("value.ravine: contents: "), "{found}");
        let missing = read::<Value>(Path::new("/nowhere/x.ravine")).unwrap_err().to_string();
        assert!(missing.starts_with("/nowhere/x.ravine: cannot open it: "), "{missing}");
        let unwritable = write(Path::new("/nowhere/x.ravine"), &value()).unwrap_err().to_string();
        assert!(
            unwritable.starts_with("/nowhere/x.ravine: cannot create a file beside it: "),
            "{unwritable}"
        );
    }

    #[test]
    fn nothing_but_the_file_is_touched() {
        let (folder, file) = folder();
        let at = |name: &str| folder.path().join(name);
        for name in ["value.tmp", "value.ravine.tmp"] {
            fs::write(at(name), "a user's").unwrap();
        }
        write(&file, &value()).unwrap();
        fs::create_dir(at("a.folder")).unwrap();
        assert!(write(at("a.folder"), &value()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing is left beside them");
        for name in ["value.tmp", "value.ravine.tmp"] {
            assert_eq!(fs::read_to_string(at(name)).unwrap(), "a user's");
        }
        // Two of the same stem, and of the same name, by several threads.
        std::thread::scope(|scope| {
            for name in ["a.one", "a.two", "a.two", "a.tmp"] {
                let file = at(name);
                scope.spawn(move || (0..50).for_each(|_| write(&file, &vec![name; 5000]).unwrap()));
            }
        });
        for name in ["a.one", "a.two", "a.tmp"] {
            assert_eq!(read::<Vec<String>>(&at(name)).unwrap(), vec![name; 5000]);
        }
    }
}
