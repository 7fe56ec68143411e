//! Random erasing: rectangles filled with a constant.

use rand::RngExt;
use ravine_tensor::Rng;

use super::{Picture, Transform, probability, range};

/// Fills a rectangle somewhere in the picture with one byte, with a probability.
///
/// Its area is a random part of that of the picture, its height a random multiple of its width (as likely a half as the double). Zhong et al. 2020, 'Random
/// erasing data augmentation'; names and defaults of `torchvision.transforms.RandomErasing`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomErasing {
    p: f64,
    scale: [f64; 2],
    ratio: [f64; 2],
    fill: u8,
}

impl RandomErasing {
    /// With probability `p`, from 2 % to 33 % of the picture are filled with 0, by a rectangle whose sides are as 0.3 to 3.3.
    ///
    /// # Panics
    /// If `p` is not a probability.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        RandomErasing { p: probability("RandomErasing", p), scale: [0.02, 0.33], ratio: [0.3, 3.3], fill: 0 }
    }

    /// The part of the picture's area, from and to.
    ///
    /// # Panics
    /// If the parts are not between 0 and 1, or the first is the larger one.
    #[track_caller]
    #[must_use]
    pub fn scale(mut self, from: f64, to: f64) -> Self {
        self.scale = range("RandomErasing", "scale", from, to);
        assert!(
            from >= 0.0 && to <= 1.0,
            "RandomErasing: scale from {from} to {to}; expected parts from 0 to 1"
        );
        self
    }

    /// Height to width, from and to.
    ///
    /// # Panics
    /// If a ratio is not above 0, or the first is the larger one.
    #[track_caller]
    #[must_use]
    pub fn ratio(mut self, from: f64, to: f64) -> Self {
        self.ratio = range("RandomErasing", "ratio", from, to);
        assert!(from > 0.0, "RandomErasing: ratio from {from}; expected one above 0");
        self
    }

    /// The byte to fill with.
    #[must_use]
    pub fn fill(mut self, byte: u8) -> Self {
        self.fill = byte;
        self
    }
}

impl Transform for RandomErasing {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        let [channels, height, width] = picture.shape();
        if !rng.random_bool(self.p) {
            return;
        }
        // A rectangle that does not fit is drawn again, but not for ever.
        for _ in 0..10 {
            let mut draw = |low: f64, high: f64| low + (high - low) * rng.random::<f64>();
            let area = draw(self.scale[0], self.scale[1]) * (height * width) as f64;
            let ratio = libm::exp(draw(libm::log(self.ratio[0]), libm::log(self.ratio[1])));
            let (rows, columns) =
                ((area * ratio).sqrt().round() as usize, (area / ratio).sqrt().round() as usize);
            if rows > height || columns > width {
                continue;
            }
            let (top, left) = (rng.random_range(0..=height - rows), rng.random_range(0..=width - columns));
            for line in (0..channels).flat_map(|c| (top..top + rows).map(move |row| c * height + row)) {
                picture.bytes_mut()[line * width + left..][..columns].fill(self.fill);
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a picture of 10 by 10 was erased: top, left, height, width.
    fn erased(erasing: RandomErasing, rng: &mut Rng) -> Option<[usize; 4]> {
        let mut picture = Picture::new([2, 10, 10], vec![1; 200]);
        erasing.fill(9).apply(&mut picture, rng);
        let places: Vec<usize> = (0..100).filter(|&i| picture.bytes()[i] == 9).collect();
        assert!((100..200).filter(|&i| picture.bytes()[i] == 9).eq(places.iter().map(|i| i + 100)));
        let (&first, &last) = (places.first()?, places.last()?);
        let [rows, columns] = [last / 10 - first / 10 + 1, last % 10 - first % 10 + 1];
        assert_eq!(places.len(), rows * columns, "a rectangle");
        Some([first / 10, first % 10, rows, columns])
    }

    #[test]
    fn rectangles_have_the_area_and_the_ratio_that_was_asked_for() {
        let mut rng = Rng::new(0);
        assert_eq!(erased(RandomErasing::new(0.0), &mut rng), None);
        let square = RandomErasing::new(1.0).scale(0.09, 0.09).ratio(1.0, 1.0);
        let mut places = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let [top, left, rows, columns] = erased(square, &mut rng).unwrap();
            assert_eq!([rows, columns], [3, 3]);
            places.insert((top, left));
        }
        assert_eq!(places.len(), 64, "everywhere");
        let tall = RandomErasing::new(1.0).scale(0.16, 0.16).ratio(4.0, 4.0);
        assert_eq!(erased(tall, &mut rng).unwrap()[2..], [8, 2]);
        let wide = tall.ratio(0.25, 0.25);
        assert_eq!(erased(wide, &mut rng).unwrap()[2..], [2, 8]);
        assert_eq!(
            erased(RandomErasing::new(1.0).scale(1.0, 1.0).ratio(1.0, 1.0), &mut rng),
            Some([0, 0, 10, 10])
        );
        // Never fits.
        assert_eq!(erased(RandomErasing::new(1.0).scale(1.0, 1.0).ratio(9.0, 9.0), &mut rng), None);
    }

    #[test]
    fn as_many_are_erased_as_was_asked_for() {
        let mut rng = Rng::new(5);
        let count = (0..1000).filter(|_| erased(RandomErasing::new(0.25), &mut rng).is_some()).count();
        assert!((200..300).contains(&count), "{count}");
    }

    #[test]
    #[should_panic(expected = "RandomErasing: scale from 0.5 to 1.5; expected parts from 0 to 1")]
    fn more_than_all() {
        let _ = RandomErasing::new(0.5).scale(0.5, 1.5);
    }
}
