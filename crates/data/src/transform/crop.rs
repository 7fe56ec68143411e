//! Random crops and shifts.

use rand::RngExt;
use ravine_tensor::Rng;

use super::{Picture, Transform};

/// A part of `height` by `width` pixels, anywhere in the picture with equal probability, after it was padded on all sides.
///
/// ```
/// use ravine_data::{RandomCrop, Transform};
///
/// // What CIFAR-10 is usually trained with.
/// let crop = RandomCrop::new([32, 32]).padding(4);
/// assert_eq!(crop.shape([3, 32, 32]), [3, 32, 32]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomCrop {
    size: [usize; 2],
    padding: usize,
    fill: u8,
}

impl RandomCrop {
    /// Parts of this height and width, without padding.
    pub fn new(size: [usize; 2]) -> Self {
        RandomCrop { size, padding: 0, fill: 0 }
    }

    /// Adds this many pixels on each side before cropping.
    #[must_use]
    pub fn padding(mut self, pixels: usize) -> Self {
        self.padding = pixels;
        self
    }

    /// Sets the value of the padding, 0 by default.
    #[must_use]
    pub fn fill(mut self, byte: u8) -> Self {
        self.fill = byte;
        self
    }

    /// How far the window can move, down and to the right.
    fn room(&self, [_, height, width]: [usize; 3]) -> Option<[usize; 2]> {
        let room = |whole: usize, part: usize| (whole + 2 * self.padding).checked_sub(part);
        Some([room(height, self.size[0])?, room(width, self.size[1])?])
    }
}

impl Transform for RandomCrop {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        let Some(room) = self.room(picture.shape()) else {
            self.shape(picture.shape());
            return;
        };
        let at = room.map(|room| rng.random_range(0..=room) as isize - self.padding as isize);
        *picture = picture.window(at, self.size, self.fill);
    }

    fn shape(&self, shape: [usize; 3]) -> [usize; 3] {
        let [height, width] = self.size;
        assert!(
            height * width > 0 && self.room(shape).is_some(),
            "RandomCrop: {height} by {width} pixels of a picture of shape {shape:?} with padding {}",
            self.padding
        );
        [shape[0], height, width]
    }
}

/// Shifts the picture by up to a number of whole pixels, vertically and horizontally.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomShift {
    pixels: usize,
    fill: u8,
}

impl RandomShift {
    /// Shifts by up to `pixels` pixels.
    pub fn new(pixels: usize) -> Self {
        RandomShift { pixels, fill: 0 }
    }

    /// What comes in from outside: 0, unless this says otherwise.
    #[must_use]
    pub fn fill(mut self, byte: u8) -> Self {
        self.fill = byte;
        self
    }
}

impl Transform for RandomShift {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        let [_, height, width] = picture.shape();
        RandomCrop { size: [height, width], padding: self.pixels, fill: self.fill }.apply(picture, rng);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_window_comes() {
        // 0 1 2
        // 3 4 5
        let picture = Picture::new([1, 2, 3], (0..6).collect());
        let mut rng = Rng::new(0);
        let mut seen = |crop: RandomCrop| -> BTreeSet<Vec<u8>> {
            let crop = |_| {
                let mut picture = picture.clone();
                crop.apply(&mut picture, &mut rng);
                picture.bytes().to_vec()
            };
            (0..200).map(crop).collect()
        };
        let expected: [&[u8]; 2] = [&[0, 1, 3, 4], &[1, 2, 4, 5]];
        assert!(seen(RandomCrop::new([2, 2])).iter().eq(expected));
        let padded = seen(RandomCrop::new([2, 2]).padding(1).fill(9));
        assert_eq!(padded.len(), 3 * 4);
        assert!(padded.contains(&[9, 9, 9, 0][..]) && padded.contains(&[5, 9, 9, 9][..]));
    }

    #[test]
    fn a_shift_moves_everything_by_the_same() {
        let mut bytes = vec![0; 25];
        bytes[12] = 7;
        let mut places = BTreeSet::new();
        let mut rng = Rng::new(1);
        for _ in 0..400 {
            let mut picture = Picture::new([1, 5, 5], bytes.clone());
            RandomShift::new(1).apply(&mut picture, &mut rng);
            assert_eq!(picture.bytes().iter().filter(|&&byte| byte != 0).count(), 1);
            places.insert(picture.bytes().iter().position(|&byte| byte == 7).unwrap());
        }
        assert!(places.into_iter().eq([6, 7, 8, 11, 12, 13, 16, 17, 18]));
    }

    #[test]
    #[should_panic(expected = "RandomCrop: 3 by 3 pixels of a picture of shape [1, 2, 3] with padding 0")]
    fn too_large() {
        RandomCrop::new([3, 3]).shape([1, 2, 3]);
    }
}
