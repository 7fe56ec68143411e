//! Rotation, translation, scaling and shear with a single interpolation.

use rand::RngExt;
use ravine_tensor::Rng;

use super::{Picture, Transform, range};

/// Rotates, translates, scales and shears a picture about its centre, each by a random amount, with a single bilinear interpolation.
///
/// Names and units are those of `torchvision.transforms.RandomAffine`: degrees, and parts of the height and width.
///
/// ```
/// use ravine_data::RandomAffine;
///
/// let affine = RandomAffine::new().degrees(10.0).translate(0.1).scale(0.9, 1.1).shear(5.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomAffine {
    degrees: [f64; 2],
    translate: f64,
    scale: [f64; 2],
    shear: [f64; 2],
    fill: u8,
}

impl Default for RandomAffine {
    fn default() -> Self {
        RandomAffine::new()
    }
}

impl RandomAffine {
    /// Nothing is changed, unless the settings below say so.
    pub fn new() -> Self {
        RandomAffine { degrees: [0.0; 2], translate: 0.0, scale: [1.0; 2], shear: [0.0; 2], fill: 0 }
    }

    /// Rotates by up to `degrees` degrees in either direction.
    ///
    /// # Panics
    /// If the number is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn degrees(mut self, degrees: f64) -> Self {
        self.degrees = range("RandomAffine", "degrees", -degrees, degrees);
        self
    }

    /// Shifts by at most this fraction of the height, up or down, and of the width, left or right.
    ///
    /// # Panics
    /// If the part is not between 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn translate(mut self, part: f64) -> Self {
        assert!((0.0..=1.0).contains(&part), "RandomAffine: translate {part}; expected a part from 0 to 1");
        self.translate = part;
        self
    }

    /// Makes everything larger by a factor between these two.
    ///
    /// # Panics
    /// If a factor is not above 0, or the first is the larger one.
    #[track_caller]
    #[must_use]
    pub fn scale(mut self, smallest: f64, largest: f64) -> Self {
        self.scale = range("RandomAffine", "scale", smallest, largest);
        assert!(smallest > 0.0, "RandomAffine: scale from {smallest}; expected a factor above 0");
        self
    }

    /// Shears by up to `degrees` degrees in either direction: rows slide over each other.
    ///
    /// # Panics
    /// If the number is not from 0 to below 90.
    #[track_caller]
    #[must_use]
    pub fn shear(mut self, degrees: f64) -> Self {
        self.shear = range("RandomAffine", "shear", -degrees, degrees);
        assert!(degrees < 90.0, "RandomAffine: shear {degrees}; expected less than 90 degrees");
        self
    }

    /// What comes in from outside: 0, unless this says otherwise.
    #[must_use]
    pub fn fill(mut self, byte: u8) -> Self {
        self.fill = byte;
        self
    }
}

impl Transform for RandomAffine {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        let [_, height, width] = picture.shape();
        let mut draw = |[low, high]: [f64; 2]| low + (high - low) * rng.random::<f64>();
        let (angle, scale, shear) =
            (draw(self.degrees).to_radians(), draw(self.scale), draw(self.shear).to_radians());
        let shift = [height, width].map(|size| draw([-1.0, 1.0]) * self.translate * size as f64);
        *picture = affine(picture, angle, scale, shear, shift, self.fill);
    }
}

/// Rotates a picture about its centre by up to a number of degrees in either direction, with bilinear interpolation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomRotation {
    affine: RandomAffine,
}

impl RandomRotation {
    /// Rotations by up to `degrees` degrees.
    ///
    /// # Panics
    /// If the number is negative or not finite.
    #[track_caller]
    pub fn new(degrees: f64) -> Self {
        let degrees = range("RandomRotation", "degrees", -degrees, degrees);
        RandomRotation { affine: RandomAffine { degrees, ..RandomAffine::new() } }
    }

    /// What comes in from outside: 0, unless this says otherwise.
    #[must_use]
    pub fn fill(mut self, byte: u8) -> Self {
        self.affine.fill = byte;
        self
    }
}

impl Transform for RandomRotation {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        self.affine.apply(picture, rng);
    }
}

/// The picture slanted by `shear`, scaled, turned by `angle` (both in radians) and then moved by `[down, right]` pixels.
///
/// Where the new picture has a pixel, the old one is asked for the mean of its four nearest pixels, weighted by nearness: with
/// `u` a position in the old picture and `v` one in the new, both from the middle, `v = scale R K u + shift`, so `u = K⁻¹ Rᵀ (v - shift) / scale`.
fn affine(
    picture: &Picture,
    angle: f64,
    scale: f64,
    shear: f64,
    [down, right]: [f64; 2],
    fill: u8,
) -> Picture {
    let [channels, height, width] = picture.shape();
    // The system's functions would not give the same bits everywhere.
    let (sin, cos, slant) = (libm::sin(angle), libm::cos(angle), libm::tan(shear));
    let (middle_y, middle_x) = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
    let mut out = picture.clone();
    for row in 0..height {
        for column in 0..width {
            let x = (column as f64 - middle_x - right) / scale;
            let y = (row as f64 - middle_y - down) / scale;
            // The axis of y points down, so this turns clockwise, back to where the pixel came from.
            let (x, y) = (cos * x - sin * y, sin * x + cos * y);
            let (x, y) = (x + slant * y + middle_x, y + middle_y);
            // Whatever is more than a pixel outside is all fill; the bounds also keep the numbers small.
            let (x, y) = (x.clamp(-2.0, width as f64 + 1.0), y.clamp(-2.0, height as f64 + 1.0));
            let (left, top) = (x.floor(), y.floor());
            let (dx, dy) = ((x - left) as f32, (y - top) as f32);
            let (left, top) = (left as isize, top as isize);
            for channel in 0..channels {
                let plane = &picture.bytes()[channel * height * width..][..height * width];
                let byte = |row: isize, column: isize| {
                    let inside = (0..height as isize).contains(&row) && (0..width as isize).contains(&column);
                    f32::from(if inside { plane[row as usize * width + column as usize] } else { fill })
                };
                let above = byte(top, left) * (1.0 - dx) + byte(top, left + 1) * dx;
                let below = byte(top + 1, left) * (1.0 - dx) + byte(top + 1, left + 1) * dx;
                out.bytes_mut()[(channel * height + row) * width + column] =
                    (above * (1.0 - dy) + below * dy).round() as u8;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

    use super::*;

    /// 1 2 3
    /// 4 5 6
    /// 7 8 9
    fn digits() -> Picture {
        Picture::new([1, 3, 3], (1..=9).collect())
    }

    fn changed(angle: f64, scale: f64, shear: f64, shift: [f64; 2]) -> Vec<u8> {
        affine(&digits(), angle, scale, shear, shift, 0).bytes().to_vec()
    }

    #[test]
    fn quarter_turns_go_counter_clockwise() {
        assert_eq!(changed(0.0, 1.0, 0.0, [0.0; 2]), (1..=9).collect::<Vec<u8>>());
        assert_eq!(changed(FRAC_PI_2, 1.0, 0.0, [0.0; 2]), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        assert_eq!(changed(-FRAC_PI_2, 1.0, 0.0, [0.0; 2]), [7, 4, 1, 8, 5, 2, 9, 6, 3]);
        assert_eq!(changed(PI, 1.0, 0.0, [0.0; 2]), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        let wide = Picture::new([2, 1, 3], vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(affine(&wide, PI, 1.0, 0.0, [0.0; 2], 0).bytes(), [3, 2, 1, 6, 5, 4]);
        assert_eq!(affine(&wide, FRAC_PI_2, 1.0, 0.0, [0.0; 2], 9).bytes(), [9, 2, 9, 9, 5, 9]);
    }

    #[test]
    fn shifts_go_down_and_right() {
        assert_eq!(changed(0.0, 1.0, 0.0, [1.0, 0.0]), [0, 0, 0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(changed(0.0, 1.0, 0.0, [0.0, 1.0]), [0, 1, 2, 0, 4, 5, 0, 7, 8]);
        assert_eq!(changed(0.0, 1.0, 0.0, [0.0, -0.5]), [2, 3, 2, 5, 6, 3, 8, 9, 5], "rounded means");
        assert_eq!(changed(0.0, 1.0, 0.0, [1e300, 0.0]), [0; 9]);
    }

    #[test]
    fn scales_keep_the_middle() {
        // Twice as large: the four corners are halfway to the old ones.
        assert_eq!(changed(0.0, 2.0, 0.0, [0.0; 2]), [3, 4, 4, 5, 5, 6, 6, 7, 7]);
        assert_eq!(changed(0.0, 0.5, 0.0, [0.0; 2]), [0, 0, 0, 0, 5, 0, 0, 0, 0]);
    }

    #[test]
    fn a_slant_of_45_degrees_moves_each_row_by_one() {
        assert_eq!(changed(0.0, 1.0, FRAC_PI_4, [0.0; 2]), [0, 1, 2, 4, 5, 6, 8, 9, 0]);
    }

    #[test]
    fn a_turn_moves_by_no_more_than_it_says() {
        let mut rng = Rng::new(0);
        let line = Picture::new([1, 1, 21], (0..21).map(|i| if i == 20 { 255 } else { 0 }).collect());
        for _ in 0..100 {
            let mut picture = line.clone();
            RandomRotation::new(5.0).apply(&mut picture, &mut rng);
            // 10 pixels from the middle, 5 degrees are 0.87 pixels.
            assert!(picture.at(0, 0, 20) >= ((1.0 - 0.872) * 255.0 * 0.96) as u8, "{:?}", picture.bytes());
        }
        let mut picture = digits();
        RandomAffine::new().apply(&mut picture, &mut rng);
        assert_eq!(picture, digits());
    }

    #[test]
    #[should_panic(expected = "RandomAffine: scale from 0; expected a factor above 0")]
    fn scaled_to_nothing() {
        let _ = RandomAffine::new().scale(0.0, 1.0);
    }

    #[test]
    #[should_panic(expected = "RandomRotation: degrees from 3 to -3; expected two finite numbers")]
    fn negative_degrees() {
        RandomRotation::new(-3.0);
    }
}
