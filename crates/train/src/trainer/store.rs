//! A run's folder: its lock and its checkpoints.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ravine_tensor::atomic_file;

use crate::{Checkpoint, FileError, TrainError};

/// A folder that no other run may use as long as this lives.
pub(super) struct Store {
    pub folder: PathBuf,
    _lock: File,
}

impl Store {
    /// Makes the folder, and keeps other runs out of it, until this is dropped or the process ends, if only by a kill.
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

    /// The last checkpoint of which it is known that the loss on its weights was in order.
    pub fn previous(&self) -> PathBuf {
        self.folder.join("previous.ravine")
    }

    /// Replaces the last checkpoint, and keeps it as the previous one if it was `proven`.
    pub fn save(&self, checkpoint: &Checkpoint, proven: bool) -> Result<(), FileError> {
        if proven {
            let (last, beside) = (self.last(), self.folder.join("previous.tmp"));
            let _ = fs::remove_file(&beside);
            // The same file under another name, where there can be such a thing.
            fs::hard_link(&last, &beside)
                .or_else(|_| fs::copy(&last, &beside).map(drop))
                .and_then(|()| fs::rename(&beside, self.previous()))
                .map_err(FileError::io(&self.previous(), "keep the last checkpoint there"))?;
        }
        checkpoint.save(&self.last())
    }

    /// Puts the previous checkpoint back in the place of the last, and gives its step.
    pub fn fall_back(&self) -> Option<usize> {
        let step = Checkpoint::load(&self.previous()).ok()?.step;
        fs::rename(self.previous(), self.last()).ok()?;
        Some(step)
    }

    /// The checkpoint of a good evaluation, after so many steps.
    pub fn best(&self, steps: usize) -> PathBuf {
        self.folder.join(format!("best-{steps:08}.ravine"))
    }

    /// Refuses to replace a run that can be resumed, and forgets what is left of others. A finished one may be replaced. One that cannot be read may not:
    /// perhaps a later version of Ravine can, and the other checkpoints beside it are still good.
    pub fn may_begin(&self) -> Result<(), TrainError> {
        match Checkpoint::load(&self.last()) {
            Ok(Checkpoint { finished: false, step, .. }) if step > 0 => {
                return Err(TrainError::Unfinished { file: self.last(), step });
            }
            Ok(_) => {}
            Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(TrainError::Unreadable { source }),
        }
        self.forget(&["previous.ravine", "report.html"]);
        let _ = self.keep_only(&[]);
        Ok(())
    }

    /// Removes files that tell of another run, or of another end of this one.
    pub fn forget(&self, names: &[&str]) {
        for name in names {
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    /// Removes all best checkpoints but those after so many steps.
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
