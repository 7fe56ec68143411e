//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::FileError;

/// Has `write` write a file in the place of what `file` may hold: beside it, flushed to the disk, and renamed.
pub(super) fn replace(
    file: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let (beside, out) = create_beside(file).map_err(FileError::io(file, "create a file beside it"))?;
    let mut out = BufWriter::new(out);
    let written = write(&mut out).and_then(|()| out.flush()).and_then(|()| out.get_ref().sync_all());
    drop(out);
    let replaced = written.map_err(FileError::io(file, "write it")).and_then(|()| {
        fs::rename(&beside, file).map_err(FileError::io(file, "put the new file in its place"))
    });
    if replaced.is_err() {
        // A file that is in nobody's place is of no use, and the room may be needed.
        let _ = fs::remove_file(&beside);
    }
    replaced
}

/// A new file next to `file`, under a name that is nobody else's: `NAME.PROCESS-NUMBER.tmp`.
fn create_beside(file: &Path) -> io::Result<(PathBuf, File)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{number}.tmp", std::process::id()));
        let beside = file.with_file_name(name);
        match File::create_new(&beside) {
            // Left by another process that had this number before.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            out => return out.map(|out| (beside, out)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let [mine, yours] = ["x.npy", "x.npy.tmp"].map(|name| folder.path().join(name));
        fs::write(&yours, "yours").unwrap();
        let write = |text: &str| replace(&mine, |out| out.write_all(text.as_bytes()));
        std::thread::scope(|scope| {
            for text in ["one", "two"] {
                scope.spawn(move || (0..50).for_each(|_| write(text).unwrap()));
            }
        });
        let error = replace(&mine, |_| Err(io::Error::other("no"))).unwrap_err();
        assert!(error.to_string().contains("x.npy"), "{error}");
        assert!(["one", "two"].contains(&&*fs::read_to_string(&mine).unwrap()));
        assert_eq!(fs::read_to_string(&yours).unwrap(), "yours");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
