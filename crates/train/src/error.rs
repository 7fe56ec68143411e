//! The errors of a run.

use std::path::PathBuf;

use ravine_data::DataError;
use ravine_optim::OptimError;

use crate::{CallbackError, FileError, PostMortem};

/// Why a run failed, or could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting has an invalid value.
    #[error("{name}: found {found}, expected {expected}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The data could not be fetched.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The optimizer refused a step or a saved state.
    #[error(transparent)]
    Optim(#[from] OptimError),
    /// A checkpoint could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The run diverged. The weights are those before the step.
    #[error("{0}")]
    Diverged(Box<PostMortem>),
    /// The run has no metric of the name that the goal gives.
    #[error("goal: metric: found {metric}, expected one of {known}")]
    NoMetric {
        /// The metric that the goal names.
        metric: String,
        /// The metrics of the run.
        known: String,
    },
    /// A callback failed.
    #[error("a callback failed: {0}")]
    Callback(#[source] CallbackError),
    /// The run differs from the record that it is verified against.
    #[error("the run differs from its record at {at}: {what}: found {found}, expected {expected}{reason}")]
    Differs {
        /// Where it first differs.
        at: String,
        /// In what.
        what: String,
        /// What this run has.
        found: String,
        /// What the record has.
        expected: String,
        /// What may be the reason; may be empty.
        reason: String,
    },
    /// The folder holds a run that is not finished.
    #[error(
        "{}: holds a run that was interrupted at step {step}; resume it, or choose another folder", file.display()
    )]
    Unfinished {
        /// Its checkpoint.
        file: PathBuf,
        /// Where it was interrupted.
        step: usize,
    },
    /// The folder holds a checkpoint that cannot be read. A new run would overwrite it, and remove the good ones beside it.
    #[error(
        "{source}; choose another folder, or put `previous.ravine`, if there is one, in its place and resume that"
    )]
    Unreadable {
        /// What is wrong with it.
        source: FileError,
    },
    /// Another process trains in the folder.
    #[error("{}: another run is using this folder", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The checkpoint is of another model, or of a run with other settings.
    #[error(
        "checkpoint: {what}: found {found}, expected {expected}; resume with what the run began with, or begin in another folder"
    )]
    Mismatch {
        /// Which parameter, buffer or setting.
        what: String,
        /// What the checkpoint has.
        found: String,
        /// What this run has.
        expected: String,
    },
    /// The system cannot start the threads.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
}

impl TrainError {
    pub(crate) fn setting(name: &'static str, found: impl ToString, expected: &'static str) -> Self {
        TrainError::Setting { name, found: found.to_string(), expected }
    }
}
