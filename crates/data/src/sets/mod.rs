//! Data sets: tensors, images, samples in memory, and MNIST.

#[cfg(feature = "images")]
mod folder;
mod images;
mod mnist;
mod numpy;
mod samples;
mod tensors;

#[cfg(feature = "images")]
pub use folder::{Color, ImageFolder};
pub use images::ImageSet;
pub use mnist::Mnist;
pub use samples::Samples;
pub use tensors::TensorSet;
pub(crate) use tensors::check_classes;
