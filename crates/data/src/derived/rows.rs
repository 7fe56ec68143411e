//! Batches as rows.

use ravine_tensor::{Element, Tensor};

use crate::DataError;

/// Batches that consist of a row for each sample, so that rows of several can be put together into one.
///
/// Tensors, vectors, and pairs and triples of them are such batches.
pub trait Rows: Sized {
    /// The rows of all `parts`, counted through from the first part to the last, in this order: entry `i` of `order` says which of
    /// them comes as the `i`-th.
    ///
    /// # Errors
    /// If rows of different parts do not go together.
    fn gather(parts: Vec<Self>, order: &[usize]) -> Result<Self, DataError>;
}

impl<T: Element> Rows for Tensor<T> {
    fn gather(parts: Vec<Self>, order: &[usize]) -> Result<Self, DataError> {
        let parts: Vec<&Tensor<T>> = parts.iter().collect();
        if let Some(other) = parts.iter().find(|part| part.shape()[1..] != parts[0].shape()[1..]) {
            let (found, expected) = (&other.shape()[1..], &parts[0].shape()[1..]);
            return Err(DataError::invalid(
                "batch".as_ref(),
                "shape of a sample",
                format!("{found:?}"),
                format!("{expected:?} as that of the first"),
            ));
        }
        let index = Tensor::from_fn(order.len(), |i| order[i] as i64);
        Ok(Tensor::cat(&parts, 0).index_select(0, &index))
    }
}

impl<T: Clone> Rows for Vec<T> {
    fn gather(parts: Vec<Self>, order: &[usize]) -> Result<Self, DataError> {
        let all: Vec<T> = parts.into_iter().flatten().collect();
        Ok(order.iter().map(|&i| all[i].clone()).collect())
    }
}

impl<A: Rows, B: Rows> Rows for (A, B) {
    fn gather(parts: Vec<Self>, order: &[usize]) -> Result<Self, DataError> {
        let (a, b) = parts.into_iter().unzip();
        Ok((A::gather(a, order)?, B::gather(b, order)?))
    }
}

impl<A: Rows, B: Rows, C: Rows> Rows for (A, B, C) {
    fn gather(parts: Vec<Self>, order: &[usize]) -> Result<Self, DataError> {
        let (a, (b, c)) = parts.into_iter().map(|(a, b, c)| (a, (b, c))).unzip();
        let (b, c) = <(B, C)>::gather(std::iter::zip::<Vec<B>, Vec<C>>(b, c).collect(), order)?;
        Ok((A::gather(a, order)?, b, c))
    }
}
