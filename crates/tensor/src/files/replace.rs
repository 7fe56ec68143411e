//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::FileError;

/// Has `write` write a file in the place of what `file` may hold: beside it, flushed to the disk, and renamed.
pub(super) fn replace(
    file: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".tmp");
    let beside = Path::new(&beside);
    let mut out = BufWriter::new(File::create(beside).map_err(FileError::io(beside, "create it"))?);
    let written = write(&mut out).and_then(|()| out.flush()).and_then(|()| out.get_ref().sync_all());
    drop(out);
    if let Err(error) = written {
        // Half a file is of no use, and the room may be needed.
        let _ = fs::remove_file(beside);
        return Err(FileError::io(beside, "write it")(error));
    }
    fs::rename(beside, file).map_err(FileError::io(file, "put the new file in its place"))
}
