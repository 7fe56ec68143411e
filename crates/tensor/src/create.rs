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
    #[doc(alias = "fromfunction")]
    pub fn from_fn(shape: impl Into<Shape>, mut f: impl FnMut(usize) -> T) -> Self {
        Tensor::build(shape.into(), |out| out.iter_mut().enumerate().for_each(|(i, v)| *v = f(i)))
    }

    /// Ones on the diagonal of a matrix and zeros elsewhere: `eye(3)`, or with rows and columns, `eye([2, 3])`.
    ///
    /// # Panics
    /// If there are more than two sizes.
    #[track_caller]
    pub fn eye(size: impl Into<Shape>) -> Self {
        let size = size.into();
        let (rows, columns) = match *size {
            [n] => (n, n),
            [rows, columns] => (rows, columns),
            _ => panic!("eye: {size} is neither the size of a square nor [rows, columns]"),
        };
        Self::zeros([rows, columns]).diagonal_scatter(&Tensor::scalar(T::ONE), 0, 0, 1)
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
        if let Some(last) = n.checked_sub(1).filter(|&last| <T as num_traits::NumCast>::from(last).is_none())
        {
            panic!("arange: {} does not hold {last}", T::DTYPE);
        }
        Self::from_fn(n, |i| T::from(i).expect("a number up to the last"))
    }

    /// `start`, `start + step`, `start + 2 step`, ..., as long as they are before `end` (after it, for a negative step).
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::arange_step(1, 8, 3).to_vec(), [1, 4, 7]);
    /// assert_eq!(Tensor::arange_step(1.0, 0.0, -0.25).to_vec(), [1.0, 0.75, 0.5, 0.25]);
    /// ```
    ///
    /// # Panics
    /// If `step` is 0 or leads away from `end`, or a bound is not finite.
    #[track_caller]
    #[doc(alias = "range")]
    pub fn arange_step(start: T, end: T, step: T) -> Self
    where
        T: num_traits::NumCast,
    {
        let Some(count) = steps_between(start, end, step) else {
            panic!("arange_step: no number of steps of {step} leads from {start} towards {end}")
        };
        Self::from_fn(count, |i| along(start, step, i).expect("a number between two of this type"))
    }
}

/// The number of steps from `start` to before `end`: computed in `f64` for floats, like PyTorch, and exactly for integers.
fn steps_between<T: Number + num_traits::NumCast>(start: T, end: T, step: T) -> Option<usize> {
    if T::DTYPE.is_float() {
        let count = ((end.to_f64()? - start.to_f64()?) / step.to_f64()?).ceil();
        let away = count.is_sign_negative() && start != end;
        return (step != T::ZERO && !away && count.is_finite()).then_some(count as usize);
    }
    let (distance, step) = (end.to_i128()? - start.to_i128()?, step.to_i128()?);
    let (whole, rest) = (distance.checked_div(step)?, distance.checked_rem(step)?);
    let towards = distance == 0 || (distance > 0) == (step > 0);
    if towards { usize::try_from(whole + i128::from(rest != 0)).ok() } else { None }
}

/// `start + i step`, rounded once.
fn along<T: Number + num_traits::NumCast>(start: T, step: T, i: usize) -> Option<T> {
    if T::DTYPE.is_float() {
        T::from(start.to_f64()? + i as f64 * step.to_f64()?)
    } else {
        T::from(start.to_i128()? + i as i128 * step.to_i128()?)
    }
}

impl<T: Float> Tensor<T> {
    /// `steps` numbers from `start` to `end`, both included, at equal distances.
    #[track_caller]
    pub fn linspace(start: T, end: T, steps: usize) -> Self {
        let last = steps.saturating_sub(1);
        let step = (end - start) / T::of(last.max(1) as f64);
        // Computed from the nearer end, as PyTorch does, so that both ends are exact.
        Self::from_fn(steps, |i| {
            if step.is_infinite() {
                // The distance is more than the type can say, or an end is infinite.
                let share = T::of(i as f64 / last.max(1) as f64);
                start * (T::ONE - share) + end * share
            } else if 2 * i < steps {
                start + step * T::of(i as f64)
            } else {
                end - step * T::of((last - i) as f64)
            }
        })
    }

    /// `base` to the power of each of [`linspace(start, end, steps)`](Self::linspace): numbers at equal ratios.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::<f64>::logspace(-1.0, 2.0, 4, 10.0).to_vec(), [0.1, 1.0, 10.0, 100.0]);
    /// ```
    #[track_caller]
    pub fn logspace(start: T, end: T, steps: usize, base: T) -> Self {
        // `libm`, so that the bits are the same everywhere.
        Tensor::linspace(start, end, steps).map(|x| T::of(libm::pow(base.as_f64(), x.as_f64())))
    }
}

/// A tensor from its elements, written as nested arrays of up to four axes, or from one element and a shape, as `vec!` does.
///
/// ```
/// use ravine_tensor::tensor;
///
/// assert_eq!(tensor![[1, 2, 3], [4, 5, 6]].shape(), &[2, 3]);
/// assert_eq!(tensor![0.5; 2, 3].sum(..).item(), 3.0);
/// ```
#[macro_export]
macro_rules! tensor {
    ($value:expr; $($size:expr),+ $(,)?) => {
        $crate::Tensor::full([$($size),+], $value)
    };
    ($($part:expr),* $(,)?) => {
        $crate::Tensor::from([$($part),*])
    };
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

impl<T: Element> From<&[T]> for Tensor<T> {
    fn from(values: &[T]) -> Self {
        Tensor::from_slice(values, [values.len()])
    }
}

impl<T: Element> From<Vec<T>> for Tensor<T> {
    fn from(values: Vec<T>) -> Self {
        Tensor::from(&values[..])
    }
}

/// Nested vectors, which must all have the same length. In an empty vector the inner sizes are not known: they become 0.
macro_rules! nested {
    ($($axes:literal $vec:ty;)*) => {$(
        impl<T: Element> From<$vec> for Tensor<T> {
            #[track_caller]
            fn from(rows: $vec) -> Self {
                let rows: Vec<Tensor<T>> = rows.into_iter().map(Tensor::from).collect();
                if let Some(ragged) = rows.iter().find(|row| row.shape() != rows[0].shape()) {
                    panic!("from: rows of shapes {} and {} make no tensor", rows[0].shape(), ragged.shape());
                }
                if rows.is_empty() {
                    return Tensor::zeros([0; $axes]);
                }
                Tensor::stack(&rows.iter().collect::<Vec<_>>(), 0)
            }
        }
    )*};
}
nested! {
    2 Vec<Vec<T>>;
    3 Vec<Vec<Vec<T>>>;
    4 Vec<Vec<Vec<Vec<T>>>>;
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
        assert_eq!(Tensor::<u8>::eye([2, 3]).to_vec(), [1, 0, 0, 0, 1, 0]);
        assert_eq!(Tensor::arange_step(5, 5, -1).to_vec(), [0; 0]);
        assert_eq!(Tensor::arange_step(0.0f32, 1.0, 0.1).numel(), 10);
        assert_eq!(Tensor::arange_step(250u8, 255, 2).to_vec(), [250, 252, 254]);
        assert_eq!(Tensor::arange_step(i64::MAX - 2, i64::MAX, 1).to_vec(), [i64::MAX - 2, i64::MAX - 1]);
        assert_eq!(Tensor::arange_step(i64::MAX, i64::MIN, i64::MIN).to_vec(), [i64::MAX, -1]);
        assert_eq!(Tensor::<f32>::linspace(-3e38, 3e38, 3).to_vec(), [-3e38, 0.0, 3e38]);
        assert_eq!(Tensor::<f64>::linspace(f64::MIN, f64::MAX, 2).to_vec(), [f64::MIN, f64::MAX]);
        assert_eq!(Tensor::<f32>::logspace(0.0, 3.0, 4, 2.0).to_vec(), [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(Tensor::from(vec![vec![1, 2], vec![3, 4], vec![5, 6]]).shape(), &[3, 2]);
        assert_eq!(Tensor::from(vec![vec![vec![0.5f32]; 2]; 3]).shape(), &[3, 2, 1]);
        assert_eq!(Tensor::from(Vec::<Vec<f32>>::new()).shape(), &[0, 0]);
        assert_eq!(tensor![true, false], Tensor::from([true, false]));
        assert_eq!(tensor![7; 2, 1].to_vec(), [7, 7]);
        assert_eq!(Tensor::<i64>::arange(4).to_vec(), [0, 1, 2, 3]);
        assert_eq!(Tensor::<f32>::linspace(-1.0, 1.0, 5).to_vec(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(Tensor::<f32>::linspace(0.3, 0.7, 7).at([6]), 0.7);
        assert_eq!(Tensor::<f32>::linspace(3.0, 4.0, 1).to_vec(), [3.0]);
        assert_eq!(Tensor::from([[[1u8, 2]], [[3, 4]]]).shape(), &[2, 1, 2]);
        assert_eq!((0..3).map(|i| i as f32).collect::<Tensor>().to_vec(), [0.0, 1.0, 2.0]);
        assert_eq!(Tensor::<bool>::ones([0, 3]).numel(), 0);
    }

    #[test]
    #[should_panic(expected = "from: rows of shapes [2] and [1] make no tensor")]
    fn ragged_rows() {
        let _ = Tensor::from(vec![vec![1, 2], vec![3]]);
    }

    #[test]
    #[should_panic(expected = "arange_step: no number of steps of -1 leads from 0 towards 3")]
    fn steps_that_lead_away() {
        Tensor::arange_step(0, 3, -1);
    }

    #[test]
    #[should_panic(expected = "arange_step: no number of steps of 1 leads from 0 towards -0.5")]
    fn less_than_a_step_that_leads_away() {
        Tensor::arange_step(0.0, -0.5, 1.0);
    }

    #[test]
    #[should_panic(expected = "from_slice: 3 values do not fill shape [2, 2]")]
    fn wrong_count() {
        Tensor::from_slice(&[1.0, 2.0, 3.0], [2, 2]);
    }
}
