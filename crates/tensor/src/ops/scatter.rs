//! Selecting elements along an axis, each by its own index, and the transpose, writing or adding elements there.
//!
//! An index tensor has as many axes as the tensor it points into, and along `axis` says where: for axis 1 of three,
//! `gather` reads `x[i, index[i, j, k], k]` and `scatter` writes there. Along the other axes it may be smaller than that tensor, not larger.

use super::index::assert_inside;
use crate::kernels::map::{self, along};
use crate::layout::{Layout, Runs};
use crate::{Element, Number, Shape, Tensor};

impl<T: Element> Tensor<T> {
    /// `y[i, j, k] = x[i, index[i, j, k], k]` for `axis` 1, and so for any other; `y` has the shape of `index`.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.gather(1, &Tensor::from([[2], [0]])), Tensor::from([[3], [4]]));
    /// assert_eq!(x.gather(0, &Tensor::from([[1, 0, 1]])), Tensor::from([[4, 2, 6]]));
    /// ```
    ///
    /// # Panics
    /// If `index` has another rank or is larger than this tensor along another axis, or an index is outside `axis`.
    #[track_caller]
    #[must_use]
    pub fn gather(&self, axis: isize, index: &Tensor<i64>) -> Tensor<T> {
        let at = fitting("gather", self.shape(), axis, index.shape());
        let (size, stride) = (self.shape()[at], self.strides()[at]);
        assert_inside("gather", index, size);
        let starts = self.layout().at_start_of(at, index.shape());
        let (x, indices) = (self.storage(), index.storage());
        Tensor::build(*index.shape(), |out| {
            let runs = Runs::new([index.layout(), &starts]);
            map::runs(&runs, out, |out, [i, x_at]| {
                for (step, y) in out.iter_mut().enumerate() {
                    let index = indices[along(i, step, runs.step[0])] as usize;
                    *y = x[along(along(x_at, step, runs.step[1]), index, stride)];
                }
            });
        })
    }

    /// This tensor with `y[i, index[i, j, k], k] = source[i, j, k]` for `axis` 1, and so for any other.
    ///
    /// If several elements go to one position, the last in row-major order wins. `source` is broadcast to the shape of `index`.
    ///
    /// # Panics
    /// If `index` has another rank or is larger than this tensor along another axis, if `source` does not broadcast to its shape, or if an
    /// index is outside `axis`.
    #[track_caller]
    #[must_use]
    pub fn scatter(&self, axis: isize, index: &Tensor<i64>, source: &Tensor<T>) -> Tensor<T> {
        let mut y = self.clone();
        y.scatter_with("scatter", axis, index, source, |y, v| *y = v);
        y
    }

    /// [`scatter`](Self::scatter), in place.
    #[track_caller]
    pub fn scatter_(&mut self, axis: isize, index: &Tensor<i64>, source: &Tensor<T>) {
        self.scatter_with("scatter_", axis, index, source, |y, v| *y = v);
    }

    #[track_caller]
    fn scatter_with(
        &mut self,
        op: &str,
        axis: isize,
        index: &Tensor<i64>,
        source: &Tensor<T>,
        put: impl Fn(&mut T, T),
    ) {
        let at = fitting(op, self.shape(), axis, index.shape());
        let fits = index.shape().broadcast(source.shape()) == Some(*index.shape());
        assert!(fits, "{op}: values {} do not broadcast to the index {}", source.shape(), index.shape());
        assert_inside(op, index, self.shape()[at]);
        let here = Layout::contiguous(*self.shape());
        let stride = here.strides()[at];
        let (starts, values) =
            (here.at_start_of(at, index.shape()), source.layout().broadcast_to(index.shape()));
        let runs = Runs::new([index.layout(), &values, &starts]);
        let (from, indices) = (source.storage(), index.storage());
        let y = self.as_mut_slice();
        runs.for_each(0..runs.count, |[i, v, y_at]| {
            for step in 0..runs.len {
                let index = indices[along(i, step, runs.step[0])] as usize;
                let place = along(along(y_at, step, runs.step[2]), index, stride);
                put(&mut y[place], from[along(v, step, runs.step[1])]);
            }
        });
    }
}

impl<T: Number> Tensor<T> {
    /// This tensor with `y[i, index[i, j, k], k] += source[i, j, k]` for `axis` 1, and so for any other, in row-major order of `index`.
    ///
    /// On zeros, this is the transpose of [`gather`](Self::gather). `source` is broadcast to the shape of `index`.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let (ages, votes) = (Tensor::from([1, 0, 1, 3]), Tensor::from([5, 6, 7, 8]));
    /// assert_eq!(Tensor::zeros(4).scatter_add(0, &ages, &votes), Tensor::from([6, 12, 0, 8]));
    /// ```
    ///
    /// # Panics
    /// If `index` has another rank or is larger than this tensor along another axis, if `source` does not broadcast to its shape, or if an
    /// index is outside `axis`.
    #[track_caller]
    #[must_use]
    pub fn scatter_add(&self, axis: isize, index: &Tensor<i64>, source: &Tensor<T>) -> Tensor<T> {
        let mut y = self.clone();
        y.scatter_with("scatter_add", axis, index, source, |y, v| *y = y.plus(v));
        y
    }

    /// [`scatter_add`](Self::scatter_add), in place.
    #[track_caller]
    pub fn scatter_add_(&mut self, axis: isize, index: &Tensor<i64>, source: &Tensor<T>) {
        self.scatter_with("scatter_add_", axis, index, source, |y, v| *y = y.plus(v));
    }
}

/// `axis` as a non-negative number; panics unless `index` fits into `x` along the other axes.
#[track_caller]
fn fitting(op: &str, x: &Shape, axis: isize, index: &Shape) -> usize {
    let at = x.axis(op, axis);
    let fits = index.rank() == x.rank() && (0..x.rank()).all(|d| d == at || index[d] <= x[d]);
    assert!(fits, "{op}: an index of shape {index} does not fit into {x} beside axis {axis}");
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gather_and_scatter_add_are_transposes() {
        let x = Tensor::from([[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let index = Tensor::from([[2i64, 2], [0, 1]]);
        assert_eq!(x.gather(-1, &index).to_vec(), [3.0, 3.0, 4.0, 5.0]);
        let y = Tensor::from([[1.0f64, 10.0], [100.0, 1000.0]]);
        let back = x.zeros_like().scatter_add(1, &index, &y);
        assert_eq!(back.to_vec(), [0.0, 0.0, 11.0, 100.0, 1000.0, 0.0]);
        assert_eq!((&x.gather(1, &index) * &y).sum(..), (&x * &back).sum(..));
    }

    #[test]
    fn the_last_of_several_stays() {
        let index = Tensor::from([0i64, 1, 0]);
        assert_eq!(Tensor::from([7, 8, 9]).scatter(0, &index, &Tensor::from([1, 2, 3])).to_vec(), [3, 2, 9]);
        assert_eq!(Tensor::from([7, 8, 9]).scatter(0, &index, &Tensor::scalar(5)).to_vec(), [5, 5, 9]);
    }

    #[test]
    #[should_panic(expected = "gather: an index of shape [3, 1] does not fit into [2, 3] beside axis 1")]
    fn an_index_that_is_too_large() {
        let _ = Tensor::<f32>::zeros([2, 3]).gather(1, &Tensor::zeros([3, 1]));
    }

    #[test]
    #[should_panic(expected = "scatter_add: index -1 is outside 0..3")]
    fn an_index_outside() {
        let _ = Tensor::<f32>::zeros([3]).scatter_add(0, &Tensor::from([-1]), &Tensor::ones([1]));
    }
}
