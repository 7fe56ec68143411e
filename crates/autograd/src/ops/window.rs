//! Sliding windows. Cutting them out and adding them up where they overlap are each other's derivative.

use ravine_tensor::{Float, UnfoldOptions};

use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// The windows of `size` elements along `axis`, every `step` elements one; the elements of a window are a new last axis.
    /// Backward: the windows of `dy` added up where they overlap ([`fold`](Self::fold)).
    ///
    /// # Panics
    /// If `size` or `step` is 0, or no window fits.
    #[track_caller]
    #[must_use]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Var<T> {
        let y = self.value().unfold(axis, size, step);
        let at = self.shape().axis("unfold", axis);
        let n = self.shape()[at];
        record("unfold", [self], y, move |dy, _| [Some(dy.fold(at as isize, n, step))])
    }

    /// `n` elements along `axis`, to which the windows along it are added where they lie; the elements of a window are the last axis,
    /// which disappears. Backward: the windows of `dy` ([`unfold`](Self::unfold)).
    ///
    /// # Panics
    /// If there are fewer than two axes, `axis` is the last, or there are not as many windows as fit on `n` elements.
    #[track_caller]
    #[must_use]
    pub fn fold(&self, axis: isize, n: usize, step: usize) -> Var<T> {
        let y = self.value().fold(axis, n, step);
        let (size, at) = (self.size(-1), self.shape().axis("fold", axis) as isize);
        record("fold", [self], y, move |dy, _| [Some(dy.unfold(at, size, step))])
    }

    /// The windows on images as columns: `[n, c, h, w] -> [n, c · window, windows]`. Backward: the windows of `dy` added up where they
    /// overlap ([`fold2d`](Self::fold2d)).
    ///
    /// # Panics
    /// If `x` is not a batch of images, or no window fits.
    #[track_caller]
    #[must_use]
    pub fn unfold2d(&self, options: &UnfoldOptions) -> Var<T> {
        let (options, y) = (*options, self.value().unfold2d(options));
        let size = [self.size(2), self.size(3)];
        record("unfold2d", [self], y, move |dy, _| [Some(dy.fold2d(size, &options))])
    }

    /// Images of `size` to which the windows are added where they lie: `[n, c · window, windows] -> [n, c, h, w]`. Backward: the windows
    /// of `dy` ([`unfold2d`](Self::unfold2d)).
    ///
    /// # Panics
    /// If there are not as many windows as fit on images of this size, or not whole windows.
    #[track_caller]
    #[must_use]
    pub fn fold2d(&self, size: [usize; 2], options: &UnfoldOptions) -> Var<T> {
        let (options, y) = (*options, self.value().fold2d(size, options));
        record("fold2d", [self], y, move |dy, _| [Some(dy.unfold2d(&options))])
    }
}
