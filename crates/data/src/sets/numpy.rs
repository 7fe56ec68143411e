//! Data sets in NumPy's files.

use std::path::Path;

use ravine_tensor::Tensor;
use ravine_tensor::numpy::{Npz, Store};

use crate::{DataError, TensorSet};

impl<X: Store, Y: Store> TensorSet<X, Y> {
    /// Reads inputs `[samples, ..]` and targets `[samples, ..]` from two npy files, as NumPy's `save` writes them.
    ///
    /// # Errors
    /// If a file cannot be read, is not whole or has elements of another type, or the arrays have not the same number of rows.
    pub fn read_npy(x: impl AsRef<Path>, y: impl AsRef<Path>) -> Result<Self, DataError> {
        let (inputs, targets) = (Tensor::read_npy(&x)?, Tensor::read_npy(&y)?);
        Self::of_rows(inputs, targets, y.as_ref(), "shape", x.as_ref().display().to_string())
    }

    /// Reads inputs and targets from two arrays of an npz file, as NumPy's `savez` and `savez_compressed` write it.
    ///
    /// ```
    /// use ravine_data::{Dataset, TensorSet};
    /// use ravine_tensor::{Tensor, numpy::Writer};
    ///
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("digits.npz");
    /// let (x, y) = (Tensor::<f32>::zeros([5, 8]), Tensor::<i64>::arange(5));
    /// Writer::new().tensor("x", &x).tensor("y", &y).write(&path)?;
    /// let set: TensorSet = TensorSet::read_npz(&path, "x", "y")?.finite()?.classes(5)?;
    /// assert_eq!(set.len(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read or is not whole, has no arrays of these names or with elements of another type, or they have not the same
    /// number of rows.
    pub fn read_npz(file: impl AsRef<Path>, x: &str, y: &str) -> Result<Self, DataError> {
        let npz = Npz::open(&file)?;
        let (inputs, targets) = (npz.tensor(x)?, npz.tensor(y)?);
        Self::of_rows(inputs, targets, file.as_ref(), &format!("shape of {y}"), x.to_owned())
    }

    /// The set, or an error about the targets.
    fn of_rows(x: Tensor<X>, y: Tensor<Y>, file: &Path, field: &str, of: String) -> Result<Self, DataError> {
        if !super::tensors::agree(&x, &y) {
            let expected = format!("the first axis of {of} {}, that of the samples", x.shape());
            return Err(DataError::invalid(file, field, y.shape(), expected));
        }
        Ok(TensorSet::new(x, y))
    }
}

#[cfg(test)]
mod tests {
    use ravine_tensor::numpy::Writer;

    use super::*;

    #[test]
    fn arrays_are_read_and_must_have_the_same_rows() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let (x, y) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([1i64, 0]));
        x.write_npy(path("x.npy")).unwrap();
        y.write_npy(path("y.npy")).unwrap();
        Writer::new().compressed().tensor("x", &x).tensor("y", &y).write(path("both.npz")).unwrap();
        for set in [
            TensorSet::<f32, i64>::read_npy(path("x.npy"), path("y.npy")).unwrap(),
            TensorSet::read_npz(path("both.npz"), "x", "y").unwrap(),
        ] {
            assert_eq!(set.select(&[1, 0]), (x.flip(0), y.flip(0)));
        }
        Tensor::<i64>::zeros(3).write_npy(path("three.npy")).unwrap();
        let error =
            TensorSet::<f32, i64>::read_npy(path("x.npy"), path("three.npy")).unwrap_err().to_string();
        assert!(
            error.contains("three.npy: shape: found [3], expected the first axis of ")
                && error.ends_with("x.npy [2, 2], that of the samples"),
            "{error}"
        );
        let error = TensorSet::<f32, i64>::read_npz(path("both.npz"), "x", "z").unwrap_err().to_string();
        assert!(error.contains("both.npz") && error.contains('z'), "{error}");
    }
}
