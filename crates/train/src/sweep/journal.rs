//! The journal of a sweep: a line for its settings, and one for each trial, in the order in which they ended.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SweepError, TrialResult};
use crate::FileError;
use crate::file::append;

/// An open journal, locked against other processes.
pub(super) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

/// The first line: everything that the settings of the trials depend on.
#[derive(Serialize, Deserialize)]
struct Title {
    sweep: Value,
}

impl Journal {
    /// Opens or creates the journal of this sweep, and returns the results in it. If the last line is torn, for example by a kill, it is removed.
    pub(super) fn open(
        path: &Path,
        sweep: &impl Serialize,
    ) -> Result<(Journal, Vec<TrialResult>), SweepError> {
        let sweep = serde_json::to_value(sweep).expect("plain data");
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(FileError::io(folder, "create it"))?;
        }
        let io = |action| FileError::io(path, action);
        let mut file =
            File::options().create(true).read(true).append(true).open(path).map_err(io("open it"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SweepError::Locked { file: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(io("lock it")(error).into()),
        }
        let bytes = fs::read(path).map_err(io("read it"))?;
        let complete = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if complete < bytes.len() {
            file.set_len(complete as u64).map_err(io("cut off its torn line"))?;
        }
        let mut results = Vec::new();
        let mut titled = false;
        for (number, line) in bytes[..complete].split(|&byte| byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let invalid = |found: String, expected: &str| SweepError::Invalid {
                file: path.to_owned(),
                line: number + 1,
                found,
                expected: expected.to_owned(),
            };
            if titled {
                results.push(
                    serde_json::from_slice(line).map_err(|error| {
                        invalid(format!("{:?} ({error})", excerpt(line)), "a trial in JSON")
                    })?,
                );
                continue;
            }
            let title: Title = serde_json::from_slice(line).map_err(|error| {
                invalid(format!("{:?} ({error})", excerpt(line)), "the settings of a sweep in JSON")
            })?;
            if title.sweep != sweep {
                let (theirs, ours) = differing(&title.sweep, &sweep);
                let found = format!("a sweep with {theirs}");
                return Err(invalid(found, &format!("{ours}, or another file for this sweep")));
            }
            titled = true;
        }
        if !titled {
            write(&mut file, &Title { sweep }).map_err(io("write it"))?;
        }
        Ok((Journal { path: path.to_owned(), file: Mutex::new(file) }, results))
    }

    /// Appends a result, and flushes it to the disk.
    pub(super) fn add(&self, result: &TrialResult) -> Result<(), FileError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut file, result).map_err(FileError::io(&self.path, "write it"))
    }
}

/// The settings in which two sweeps differ, of each of them: `trials 9, seed 0`.
fn differing(theirs: &Value, ours: &Value) -> (String, String) {
    let names: BTreeSet<&String> = [theirs, ours]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(|settings| settings.keys())
        .collect();
    let others = |settings: &Value| {
        let other = names.iter().filter(|name| theirs.get(name) != ours.get(name));
        let list = other.map(|name| format!("{name} {}", settings.get(name).unwrap_or(&Value::Null)));
        list.collect::<Vec<_>>().join(", ")
    };
    (others(theirs), others(ours))
}

/// The beginning of a line, for an error message.
fn excerpt(line: &[u8]) -> String {
    const MOST: usize = 40;
    let text = String::from_utf8_lossy(line);
    let begin: String = text.chars().take(MOST).collect();
    if begin.len() < text.len() { begin + "..." } else { begin }
}

fn write(file: &mut File, line: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(line)?;
    line.push(b'\n');
    // In one call, so that a kill can tear only the last line.
    append(file, &line)?;
    file.sync_data()
}
