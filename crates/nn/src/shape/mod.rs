//! Layers that change shapes: reshaping, and upsampling of images.

mod flatten;
mod upsample;

pub use flatten::{Flatten, PixelShuffle, Unflatten};
pub use upsample::Upsample;
