//! MNIST, and the sets that come in the same four files.

use std::path::{Path, PathBuf};

use crate::{DataError, ImageSet};

/// The handwritten digits of LeCun, Cortes and Burges: 60 000 images to train on and 10 000 to test on, 28 by 28 bytes each.
///
/// Sets with the same files (Fashion-MNIST, KMNIST) load in the same way and want their own [`normalize`](Self::normalize).
#[derive(Debug)]
pub struct Mnist {
    /// The images to train on.
    pub train: ImageSet,
    /// The images to test on.
    pub test: ImageSet,
}

impl Mnist {
    /// The number of classes.
    pub const CLASSES: usize = 10;
    /// The mean of the training images, with bytes divided by 255.
    pub const MEAN: f32 = 0.1307;
    /// Their standard deviation.
    pub const STD: f32 = 0.3081;

    /// Reads `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte` from a folder,
    /// each as it is or with `.gz` at its end, and normalises them with [`MEAN`](Self::MEAN) and [`STD`](Self::STD).
    ///
    /// Files that are listed in a `SHA256SUMS` beside them are [verified](crate::verify).
    ///
    /// # Errors
    /// If a file is missing, cannot be read or is not what it should be.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, DataError> {
        let dir = dir.as_ref();
        if dir.is_file() {
            return Err(DataError::invalid(dir, "path", "a file", "the folder that the four files are in"));
        }
        let set = |part: &str| {
            let images = find(dir, format!("{part}-images-idx3-ubyte"))?;
            let labels = find(dir, format!("{part}-labels-idx1-ubyte"))?;
            ImageSet::read_idx(images, labels, Self::CLASSES)
        };
        let mnist = Mnist { train: set("train")?, test: set("t10k")? };
        let [a, b] = [mnist.train.shape(), mnist.test.shape()];
        if a != b {
            let (found, expected) = (format!("{b:?}"), format!("{a:?} as in the training images"));
            return Err(DataError::invalid(dir, "shape of the test images", found, expected));
        }
        Ok(mnist.normalize(Self::MEAN, Self::STD))
    }

    /// Both parts with another [normalisation](ImageSet::normalize).
    ///
    /// ```no_run
    /// # use ravine_data::Mnist;
    /// let fashion = Mnist::load("data/fashion-mnist")?.normalize(0.2860, 0.3530);
    /// # Ok::<(), ravine_data::DataError>(())
    /// ```
    ///
    /// # Panics
    /// As [`ImageSet::normalize`].
    #[track_caller]
    #[must_use]
    pub fn normalize(self, mean: f32, std: f32) -> Self {
        Mnist { train: self.train.normalize(mean, std), test: self.test.normalize(mean, std) }
    }
}

/// The path of the file `name` or `name.gz`, the first that is there.
fn find(dir: &Path, name: String) -> Result<PathBuf, DataError> {
    // A path that cannot be inspected counts as existing, so that reading it reports the error.
    let there = |path: &PathBuf| path.try_exists().unwrap_or(true);
    [dir.join(&name), dir.join(format!("{name}.gz"))]
        .into_iter()
        .find(there)
        .ok_or_else(|| DataError::invalid(dir, "files", format!("no {name}"), format!("{name} or {name}.gz")))
}
