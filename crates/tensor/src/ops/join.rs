//! Putting tensors together and taking them apart.

use crate::parallel::split_units;
use crate::{Element, Shape, Tensor};

impl<T: Element> Tensor<T> {
    /// Tensors joined along an existing axis. All other sizes must agree.
    ///
    /// # Panics
    /// If there is none, or their shapes differ along other axes.
    #[track_caller]
    #[doc(alias("concat", "concatenate"))]
    pub fn cat(parts: &[&Tensor<T>], axis: isize) -> Tensor<T> {
        assert!(!parts.is_empty(), "cat: there is nothing to join");
        let first = parts[0];
        let at = first.shape().axis("cat", axis);
        for part in parts {
            let agrees = part.rank() == first.rank()
                && (0..first.rank()).all(|d| d == at || part.shape()[d] == first.shape()[d]);
            assert!(agrees, "cat: {} and {} differ beside axis {axis}", first.shape(), part.shape());
        }
        let mut shape = *first.shape();
        shape[at] = parts.iter().map(|part| part.shape()[at]).sum();
        let shape = Shape::new(&shape);
        let inner: usize = shape[at + 1..].iter().product();
        let unit = shape[at] * inner;
        let parts: Vec<(Tensor<T>, usize)> =
            parts.iter().map(|part| (part.contiguous(), part.shape()[at] * inner)).collect();
        Tensor::build(shape, |out| {
            let work = out.len();
            split_units(out, unit, work, |units, out| {
                for (i, mut out) in units.zip(out.chunks_exact_mut(unit.max(1))) {
                    for (part, len) in &parts {
                        let to = out.split_off_mut(..*len).expect("the parts of a unit");
                        to.copy_from_slice(&part.values()[i * len..][..*len]);
                    }
                }
            });
        })
    }

    /// Tensors of one shape joined along a new axis before `axis`.
    ///
    /// # Panics
    /// If there is none, or their shapes differ.
    #[track_caller]
    pub fn stack(parts: &[&Tensor<T>], axis: isize) -> Tensor<T> {
        assert!(!parts.is_empty(), "stack: there is nothing to join");
        for part in parts {
            let (a, b) = (parts[0].shape(), part.shape());
            assert!(a == b, "stack: shapes {a} and {b} differ");
        }
        let rank = parts[0].rank() as isize;
        let at = if axis < 0 { axis + rank + 1 } else { axis };
        assert!(
            (0..=rank).contains(&at),
            "stack: axis {axis} is out of range for parts of shape {}",
            parts[0].shape()
        );
        let parts: Vec<Tensor<T>> = parts.iter().map(|part| part.unsqueeze(at)).collect();
        Tensor::cat(&parts.iter().collect::<Vec<_>>(), at)
    }

    /// The coordinates of the grid that several axes span: part `k` at `[i, j, ..]` is the `k`-th of `[a[i], b[j], ..]`. Views.
    ///
    /// (PyTorch's `indexing='ij'`; for `'xy'` exchange the first two axes.)
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let grid = Tensor::meshgrid(&[&Tensor::from([1, 2]), &Tensor::from([3, 4, 5])]);
    /// assert_eq!(grid[0], Tensor::from([[1, 1, 1], [2, 2, 2]]));
    /// assert_eq!(grid[1], Tensor::from([[3, 4, 5], [3, 4, 5]]));
    /// ```
    ///
    /// # Panics
    /// If a part has more than one axis, or there are too many parts.
    #[track_caller]
    pub fn meshgrid(parts: &[&Tensor<T>]) -> Vec<Tensor<T>> {
        if let Some(bad) = parts.iter().find(|part| part.rank() > 1) {
            panic!("meshgrid: {} has more than one axis", bad.shape());
        }
        let whole = Shape::from(parts.iter().map(|part| part.numel()).collect::<Vec<_>>());
        let ones = |axis: usize| {
            let mut shape = vec![1; whole.rank()];
            shape[axis] = whole[axis];
            shape
        };
        parts.iter().enumerate().map(|(axis, part)| part.reshape(&ones(axis)[..]).expand(whole)).collect()
    }

    /// Consecutive pieces of `len` along `axis`, as views; the last may be shorter. An empty axis is one piece.
    ///
    /// # Panics
    /// If `len` is 0.
    #[track_caller]
    pub fn split(&self, len: usize, axis: isize) -> Vec<Tensor<T>> {
        assert!(len > 0, "split: pieces of 0 elements never end");
        let size = self.shape()[self.shape().axis("split", axis)];
        (0..size.max(1)).step_by(len).map(|start| self.narrow(axis, start, len.min(size - start))).collect()
    }

    /// Consecutive pieces of these sizes along `axis`, as views.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let [mean, log_var] = Tensor::from([[1, 2, 3], [4, 5, 6]]).split_sizes([1, 2], 1);
    /// assert_eq!(log_var, Tensor::from([[2, 3], [5, 6]]));
    /// ```
    ///
    /// # Panics
    /// If they do not add up to the size of the axis.
    #[track_caller]
    pub fn split_sizes<const N: usize>(&self, sizes: [usize; N], axis: isize) -> [Tensor<T>; N] {
        let size = self.shape()[self.shape().axis("split_sizes", axis)];
        assert!(
            sizes.iter().sum::<usize>() == size,
            "split_sizes: {sizes:?} do not add up to axis {axis} of shape {}",
            self.shape()
        );
        let mut end = 0;
        sizes.map(|len| {
            end += len;
            self.narrow(axis, end - len, len)
        })
    }

    /// `n` consecutive pieces along `axis`, as views, all of one size but the last, which may be shorter; fewer than `n` if the axis
    /// is too short to give each of them an element.
    ///
    /// # Panics
    /// If `n` is 0.
    #[track_caller]
    pub fn chunk(&self, n: usize, axis: isize) -> Vec<Tensor<T>> {
        assert!(n > 0, "chunk: nothing can be cut into 0 pieces");
        let size = self.shape()[self.shape().axis("chunk", axis)];
        self.split(size.div_ceil(n).max(1), axis)
    }

    /// The slices of `axis`, as views without it.
    #[track_caller]
    pub fn unbind(&self, axis: isize) -> Vec<Tensor<T>> {
        let size = self.shape()[self.shape().axis("unbind", axis)];
        (0..size).map(|i| self.index(axis, i)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_and_split_are_inverse() {
        let x = Tensor::<i64>::arange(60).reshape([3, 4, 5]);
        for axis in [0, 1, 2, -1] {
            let parts = x.split(2, axis);
            assert_eq!(Tensor::cat(&parts.iter().collect::<Vec<_>>(), axis), x, "axis {axis}");
        }
        assert_eq!(Tensor::cat(&[&x, &x.narrow(1, 0, 0)], 1), x);
    }

    #[test]
    fn stack_makes_an_axis() {
        let (a, b) = (Tensor::from([1, 2]), Tensor::from([3, 4]));
        assert_eq!(Tensor::stack(&[&a, &b], 0).to_vec(), [1, 2, 3, 4]);
        assert_eq!(Tensor::stack(&[&a, &b], -1).to_vec(), [1, 3, 2, 4]);
    }

    #[test]
    fn pieces_of_uneven_axes() {
        let x = Tensor::<i64>::arange(7);
        let sizes = |parts: Vec<Tensor<i64>>| parts.iter().map(Tensor::numel).collect::<Vec<_>>();
        assert_eq!(sizes(x.split(3, 0)), [3, 3, 1]);
        assert_eq!(sizes(x.chunk(3, 0)), [3, 3, 1]);
        assert_eq!(sizes(x.chunk(5, 0)), [2, 2, 2, 1]);
        let none = x.narrow(0, 0, 0);
        assert_eq!((sizes(none.split(2, 0)), sizes(none.chunk(2, 0))), (vec![0], vec![0]));
        let [a, b, c] = x.split_sizes([0, 5, 2], -1);
        assert_eq!((a.numel(), b.numel(), c.to_vec()), (0, 5, vec![5, 6]));
        let columns = x.narrow(0, 1, 6).reshape([2, 3]).unbind(1);
        assert_eq!(Tensor::stack(&columns.iter().collect::<Vec<_>>(), 1).to_vec(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    #[should_panic(expected = "split_sizes: [1, 1] do not add up to axis 0 of shape [3]")]
    fn sizes_that_leave_a_rest() {
        Tensor::<f32>::zeros([3]).split_sizes([1, 1], 0);
    }

    #[test]
    #[should_panic(expected = "cat: [2, 3] and [2, 4] differ beside axis 0")]
    fn parts_that_do_not_fit() {
        Tensor::cat(&[&Tensor::<f32>::zeros([2, 3]), &Tensor::zeros([2, 4])], 0);
    }
}
