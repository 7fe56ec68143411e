//! Views: other shapes, orders and parts of the same elements. Only `reshape` may have to copy.

use crate::shape::{Axes, Extents, MAX_RANK};
use crate::{Along, At, Element, Shape, Tensor};

impl<T: Element> Tensor<T> {
    /// The same elements in row-major order, in another shape; one size may be -1 and is inferred.
    ///
    /// A view where strides allow it, a copy where they do not.
    ///
    /// # Panics
    /// If the new shape has not as many elements.
    #[track_caller]
    #[must_use]
    #[doc(alias = "view_as")]
    pub fn reshape(&self, shape: impl Extents) -> Self {
        let shape = shape.resolve("reshape", self.shape());
        match self.layout().reshaped(&shape) {
            Some(layout) => self.view_with(layout),
            None => self.contiguous().reshape(shape),
        }
    }

    /// [`reshape`](Self::reshape) that never copies.
    ///
    /// # Panics
    /// If the new shape has not as many elements, or strides cannot express it.
    #[track_caller]
    #[must_use]
    pub fn view(&self, shape: impl Extents) -> Self {
        let shape = shape.resolve("view", self.shape());
        match self.layout().reshaped(&shape) {
            Some(layout) => self.view_with(layout),
            None => panic!(
                "view: {} with strides {:?} cannot be seen as {shape} without a copy; use reshape",
                self.shape(),
                self.strides()
            ),
        }
    }

    /// Axes merged into one: those from a first one on, or those of a range.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::<f32>::zeros([64, 16, 5, 5]);
    /// assert_eq!(x.flatten(1).shape(), &[64, 400]);
    /// assert_eq!(x.flatten(..).shape(), &[25_600]);
    /// assert_eq!(x.flatten(1..=-2).shape(), &[64, 80, 5]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, or the range is empty.
    #[track_caller]
    #[must_use]
    pub fn flatten(&self, axes: impl Along) -> Self {
        let (shape, axes) = (self.shape(), axes.at());
        let range = match axes {
            At::Index(start) => shape.axis("flatten", start)..self.rank(),
            range if range == (..).at() => 0..self.rank(),
            range => match range.places(self.rank()) {
                Some(range) if !range.is_empty() => range,
                _ => panic!("flatten: {axes} is not a range of the axes of shape {shape}"),
            },
        };
        let merged = shape[range.clone()].iter().product();
        self.reshape(Shape::from([&shape[..range.start], &[merged], &shape[range.end..]].concat()))
    }

    /// Axis `axis` split into several, of which one size may be -1 and is inferred: the inverse of [`flatten`](Self::flatten).
    ///
    /// # Panics
    /// If the sizes do not multiply to the size of the axis.
    #[track_caller]
    #[must_use]
    pub fn unflatten(&self, axis: isize, sizes: impl Extents) -> Self {
        let at = self.shape().axis("unflatten", axis);
        let sizes = sizes.resolve("unflatten", &Shape::from(self.shape()[at]));
        self.reshape(Shape::from([&self.shape()[..at], &sizes, &self.shape()[at + 1..]].concat()))
    }

    /// The axes in another order: axis `d` of the result is axis `order[d]` of this tensor.
    ///
    /// # Panics
    /// If `order` does not name every axis once.
    #[track_caller]
    #[must_use]
    pub fn permute(&self, order: impl AsRef<[isize]>) -> Self {
        let (order, rank) = (order.as_ref(), self.rank());
        assert!(
            order.len() == rank,
            "permute: {order:?} names {} axes, but shape {} has {rank}",
            order.len(),
            self.shape()
        );
        let (mut from, mut seen) = ([0; MAX_RANK], [false; MAX_RANK]);
        for (to, &axis) in order.iter().enumerate() {
            from[to] = self.shape().axis("permute", axis);
            seen[from[to]] = true;
        }
        assert!(
            seen[..rank].iter().all(|&s| s),
            "permute: {order:?} does not name every axis of {} once",
            self.shape()
        );
        self.view_with(self.layout().permuted(&from[..rank]))
    }

    /// Axis `from` moved to place `to`; the others keep their order.
    #[track_caller]
    #[must_use]
    #[doc(alias = "moveaxis")]
    pub fn movedim(&self, from: isize, to: isize) -> Self {
        let (from, to) = (self.shape().axis("movedim", from), self.shape().axis("movedim", to));
        let mut order: Vec<usize> = (0..self.rank()).collect();
        let axis = order.remove(from);
        order.insert(to, axis);
        self.view_with(self.layout().permuted(&order))
    }

    /// Axes `a` and `b` exchanged.
    #[track_caller]
    #[must_use]
    #[doc(alias = "swapaxes")]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        let (a, b) = (self.shape().axis("transpose", a), self.shape().axis("transpose", b));
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(a, b);
        self.view_with(self.layout().permuted(&order))
    }

    /// The last two axes exchanged: the transpose of a matrix, or of each matrix of a batch.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn t(&self) -> Self {
        assert!(self.rank() >= 2, "t: shape {} has fewer than two axes to exchange", self.shape());
        self.transpose(-2, -1)
    }

    /// Axis `axis`, which must have size 1, left out.
    #[track_caller]
    #[must_use]
    pub fn squeeze(&self, axis: isize) -> Self {
        let at = self.shape().axis("squeeze", axis);
        assert!(
            self.shape()[at] == 1,
            "squeeze: axis {axis} of shape {} has size {}, not 1",
            self.shape(),
            self.shape()[at]
        );
        self.view_with(self.layout().without(at))
    }

    /// All axes of size 1 left out.
    #[must_use]
    pub fn squeeze_all(&self) -> Self {
        let ones = (0..self.rank()).rev().filter(|&axis| self.shape()[axis] == 1);
        self.view_with(ones.fold(*self.layout(), |layout, axis| layout.without(axis)))
    }

    /// A new axis of size 1 before axis `axis`; -1 puts it last.
    #[track_caller]
    #[must_use]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        let rank = self.rank() as isize;
        let at = if axis < 0 { axis + rank + 1 } else { axis };
        assert!(
            (0..=rank).contains(&at),
            "unsqueeze: axis {axis} is out of range for shape {}",
            self.shape()
        );
        self.view_with(self.layout().with_unit(at as usize))
    }

    /// This tensor repeated along axes of size 1, and along new leading axes, to fill `shape`; nothing is copied.
    ///
    /// # Panics
    /// If it does not broadcast to `shape`.
    #[track_caller]
    #[must_use]
    #[doc(alias = "broadcast_to")]
    pub fn expand(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        assert!(
            self.shape().broadcast(&shape) == Some(shape),
            "expand: {} does not broadcast to {shape}",
            self.shape()
        );
        self.view_with(self.layout().broadcast_to(&shape))
    }

    /// `len` elements along `axis`, from `start` on.
    ///
    /// # Panics
    /// If they go beyond the end.
    #[track_caller]
    #[must_use]
    pub fn narrow(&self, axis: isize, start: usize, len: usize) -> Self {
        let at = self.shape().axis("narrow", axis);
        let size = self.shape()[at];
        assert!(
            start.checked_add(len).is_some_and(|end| end <= size),
            "narrow: {len} elements from {start} on go beyond axis {axis} of shape {}",
            self.shape()
        );
        self.view_with(self.layout().sliced(at, start, len, 1))
    }

    /// The elements at `index` along `axis`, which disappears: `x.index(0, 3)` is row 3.
    #[track_caller]
    #[must_use]
    #[doc(alias = "select")]
    pub fn index(&self, axis: isize, index: usize) -> Self {
        let at = self.shape().axis("index", axis);
        assert!(index < self.shape()[at], "index: {index} is outside axis {axis} of shape {}", self.shape());
        self.view_with(self.layout().sliced(at, index, 1, 1).without(at))
    }

    /// The order of the elements along each of `axes` reversed.
    #[track_caller]
    #[must_use]
    pub fn flip(&self, axes: impl Axes) -> Self {
        let mask = axes.mask("flip", self.shape());
        let flipped = (0..self.rank()).filter(|&axis| mask[axis]);
        self.view_with(flipped.fold(*self.layout(), |layout, axis| {
            let size = layout.shape()[axis];
            layout.sliced(axis, size.saturating_sub(1), size, -1)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tensor<i32> {
        Tensor::from_fn([2, 3, 4], |i| i as i32)
    }

    #[test]
    fn views_share_storage_and_show_the_right_elements() {
        let x = sample();
        let cases: Vec<(&str, Tensor<i32>, &[usize], Vec<i32>)> = vec![
            ("reshape", x.reshape([4, -1]), &[4, 6], (0..24).collect()),
            ("flatten", x.flatten(1), &[2, 12], (0..24).collect()),
            ("index", x.index(1, 2), &[2, 4], vec![8, 9, 10, 11, 20, 21, 22, 23]),
            ("narrow", x.narrow(-1, 1, 2).index(0, 0), &[3, 2], vec![1, 2, 5, 6, 9, 10]),
            ("slice", x.slice(0, 1..).index(1, 0), &[1, 4], vec![12, 13, 14, 15]),
            ("slice by", x.slice(2, At::step(.., 3)).index(0, 0), &[3, 2], vec![0, 3, 4, 7, 8, 11]),
            ("view", x.permute([2, 0, 1]).view([4, -1]).t(), &[6, 4], (0..24).collect()),
            ("movedim", x.movedim(0, -1).index(0, 0), &[4, 2], vec![0, 12, 1, 13, 2, 14, 3, 15]),
            ("unflatten", x.unflatten(-1, [2, -1]).index(0, 0).index(0, 0), &[2, 2], vec![0, 1, 2, 3]),
            ("squeeze_all", x.narrow(0, 1, 1).slice(2, 3..).squeeze_all(), &[3], vec![15, 19, 23]),
            ("flip all", x.flip([0, 1, 2]).index(0, 0), &[3, 4], (12..24).rev().collect()),
            ("flip", x.flip(1).index(0, 0), &[3, 4], vec![8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3]),
            ("t", x.index(0, 0).t(), &[4, 3], vec![0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]),
            ("diagonal", x.diagonal(0, -2, -1), &[2, 3], vec![0, 5, 10, 12, 17, 22]),
            ("diagonal above", x.diagonal(2, 1, 2), &[2, 2], vec![2, 7, 14, 19]),
            ("diagonal below", x.diagonal(-1, -2, -1), &[2, 2], vec![4, 9, 16, 21]),
            ("unsqueeze", x.unsqueeze(-1).unsqueeze(0).squeeze(0), &[2, 3, 4, 1], (0..24).collect()),
            (
                "expand",
                x.narrow(1, 0, 1).narrow(2, 0, 1).expand([2, 2, 2]),
                &[2, 2, 2],
                vec![0, 0, 0, 0, 12, 12, 12, 12],
            ),
            ("permute", x.permute([2, 0, 1]).index(0, 1), &[2, 3], vec![1, 5, 9, 13, 17, 21]),
        ];
        for (name, view, shape, values) in cases {
            assert_eq!(view.shape(), shape, "{name}");
            assert_eq!(view.to_vec(), values, "{name}");
            assert!(view.shares_storage_with(&x), "{name} copied");
        }
    }

    #[test]
    fn reshape_copies_what_it_must() {
        let x = sample().t();
        let flat = x.reshape([24]);
        assert_eq!(flat.to_vec()[..4], [0, 4, 8, 1]);
        assert!(!flat.shares_storage_with(&x));
    }

    #[test]
    fn empty_and_scalar_views() {
        let empty = Tensor::<f32>::zeros([0, 3]);
        assert_eq!(empty.flip(0).shape(), &[0, 3]);
        assert_eq!(empty.t().to_vec(), [0.0f32; 0]);
        assert_eq!(empty.reshape([-1, 1]).shape(), &[0, 1]);
        assert_eq!(Tensor::scalar(2.0f32).reshape([1, 1]).squeeze(0).to_vec(), [2.0]);
    }

    #[test]
    #[should_panic(
        expected = "view: [2, 4, 3] with strides [12, 1, 4] cannot be seen as [24] without a copy; use reshape"
    )]
    fn a_view_that_would_have_to_copy() {
        let _ = sample().t().view([24]);
    }

    #[test]
    #[should_panic(expected = "narrow: 3 elements from 2 on go beyond axis 1 of shape [2, 3, 4]")]
    fn narrow_beyond_the_end() {
        let _ = sample().narrow(1, 2, 3);
    }
}
