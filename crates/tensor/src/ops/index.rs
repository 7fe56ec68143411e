//! Choosing elements by index.

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
        let index: Vec<usize> = index.iter().map(|i| checked("index_select", i, size)).collect();
        let mut shape = *self.shape();
        shape[at] = index.len();
        let x = self.contiguous();
        let inner: usize = shape[at + 1..].iter().product();
        Tensor::build(shape, |out| {
            if out.is_empty() {
                return;
            }
            for (out, x) in
                out.chunks_exact_mut(index.len() * inner).zip(x.values().chunks_exact(size * inner))
            {
                for (out, &i) in out.chunks_exact_mut(inner).zip(&index) {
                    out.copy_from_slice(&x[i * inner..][..inner]);
                }
            }
        })
    }

    /// `y[i, .., j] = x[i, .., index[i, .., j]]`: elements along the last axis, chosen row by row.
    ///
    /// # Panics
    /// If the shapes differ before the last axis, or an index is outside.
    #[track_caller]
    #[must_use]
    pub fn gather(&self, index: &Tensor<i64>) -> Tensor<T> {
        let (n, m) = rows("gather", self, index);
        let (x, index_values) = (self.contiguous(), index.contiguous());
        Tensor::build(*index.shape(), |out| {
            for (row, (out, index)) in
                out.chunks_mut(m.max(1)).zip(index_values.values().chunks(m.max(1))).enumerate()
            {
                for (out, &i) in out.iter_mut().zip(index) {
                    *out = x.values()[row * n + checked("gather", i, n)];
                }
            }
        })
    }
}

impl<T: Number> Tensor<T> {
    /// The transpose of [`index_select`](Self::index_select): zeros with `n` slices along `axis`, to which
    /// `y[.., index[j], ..] += x[.., j, ..]`, in the order of `j`.
    ///
    /// # Panics
    /// If `index` has not as many entries as `axis`, or one is outside `0..n`.
    #[track_caller]
    #[must_use]
    pub fn index_add(&self, axis: isize, index: &Tensor<i64>, n: usize) -> Tensor<T> {
        let at = self.shape().axis("index_add", axis);
        let size = self.shape()[at];
        assert!(
            *index.shape() == [size],
            "index_add: the index has shape {}, but axis {axis} of shape {} has {size} slices",
            index.shape(),
            self.shape()
        );
        let index: Vec<usize> = index.iter().map(|i| checked("index_add", i, n)).collect();
        let mut shape = *self.shape();
        shape[at] = n;
        let x = self.contiguous();
        let inner: usize = shape[at + 1..].iter().product();
        let mut y: Tensor<T> = Tensor::zeros(shape);
        if x.numel() > 0 {
            let blocks = y.as_mut_slice().chunks_exact_mut(n * inner);
            for (out, x) in blocks.zip(x.values().chunks_exact(size * inner)) {
                for (x, &i) in x.chunks_exact(inner).zip(&index) {
                    out[i * inner..][..inner].iter_mut().zip(x).for_each(|(y, &x)| *y = y.plus(x));
                }
            }
        }
        y
    }

    /// The transpose of [`gather`](Self::gather): zeros with `n` columns, to which `y[i, .., index[i, .., j]] += x[i, .., j]`.
    ///
    /// # Panics
    /// If the shapes of this tensor and `index` differ, or an index is outside `0..n`.
    #[track_caller]
    #[must_use]
    pub fn scatter_add(&self, index: &Tensor<i64>, n: usize) -> Tensor<T> {
        assert!(
            self.shape() == index.shape(),
            "scatter_add: values {} and index {} differ",
            self.shape(),
            index.shape()
        );
        assert!(self.rank() > 0, "scatter_add: a scalar has no axis to scatter along");
        let m = self.size(-1);
        let mut shape = *self.shape();
        shape[self.rank() - 1] = n;
        let mut y = Tensor::<T>::zeros(shape);
        let (x, index) = (self.contiguous(), index.contiguous());
        let out = y.as_mut_slice();
        for (row, (x, index)) in x.values().chunks(m.max(1)).zip(index.values().chunks(m.max(1))).enumerate()
        {
            for (&v, &i) in x.iter().zip(index) {
                let place = &mut out[row * n + checked("scatter_add", i, n)];
                *place = place.plus(v);
            }
        }
        y
    }

    /// A new last axis of size `classes`, 1 at the class and 0 beside it.
    ///
    /// # Panics
    /// If a class is outside `0..classes`.
    #[track_caller]
    pub fn one_hot(index: &Tensor<i64>, classes: usize) -> Tensor<T> {
        let shape = index.shape().inserted(index.rank(), classes);
        let mut y = Tensor::<T>::zeros(shape);
        let out = y.as_mut_slice();
        for (row, i) in index.iter().enumerate() {
            out[row * classes + checked("one_hot", i, classes)] = T::ONE;
        }
        y
    }
}

/// `index` as a position, or a panic that says which one is outside.
#[track_caller]
fn checked(op: &str, index: i64, size: usize) -> usize {
    match usize::try_from(index) {
        Ok(i) if i < size => i,
        _ => panic!("{op}: index {index} is outside 0..{size}"),
    }
}

/// The sizes of the last axis of both, whose other axes must agree.
#[track_caller]
fn rows<T: Element>(op: &str, x: &Tensor<T>, index: &Tensor<i64>) -> (usize, usize) {
    let agree = x.rank() > 0
        && x.rank() == index.rank()
        && x.shape()[..x.rank() - 1] == index.shape()[..x.rank() - 1];
    assert!(agree, "{op}: {} and index {} differ before the last axis", x.shape(), index.shape());
    (x.size(-1), index.size(-1))
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
    fn gather_and_scatter_add_are_transposes() {
        let x = Tensor::from([[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let index = Tensor::from([[2i64, 2], [0, 1]]);
        assert_eq!(x.gather(&index).to_vec(), [3.0, 3.0, 4.0, 5.0]);
        let y = Tensor::from([[1.0f64, 10.0], [100.0, 1000.0]]);
        let back = y.scatter_add(&index, 3);
        assert_eq!(back.to_vec(), [0.0, 0.0, 11.0, 100.0, 1000.0, 0.0]);
        assert_eq!((&x.gather(&index) * &y).sum(..), (&x * &back).sum(..));
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
}
