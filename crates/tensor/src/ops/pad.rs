//! Elements added at the ends of axes.

use crate::parallel::split_units;
use crate::{Element, Shape, Tensor};

/// What [`Tensor::pad`] puts at the ends of an axis `1 2 3 4`, two at each end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pad<T = f32> {
    /// One value everywhere: `v v 1 2 3 4 v v`.
    Constant(T),
    /// The mirror image about the first and the last element: `3 2 1 2 3 4 3 2`.
    Reflect,
    /// The first and the last element again: `1 1 1 2 3 4 4 4`.
    Replicate,
    /// The other end, as if the axis were a circle: `3 4 1 2 3 4 1 2`.
    Circular,
}

impl<T> Pad<T> {
    /// For each place of an axis of `n` elements that is padded by `[before, after]`, the place of the element that it shows; `None` for
    /// [`Pad::Constant`], which shows others.
    ///
    /// # Panics
    /// If there are too few elements: see [`Tensor::pad`].
    #[track_caller]
    pub fn sources(&self, n: usize, [before, after]: [usize; 2]) -> Option<Tensor<i64>> {
        let (name, longest) = match self {
            Pad::Constant(_) => return None,
            Pad::Reflect => ("reflect", n.saturating_sub(1)),
            Pad::Circular => ("go round", n),
            Pad::Replicate => ("replicate", if n > 0 { usize::MAX } else { 0 }),
        };
        assert!(
            before.max(after) <= longest,
            "pad: an axis of {n} elements is too short to {name} {before} before it and {after} after it"
        );
        let all = Shape::new(&[n.saturating_add(before).saturating_add(after)]).numel();
        let place = |i: usize| match self {
            Pad::Reflect if i < before => before - i,
            Pad::Reflect if i >= before + n => 2 * (n - 1) - (i - before),
            Pad::Circular => (i + n - before) % n,
            _ => i.saturating_sub(before).min(n - 1),
        };
        Some((0..all).map(|i| place(i) as i64).collect())
    }
}

impl<T: Element> Tensor<T> {
    /// Elements added `[before, after]` each of the last axes, which `widths` lists in their order.
    ///
    /// For images `[batch, channels, height, width]`, `[[top, bottom], [left, right]]`. (PyTorch's flat list begins with the last axis.)
    ///
    /// ```
    /// use ravine_tensor::{Pad, Tensor};
    ///
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.pad([[1, 2]], Pad::Constant(0)), Tensor::from([[0, 1, 2, 3, 0, 0], [0, 4, 5, 6, 0, 0]]));
    /// let wide = x.pad([[1, 0], [0, 2]], Pad::Reflect);
    /// assert_eq!(wide, Tensor::from([[4, 5, 6, 5, 4], [1, 2, 3, 2, 1], [4, 5, 6, 5, 4]]));
    /// ```
    ///
    /// # Panics
    /// If there are more widths than axes; if there is not enough to reflect (a width must be less than the axis), to go round
    /// (at most the axis) or to replicate (at least one element).
    #[track_caller]
    #[must_use]
    pub fn pad(&self, widths: impl AsRef<[[usize; 2]]>, mode: Pad<T>) -> Tensor<T> {
        let widths = widths.as_ref();
        assert!(
            widths.len() <= self.rank(),
            "pad: widths {widths:?} are for more axes than shape {} has",
            self.shape()
        );
        let first = self.rank() - widths.len();
        let mut y = self.clone();
        for (axis, &width) in (first..).zip(widths).filter(|(_, width)| **width != [0, 0]) {
            y = if let Pad::Constant(value) = mode {
                y.padded(axis, width, value)
            } else {
                let sources = mode.sources(self.shape()[axis], width).expect("a mode that shows elements");
                y.index_select(axis as isize, &sources)
            };
        }
        y
    }

    /// Zeros added along `axis`, `before` and `after` it.
    #[track_caller]
    #[must_use]
    pub fn zero_pad(&self, axis: isize, before: usize, after: usize) -> Tensor<T> {
        self.padded(self.shape().axis("zero_pad", axis), [before, after], T::ZERO)
    }

    /// `value` added along one axis.
    #[track_caller]
    fn padded(&self, axis: usize, [before, after]: [usize; 2], value: T) -> Tensor<T> {
        let mut sizes = self.shape().to_vec();
        sizes[axis] = sizes[axis].saturating_add(before).saturating_add(after);
        let shape = Shape::new(&sizes);
        let inner: usize = sizes[axis + 1..].iter().product();
        let (unit, len) = (sizes[axis] * inner, self.shape()[axis] * inner);
        let x = self.contiguous();
        Tensor::build(shape, |out| {
            let work = out.len();
            split_units(out, unit, work, |units, out| {
                for (i, out) in units.zip(out.chunks_exact_mut(unit.max(1))) {
                    let (first, rest) = out.split_at_mut(before * inner);
                    let (same, last) = rest.split_at_mut(len);
                    first.fill(value);
                    same.copy_from_slice(&x.values()[i * len..][..len]);
                    last.fill(value);
                }
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_modes() {
        let x = Tensor::from([1, 2, 3, 4]);
        let pad = |mode| x.pad([[2, 3]], mode).to_vec();
        assert_eq!(pad(Pad::Constant(9)), [9, 9, 1, 2, 3, 4, 9, 9, 9]);
        assert_eq!(pad(Pad::Reflect), [3, 2, 1, 2, 3, 4, 3, 2, 1]);
        assert_eq!(pad(Pad::Replicate), [1, 1, 1, 2, 3, 4, 4, 4, 4]);
        assert_eq!(pad(Pad::Circular), [3, 4, 1, 2, 3, 4, 1, 2, 3]);
        assert_eq!(Tensor::<i32>::zeros([0, 2]).pad([[1, 0], [0, 1]], Pad::Constant(3)).to_vec(), [3; 3]);
        assert_eq!(Tensor::scalar(1).pad([], Pad::Reflect), Tensor::scalar(1));
        assert_eq!(x.reshape([2, 2]).zero_pad(0, 0, 1).to_vec(), [1, 2, 3, 4, 0, 0]);
    }

    #[test]
    #[should_panic(
        expected = "pad: an axis of 3 elements is too short to reflect 3 before it and 0 after it"
    )]
    fn nothing_left_to_reflect() {
        let _ = Tensor::<f32>::zeros([2, 3]).pad([[3, 0]], Pad::Reflect);
    }
}
