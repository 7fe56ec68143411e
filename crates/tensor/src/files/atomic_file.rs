//! Atomic replacement of files: a file has either its old content or all of its new one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Replaces `file`, if it exists, by what `write` writes: to a new file beside it, which is flushed to the disk and renamed. Whenever the
/// power fails, `file` has either the old content or the new one.
///
/// # Errors
/// The action that failed, and the system's error. The old file is then as it was, except if only flushing the folder failed: then it has
/// been replaced.
pub fn write(
    file: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), (&'static str, io::Error)> {
    let during = |action| move |error| (action, error);
    let (beside, out) = create_beside(file).map_err(during("create a file beside it"))?;
    let mut out = BufWriter::new(out);
    let written = write(&mut out).and_then(|()| out.flush()).and_then(|()| out.get_ref().sync_all());
    drop(out);
    let replaced = written
        .map_err(during("write it"))
        .and_then(|()| fs::rename(&beside, file).map_err(during("put the new file in its place")));
    if replaced.is_err() {
        // The incomplete file is of no use, and its space may be needed.
        let _ = fs::remove_file(&beside);
    }
    replaced?;
    sync_folder(file).map_err(during("flush its folder"))
}

/// A new file next to `file`, with a unique name: `NAME.PROCESS-NUMBER.tmp`.
fn create_beside(file: &Path) -> io::Result<(PathBuf, File)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{number}.tmp", std::process::id()));
        let beside = file.with_file_name(name);
        match File::create_new(&beside) {
            // Left behind by an earlier process with the same id.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            out => return out.map(|out| (beside, out)),
        }
    }
}

/// Removes the temporary files that [`write()`] left in a folder when a process was killed. No other process may be writing there.
pub fn remove_leftovers(folder: &Path) {
    let left = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name.strip_suffix(".tmp").and_then(|name| name.rsplit_once('.')?.1.split_once('-'));
        number
            .is_some_and(|(process, number)| process.parse::<u32>().is_ok() && number.parse::<u64>().is_ok())
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if left(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Flushes the folder that `file` is in, so that a rename in it survives a power failure.
fn sync_folder(file: &Path) -> io::Result<()> {
    // Only on Unix can a folder be opened and flushed.
    if cfg!(unix) {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let [mine, yours] = ["x.npy", "x.npy.tmp"].map(|name| folder.path().join(name));
        fs::write(&yours, "yours").unwrap();
        let put = |text: &str| write(&mine, |out| out.write_all(text.as_bytes()));
        std::thread::scope(|scope| {
            for text in ["one", "two"] {
                scope.spawn(move || (0..50).for_each(|_| put(text).unwrap()));
            }
        });
        let (action, error) = write(&mine, |_| Err(io::Error::other("no"))).unwrap_err();
        assert_eq!((action, error.to_string().as_str()), ("write it", "no"));
        assert!(["one", "two"].contains(&&*fs::read_to_string(&mine).unwrap()));
        assert_eq!(fs::read_to_string(&yours).unwrap(), "yours");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_a_kill_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let [file, notes] = ["value.ravine", "notes.tmp"].map(|name| folder.path().join(name));
        write(&file, |out| out.write_all(b"whole")).unwrap();
        create_beside(&file).unwrap();
        fs::write(&notes, "a user's").unwrap();
        remove_leftovers(folder.path());
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["notes.tmp", "value.ravine"]);
    }
}
