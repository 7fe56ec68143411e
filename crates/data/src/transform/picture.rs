//! A picture, and the normalization of its bytes.

use std::fmt;

use ravine_tensor::Tensor;

/// Bytes `[channels, height, width]`, in row-major order.
///
/// ```
/// use ravine_data::Picture;
///
/// let picture = Picture::new([1, 2, 2], vec![0, 1, 2, 3]);
/// assert_eq!(picture.at(0, 1, 0), 2);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    shape: [usize; 3],
    bytes: Vec<u8>,
}

impl Picture {
    /// The picture of this shape (channels, height, width).
    ///
    /// # Panics
    /// If `bytes` do not fill the shape.
    #[track_caller]
    pub fn new(shape: [usize; 3], bytes: Vec<u8>) -> Self {
        let pixels = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        assert!(
            pixels == Some(bytes.len()),
            "Picture::new: {} bytes do not fill the shape {shape:?}",
            bytes.len()
        );
        Picture { shape, bytes }
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All bytes, to be changed.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// One byte.
    ///
    /// # Panics
    /// If there is no such channel, row or column.
    #[track_caller]
    pub fn at(&self, channel: usize, row: usize, column: usize) -> u8 {
        let [channels, height, width] = self.shape;
        assert!(
            channel < channels && row < height && column < width,
            "at: [{channel}, {row}, {column}] is outside of a picture of shape {:?}",
            self.shape
        );
        self.bytes[(channel * height + row) * width + column]
    }

    /// What a window of `height` by `width` pixels shows whose upper left corner is at row `top` and column `left` of this picture, which
    /// may lie outside; `fill` where there is no picture.
    ///
    /// ```
    /// use ravine_data::Picture;
    ///
    /// let picture = Picture::new([1, 2, 2], vec![1, 2, 3, 4]);
    /// assert_eq!(picture.window([-1, 1], [2, 2], 0).bytes(), [0, 0, 2, 0]);
    /// ```
    #[must_use]
    pub fn window(&self, [top, left]: [isize; 2], [height, width]: [usize; 2], fill: u8) -> Picture {
        let [channels, rows, columns] = self.shape;
        let mut bytes = vec![fill; channels * height * width];
        // The columns that both have.
        let first = (-left).clamp(0, width as isize) as usize;
        let end = (columns as isize - left).clamp(first as isize, width as isize) as usize;
        for (line, out) in bytes.chunks_exact_mut(width.max(1)).enumerate() {
            let (channel, row) = (line / height, top + (line % height) as isize);
            if (0..rows as isize).contains(&row) && first < end {
                let from = (channel * rows + row as usize) * columns + (left + first as isize) as usize;
                out[first..end].copy_from_slice(&self.bytes[from..from + end - first]);
            }
        }
        Picture { shape: [channels, height, width], bytes }
    }
}

/// The shape; the bytes may be many.
impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// The conversion of bytes to numbers: `(b / 255 - mean) / std`, with a mean and a deviation for all channels, or for each.
#[derive(Clone, PartialEq)]
pub struct Normalization {
    /// The number for each byte; a single table, or one for each channel.
    tables: Vec<[f32; 256]>,
}

impl Default for Normalization {
    /// Mean 0 and deviation 1: from 0 to 1.
    fn default() -> Self {
        Normalization { tables: vec![std::array::from_fn(|byte| byte as f32 / 255.0)] }
    }
}

impl Normalization {
    /// A mean and a standard deviation for each channel; one of each stands for all channels.
    ///
    /// # Panics
    /// If there are not as many means as deviations, there are none, a deviation is not above 0, or a number is not finite.
    #[track_caller]
    pub fn new(means: &[f32], stds: &[f32]) -> Self {
        assert!(
            !means.is_empty() && means.len() == stds.len(),
            "normalize: {} means and {} deviations; expected one of each, or of each for each channel",
            means.len(),
            stds.len()
        );
        // A loop, as a panic inside a closure would point at the closure.
        for (mean, std) in means.iter().zip(stds) {
            assert!(
                mean.is_finite() && std.is_finite() && *std > 0.0,
                "normalize: mean {mean} and deviation {std}; they must be finite, and the deviation above 0"
            );
        }
        let table =
            |(&mean, &std): (&f32, &f32)| std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / std);
        Normalization { tables: means.iter().zip(stds).map(table).collect() }
    }

    /// Refuses pictures of this many channels, if it is for another number.
    #[track_caller]
    pub(crate) fn check(&self, channels: usize) {
        let tables = self.tables.len();
        assert!(
            tables == 1 || tables == channels,
            "normalize: {channels} channels, but means and deviations for {tables}"
        );
    }

    /// Pictures of one shape as numbers `[pictures, channels, height, width]`.
    ///
    /// # Panics
    /// If it is for another number of channels, or the lengths do not fit the shape.
    #[track_caller]
    pub fn tensor(&self, [channels, height, width]: [usize; 3], pictures: &[&[u8]]) -> Tensor {
        let n = pictures.len();
        if let [table] = &self.tables[..] {
            return Tensor::from_bytes([n, channels, height, width], pictures, table);
        }
        self.check(channels);
        let plane = height * width;
        let channel = |(c, table): (usize, &[f32; 256])| {
            let rows: Vec<&[u8]> = pictures.iter().map(|bytes| &bytes[c * plane..][..plane]).collect();
            Tensor::from_bytes([n, 1, height, width], &rows, table)
        };
        let parts: Vec<Tensor> = self.tables.iter().enumerate().map(channel).collect();
        Tensor::cat(&parts.iter().collect::<Vec<_>>(), 1)
    }
}

/// How many means and deviations there are; the tables are long.
impl fmt::Debug for Normalization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Normalization").field("channels", &self.tables.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_shows_what_is_there_and_fills_the_rest() {
        // 0 1 2
        // 3 4 5
        let picture = Picture::new([1, 2, 3], (0..6).collect());
        let shown = |at, size| picture.window(at, size, 9).bytes().to_vec();
        assert_eq!(shown([0, 0], [2, 3]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(shown([1, 1], [1, 2]), [4, 5]);
        assert_eq!(shown([-1, -2], [3, 4]), [9, 9, 9, 9, 9, 9, 0, 1, 9, 9, 3, 4]);
        assert_eq!(shown([1, 2], [2, 2]), [5, 9, 9, 9]);
        assert_eq!(shown([-7, 0], [2, 2]), [9; 4]);
        assert_eq!(shown([0, 70], [2, 2]), [9; 4]);
        assert_eq!(shown([0, -70], [2, 2]), [9; 4]);
        let two = Picture::new([2, 1, 2], vec![1, 2, 3, 4]);
        assert_eq!(two.window([0, 1], [1, 2], 0).bytes(), [2, 0, 4, 0]);
    }

    #[test]
    fn channels_have_means_of_their_own() {
        let normalization = Normalization::new(&[0.0, 1.0], &[1.0, 0.5]);
        let x = normalization.tensor([2, 1, 2], &[&[0, 255, 0, 255], &[51, 0, 255, 0]]);
        assert_eq!(x.shape(), &[2, 2, 1, 2]);
        assert_eq!(x.to_vec(), [0.0, 1.0, -2.0, 0.0, 0.2, 0.0, 0.0, -2.0]);
        assert_eq!(Normalization::new(&[0.0], &[1.0]), Normalization::default());
        assert_eq!(normalization.tensor([2, 3, 4], &[]).shape(), &[0, 2, 3, 4]);
    }

    #[test]
    #[should_panic(expected = "normalize: 3 channels, but means and deviations for 2")]
    fn another_number_of_channels() {
        Normalization::new(&[0.0; 2], &[1.0; 2]).tensor([3, 1, 1], &[&[1, 2, 3]]);
    }

    #[test]
    #[should_panic(expected = "Picture::new: 5 bytes do not fill the shape [1, 2, 3]")]
    fn too_few_bytes() {
        Picture::new([1, 2, 3], vec![0; 5]);
    }

    #[test]
    #[should_panic(expected = "at: [0, 2, 0] is outside of a picture of shape [1, 2, 3]")]
    fn outside() {
        Picture::new([1, 2, 3], vec![0; 6]).at(0, 2, 0);
    }
}
