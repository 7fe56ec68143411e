//! Layers that arrange numbers anew: other shapes of the same ones, and images of another size.

mod flatten;
mod upsample;

pub use flatten::{Flatten, PixelShuffle, Unflatten};
pub use upsample::Upsample;
