//! Averages of weights along the path of training.

use ravine_autograd::Param;
use ravine_tensor::Tensor;

/// Parameters that have other values for a while. When this is dropped, they have their own again.
pub struct Swapped {
    originals: Vec<(Param, Tensor)>,
}

impl Swapped {
    pub(crate) fn new(values: impl Iterator<Item = (Param, Tensor)>) -> Self {
        let swap = |(param, value): (Param, Tensor)| {
            let original = param.value();
            param.set(value);
            (param, original)
        };
        Swapped { originals: values.map(swap).collect() }
    }

    /// Keeps the other values for good.
    pub fn keep(mut self) {
        self.originals.clear();
    }
}

impl Drop for Swapped {
    fn drop(&mut self) {
        for (param, original) in self.originals.drain(..) {
            param.set(original);
        }
    }
}
