//! Resizing.

use ravine_tensor::Rng;

use super::{Picture, Transform};

/// Makes every picture `height` by `width` pixels, without keeping its proportions.
///
/// A pixel is the mean of those around its position, weighted by a triangle whose half width is a pixel of the coarser of the two
/// pictures: linear interpolation where the new one is larger, without gaps or moiré where it is smaller. So do Pillow's
/// `BILINEAR` and `torchvision.transforms.Resize`.
///
/// ```
/// use ravine_data::{Picture, Resize};
///
/// let picture = Picture::new([1, 1, 4], vec![0, 0, 100, 100]);
/// assert_eq!(picture.resize([1, 2]).bytes(), [14, 86]);
/// assert_eq!(Resize::new([1, 2]), Resize::new([1, 2]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    size: [usize; 2],
}

impl Resize {
    /// To this height and width.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn new(size: [usize; 2]) -> Self {
        assert!(size[0] * size[1] > 0, "Resize: {} by {} pixels; expected at least 1 by 1", size[0], size[1]);
        Resize { size }
    }
}

impl Transform for Resize {
    fn apply(&self, picture: &mut Picture, _: &mut Rng) {
        *picture = picture.resize(self.size);
    }

    fn shape(&self, [channels, height, width]: [usize; 3]) -> [usize; 3] {
        assert!(height * width > 0, "Resize: a picture of {height} by {width} pixels has nothing to show");
        [channels, self.size[0], self.size[1]]
    }
}

impl Picture {
    /// This picture with `height` by `width` pixels: see [`Resize`].
    ///
    /// # Panics
    /// If this picture or the new one has no pixel.
    #[track_caller]
    #[must_use]
    pub fn resize(&self, [height, width]: [usize; 2]) -> Picture {
        let [channels, rows, columns] = Resize::new([height, width]).size_of(self);
        let (across, down) = (taps(columns, width), taps(rows, height));
        let mut lines = Vec::with_capacity(channels * rows * width);
        for line in self.bytes().chunks_exact(columns) {
            let value = |(first, weights): &(usize, Vec<f32>)| -> f32 {
                weights.iter().zip(&line[*first..]).map(|(weight, &byte)| weight * f32::from(byte)).sum()
            };
            lines.extend(across.iter().map(value));
        }
        let mut bytes = Vec::with_capacity(channels * height * width);
        for plane in lines.chunks_exact(rows * width) {
            for (first, weights) in &down {
                for column in 0..width {
                    let value: f32 = weights
                        .iter()
                        .enumerate()
                        .map(|(k, weight)| weight * plane[(first + k) * width + column])
                        .sum();
                    bytes.push(value.round() as u8);
                }
            }
        }
        Picture::new([channels, height, width], bytes)
    }
}

impl Resize {
    /// The shape of a picture that has pixels.
    #[track_caller]
    fn size_of(self, picture: &Picture) -> [usize; 3] {
        self.shape(picture.shape());
        picture.shape()
    }
}

/// For each of `to` new pixels along an axis, the first of the `from` old pixels that contribute to it, and the weights from there on, which sum to 1.
fn taps(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let tap = |place: usize| {
        let middle = (place as f64 + 0.5) * scale;
        let first = ((middle - reach).floor().max(0.0) as usize).min(from - 1);
        let end = ((middle + reach).ceil() as usize).clamp(first + 1, from);
        let weight = |pixel: usize| (1.0 - ((pixel as f64 + 0.5 - middle) / reach).abs()).max(0.0);
        let sum: f64 = (first..end).map(weight).sum();
        (first, (first..end).map(|pixel| (weight(pixel) / sum) as f32).collect())
    };
    (0..to).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_size_changes_nothing() {
        let picture = Picture::new([2, 3, 4], (0..24).map(|i| i * 10).collect());
        assert_eq!(picture.resize([3, 4]), picture);
    }

    #[test]
    fn larger_pictures_are_interpolated() {
        let picture = Picture::new([1, 2, 2], vec![0, 100, 100, 200]);
        // The new pixels lie a quarter of an old one from the old middles.
        let expected = [0, 25, 75, 100, 25, 50, 100, 125, 75, 100, 150, 175, 100, 125, 175, 200];
        assert_eq!(picture.resize([4, 4]).bytes(), expected);
        let two = Picture::new([2, 1, 1], vec![7, 9]).resize([2, 2]);
        assert_eq!(two.bytes(), [7, 7, 7, 7, 9, 9, 9, 9]);
    }

    #[test]
    fn smaller_pictures_are_means() {
        // Weights 1 3 3 1 of 8 inside; at the edge 3 3 1 of 7.
        let picture = Picture::new([1, 1, 8], vec![0, 0, 80, 80, 0, 0, 0, 0]);
        assert_eq!(picture.resize([1, 4]).bytes(), [11, 60, 10, 0]);
        // A chessboard is grey from afar.
        let chess = Picture::new(
            [1, 64, 64],
            (0..64 * 64).map(|i| if (i / 64 + i) % 2 == 0 { 200 } else { 0 }).collect(),
        );
        assert!(chess.resize([9, 9]).bytes().iter().all(|&byte| (95..=105).contains(&byte)));
        let one = Picture::new([1, 2, 2], vec![0, 100, 100, 200]).resize([1, 1]);
        assert_eq!(one.bytes(), [100]);
    }

    #[test]
    #[should_panic(expected = "Resize: 0 by 3 pixels; expected at least 1 by 1")]
    fn to_nothing() {
        Resize::new([0, 3]);
    }

    #[test]
    #[should_panic(expected = "Resize: a picture of 0 by 2 pixels has nothing to show")]
    fn of_nothing() {
        let _ = Picture::new([1, 0, 2], vec![]).resize([3, 3]);
    }
}
