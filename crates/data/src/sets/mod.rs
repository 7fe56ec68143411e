//! The data sets that are here.

mod images;
mod mnist;
mod samples;
mod tensors;

pub use images::ImageSet;
pub use mnist::Mnist;
pub use samples::Samples;
pub use tensors::TensorSet;
