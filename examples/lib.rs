//! What the example trainers share.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
