//! Pooling over windows of images and lines.

use ravine_tensor::{Float, PoolOptions, Tensor};

use super::{images, of_rank, plane};
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The largest element of each window; the first of several equal ones. Backward: `dx = dy` at its position, 0 elsewhere
    /// ([`max_pool2d_scatter`](Self::max_pool2d_scatter)).
    ///
    /// Shapes: `[batch, channels, h, w] -> [batch, channels, oh, ow]`, where `oh = (h + 2 padding - kernel) / stride + 1`, rounded down.
    ///
    /// # Panics
    /// If the input has not four axes or the windows do not fit it.
    #[track_caller]
    #[must_use]
    pub fn max_pool2d(&self, options: &PoolOptions) -> Var<T> {
        self.max_in("max_pool2d", self.value().max_pool2d(options))
    }

    /// The largest element of each of `output` (height, width) windows that divide the input as evenly as they can. Backward: as
    /// [`max_pool2d`](Self::max_pool2d).
    ///
    /// # Panics
    /// If the input has not four axes, or it or the output is empty.
    #[track_caller]
    #[must_use]
    pub fn adaptive_max_pool2d(&self, output: [usize; 2]) -> Var<T> {
        self.max_in("adaptive_max_pool2d", self.value().adaptive_max_pool2d(output))
    }

    #[track_caller]
    fn max_in(&self, op: &'static str, (y, index): (Tensor<T>, Tensor<i32>)) -> Var<T> {
        let (input, rank) = (plane(self), self.rank());
        record(op, [self], y, move |dy, _| {
            let dy = images(dy);
            let index = index.reshape(*dy.shape());
            [Some(of_rank(rank, dy.max_pool2d_scatter(&index, input)))]
        })
    }

    /// Each element added at its index in planes of zeros of the size `input`. Backward: `dx` is `dy` at these indices
    /// ([`max_pool2d_gather`](Self::max_pool2d_gather)).
    ///
    /// # Panics
    /// If the shapes differ or an index is outside.
    #[track_caller]
    #[must_use]
    pub fn max_pool2d_scatter(&self, index: &Tensor<i32>, input: [usize; 2]) -> Var<T> {
        let y = self.value().max_pool2d_scatter(index, input);
        let index = index.clone();
        record("max_pool2d_scatter", [self], y, move |dy, _| [Some(dy.max_pool2d_gather(&index))])
    }

    /// The elements of each plane at the given indices. Backward: `dx` by [`max_pool2d_scatter`](Self::max_pool2d_scatter).
    ///
    /// # Panics
    /// If batch or channels differ or an index is outside.
    #[track_caller]
    #[must_use]
    pub fn max_pool2d_gather(&self, index: &Tensor<i32>) -> Var<T> {
        let y = self.value().max_pool2d_gather(index);
        let (index, input) = (index.clone(), [self.size(2), self.size(3)]);
        record("max_pool2d_gather", [self], y, move |dy, _| [Some(dy.max_pool2d_scatter(&index, input))])
    }

    /// The mean of each window, in which positions outside the input count as zeros. Backward: each `dy` spread over its window
    /// ([`avg_pool2d_grad`](Self::avg_pool2d_grad)).
    ///
    /// Shapes: as [`max_pool2d`](Self::max_pool2d).
    ///
    /// # Panics
    /// If the input has not four axes or the windows do not fit it.
    #[track_caller]
    #[must_use]
    pub fn avg_pool2d(&self, options: &PoolOptions) -> Var<T> {
        self.mean_in("avg_pool2d", self.value().avg_pool2d(options), options.on_images())
    }

    #[track_caller]
    fn mean_in(&self, op: &'static str, y: Tensor<T>, options: PoolOptions) -> Var<T> {
        let (input, rank) = (plane(self), self.rank());
        record(op, [self], y, move |dy, _| [Some(of_rank(rank, images(dy).avg_pool2d_grad(input, &options)))])
    }

    /// The gradient of [`avg_pool2d`](Self::avg_pool2d) for planes of the size `input`. Backward: `dx` is `dy` pooled.
    ///
    /// # Panics
    /// If this is not the shape of the output for such an input.
    #[track_caller]
    #[must_use]
    pub fn avg_pool2d_grad(&self, input: [usize; 2], options: &PoolOptions) -> Var<T> {
        let options = *options;
        record("avg_pool2d_grad", [self], self.value().avg_pool2d_grad(input, &options), move |dy, _| {
            [Some(dy.avg_pool2d(&options))]
        })
    }

    /// The mean of each of `output` (height, width) windows that divide the input as evenly as they can. Backward: each `dy` spread
    /// over its window ([`adaptive_avg_pool2d_grad`](Self::adaptive_avg_pool2d_grad)).
    ///
    /// # Panics
    /// If the input has not four axes, or it or the output is empty.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool2d(&self, output: [usize; 2]) -> Var<T> {
        self.adaptive_mean("adaptive_avg_pool2d", self.value().adaptive_avg_pool2d(output))
    }

    #[track_caller]
    fn adaptive_mean(&self, op: &'static str, y: Tensor<T>) -> Var<T> {
        let (input, rank) = (plane(self), self.rank());
        record(op, [self], y, move |dy, _| [Some(of_rank(rank, images(dy).adaptive_avg_pool2d_grad(input)))])
    }

    /// The gradient of [`adaptive_avg_pool2d`](Self::adaptive_avg_pool2d) for planes of the size `input`. Backward: `dx` is `dy` pooled.
    ///
    /// # Panics
    /// If this has not four axes or is empty.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool2d_grad(&self, input: [usize; 2]) -> Var<T> {
        let y = self.value().adaptive_avg_pool2d_grad(input);
        let output = [self.size(2), self.size(3)];
        record("adaptive_avg_pool2d_grad", [self], y, move |dy, _| [Some(dy.adaptive_avg_pool2d(output))])
    }

    /// [`max_pool2d`](Self::max_pool2d) over lines: `[batch, channels, length] -> [batch, channels, out_length]`.
    ///
    /// # Panics
    /// If the input has not three axes or the windows do not fit it.
    #[track_caller]
    #[must_use]
    pub fn max_pool1d(&self, options: &PoolOptions<1>) -> Var<T> {
        self.max_in("max_pool1d", self.value().max_pool1d(options))
    }

    /// [`avg_pool2d`](Self::avg_pool2d) over lines: `[batch, channels, length] -> [batch, channels, out_length]`.
    ///
    /// # Panics
    /// If the input has not three axes or the windows do not fit it.
    #[track_caller]
    #[must_use]
    pub fn avg_pool1d(&self, options: &PoolOptions<1>) -> Var<T> {
        self.mean_in("avg_pool1d", self.value().avg_pool1d(options), options.on_images())
    }

    /// [`adaptive_max_pool2d`](Self::adaptive_max_pool2d) over lines.
    ///
    /// # Panics
    /// If the input has not three axes, or it or the output is empty.
    #[track_caller]
    #[must_use]
    pub fn adaptive_max_pool1d(&self, output: usize) -> Var<T> {
        self.max_in("adaptive_max_pool1d", self.value().adaptive_max_pool1d(output))
    }

    /// [`adaptive_avg_pool2d`](Self::adaptive_avg_pool2d) over lines.
    ///
    /// # Panics
    /// If the input has not three axes, or it or the output is empty.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool1d(&self, output: usize) -> Var<T> {
        self.adaptive_mean("adaptive_avg_pool1d", self.value().adaptive_avg_pool1d(output))
    }
}
