//! The same elements several times over.

use crate::{Element, Shape, Tensor};

impl<T: Element> Tensor<T> {
    /// `repeats[d]` copies of this tensor side by side along each axis `d`; more repeats than axes make new leading axes.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([1, 2]);
    /// assert_eq!(x.repeat([2, 3]), Tensor::from([[1, 2, 1, 2, 1, 2], [1, 2, 1, 2, 1, 2]]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer repeats than axes.
    #[track_caller]
    #[must_use]
    pub fn repeat(&self, repeats: impl AsRef<[usize]>) -> Tensor<T> {
        let (repeats, rank) = (repeats.as_ref(), self.rank());
        assert!(
            repeats.len() >= rank,
            "repeat: {repeats:?} has {} entries for the {rank} axes of shape {}",
            repeats.len(),
            self.shape()
        );
        let mut sizes = vec![1; repeats.len()];
        sizes[repeats.len() - rank..].copy_from_slice(self.shape());
        // From the last axis, so that the smallest blocks are copied first.
        let mut y = self.reshape(&sizes[..]);
        for axis in (0..repeats.len()).rev().filter(|&axis| repeats[axis] != 1) {
            y = y.copies(axis, axis, repeats[axis]);
        }
        y
    }

    /// [`repeat`](Self::repeat), with 1 for the leading axes that `repeats` does not name (NumPy's `tile`).
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([[1, 2], [3, 4]]);
    /// assert_eq!(x.tile([2]), Tensor::from([[1, 2, 1, 2], [3, 4, 3, 4]]));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn tile(&self, repeats: impl AsRef<[usize]>) -> Tensor<T> {
        self.repeat(tiles(self.rank(), repeats.as_ref()))
    }

    /// Each slice of `axis` `repeats` times: `1 1 2 2 3 3`.
    #[track_caller]
    #[must_use]
    pub fn repeat_interleave(&self, repeats: usize, axis: isize) -> Tensor<T> {
        let axis = self.shape().axis("repeat_interleave", axis);
        self.copies(axis, axis + 1, repeats)
    }

    /// Copies of the blocks that begin at axis `block`, one after another, which makes `axis` as many times as long.
    #[track_caller]
    fn copies(&self, axis: usize, block: usize, repeats: usize) -> Tensor<T> {
        let mut shape = *self.shape();
        let (outer, inner): (usize, usize) =
            (shape[..block].iter().product(), shape[block..].iter().product());
        shape[axis] = shape[axis].saturating_mul(repeats);
        let shape = Shape::new(&shape);
        self.reshape([outer, 1, inner]).expand([outer, repeats, inner]).reshape(shape)
    }

    /// The elements moved `shift` places on along `axis`; those that leave at the end come in at the beginning.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([1, 2, 3, 4]);
    /// assert_eq!(x.roll(1, 0).to_vec(), [4, 1, 2, 3]);
    /// assert_eq!(x.roll(-1, 0).to_vec(), [2, 3, 4, 1]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn roll(&self, shift: isize, axis: isize) -> Tensor<T> {
        let at = self.shape().axis("roll", axis);
        let size = self.shape()[at];
        if size == 0 {
            return self.clone();
        }
        let moved = shift.rem_euclid(size as isize) as usize;
        let (end, start) = (self.narrow(axis, size - moved, moved), self.narrow(axis, 0, size - moved));
        Tensor::cat(&[&end, &start], axis)
    }
}

/// `repeats` with ones before it, up to `rank`.
fn tiles(rank: usize, repeats: &[usize]) -> Vec<usize> {
    let ones = rank.saturating_sub(repeats.len());
    std::iter::repeat_n(1, ones).chain(repeats.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_turn_and_in_place() {
        let x = Tensor::from([[1, 2], [3, 4]]);
        assert_eq!(x.repeat([1, 2]).to_vec(), [1, 2, 1, 2, 3, 4, 3, 4]);
        assert_eq!(x.repeat([2, 1, 1]).shape(), &[2, 2, 2]);
        assert_eq!(x.repeat([0, 1]).shape(), &[0, 2]);
        assert_eq!(x.repeat_interleave(2, -1).to_vec(), [1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(x.repeat_interleave(2, 0).to_vec(), [1, 2, 1, 2, 3, 4, 3, 4]);
        assert_eq!(Tensor::scalar(5).repeat([3]).to_vec(), [5, 5, 5]);
        assert_eq!(Tensor::<f32>::zeros([2, 0]).roll(1, 1).shape(), &[2, 0]);
    }

    #[test]
    #[should_panic(expected = "repeat: [2] has 1 entries for the 2 axes of shape [2, 3]")]
    fn too_few_repeats() {
        let _ = Tensor::<f32>::zeros([2, 3]).repeat([2]);
    }
}
