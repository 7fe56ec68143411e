//! What the example trainers share.

#![forbid(unsafe_code)]

pub mod plot;

use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, io};

/// A flag that Ctrl-C (or a request to terminate) sets. The second time, the program stops at once.
///
/// # Errors
/// If the system takes no handler.
pub fn stop_on_ctrl_c() -> Result<Arc<AtomicBool>, ctrlc::Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            exit(130);
        }
    })?;
    Ok(stop)
}

/// The MNIST files that come with the examples.
pub fn bundled_mnist() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist"))
}

/// Writes a picture, and the folders above it if they are missing.
///
/// # Errors
/// If the system does not let us.
pub fn write_picture(path: &Path, picture: impl AsRef<[u8]>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, picture)
}

/// The IDX files in a folder, by name.
///
/// # Errors
/// If the folder cannot be read.
pub fn idx_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let is_idx =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains("-ubyte"));
    let mut files: Vec<PathBuf> = paths.into_iter().filter(is_idx).collect();
    files.sort();
    Ok(files)
}
