//! Samples joined into batches.

use ravine_tensor::{Element, Tensor};

use crate::DataError;

/// A single sample, or a part of one, and the batch that several of them make.
///
/// | Samples | Batch |
/// |---|---|
/// | tensors of one shape `[..]` | `[batch, ..]` |
/// | numbers | `[batch]` |
/// | [`Sequence`]s of different lengths | [`Padded`] |
/// | pairs and triples of these | pairs and triples |
/// | strings | a vector of them |
pub trait Collate: Sized {
    /// What they make.
    type Batch: Send + 'static;

    /// The batch of these samples, in their order.
    ///
    /// # Errors
    /// If they do not go together, or there is none.
    fn collate(samples: Vec<Self>) -> Result<Self::Batch, DataError>;
}

impl<T: Element> Collate for Tensor<T> {
    type Batch = Tensor<T>;

    fn collate(samples: Vec<Self>) -> Result<Tensor<T>, DataError> {
        let shape = first(&samples)?.shape();
        if let Some(row) = samples.iter().position(|sample| sample.shape() != shape) {
            let found = samples[row].shape();
            return Err(wrong(row, "shape", found.to_string(), format!("{shape} as that of the first")));
        }
        Ok(Tensor::stack(&samples.iter().collect::<Vec<_>>(), 0))
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Collate for $number {
            type Batch = Tensor<$number>;

            fn collate(samples: Vec<Self>) -> Result<Tensor<$number>, DataError> {
                first(&samples)?;
                Ok(Tensor::from_slice(&samples, samples.len()))
            }
        }
    )*};
}
numbers!(f32, f64, i64, i32, u8, bool);

impl Collate for String {
    type Batch = Vec<String>;

    fn collate(samples: Vec<Self>) -> Result<Vec<String>, DataError> {
        first(&samples)?;
        Ok(samples)
    }
}

impl<A: Collate, B: Collate> Collate for (A, B) {
    type Batch = (A::Batch, B::Batch);

    fn collate(samples: Vec<Self>) -> Result<Self::Batch, DataError> {
        let (a, b) = samples.into_iter().unzip();
        Ok((A::collate(a)?, B::collate(b)?))
    }
}

impl<A: Collate, B: Collate, C: Collate> Collate for (A, B, C) {
    type Batch = (A::Batch, B::Batch, C::Batch);

    fn collate(samples: Vec<Self>) -> Result<Self::Batch, DataError> {
        let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
        for sample in samples {
            a.push(sample.0);
            b.push(sample.1);
            c.push(sample.2);
        }
        Ok((A::collate(a)?, B::collate(b)?, C::collate(c)?))
    }
}

/// A sample `[time, ..]` of whatever length, which is padded to the longest in its batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence<T: Element = f32>(pub Tensor<T>);

/// Sequences `[batch, longest, ..]`, filled up with zeros behind their ends, and how long each is: what recurrent layers take as `lengths`, and
/// attention as `Mask::none().lengths(..)`.
///
/// ```
/// use ravine_data::{Collate, Sequence};
/// use ravine_tensor::Tensor;
///
/// let padded = Sequence::collate(vec![Sequence(Tensor::from([1, 2, 3])), Sequence(Tensor::from([4]))])?;
/// assert_eq!(padded.values, Tensor::from([[1, 2, 3], [4, 0, 0]]));
/// assert_eq!(padded.lengths, [3, 1]);
/// assert_eq!(padded.padding(), Tensor::from([[false, false, false], [false, true, true]]));
/// # Ok::<(), ravine_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Padded<T: Element = f32> {
    /// The sequences, one below the other.
    pub values: Tensor<T>,
    /// The length of each.
    pub lengths: Vec<usize>,
}

impl<T: Element> Padded<T> {
    /// Sequences `[time, ..]` that agree in all but their length, filled up with `fill`.
    ///
    /// # Errors
    /// If there is none, one is a single number, or they do not agree.
    pub fn new(sequences: &[Tensor<T>], fill: T) -> Result<Self, DataError> {
        let shape = first(sequences)?.shape();
        for (row, sequence) in sequences.iter().enumerate() {
            if sequence.rank() == 0 {
                return Err(wrong(row, "shape", "[]".into(), "[time, ..]".into()));
            }
            if sequence.shape()[1..] != shape[1..] || sequence.rank() != shape.len() {
                let expected = format!("{shape} as that of the first, but for its length");
                return Err(wrong(row, "shape", sequence.shape().to_string(), expected));
            }
        }
        let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.shape()[0]).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut padded_shape = vec![sequences.len()];
        padded_shape.extend(shape.iter());
        padded_shape[1] = longest;
        let mut values = Tensor::full(padded_shape, fill);
        let row: usize = longest * shape[1..].iter().product::<usize>();
        for (out, sequence) in values.as_mut_slice().chunks_exact_mut(row.max(1)).zip(sequences) {
            out.iter_mut().zip(sequence.iter()).for_each(|(out, value)| *out = value);
        }
        Ok(Padded { values, lengths })
    }

    /// True where a step is not of its sequence, but was filled up: `[batch, longest]`.
    pub fn padding(&self) -> Tensor<bool> {
        let longest = self.values.size(1);
        Tensor::from_fn([self.lengths.len(), longest], |i| i % longest >= self.lengths[i / longest])
    }
}

impl<T: Element> Collate for Sequence<T> {
    type Batch = Padded<T>;

    fn collate(samples: Vec<Self>) -> Result<Padded<T>, DataError> {
        let sequences: Vec<Tensor<T>> = samples.into_iter().map(|Sequence(sequence)| sequence).collect();
        Padded::new(&sequences, T::ZERO)
    }
}

fn first<S>(samples: &[S]) -> Result<&S, DataError> {
    samples.first().ok_or_else(|| DataError::invalid("batch".as_ref(), "number of samples", 0, "at least 1"))
}

fn wrong(row: usize, what: &str, found: String, expected: String) -> DataError {
    DataError::invalid("batch".as_ref(), format!("{what} of sample {row}"), found, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_every_kind_make_batches() {
        let samples = vec![(Tensor::from([1.0, 2.0]), 7i64, true), (Tensor::from([3.0, 4.0]), 8, false)];
        let (x, y, z) = Collate::collate(samples).unwrap();
        assert_eq!(x, Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
        assert_eq!((y, z), (Tensor::from([7, 8]), Tensor::from([true, false])));
        let (names, numbers) =
            Collate::collate(vec![("a".to_owned(), 1.5f64), ("b".to_owned(), 2.5)]).unwrap();
        assert_eq!((names, numbers.to_vec()), (vec!["a".to_owned(), "b".to_owned()], vec![1.5, 2.5]));
    }

    #[test]
    fn sequences_are_padded_behind_their_ends() {
        let steps = |n, from| Tensor::from_fn([n, 2], |i| (from + i) as f32);
        let padded = Padded::new(&[steps(1, 10), steps(3, 20), steps(0, 0)], -1.0).unwrap();
        assert_eq!((padded.values.shape(), &padded.lengths[..]), (&[3, 3, 2].into(), &[1, 3, 0][..]));
        let rows = [10.0, 11.0, -1.0, -1.0, -1.0, -1.0, 20.0, 21.0, 22.0, 23.0, 24.0, 25.0];
        assert_eq!(padded.values.to_vec(), [&rows[..], &[-1.0; 6]].concat());
        let views = Padded::new(&[Tensor::from([1, 2, 3]).flip(0), Tensor::from([4])], 0).unwrap();
        assert_eq!(views.values, Tensor::from([[3, 2, 1], [4, 0, 0]]));
        let empty = Padded::new(&[steps(0, 0)], 0.0).unwrap();
        assert_eq!(empty.values.shape(), &[1, 0, 2]);
    }

    #[test]
    fn samples_that_do_not_go_together_are_errors() {
        let message = |shapes: &[&[usize]]| {
            let samples = shapes.iter().map(|&shape| Tensor::<f32>::zeros(shape)).collect();
            Tensor::collate(samples).unwrap_err().to_string()
        };
        assert_eq!(
            message(&[&[2], &[2], &[3]]),
            "batch: shape of sample 2: found [3], expected [2] as that of the first"
        );
        assert_eq!(message(&[]), "batch: number of samples: found 0, expected at least 1");
        let padded = |shapes: &[&[usize]]| {
            let samples: Vec<_> = shapes.iter().map(|&shape| Tensor::<f32>::zeros(shape)).collect();
            Padded::new(&samples, 0.0).unwrap_err().to_string()
        };
        assert_eq!(
            padded(&[&[2, 3], &[5, 4]]),
            "batch: shape of sample 1: found [5, 4], expected [2, 3] as that of the first, but for its length"
        );
        assert_eq!(padded(&[&[]]), "batch: shape of sample 0: found [], expected [time, ..]");
        assert!(padded(&[&[2], &[2, 2]]).contains("sample 1: found [2, 2]"));
    }
}
