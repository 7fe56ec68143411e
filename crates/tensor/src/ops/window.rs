//! Sliding windows, and their transpose, the sum of overlapping windows.

use crate::layout::{Layout, Runs};
use crate::{Element, Number, Shape, Tensor};

/// How the windows of [`Tensor::unfold2d`] lie on an image; each field is `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfoldOptions {
    /// The elements of a window.
    pub kernel: [usize; 2],
    /// The step between windows.
    pub stride: [usize; 2],
    /// Zeros around the image, on each side.
    pub padding: [usize; 2],
    /// The step between the elements of a window.
    pub dilation: [usize; 2],
}

impl UnfoldOptions {
    /// Windows of this size at every place where one fits.
    pub fn new(kernel: [usize; 2]) -> Self {
        UnfoldOptions { kernel, stride: [1; 2], padding: [0; 2], dilation: [1; 2] }
    }

    /// The size of an image with its padding, and the windows on it: `(in + 2 padding - dilation (kernel - 1) - 1) / stride + 1` along
    /// each axis.
    #[track_caller]
    fn counts(&self, op: &str, image: [usize; 2]) -> [[usize; 2]; 2] {
        let padded = [0, 1].map(|d| image[d].saturating_add(self.padding[d].saturating_mul(2)));
        checked_shape(op, &padded);
        match [0, 1].map(|d| self.along(d).count(padded[d])) {
            [Some(rows), Some(columns)] => [padded, [rows, columns]],
            _ => panic!(
                "{op}: image {image:?}, {self:?}: kernel, stride and dilation must be at least 1, and a window must fit"
            ),
        }
    }

    fn along(&self, d: usize) -> Windows {
        Windows { size: self.kernel[d], step: self.stride[d], dilation: self.dilation[d] }
    }
}

/// The windows along one axis.
#[derive(Clone, Copy)]
struct Windows {
    size: usize,
    step: usize,
    dilation: usize,
}

impl Windows {
    /// How many fit on `n` elements; `None` if none does, or one has no elements or no step.
    fn count(&self, n: usize) -> Option<usize> {
        if self.dilation == 0 {
            return None;
        }
        let span = self.dilation.checked_mul(self.size.checked_sub(1)?)?.checked_add(1)?;
        n.checked_sub(span)?.checked_div(self.step).map(|steps| steps + 1)
    }

    /// The view with the windows along `axis`, of which there are `count`, and the elements of a window along a new last axis.
    #[track_caller]
    fn on(&self, op: &str, layout: &Layout, axis: usize, count: usize) -> Layout {
        let stride = layout.strides()[axis];
        let view = layout.sliced(axis, 0, count, self.step as isize);
        checked_shape(op, &[&**view.shape(), &[self.size]].concat());
        // A window of one element takes no step, however far it would lead.
        view.with_last(self.size, stride.wrapping_mul(self.dilation as isize))
    }
}

/// The shape with these sizes, which come from what the caller of `op` asked for.
///
/// # Panics
/// If there would be more elements than memory has addresses.
#[track_caller]
pub(super) fn checked_shape(op: &str, sizes: &[usize]) -> Shape {
    match Shape::checked(sizes) {
        Ok(shape) => shape,
        Err(expected) => panic!("{op}: shape {sizes:?}: expected {expected}"),
    }
}

/// The first two axes of images or of lines and the others, `[height, width]` or `[length]`; `None` if there are not so many.
pub(super) fn planes<const AXES: usize>(shape: &[usize]) -> Option<([usize; 2], [usize; AXES])> {
    let (&first, sizes) = shape.split_first_chunk()?;
    Some((first, sizes.try_into().ok()?))
}

/// What the axes of a plane are called.
pub(super) fn names<const AXES: usize>() -> &'static str {
    if AXES == 1 { "length" } else { "height, width" }
}

/// A value for each axis of a plane, as for images; lines are images of height 1, and get `down` for the vertical axis.
pub(super) fn on_images<const AXES: usize>(along: [usize; AXES], down: usize) -> [usize; 2] {
    let mut both = [down; 2];
    both[2 - AXES..].copy_from_slice(&along);
    both
}

impl<T: Element> Tensor<T> {
    /// The windows of `size` elements along `axis`, every `step` elements one; the elements of a window are a new last axis. A view:
    /// windows that overlap share what they have in common.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([1, 2, 3, 4, 5]);
    /// assert_eq!(x.unfold(0, 3, 1), Tensor::from([[1, 2, 3], [2, 3, 4], [3, 4, 5]]));
    /// assert_eq!(x.unfold(0, 2, 2), Tensor::from([[1, 2], [3, 4]]));
    /// ```
    ///
    /// # Panics
    /// If `size` or `step` is 0, or no window fits.
    #[track_caller]
    #[must_use]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Tensor<T> {
        let at = self.shape().axis("unfold", axis);
        let windows = Windows { size, step, dilation: 1 };
        let Some(count) = windows.count(self.shape()[at]) else {
            panic!(
                "unfold: no window of {size} by steps of {step} fits on axis {axis} of shape {}",
                self.shape()
            )
        };
        self.view_with(windows.on("unfold", self.layout(), at, count))
    }

    /// The windows on images as columns: `[n, c, h, w]` becomes `[n, c · window, windows]` (im2col; PyTorch's `functional.unfold`).
    ///
    /// A convolution is a matrix product with it.
    ///
    /// # Panics
    /// If this is not a batch of images, kernel, stride or dilation is 0, or no window fits.
    #[track_caller]
    #[must_use]
    #[doc(alias = "im2col")]
    pub fn unfold2d(&self, options: &UnfoldOptions) -> Tensor<T> {
        let &[n, c, h, w] = &**self.shape() else {
            panic!("unfold2d: {} is not [batch, channels, height, width]", self.shape())
        };
        let [[height, width], [rows, columns]] = options.counts("unfold2d", [h, w]);
        checked_shape("unfold2d", &[n, c, height, width]);
        let [vertical, horizontal] = options.padding;
        let image = self.zero_pad(2, vertical, vertical).zero_pad(3, horizontal, horizontal);
        let view = options.along(0).on("unfold2d", image.layout(), 2, rows);
        let view = options.along(1).on("unfold2d", &view, 3, columns);
        let [kh, kw] = options.kernel;
        image.view_with(view.permuted(&[0, 1, 4, 5, 2, 3])).reshape([n, c * kh * kw, rows * columns])
    }
}

impl<T: Number> Tensor<T> {
    /// The transpose of [`unfold`](Self::unfold): `n` elements along `axis`, to which the windows along it are added where they lie.
    /// The elements of a window are the last axis, which disappears.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let windows = Tensor::from([[1, 2, 3], [10, 20, 30]]);
    /// assert_eq!(windows.fold(0, 5, 2), Tensor::from([1, 2, 13, 20, 30]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes, `axis` is the last, or there are not as many windows as fit on `n` elements.
    #[track_caller]
    #[must_use]
    pub fn fold(&self, axis: isize, n: usize, step: usize) -> Tensor<T> {
        let (at, last) = (self.shape().axis("fold", axis), self.rank() - 1);
        assert!(at != last, "fold: axis {axis} of shape {} holds the elements of a window", self.shape());
        let windows = Windows { size: self.shape()[last], step, dilation: 1 };
        assert!(
            windows.count(n) == Some(self.shape()[at]),
            "fold: axis {axis} of shape {} has not as many windows as fit on {n} elements by steps of {step}",
            self.shape()
        );
        self.overlapped("fold", at, n, windows)
    }

    #[track_caller]
    fn overlapped(&self, op: &str, at: usize, n: usize, windows: Windows) -> Tensor<T> {
        let mut sizes = self.shape()[..self.rank() - 1].to_vec();
        sizes[at] = n;
        let mut y = Tensor::<T>::zeros(checked_shape(op, &sizes));
        let places = windows.on(op, y.layout(), at, self.shape()[at]);
        let runs = Runs::new([&places, self.layout()]);
        let (to, from) = (y.as_mut_slice(), self.storage());
        runs.for_each(0..runs.count, |[out, x]| {
            for i in 0..runs.len as isize {
                let y = &mut to[out.wrapping_add_signed(i * runs.step[0])];
                *y = y.plus(from[x.wrapping_add_signed(i * runs.step[1])]);
            }
        });
        y
    }

    /// The transpose of [`unfold2d`](Self::unfold2d): images of `size` to which the windows are added where they lie (col2im; PyTorch's
    /// `functional.fold`).
    ///
    /// # Panics
    /// If this is not `[batch, channels · window, windows]` with as many windows as fit, or kernel, stride or dilation is 0.
    #[track_caller]
    #[must_use]
    #[doc(alias = "col2im")]
    pub fn fold2d(&self, size: [usize; 2], options: &UnfoldOptions) -> Tensor<T> {
        let [[height, width], [rows, columns]] = options.counts("fold2d", size);
        let [kh, kw] = options.kernel;
        let n = match &**self.shape() {
            &[n, elements, windows] if elements % (kh * kw) == 0 && windows == rows * columns => n,
            _ => panic!(
                "fold2d: {} is not [batch, channels · {}, {}], as {options:?} has it on images of {size:?}",
                self.shape(),
                kh * kw,
                rows * columns
            ),
        };
        let channels = self.shape()[1] / (kh * kw);
        let [vertical, horizontal] = options.padding;
        let windows =
            self.reshape(Shape::from([n, channels, kh, kw, rows, columns])).permute([0, 1, 4, 5, 2, 3]);
        let lines = windows.overlapped("fold2d", 3, width, options.along(1));
        let image = lines.overlapped("fold2d", 2, height, options.along(0));
        image.narrow(2, vertical, size[0]).narrow(3, horizontal, size[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convolution_is_a_product_with_the_columns() {
        let (x, w) = (
            Tensor::<f64>::from_fn([2, 3, 5, 6], |i| (i * i % 17) as f64),
            Tensor::from_fn([4, 3, 2, 3], |i| (i % 5) as f64),
        );
        let options =
            UnfoldOptions { stride: [2, 1], padding: [1, 0], dilation: [1, 2], ..UnfoldOptions::new([2, 3]) };
        let columns = x.unfold2d(&options);
        assert_eq!(columns.shape(), &[2, 18, 6]);
        let conv = crate::ConvOptions { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 1 };
        let want = x.conv2d(&w, None, &conv);
        assert_eq!(w.reshape([4, -1]).matmul(&columns).reshape(want.shape()), want);
    }

    #[test]
    fn windows_are_views() {
        let x = Tensor::<i32>::zeros([3, 7]);
        assert!(x.unfold(-1, 3, 2).shares_storage_with(&x));
        assert_eq!(x.unfold(0, 2, 1).shape(), &[2, 7, 2]);
    }

    #[test]
    #[should_panic(expected = "unfold: no window of 4 by steps of 1 fits on axis 0 of shape [3, 7]")]
    fn a_window_that_does_not_fit() {
        let _ = Tensor::<f32>::zeros([3, 7]).unfold(0, 4, 1);
    }

    #[test]
    #[should_panic(expected = "fold: axis 0 of shape [3, 2] has not as many windows as fit on 5 elements")]
    fn windows_that_leave_a_rest() {
        let _ = Tensor::<f32>::zeros([3, 2]).fold(0, 5, 1);
    }
}
