//! Tensors as the reference files have them.

use ravine_tensor::{Float, Tensor};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Flat<T> {
    pub shape: Vec<usize>,
    pub values: Vec<T>,
}

impl<T: Float> Flat<T> {
    pub fn tensor(&self) -> Tensor<T> {
        Tensor::from_slice(&self.values, &self.shape[..])
    }
}
