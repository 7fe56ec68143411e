//! Normalisation: numbers are brought to mean 0 and variance 1, then scaled and shifted as training finds best. The layers differ in
//! which numbers are normalised together.
//!
//! | Layer | together |
//! |---|---|
//! | [`BatchNorm1d`], [`BatchNorm2d`] | a channel, over the batch and all positions |
//! | [`LayerNorm`] | all features of a sample (or of a token) |
//! | [`RmsNorm`] | the same, without taking the mean away |
//! | [`GroupNorm`] | a group of channels of a sample, over all positions |
//! | [`InstanceNorm1d`], [`InstanceNorm2d`] | a channel of a sample, over all positions |
//!
//! `running` has the common part of batch and instance norm, above all the running statistics.

/// The setting that all norms have.
macro_rules! with_eps {
    ($name:ident) => {
        impl $name {
            /// The layer with this number added to what it divides by the root of.
            ///
            /// # Panics
            /// If it is not above 0.
            #[track_caller]
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                crate::check::eps(stringify!($name), eps);
                self.eps = eps;
                self
            }
        }
    };
}

/// The default of layers that have weight and bias.
macro_rules! with_no_affine {
    ($name:ident) => {
        impl $name {
            /// The layer without weight and bias (PyTorch's `affine=False`, or `elementwise_affine=False`).
            #[must_use]
            #[doc(alias("elementwise_affine", "affine"))]
            pub fn no_affine(mut self) -> Self {
                (self.weight, self.bias) = (None, None);
                self
            }
        }
    };
}

mod batch;
mod group;
mod instance;
mod layer;
mod rms;
mod running;

pub use batch::{BatchNorm1d, BatchNorm2d};
pub use group::GroupNorm;
pub use instance::{InstanceNorm1d, InstanceNorm2d};
pub use layer::LayerNorm;
pub use rms::RmsNorm;
