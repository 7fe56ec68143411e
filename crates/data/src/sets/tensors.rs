//! A data set of two tensors in memory.

use std::path::Path;

use ravine_tensor::{Element, Float, Tensor};

use crate::{DataError, Dataset, Pick};

/// Inputs `x [samples, ..]` and targets `y [samples, ..]`; a batch is the pair of the chosen rows of both.
///
/// ```
/// use ravine_data::TensorSet;
/// use ravine_tensor::Tensor;
///
/// let xor = TensorSet::new(
///     Tensor::from([[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
///     Tensor::from([0i64, 1, 1, 0]),
/// );
/// let (x, y) = xor.select(&[2, 0]);
/// assert_eq!(x, Tensor::from([[1.0, 0.0], [0.0, 0.0]]));
/// assert_eq!(y, Tensor::from([1, 0]));
/// ```
#[derive(Clone, Debug)]
pub struct TensorSet<X: Element = f32, Y: Element = i64> {
    x: Tensor<X>,
    y: Tensor<Y>,
}

impl<X: Element, Y: Element> TensorSet<X, Y> {
    /// The samples are the rows: sample `i` is `x[i, ..]` and `y[i, ..]`.
    ///
    /// # Panics
    /// If the tensors have not the same number of rows.
    #[track_caller]
    pub fn new(x: Tensor<X>, y: Tensor<Y>) -> Self {
        assert!(
            agree(&x, &y),
            "TensorSet::new: x {} and y {} must have the same first axis, that of the samples",
            x.shape(),
            y.shape()
        );
        // Choosing rows of a view would copy it whole each time.
        TensorSet { x: x.contiguous(), y: y.contiguous() }
    }

    /// As [`new`](Self::new), for tensors that come from elsewhere.
    ///
    /// # Errors
    /// If the tensors have not the same number of rows.
    pub fn try_new(x: Tensor<X>, y: Tensor<Y>) -> Result<Self, DataError> {
        if !agree(&x, &y) {
            let expected = format!("the first axis of x {}, that of the samples", x.shape());
            return Err(DataError::invalid(Path::new("y"), "shape", y.shape(), expected));
        }
        Ok(TensorSet::new(x, y))
    }

    /// The samples at `indices`, in that order.
    ///
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    pub fn select(&self, indices: &[usize]) -> (Tensor<X>, Tensor<Y>) {
        let indices = Tensor::from_fn(indices.len(), |i| indices[i] as i64);
        (self.x.index_select(0, &indices), self.y.index_select(0, &indices))
    }

    /// All inputs.
    pub fn x(&self) -> &Tensor<X> {
        &self.x
    }

    /// All targets.
    pub fn y(&self) -> &Tensor<Y> {
        &self.y
    }
}

impl<X: Float, Y: Element> TensorSet<X, Y> {
    /// The set, if all inputs are finite numbers.
    ///
    /// ```
    /// use ravine_data::TensorSet;
    /// use ravine_tensor::Tensor;
    ///
    /// let set = TensorSet::new(Tensor::from([[0.0f32, 1.0], [f32::NAN, 2.0]]), Tensor::from([0i64, 1]));
    /// let error = set.finite().unwrap_err().to_string();
    /// assert_eq!(error, "x: sample 1, element 0: found NaN, expected a finite number");
    /// ```
    ///
    /// # Errors
    /// If one is not.
    pub fn finite(self) -> Result<Self, DataError> {
        if let Some((place, value)) = self.x.iter().enumerate().find(|(_, value)| !value.as_f64().is_finite())
        {
            let width = self.x.numel() / self.x.shape()[0];
            let field = format!("sample {}, element {}", place / width, place % width);
            return Err(DataError::invalid(Path::new("x"), field, value, "a finite number"));
        }
        Ok(self)
    }
}

impl<X: Element> TensorSet<X, i64> {
    /// The set, if all targets are classes, from 0 to below `classes`.
    ///
    /// # Errors
    /// If one is not.
    pub fn classes(self, classes: usize) -> Result<Self, DataError> {
        check_classes("y", &self.y, classes, |row| row)?;
        Ok(self)
    }
}

/// Refuses labels `[rows, ..]` that are no classes, from 0 to below `classes`. Errors call row `i` the row `name(i)`.
pub(crate) fn check_classes(
    source: &str,
    labels: &Tensor<i64>,
    classes: usize,
    name: impl Fn(usize) -> usize,
) -> Result<(), DataError> {
    let is_class = |label: i64| usize::try_from(label).is_ok_and(|label| label < classes);
    let Some((at, label)) = labels.iter().enumerate().find(|&(_, label)| !is_class(label)) else {
        return Ok(());
    };
    let width = labels.numel() / labels.size(0);
    let row = name(at / width);
    let field = match labels.rank() {
        1 => format!("label of row {row}"),
        _ => format!("label {} of row {row}", at % width),
    };
    Err(DataError::invalid(Path::new(source), field, label, format!("a class below {classes}")))
}

/// Whether both have the same first axis.
pub(super) fn agree<X: Element, Y: Element>(x: &Tensor<X>, y: &Tensor<Y>) -> bool {
    let (x, y) = (x.shape().first(), y.shape().first());
    x.is_some() && x == y
}

impl<X: Element, Y: Element> Dataset for TensorSet<X, Y> {
    type Batch = (Tensor<X>, Tensor<Y>);

    fn len(&self) -> usize {
        self.x.shape()[0]
    }

    fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError> {
        Ok(self.select(pick.indices))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_shape_and_type() {
        let set =
            TensorSet::new(Tensor::<u8>::arange(24).reshape([4, 3, 2]).flip(0), Tensor::<f64>::zeros([4, 5]));
        assert_eq!(set.len(), 4);
        let (x, y) = set.select(&[3, 0, 3]);
        assert_eq!((x.shape(), y.shape()), (&[3, 3, 2].into(), &[3, 5].into()));
        assert_eq!(x.index(0, 0).to_vec(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(x.index(0, 1).to_vec(), [18, 19, 20, 21, 22, 23]);
    }

    #[test]
    #[should_panic(expected = "TensorSet::new: x [3, 2] and y [2] must have the same first axis")]
    fn different_counts() {
        TensorSet::new(Tensor::<f32>::zeros([3, 2]), Tensor::<i64>::zeros(2));
    }

    #[test]
    #[should_panic(expected = "x [] and y []")]
    fn scalars() {
        TensorSet::new(Tensor::scalar(1.0f32), Tensor::scalar(1i64));
    }

    #[test]
    #[should_panic(expected = "index_select")]
    fn outside() {
        TensorSet::new(Tensor::<f32>::zeros(2), Tensor::<i64>::zeros(2)).select(&[2]);
    }
}
