//! Making tensors from values.

use crate::storage::Buffer;
use crate::{Element, Float, Number, Shape, Tensor};

impl<T: Element> Tensor<T> {
    /// Every element equal to `value`.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        let shape = shape.into();
        Tensor::over(Buffer::filled(shape.numel(), value), shape)
    }

    /// All zeros (`false` for `bool`).
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::ZERO)
    }

    /// All ones (`true` for `bool`).
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::ONE)
    }

    /// Zeros in the shape of this tensor.
    pub fn zeros_like(&self) -> Self {
        Self::zeros(*self.shape())
    }

    /// Ones in the shape of this tensor.
    pub fn ones_like(&self) -> Self {
        Self::ones(*self.shape())
    }

    /// A tensor of rank 0.
    pub fn scalar(value: T) -> Self {
        Self::full((), value)
    }

    /// The given elements, in row-major order.
    ///
    /// # Panics
    /// If there are not as many as `shape` holds.
    #[track_caller]
    pub fn from_slice(values: &[T], shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        assert!(
            values.len() == shape.numel(),
            "from_slice: {} values do not fill shape {shape}",
            values.len()
        );
        Tensor::over(Buffer::from(values), shape)
    }

    /// The elements that `f` gives for 0, 1, 2, ..., in row-major order.
    #[track_caller]
    pub fn from_fn(shape: impl Into<Shape>, mut f: impl FnMut(usize) -> T) -> Self {
        Tensor::build(shape.into(), |out| out.iter_mut().enumerate().for_each(|(i, v)| *v = f(i)))
    }

    /// The `n` by `n` matrix with ones on its diagonal and zeros beside it.
    pub fn eye(n: usize) -> Self {
        Self::from_fn([n, n], |i| if i % (n + 1) == 0 { T::ONE } else { T::ZERO })
    }
}

impl<T: Number> Tensor<T> {
    /// `[0, 1, ..., n - 1]`.
    ///
    /// # Panics
    /// If `T` cannot hold `n - 1`.
    #[track_caller]
    pub fn arange(n: usize) -> Self
    where
        T: num_traits::NumCast,
    {
        Self::from_fn(n, |i| T::from(i).unwrap_or_else(|| panic!("arange: {} does not hold {i}", T::DTYPE)))
    }
}

impl<T: Float> Tensor<T> {
    /// `steps` numbers from `start` to `end`, both included, at equal distances.
    pub fn linspace(start: T, end: T, steps: usize) -> Self {
        let last = T::of(steps.max(2) as f64 - 1.0);
        Self::from_fn(steps, |i| {
            let t = T::of(i as f64) / last;
            // Exact at both ends, unlike start + t * (end - start).
            (T::ONE - t) * start + t * end
        })
    }
}

impl<T: Element> From<T> for Tensor<T> {
    fn from(value: T) -> Self {
        Tensor::scalar(value)
    }
}

impl<T: Element, const A: usize> From<[T; A]> for Tensor<T> {
    fn from(values: [T; A]) -> Self {
        Tensor::from_slice(&values, [A])
    }
}

impl<T: Element, const A: usize, const B: usize> From<[[T; B]; A]> for Tensor<T> {
    fn from(values: [[T; B]; A]) -> Self {
        Tensor::from_slice(values.as_flattened(), [A, B])
    }
}

impl<T: Element, const A: usize, const B: usize, const C: usize> From<[[[T; C]; B]; A]> for Tensor<T> {
    fn from(values: [[[T; C]; B]; A]) -> Self {
        Tensor::from_slice(values.as_flattened().as_flattened(), [A, B, C])
    }
}

impl<T: Element, const A: usize, const B: usize, const C: usize, const D: usize> From<[[[[T; D]; C]; B]; A]>
    for Tensor<T>
{
    fn from(values: [[[[T; D]; C]; B]; A]) -> Self {
        Tensor::from_slice(values.as_flattened().as_flattened().as_flattened(), [A, B, C, D])
    }
}

/// Collects into a tensor of rank 1.
impl<T: Element> FromIterator<T> for Tensor<T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        let values: Vec<T> = iter.into_iter().collect();
        Tensor::from_slice(&values, [values.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_they_were_written() {
        assert_eq!(Tensor::<f64>::eye(3).to_vec(), [1., 0., 0., 0., 1., 0., 0., 0., 1.]);
        assert_eq!(Tensor::<i64>::arange(4).to_vec(), [0, 1, 2, 3]);
        assert_eq!(Tensor::<f32>::linspace(-1.0, 1.0, 5).to_vec(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(Tensor::<f32>::linspace(0.3, 0.7, 7).at([6]), 0.7);
        assert_eq!(Tensor::<f32>::linspace(3.0, 4.0, 1).to_vec(), [3.0]);
        assert_eq!(Tensor::from([[[1u8, 2]], [[3, 4]]]).shape(), &[2, 1, 2]);
        assert_eq!((0..3).map(|i| i as f32).collect::<Tensor>().to_vec(), [0.0, 1.0, 2.0]);
        assert_eq!(Tensor::<bool>::ones([0, 3]).numel(), 0);
    }

    #[test]
    #[should_panic(expected = "from_slice: 3 values do not fill shape [2, 2]")]
    fn wrong_count() {
        Tensor::from_slice(&[1.0, 2.0, 3.0], [2, 2]);
    }
}
