//! Several data sets as one.

use crate::{DataError, Dataset, Pick, Rows};

/// The samples of the first data set, then those of the second, and so on.
///
/// ```
/// use ravine_data::{Concat, Dataset, Pick, TensorSet};
/// use ravine_tensor::Tensor;
///
/// let numbers = |n| TensorSet::new(Tensor::<f32>::arange(n), Tensor::<i64>::zeros(n));
/// let both = Concat::new(vec![numbers(3), numbers(5)]);
/// assert_eq!(both.len(), 8);
/// let (x, _) = both.batch(Pick { epoch: 0, indices: &[7, 0, 3] })?;
/// assert_eq!(x.to_vec(), [4.0, 0.0, 0.0]);
/// # Ok::<(), ravine_data::DataError>(())
/// ```
///
/// Data sets of several types go together as `Box<dyn Dataset<Batch = B>>`. Each sample keeps the index that it has in its own set, and what is random
/// about it.
#[derive(Debug)]
pub struct Concat<D> {
    sets: Vec<D>,
    /// Where each set begins, and where the last one ends.
    bounds: Vec<usize>,
}

impl<D: Dataset> Concat<D> {
    /// These data sets, one after the other.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn new(sets: Vec<D>) -> Self {
        assert!(!sets.is_empty(), "Concat: found no data set, expected at least 1");
        let mut bounds = vec![0];
        bounds.extend(sets.iter().scan(0, |end, set| {
            *end += set.len();
            Some(*end)
        }));
        Concat { sets, bounds }
    }

    /// The data sets.
    pub fn sets(&self) -> &[D] {
        &self.sets
    }

    /// Which data set a sample is of, and its index there.
    ///
    /// # Panics
    /// If there is no such sample.
    #[track_caller]
    pub fn place(&self, index: usize) -> (usize, usize) {
        let len = self.bounds[self.sets.len()];
        assert!(index < len, "Concat: index {index} is out of range for {len} samples");
        let set = self.bounds.partition_point(|&bound| bound <= index) - 1;
        (set, index - self.bounds[set])
    }
}

impl<D: Dataset<Batch: Rows>> Dataset for Concat<D> {
    type Batch = D::Batch;

    fn len(&self) -> usize {
        self.bounds[self.bounds.len() - 1]
    }

    fn costly(&self) -> bool {
        self.sets.iter().any(Dataset::costly)
    }

    fn batch(&self, pick: Pick<'_>) -> Result<D::Batch, DataError> {
        let mut indices = vec![Vec::new(); self.sets.len()];
        let places: Vec<(usize, usize)> = pick
            .indices
            .iter()
            .map(|&index| {
                let (set, index) = self.place(index);
                indices[set].push(index);
                (set, indices[set].len() - 1)
            })
            .collect();
        // What comes from one set alone needs no putting together; and of nothing, the first gives an empty batch.
        let used: Vec<usize> = (0..self.sets.len()).filter(|&set| !indices[set].is_empty()).collect();
        if let [] | [_] = used[..] {
            let set = used.first().copied().unwrap_or(0);
            return self.sets[set].batch(Pick { indices: &indices[set], ..pick });
        }
        let parts = used
            .iter()
            .map(|&set| self.sets[set].batch(Pick { indices: &indices[set], ..pick }))
            .collect::<Result<Vec<_>, _>>()?;
        let mut starts = vec![0; self.sets.len()];
        for pair in used.windows(2) {
            starts[pair[1]] = starts[pair[0]] + indices[pair[0]].len();
        }
        let order: Vec<usize> = places.into_iter().map(|(set, row)| starts[set] + row).collect();
        Rows::gather(parts, &order)
    }
}

#[cfg(test)]
mod tests {
    use ravine_tensor::Tensor;

    use super::*;
    use crate::TensorSet;

    fn tens(from: usize, n: usize) -> TensorSet {
        let x = Tensor::from_fn([n, 2], |i| (from + i / 2) as f32);
        TensorSet::new(x, Tensor::from_fn(n, |i| (from + i) as i64))
    }

    #[test]
    fn samples_come_in_the_order_asked_for_from_whatever_set() {
        let set = Concat::new(vec![tens(0, 3), tens(100, 0), tens(10, 4), tens(20, 1)]);
        assert_eq!((set.len(), set.is_empty(), set.costly()), (8, false, false));
        assert_eq!((set.place(2), set.place(3), set.place(7)), ((0, 2), (2, 0), (3, 0)));
        let values = [0, 1, 2, 10, 11, 12, 13, 20];
        for indices in [&[0][..], &[], &[7, 7, 7], &[3, 0, 7, 4, 1, 0], &[6, 5, 4]] {
            let (x, y) = set.batch(Pick { epoch: 0, indices }).unwrap();
            assert_eq!(x.shape(), &[indices.len(), 2]);
            assert!(y.iter().eq(indices.iter().map(|&i| values[i])), "{indices:?}: {y}");
            assert!(x.slice(1, 1..2).iter().eq(indices.iter().map(|&i| values[i] as f32)));
        }
        let other: Box<dyn Dataset<Batch = (Tensor, Tensor<i64>)>> = Box::new(tens(0, 2).take(1));
        assert_eq!(Concat::new(vec![other, Box::new(tens(5, 5))]).len(), 6);
    }

    #[test]
    fn vectors_and_triples_are_rows_too() {
        let first = (vec!['a', 'b'], Tensor::from([1.0, 2.0]), vec![5, 6]);
        let second = (vec!['c'], Tensor::from([3.0]), vec![7]);
        let (a, b, c) = Rows::gather(vec![first, second], &[2, 0]).unwrap();
        assert_eq!((a, b, c), (vec!['c', 'a'], Tensor::from([3.0, 1.0]), vec![7, 5]));
    }

    #[test]
    fn samples_of_different_shapes_are_an_error() {
        let wide = TensorSet::new(Tensor::<f32>::zeros([2, 5]), Tensor::<i64>::zeros(2));
        let set = Concat::new(vec![tens(0, 3), wide]);
        let error = set.batch(Pick { epoch: 0, indices: &[1, 3] }).unwrap_err();
        assert_eq!(
            error.to_string(),
            "batch: shape of a sample: found [5], expected [2] as that of the first"
        );
        assert!(set.batch(Pick { epoch: 0, indices: &[3, 4] }).is_ok());
    }

    #[test]
    #[should_panic(expected = "Concat: index 3 is out of range for 3 samples")]
    fn outside() {
        let _ = Concat::new(vec![tens(0, 3)]).batch(Pick { epoch: 0, indices: &[3] });
    }
}
