//! Augmentation of pictures: crops, shifts, flips, affine maps, erasing, mixing.
//!
//! Transforms change bytes, before these are converted to numbers. Random transforms draw from a stream that belongs to (seed, epoch,
//! sample): a sample looks the same in whatever batch, shard or thread it is fetched, and again when a run is resumed.

mod affine;
mod crop;
mod erase;
mod flip;
mod mix;
mod picture;
mod pictures;
mod resize;

pub use affine::{RandomAffine, RandomRotation};
pub use crop::{RandomCrop, RandomShift};
pub use erase::RandomErasing;
pub use flip::{RandomHorizontalFlip, RandomVerticalFlip};
pub use mix::{CutMix, MixUp};
pub use picture::{Normalization, Picture};
#[cfg(feature = "images")]
pub(crate) use pictures::assemble;
pub use pictures::{Pictures, Transformed};
pub use resize::Resize;

use ravine_tensor::Rng;

/// A change of a picture, which may be random.
///
/// A closure is one too:
///
/// ```
/// use ravine_data::{ImageSet, Picture, Pictures, RandomRotation, RandomShift, Transform};
///
/// let set = ImageSet::new(vec![100; 2 * 36], [1, 6, 6], vec![0, 1], 2)?;
/// let inverted = |picture: &mut Picture, _: &mut _| picture.bytes_mut().iter_mut().for_each(|byte| *byte = 255 - *byte);
/// let set = set.transform(7, RandomRotation::new(10.0).then(RandomShift::new(1)).then(inverted));
/// # Ok::<(), ravine_data::DataError>(())
/// ```
pub trait Transform: Send + Sync {
    /// Changes the picture. Whatever is random must come from `rng`. If the picture comes out with another shape, [`shape`](Self::shape) must
    /// say so: all pictures of a batch have one.
    fn apply(&self, picture: &mut Picture, rng: &mut Rng);

    /// The shape (channels, height, width) that a picture of this shape comes out with: unless it says otherwise, the same.
    ///
    /// # Panics
    /// If such a picture cannot be changed.
    #[track_caller]
    fn shape(&self, shape: [usize; 3]) -> [usize; 3] {
        shape
    }

    /// This change, and then another, with one random stream.
    fn then<T: Transform>(self, next: T) -> Then<Self, T>
    where
        Self: Sized,
    {
        Then { first: self, next }
    }
}

impl<F: Fn(&mut Picture, &mut Rng) + Send + Sync> Transform for F {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        self(picture, rng);
    }
}

impl Transform for Box<dyn Transform> {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        (**self).apply(picture, rng);
    }

    fn shape(&self, shape: [usize; 3]) -> [usize; 3] {
        (**self).shape(shape)
    }
}

/// Two changes, one after the other. Made by [`Transform::then`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Then<A, B> {
    first: A,
    next: B,
}

impl<A: Transform, B: Transform> Transform for Then<A, B> {
    fn apply(&self, picture: &mut Picture, rng: &mut Rng) {
        self.first.apply(picture, rng);
        self.next.apply(picture, rng);
    }

    fn shape(&self, shape: [usize; 3]) -> [usize; 3] {
        self.next.shape(self.first.shape(shape))
    }
}

/// Panics unless `p` is a probability.
#[track_caller]
fn probability(of: &str, p: f64) -> f64 {
    assert!((0.0..=1.0).contains(&p), "{of}: {p} is not a probability; expected 0 to 1");
    p
}

/// Refuses what is no range of finite numbers that go up.
#[track_caller]
fn range(of: &str, what: &str, low: f64, high: f64) -> [f64; 2] {
    assert!(
        low.is_finite() && high.is_finite() && low <= high,
        "{of}: {what} from {low} to {high}; expected two finite numbers, the first no larger"
    );
    [low, high]
}
