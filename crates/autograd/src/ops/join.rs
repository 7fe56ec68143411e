//! Several tensors as one.

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record_many};

impl<T: Float> Var<T> {
    /// The parts one after another along `axis`. Backward: each part gets its piece of `dy`.
    ///
    /// # Panics
    /// If there are none, or their other sizes differ.
    #[track_caller]
    #[must_use]
    pub fn cat(parts: &[&Var<T>], axis: isize) -> Var<T> {
        let values: Vec<&Tensor<T>> = parts.iter().map(|part| part.value()).collect();
        let y = Tensor::cat(&values, axis);
        let mut start = 0;
        let pieces: Vec<(usize, usize)> = parts
            .iter()
            .map(|part| {
                let piece = (start, part.size(axis));
                start += piece.1;
                piece
            })
            .collect();
        record_many("cat", parts, y, move |dy, i| dy.narrow(axis, pieces[i].0, pieces[i].1))
    }

    /// The parts, all of one shape, along a new `axis`. Backward: each part gets its slice of `dy`.
    ///
    /// # Panics
    /// If there are none, or their shapes differ.
    #[track_caller]
    #[must_use]
    pub fn stack(parts: &[&Var<T>], axis: isize) -> Var<T> {
        let values: Vec<&Tensor<T>> = parts.iter().map(|part| part.value()).collect();
        record_many("stack", parts, Tensor::stack(&values, axis), move |dy, i| dy.index(axis, i))
    }
}
