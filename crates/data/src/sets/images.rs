//! Labelled images, kept as bytes.

use std::fmt;
use std::path::Path;

use ravine_tensor::Tensor;

use crate::{DataError, Dataset, Idx, Normalization, Pick, Picture, Pictures, verify};

/// Images of one size with one class each. A batch is `(images [batch, channels, height, width], labels [batch])`.
///
/// The images stay bytes until a batch is made: a quarter of the memory that numbers would take. A byte `b` then becomes
/// `(b / 255 - mean) / std`, where mean 0 and deviation 1 (no normalisation) hold unless [`normalize`](Self::normalize) says otherwise.
///
/// ```
/// use ravine_data::ImageSet;
///
/// // Two grey images of 1 by 2 pixels.
/// let set = ImageSet::new(vec![0, 255, 51, 102], [1, 1, 2], vec![4, 9], 10)?;
/// let (images, labels) = set.select(&[1, 0]);
/// assert_eq!(images.shape(), &[2, 1, 1, 2]);
/// assert_eq!(images.to_vec(), [0.2, 0.4, 0.0, 1.0]);
/// assert_eq!(labels.to_vec(), [9, 4]);
/// # Ok::<(), ravine_data::DataError>(())
/// ```
pub struct ImageSet {
    images: Vec<u8>,
    labels: Vec<u8>,
    shape: [usize; 3],
    classes: usize,
    normalization: Normalization,
}

impl ImageSet {
    /// The set of the images in `images`, one after the other, each of `shape` (channels, height, width), whose classes are `labels`.
    ///
    /// # Errors
    /// If there is no image or no pixel, the lengths do not go together, or a label is not below `classes`.
    pub fn new(
        images: Vec<u8>,
        shape: [usize; 3],
        labels: Vec<u8>,
        classes: usize,
    ) -> Result<Self, DataError> {
        let needed = shape.iter().try_fold(labels.len(), |product, &n| product.checked_mul(n));
        if needed != Some(images.len()) {
            let expected = format!("{} images of shape {shape:?}, one for each label", labels.len());
            return Err(DataError::invalid(Path::new("images"), "length", images.len(), expected));
        }
        Self::checked(images, shape, labels, classes, ["images".as_ref(), "labels".as_ref()])
    }

    /// Reads the images `[count, height, width]` and their labels `[count]` from two [`Idx`] files.
    ///
    /// Both are [verified](verify) if there are checksums beside them.
    ///
    /// # Errors
    /// If a file cannot be read or is not as it should be, if the counts differ, or if a label is not below `classes`.
    pub fn read_idx(
        images: impl AsRef<Path>,
        labels: impl AsRef<Path>,
        classes: usize,
    ) -> Result<Self, DataError> {
        let [images_file, labels_file] = [images.as_ref(), labels.as_ref()];
        let read = |file| verify(file).and_then(|()| Idx::read(file));

        // The labels first: if they are wrong, the images need not be read.
        let labels = read(labels_file)?;
        let &[label_count] = labels.dims() else {
            return Err(wrong_rank(labels_file, &labels, "1 (count)"));
        };
        let images = read(images_file)?;
        let &[count, height, width] = images.dims() else {
            return Err(wrong_rank(images_file, &images, "3 (count, height, width)"));
        };
        if label_count != count {
            let expected = format!("{count}, one for each image of {}", images_file.display());
            return Err(DataError::invalid(labels_file, "number of labels", label_count, expected));
        }
        let files = [images_file, labels_file];
        Self::checked(images.into_bytes(), [1, height, width], labels.into_bytes(), classes, files)
    }

    /// The set, if its parts, whose lengths go together, are in order.
    fn checked(
        images: Vec<u8>,
        shape: [usize; 3],
        labels: Vec<u8>,
        classes: usize,
        [images_file, labels_file]: [&Path; 2],
    ) -> Result<Self, DataError> {
        if labels.is_empty() {
            return Err(DataError::invalid(images_file, "number of images", 0, "at least 1"));
        }
        if images.is_empty() {
            let found = format!("{shape:?}");
            return Err(DataError::invalid(images_file, "shape of an image", found, "at least 1 pixel"));
        }
        if let Some(row) = labels.iter().position(|&label| usize::from(label) >= classes) {
            let expected = format!("a class below {classes}");
            return Err(DataError::invalid(
                labels_file,
                format!("label of row {row}"),
                labels[row],
                expected,
            ));
        }
        Ok(ImageSet { images, labels, shape, classes, normalization: Normalization::default() })
    }

    /// Turns a byte `b` into `(b / 255 - mean) / std` from now on.
    ///
    /// # Panics
    /// If `std` is not above 0, or one of the two is not finite.
    #[track_caller]
    #[must_use]
    pub fn normalize(self, mean: f32, std: f32) -> Self {
        self.normalize_channels(&[mean], &[std])
    }

    /// As [`normalize`](Self::normalize), with a mean and a deviation for each channel.
    ///
    /// # Panics
    /// If there is not one of each for every channel, a deviation is not above 0, or a number is not finite.
    #[track_caller]
    #[must_use]
    pub fn normalize_channels(self, means: &[f32], stds: &[f32]) -> Self {
        self.with_normalization(Normalization::new(means, stds))
    }

    /// What the bytes become from now on.
    #[track_caller]
    pub(crate) fn with_normalization(mut self, normalization: Normalization) -> Self {
        normalization.check(self.shape[0]);
        self.normalization = normalization;
        self
    }

    /// The mean and the standard deviation of `b / 255` over all bytes `b`, for [`normalize`](Self::normalize).
    pub fn mean_std(&self) -> (f64, f64) {
        let mut counts = [0u64; 256];
        for &byte in &self.images {
            counts[usize::from(byte)] += 1;
        }
        let average = |f: &dyn Fn(f64) -> f64| {
            let sum: f64 = counts.iter().enumerate().map(|(b, &n)| n as f64 * f(b as f64 / 255.0)).sum();
            sum / self.images.len() as f64
        };
        let mean = average(&|v| v);
        (mean, average(&|v| (v - mean).powi(2)).sqrt())
    }

    /// The samples at `indices`, in that order: `(images [batch, channels, height, width], labels [batch])`.
    ///
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    pub fn select(&self, indices: &[usize]) -> (Tensor, Tensor<i64>) {
        let len = self.labels.len();
        if let Some(index) = indices.iter().find(|&&index| index >= len) {
            panic!("select: index {index} is out of range for {len} images");
        }
        let rows: Vec<&[u8]> = indices.iter().map(|&index| self.image(index)).collect();
        let images = self.normalization.tensor(self.shape, &rows);
        (images, Tensor::from_fn(indices.len(), |i| i64::from(self.labels[indices[i]])))
    }

    /// The bytes of one image, in row-major order.
    ///
    /// # Panics
    /// If there is no such image.
    #[track_caller]
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * self.pixels()..][..self.pixels()]
    }

    /// The class of each image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The channels, height and width of every image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    fn pixels(&self) -> usize {
        self.shape.iter().product()
    }
}

fn wrong_rank(file: &Path, array: &Idx, expected: &str) -> DataError {
    DataError::invalid(file, "number of dimensions", array.dims().len(), expected)
}

/// The sizes; the bytes are many.
impl fmt::Debug for ImageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageSet")
            .field("len", &self.labels.len())
            .field("shape", &self.shape)
            .field("classes", &self.classes)
            .finish_non_exhaustive()
    }
}

impl Dataset for ImageSet {
    type Batch = (Tensor, Tensor<i64>);

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError> {
        Ok(self.select(pick.indices))
    }
}

impl Pictures for ImageSet {
    fn picture(&self, _epoch: usize, index: usize) -> Result<Picture, DataError> {
        Ok(Picture::new(self.shape, self.image(index).to_vec()))
    }

    fn label(&self, index: usize) -> usize {
        self.labels[index].into()
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn normalization(&self) -> &Normalization {
        &self.normalization
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_images_keep_their_channels() {
        let set = ImageSet::new((0..24).collect(), [3, 2, 2], vec![1, 0], 2).unwrap();
        let (images, labels) = set.select(&[1]);
        assert_eq!(images.shape(), &[1, 3, 2, 2]);
        assert_eq!((images * 255.0).map(f32::round).to_vec(), (12..24).map(|b| b as f32).collect::<Vec<_>>());
        assert_eq!(labels.to_vec(), [0]);
        assert_eq!(set.select(&[]).0.shape(), &[0, 3, 2, 2]);
    }

    #[test]
    fn normalized_bytes_have_mean_0_and_deviation_1() {
        let set = ImageSet::new((0..=255).collect(), [1, 16, 16], vec![0], 1).unwrap();
        let (mean, std) = set.mean_std();
        assert!((mean - 0.5).abs() < 1e-12 && (std - 0.289805).abs() < 1e-6, "{mean} {std}");
        let (x, _) = set.normalize(mean as f32, std as f32).select(&[0]);
        assert!(x.mean(..).item().abs() < 1e-6 && (x.var(.., 0).item() - 1.0).abs() < 1e-5);
        assert_eq!(x.at([0, 0, 0, 0]), (0.0 - mean as f32) / std as f32);
    }

    #[test]
    fn parts_that_do_not_go_together_are_errors() {
        let message = |images: usize, shape, labels: &[u8], classes| {
            ImageSet::new(vec![0; images], shape, labels.to_vec(), classes).unwrap_err().to_string()
        };
        assert_eq!(
            message(7, [1, 2, 2], &[0, 1], 2),
            "images: length: found 7, expected 2 images of shape [1, 2, 2], one for each label"
        );
        assert_eq!(
            message(4, [1, 2, 2], &[2], 2),
            "labels: label of row 0: found 2, expected a class below 2"
        );
        assert_eq!(message(0, [1, 2, 2], &[], 2), "images: number of images: found 0, expected at least 1");
        assert_eq!(
            message(0, [1, 0, 2], &[1], 2),
            "images: shape of an image: found [1, 0, 2], expected at least 1 pixel"
        );
        assert!(message(4, [usize::MAX, 2, 2], &[0, 1], 2).contains("length: found 4"));
    }

    #[test]
    fn channels_are_normalized_one_by_one() {
        let set = ImageSet::new(vec![0, 255, 51], [3, 1, 1], vec![0], 1).unwrap();
        let (x, _) = set.normalize_channels(&[0.5, 1.0, 0.0], &[0.5, 1.0, 0.2]).select(&[0, 0]);
        assert_eq!(x.to_vec(), [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0]);
    }

    #[test]
    #[should_panic(expected = "normalize: 1 channels, but means and deviations for 2")]
    fn means_of_other_channels() {
        let set = ImageSet::new(vec![0; 4], [1, 2, 2], vec![0], 2).unwrap();
        let _ = set.normalize_channels(&[0.0; 2], &[1.0; 2]);
    }

    #[test]
    #[should_panic(expected = "select: index 1 is out of range for 1 images")]
    fn outside() {
        ImageSet::new(vec![0; 4], [1, 2, 2], vec![0], 2).unwrap().select(&[1]);
    }

    #[test]
    #[should_panic(expected = "normalize: mean 0 and deviation 0")]
    fn no_deviation() {
        let _ = ImageSet::new(vec![0; 4], [1, 2, 2], vec![0], 2).unwrap().normalize(0.0, 0.0);
    }
}
