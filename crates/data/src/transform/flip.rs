//! Horizontal and vertical flips.

use rand::RngExt;
use ravine_tensor::Rng;

use super::{Picture, Transform, probability};

/// Exchanges left and right, with a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomHorizontalFlip {
    p: f64,
}

impl RandomHorizontalFlip {
    /// With probability `p`; usually 0.5.
    ///
    /// # Panics
    /// If `p` is not a probability.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        RandomHorizontalFlip { p: probability("RandomHorizontalFlip", p) }
    }
}

impl Transform for RandomHorizontalFlip {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        if rng.random_bool(self.p) {
            let width = picture.shape()[2].max(1);
            picture.bytes_mut().chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
    }
}

/// Exchanges top and bottom, with a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomVerticalFlip {
    p: f64,
}

impl RandomVerticalFlip {
    /// With probability `p`; usually 0.5.
    ///
    /// # Panics
    /// If `p` is not a probability.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        RandomVerticalFlip { p: probability("RandomVerticalFlip", p) }
    }
}

impl Transform for RandomVerticalFlip {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        if rng.random_bool(self.p) {
            let [_, height, width] = picture.shape();
            for plane in picture.bytes_mut().chunks_exact_mut((height * width).max(1)) {
                for row in 0..height / 2 {
                    let (above, below) = plane.split_at_mut((height - 1 - row) * width);
                    above[row * width..][..width].swap_with_slice(&mut below[..width]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flipped(transform: impl Transform) -> Vec<u8> {
        let mut picture = Picture::new([2, 3, 2], (0..12).collect());
        transform.apply(&mut picture, &mut Rng::new(0));
        picture.bytes().to_vec()
    }

    #[test]
    fn each_channel_is_mirrored() {
        assert_eq!(flipped(RandomHorizontalFlip::new(1.0)), [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]);
        assert_eq!(flipped(RandomVerticalFlip::new(1.0)), [4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7]);
        for kept in [flipped(RandomHorizontalFlip::new(0.0)), flipped(RandomVerticalFlip::new(0.0))] {
            assert!(kept.into_iter().eq(0..12));
        }
    }

    #[test]
    fn about_half_are_flipped() {
        let mut rng = Rng::new(3);
        let mut flipped = |_: &usize| {
            let mut picture = Picture::new([1, 1, 2], vec![0, 1]);
            RandomHorizontalFlip::new(0.5).apply(&mut picture, &mut rng);
            picture.at(0, 0, 0) == 1
        };
        let count = (0..1000).filter(&mut flipped).count();
        assert!((450..550).contains(&count), "{count}");
    }

    #[test]
    #[should_panic(expected = "RandomHorizontalFlip: 1.5 is not a probability; expected 0 to 1")]
    fn no_probability() {
        RandomHorizontalFlip::new(1.5);
    }
}
