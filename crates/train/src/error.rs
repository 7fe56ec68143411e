//! What can go wrong in a run.

use std::path::PathBuf;

use ravine_data::DataError;
use ravine_optim::OptimError;

use crate::FileError;

/// Why a run stopped, or did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting that makes no sense.
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
    /// The loss is no number any more. The weights are those before the step.
    #[error(
        "step {step}: the loss is {loss}: the run diverged; try a learning rate below {learning_rate}, warm-up, or clipping"
    )]
    Diverged {
        /// The step, counted from 0.
        step: usize,
        /// Its loss.
        loss: f64,
        /// Its learning rate.
        learning_rate: f64,
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
    /// Another process trains in the folder.
    #[error("{}: another run is using this folder", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The checkpoint is of another model, or of a run with other settings.
    #[error("checkpoint: {what}: found {found}, expected {expected}")]
    Mismatch {
        /// Which parameter, buffer or setting.
        what: String,
        /// What the checkpoint has.
        found: String,
        /// What this run has.
        expected: String,
    },
    /// The system gives no threads.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
}
