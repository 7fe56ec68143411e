//! Normalisation: numbers are brought to mean 0 and variance 1, then scaled and shifted as training finds best. The layers differ in
//! which numbers are normalised together.
//!
//! | Layer | together |
//! |---|---|
//! | [`BatchNorm1d`], [`BatchNorm2d`] | a channel, over the batch and all places |
//! | [`LayerNorm`] | all features of a sample (or of a token) |
//! | [`RmsNorm`] | the same, without taking the mean away |
//! | [`GroupNorm`] | a group of channels of a sample, over all places |
//! | [`InstanceNorm1d`], [`InstanceNorm2d`] | a channel of a sample, over all places |

mod batch;
mod group;
mod instance;
mod layer;
mod rms;

pub use batch::{BatchNorm1d, BatchNorm2d};
pub use group::GroupNorm;
pub use instance::{InstanceNorm1d, InstanceNorm2d};
pub use layer::LayerNorm;
pub use rms::RmsNorm;
