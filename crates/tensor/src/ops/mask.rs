//! Selecting elements by a boolean mask.

use crate::{Element, Tensor};

impl<T: Element> Tensor<T> {
    /// `a` where `mask`, else `b`, after broadcasting all three.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([-1.0, 2.0, -3.0]);
    /// assert_eq!(Tensor::where_(&x.lt(&Tensor::scalar(0.0)), &-&x, &x), Tensor::from([1.0, 2.0, 3.0]));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    #[doc(alias = "select")]
    pub fn where_(mask: &Tensor<bool>, a: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
        let shape = mask.shape().broadcast(a.shape()).and_then(|shape| shape.broadcast(b.shape()));
        assert!(
            shape.is_some(),
            "where_: mask {}, {} and {} do not broadcast",
            mask.shape(),
            a.shape(),
            b.shape()
        );
        mask.zip3(a, b, |mask, a, b| if mask { a } else { b })
    }

    /// `value` where `mask`, else this tensor; `mask` is broadcast to its shape.
    ///
    /// # Panics
    /// If it does not broadcast.
    #[track_caller]
    #[must_use]
    pub fn masked_fill(&self, mask: &Tensor<bool>, value: T) -> Tensor<T> {
        self.fitting("masked_fill", mask);
        self.zip(mask, move |x, masked| if masked { value } else { x })
    }

    /// [`masked_fill`](Self::masked_fill), in place.
    #[track_caller]
    pub fn masked_fill_(&mut self, mask: &Tensor<bool>, value: T) {
        self.fitting("masked_fill_", mask);
        self.zip_(mask, move |x, masked| {
            if masked {
                *x = value;
            }
        });
    }

    /// The elements at which `mask` is true, in row-major order, as one axis. Both are broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn masked_select(&self, mask: &Tensor<bool>) -> Tensor<T> {
        let shape = super::elementwise::broadcast_shape("masked_select", self.shape(), mask.shape());
        let (x, mask) = (self.expand(shape), mask.expand(shape));
        x.iter().zip(mask.iter()).filter(|&(_, chosen)| chosen).map(|(x, _)| x).collect()
    }

    /// This tensor with the elements at which `mask` is true taken from `source`, one after another; `mask` is broadcast to its shape.
    ///
    /// The inverse of [`masked_select`](Self::masked_select).
    ///
    /// # Panics
    /// If `mask` does not broadcast, or chooses more or fewer elements than `source` has.
    #[track_caller]
    #[must_use]
    pub fn masked_scatter(&self, mask: &Tensor<bool>, source: &Tensor<T>) -> Tensor<T> {
        self.fitting("masked_scatter", mask);
        let mask = mask.expand(self.shape());
        let chosen = mask.count(|chosen| chosen);
        assert!(
            chosen == source.numel(),
            "masked_scatter: the mask chooses {chosen} elements, but the source {} has {}",
            source.shape(),
            source.numel()
        );
        let mut y = self.clone();
        let places = y.as_mut_slice().iter_mut().zip(mask.iter()).filter(|&(_, chosen)| chosen);
        places.zip(source.iter()).for_each(|((y, _), v)| *y = v);
        y
    }

    /// The indices of the elements that are not zero, in row-major order: `[count, rank]`.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::from([[0, 7], [8, 0]]).nonzero(), Tensor::from([[0, 1], [1, 0]]));
    /// ```
    #[must_use]
    pub fn nonzero(&self) -> Tensor<i64> {
        let (rank, mut found) = (self.rank(), vec![]);
        let mut count = 0;
        for place in self.iter().enumerate().filter(|&(_, x)| x != T::ZERO).map(|(place, _)| place) {
            count += 1;
            let (mut rest, end) = (place, found.len() + rank);
            found.resize(end, 0);
            for (axis, &n) in self.shape().iter().enumerate().rev() {
                found[end - rank + axis] = (rest % n) as i64;
                rest /= n;
            }
        }
        Tensor::from_slice(&found, [count, rank])
    }

    #[track_caller]
    fn fitting(&self, op: &str, mask: &Tensor<bool>) {
        assert!(
            self.shape().broadcast(mask.shape()) == Some(*self.shape()),
            "{op}: a mask of shape {} does not broadcast to {}",
            mask.shape(),
            self.shape()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selecting_and_scattering_are_inverse() {
        let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
        let mask = Tensor::from([[true, false, true], [false, true, false]]);
        let chosen = x.masked_select(&mask);
        assert_eq!(chosen.to_vec(), [1, 3, 5]);
        assert_eq!(x.zeros_like().masked_scatter(&mask, &chosen), x.masked_fill(&!&mask, 0));
        assert_eq!(x.masked_select(&Tensor::from([[true], [false]])).to_vec(), [1, 2, 3]);
        assert_eq!(Tensor::scalar(4).masked_select(&Tensor::from([true, false, true])).to_vec(), [4, 4]);
    }

    #[test]
    fn nonzero_of_scalars_and_of_nothing() {
        assert_eq!(Tensor::scalar(2.0f32).nonzero().shape(), &[1, 0]);
        assert_eq!(Tensor::<bool>::zeros([2, 0]).nonzero().shape(), &[0, 2]);
        assert_eq!(Tensor::from([f32::NAN, -0.0]).nonzero().to_vec(), [0]);
    }

    #[test]
    #[should_panic(expected = "masked_fill: a mask of shape [2, 3] does not broadcast to [3]")]
    fn a_mask_that_is_larger() {
        let _ = Tensor::<f32>::zeros([3]).masked_fill(&Tensor::zeros([2, 3]), 1.0);
    }

    #[test]
    #[should_panic(expected = "masked_scatter: the mask chooses 2 elements, but the source [3] has 3")]
    fn a_source_that_does_not_fill_the_mask() {
        let _ =
            Tensor::<f32>::zeros([3]).masked_scatter(&Tensor::from([true, false, true]), &Tensor::ones(3));
    }
}
