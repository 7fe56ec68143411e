//! Selecting whole slices by index, and the transpose, adding slices at indices.

use crate::{Element, Number, Tensor};

impl<T: Element> Tensor<T> {
    /// The slices of `axis` that `index` lists, in its order: `y[.., j, ..] = x[.., index[j], ..]`.
    ///
    /// # Panics
    /// If `index` has not one axis, or an index is outside.
    #[track_caller]
    #[must_use]
    pub fn index_select(&self, axis: isize, index: &Tensor<i64>) -> Tensor<T> {
        let at = self.shape().axis("index_select", axis);
        assert!(
            index.rank() == 1,
            "index_select: the index has shape {}, but must have one axis",
            index.shape()
        );
        let size = self.shape()[at];
        self.slices(at, &positions("index_select", index, size))
    }

    /// `y[.., j, ..] = x[.., index[j], ..]`, for indices that are known to be inside axis `at`.
    fn slices(&self, at: usize, index: &[usize]) -> Tensor<T> {
        let mut shape = *self.shape();
        let size = shape[at];
        shape[at] = index.len();
        let x = self.contiguous();
        let inner: usize = shape[at + 1..].iter().product();
        Tensor::build(shape, |out| {
            if out.is_empty() {
                return;
            }
            let blocks = out.chunks_exact_mut(index.len() * inner);
            for (out, x) in blocks.zip(x.values().chunks_exact(size * inner)) {
                if inner == 1 {
                    out.iter_mut().zip(index).for_each(|(y, &i)| *y = x[i]);
                } else {
                    for (out, &i) in out.chunks_exact_mut(inner).zip(index) {
                        out.copy_from_slice(&x[i * inner..][..inner]);
                    }
                }
            }
        })
    }

    /// The elements that `index` lists, counted in row-major order whatever the shape; `y` has the shape of `index`.
    ///
    /// # Panics
    /// If an index is outside.
    #[track_caller]
    #[must_use]
    pub fn take(&self, index: &Tensor<i64>) -> Tensor<T> {
        self.reshape([-1]).slices(0, &positions("take", index, self.numel())).reshape(index.shape())
    }

    /// The rows of this table that `index` lists: `y[i, j, ..] = x[index[i, j], ..]`, whatever the shape of `index`.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let table = Tensor::from([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]]);
    /// let words = Tensor::from([[2, 2], [0, 1]]);
    /// assert_eq!(table.embedding(&words).shape(), &[2, 2, 2]);
    /// ```
    ///
    /// # Panics
    /// If this is a scalar, or an index is outside its first axis.
    #[track_caller]
    #[must_use]
    pub fn embedding(&self, index: &Tensor<i64>) -> Tensor<T> {
        assert!(self.rank() > 0, "embedding: a table has rows, a scalar has none");
        let rows = positions("embedding", index, self.shape()[0]);
        let shape = [index.shape(), &self.shape()[1..]].concat();
        self.slices(0, &rows).reshape(&shape[..])
    }
}

impl<T: Number> Tensor<T> {
    /// This tensor with `y[.., index[j], ..] += source[.., j, ..]`, in the order of `j`.
    ///
    /// On zeros, this is the transpose of [`index_select`](Self::index_select).
    ///
    /// # Panics
    /// If `index` has not as many entries as `source` has slices, if the shapes differ along other axes, or if an index is outside.
    #[track_caller]
    #[must_use]
    pub fn index_add(&self, axis: isize, index: &Tensor<i64>, source: &Tensor<T>) -> Tensor<T> {
        let mut y = self.clone();
        y.add_slices("index_add", axis, index, source);
        y
    }

    /// [`index_add`](Self::index_add), in place.
    #[track_caller]
    pub fn index_add_(&mut self, axis: isize, index: &Tensor<i64>, source: &Tensor<T>) {
        self.add_slices("index_add_", axis, index, source);
    }

    #[track_caller]
    fn add_slices(&mut self, op: &str, axis: isize, index: &Tensor<i64>, source: &Tensor<T>) {
        let at = self.shape().axis(op, axis);
        let (shape, from) = (*self.shape(), source.shape());
        let fits = from.rank() == shape.rank() && (0..shape.rank()).all(|d| d == at || from[d] == shape[d]);
        assert!(fits, "{op}: {from} cannot be added to {shape}: they differ beside axis {axis}");
        assert!(
            *index.shape() == [from[at]],
            "{op}: the index has shape {}, but axis {axis} of {from} has {} slices",
            index.shape(),
            from[at]
        );
        let (n, size) = (shape[at], from[at]);
        let index = positions(op, index, n);
        let x = source.contiguous();
        let inner: usize = shape[at + 1..].iter().product();
        if x.numel() > 0 {
            let blocks = self.as_mut_slice().chunks_exact_mut(n * inner);
            for (out, x) in blocks.zip(x.values().chunks_exact(size * inner)) {
                for (x, &i) in x.chunks_exact(inner).zip(&index) {
                    out[i * inner..][..inner].iter_mut().zip(x).for_each(|(y, &x)| *y = y.plus(x));
                }
            }
        }
    }

    /// A new last axis of size `classes`, 1 at the class and 0 elsewhere.
    ///
    /// # Panics
    /// If a class is outside `0..classes`.
    #[track_caller]
    pub fn one_hot(index: &Tensor<i64>, classes: usize) -> Tensor<T> {
        let classes_of_rows = positions("one_hot", index, classes);
        let shape = index.shape().inserted(index.rank(), classes);
        let mut y = Tensor::<T>::zeros(shape);
        let out = y.as_mut_slice();
        for (row, class) in classes_of_rows.into_iter().enumerate() {
            out[row * classes + class] = T::ONE;
        }
        y
    }
}

/// Panics at the caller's line, naming the first index that is not in `0..size`.
#[track_caller]
pub(super) fn assert_inside(op: &str, index: &Tensor<i64>, size: usize) {
    if let Some(bad) = index.iter().find(|&i| !usize::try_from(i).is_ok_and(|i| i < size)) {
        panic!("{op}: index {bad} is outside 0..{size}");
    }
}

/// The indices as positions on an axis of this size.
#[track_caller]
fn positions(op: &str, index: &Tensor<i64>, size: usize) -> Vec<usize> {
    assert_inside(op, index, size);
    index.iter().map(|i| i as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_select_copies_slices() {
        let x = Tensor::<i32>::from_fn([2, 3, 2], |i| i as i32);
        let index = Tensor::from([2i64, 0, 2]);
        assert_eq!(x.index_select(1, &index).to_vec(), [4, 5, 0, 1, 4, 5, 10, 11, 6, 7, 10, 11]);
        assert_eq!(x.t().index_select(-1, &Tensor::from([1i64])).to_vec(), [2, 3, 8, 9]);
        assert_eq!(x.index_select(0, &Tensor::zeros([0])).shape(), &[0, 3, 2]);
    }

    #[test]
    fn one_hot_rows() {
        assert_eq!(Tensor::<u8>::one_hot(&Tensor::from([2i64, 0]), 3).to_vec(), [0, 0, 1, 1, 0, 0]);
    }

    #[test]
    #[should_panic(expected = "one_hot: index 3 is outside 0..3")]
    fn class_outside() {
        Tensor::<f32>::one_hot(&Tensor::from([3i64]), 3);
    }

    #[test]
    #[should_panic(expected = "embedding: index 5 is outside 0..3")]
    fn a_word_that_is_not_in_the_table() {
        let _ = Tensor::<f32>::zeros([3, 2]).embedding(&Tensor::from([[0, 5]]));
    }

    #[test]
    #[should_panic(expected = "index_add: the index has shape [2], but axis 1 of [2, 3] has 3 slices")]
    fn an_index_for_fewer_slices() {
        let x = Tensor::<f32>::zeros([2, 3]);
        let _ = x.index_add(1, &Tensor::from([0, 1]), &x);
    }
}
