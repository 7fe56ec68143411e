//! A run's folder: its lock and its checkpoints.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ravine_tensor::atomic_file;

use crate::{Checkpoint, FileError, TrainError};

/// A folder that is locked against other runs until this is dropped.
pub(super) struct Store {
    pub folder: PathBuf,
    _lock: File,
}

impl Store {
    /// Creates the folder, and locks it until this is dropped or the process ends, even by a kill.
    pub fn open(folder: &Path) -> Result<Self, TrainError> {
        fs::create_dir_all(folder).map_err(FileError::io(folder, "create the folder"))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(FileError::io(&path, "create it"))?;
        match lock.try_lock() {
            Ok(()) => {
                atomic_file::remove_leftovers(folder);
                Ok(Store { folder: folder.to_owned(), _lock: lock })
            }
            Err(TryLockError::WouldBlock) => Err(TrainError::Locked { folder: folder.to_owned() }),
            Err(TryLockError::Error(source)) => {
                Err(FileError::Io { file: path, action: "lock it", source }.into())
            }
        }
    }

    /// The last checkpoint.
    pub fn last(&self) -> PathBuf {
        self.folder.join("last.ravine")
    }

    /// The last checkpoint whose weights are known to have a normal loss.
    pub fn previous(&self) -> PathBuf {
        self.folder.join("previous.ravine")
    }

    /// Replaces the last checkpoint, which becomes the previous one if it is `proven`.
    pub fn save(&self, checkpoint: &Checkpoint, proven: bool) -> Result<(), FileError> {
        if proven {
            let (last, beside) = (self.last(), self.folder.join("previous.tmp"));
            let _ = fs::remove_file(&beside);
            // A hard link, or a copy where the file system has none.
            fs::hard_link(&last, &beside)
                .or_else(|_| fs::copy(&last, &beside).map(drop))
                .and_then(|()| fs::rename(&beside, self.previous()))
                .map_err(FileError::io(&self.previous(), "keep the last checkpoint there"))?;
        }
        checkpoint.save(self.last())
    }

    /// Replaces the last checkpoint by the previous one, and returns its step.
    pub fn fall_back(&self) -> Option<usize> {
        let step = Checkpoint::load(self.previous()).ok()?.step;
        fs::rename(self.previous(), self.last()).ok()?;
        Some(step)
    }

    /// The checkpoint of one of the best evaluations, after this many steps.
    pub fn best(&self, steps: usize) -> PathBuf {
        self.folder.join(format!("best-{steps:08}.ravine"))
    }

    /// Prepares the folder for a new run: removes the files of a finished one. Refuses if there is a run that can be resumed, or a checkpoint that
    /// cannot be read: a later version of Ravine may be able to, and the other checkpoints beside it are still good.
    pub fn begin(&self) -> Result<(), TrainError> {
        match Checkpoint::load(self.last()) {
            Ok(Checkpoint { finished: false, step, .. }) if step > 0 => {
                return Err(TrainError::Unfinished { file: self.last(), step });
            }
            Ok(_) => {}
            Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(TrainError::Unreadable { source }),
        }
        self.remove(&["previous.ravine", "report.html"]);
        let _ = self.keep_only(&[]);
        Ok(())
    }

    /// Removes files that are out of date.
    pub fn remove(&self, names: &[&str]) {
        for name in names {
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    /// Removes all best checkpoints except those after these numbers of steps.
    pub fn keep_only(&self, steps: &[usize]) -> Result<(), FileError> {
        let keep: Vec<PathBuf> = steps.iter().map(|&steps| self.best(steps)).collect();
        let failed = FileError::io(&self.folder, "list the folder");
        let entries =
            fs::read_dir(&self.folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
        for path in entries.iter().map(fs::DirEntry::path) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("best-") && name.ends_with(".ravine") && !keep.contains(&path) {
                fs::remove_file(&path).map_err(FileError::io(&path, "remove it"))?;
            }
        }
        Ok(())
    }
}
