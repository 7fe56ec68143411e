//! Elements added at the ends of axes. Padding with a constant and cutting off are each other's derivative; the other modes repeat
//! elements, and their derivatives add up what was repeated.

use ravine_tensor::{Float, Pad};

use super::zeros;
use crate::var::{Var, record};

impl<T: Float> Var<T> {
    /// Elements added `[before, after]` each of the last axes, which `widths` lists in their order; what they are, [`Pad`] says.
    /// Backward: `dx` is the inside of `dy`, plus, where the padding shows elements of `x`, what is there.
    ///
    /// # Panics
    /// If there are more widths than axes, or too few elements to reflect, to go round or to replicate.
    #[track_caller]
    #[must_use]
    pub fn pad(&self, widths: impl AsRef<[[usize; 2]]>, mode: Pad<T>) -> Var<T> {
        let (widths, from) = (widths.as_ref().to_vec(), *self.shape());
        let y = self.value().pad(&widths, mode);
        let first = self.rank() - widths.len();
        record("pad", [self], y, move |dy, _| {
            let axes = widths.iter().enumerate().filter(|(_, width)| **width != [0, 0]);
            let inside = axes.fold(dy.clone(), |dy, (d, &width)| {
                let (axis, size) = (first + d, from[first + d]);
                match mode.sources(size, width) {
                    None => dy.narrow(axis as isize, width[0], size),
                    Some(sources) => {
                        let mut shape = *dy.shape();
                        shape[axis] = size;
                        zeros(&dy, shape).index_add(axis as isize, &sources, &dy)
                    }
                }
            });
            [Some(inside)]
        })
    }

    /// Zeros added along `axis`, `before` and `after`. Backward: `dx` is the part of `dy` between them.
    #[track_caller]
    #[must_use]
    pub fn zero_pad(&self, axis: isize, before: usize, after: usize) -> Var<T> {
        let (size, y) = (self.size(axis), self.value().zero_pad(axis, before, after));
        record("zero_pad", [self], y, move |dy, _| [Some(dy.narrow(axis, before, size))])
    }
}
