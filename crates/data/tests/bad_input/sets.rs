//! Samples, in memory or as they come, and what is made of them.

use ravine_data::{
    Collate, Concat, CutMix, DataError, Dataset, MixUp, Padded, Pick, Sequence, StreamLoader, TensorSet,
    Weights,
};
use ravine_tensor::Tensor;

use crate::{Folder, Invalid, Other, drop_ok};

#[test]
fn tensors_samples_and_what_is_made_of_them() {
    let labelled = |labels: &[i64]| {
        let n = labels.len();
        TensorSet::new(Tensor::<f32>::zeros([n, 2]), Tensor::from_slice(labels, n))
    };
    let all = |n: usize| (0..n).collect::<Vec<usize>>();
    let batch = |set: &dyn Dataset<Batch = (Tensor, Tensor)>| {
        drop_ok(set.batch(Pick { epoch: 0, indices: &all(set.len()) }))
    };
    let broken_image = Tensor::from_fn([2, 1, 2, 2], |i| if i == 6 { f32::INFINITY } else { 0.0 });
    let wide = TensorSet::new(Tensor::<f32>::zeros([1, 3]), Tensor::<i64>::zeros(1));
    let joined = Concat::new(vec![labelled(&[0]), wide]);
    let numbers = |shapes: &[&[usize]]| -> Vec<Tensor> { shapes.iter().map(|&s| Tensor::zeros(s)).collect() };
    let first_of = |samples: Vec<Result<Tensor, DataError>>| {
        let samples = std::sync::Mutex::new(Some(samples));
        let stream = move |_| Ok(samples.lock().unwrap().take().unwrap_or_default().into_iter());
        drop_ok(StreamLoader::new(stream, 2).epoch(0).next().unwrap())
    };
    Folder::new().check(vec![
        (
            drop_ok(TensorSet::try_new(Tensor::<f32>::zeros([3, 2]), Tensor::<i64>::zeros(2))),
            Invalid,
            "y: shape: found [2], expected the first axis of x [3, 2], that of the samples",
        ),
        (
            drop_ok(TensorSet::try_new(Tensor::<f32>::zeros(()), Tensor::<i64>::zeros(()))),
            Invalid,
            "y: shape: found [], expected the first axis of x [], that of the samples",
        ),
        (
            drop_ok(TensorSet::new(Tensor::from([0.0f32, f32::NAN]), Tensor::<i64>::zeros(2)).finite()),
            Invalid,
            "x: sample 1, element 0: found NaN, expected a finite number",
        ),
        (
            drop_ok(TensorSet::new(broken_image, Tensor::<i64>::zeros(2)).finite()),
            Invalid,
            "x: sample 1, element 2: found inf, expected a finite number",
        ),
        (
            drop_ok(labelled(&[0, 1, 2]).classes(2)),
            Invalid,
            "y: label of row 2: found 2, expected a class below 2",
        ),
        (
            drop_ok(labelled(&[0, -1]).classes(2)),
            Invalid,
            "y: label of row 1: found -1, expected a class below 2",
        ),
        (
            batch(&MixUp::new(labelled(&[0, 3]), 3, 0.2, 0)),
            Invalid,
            "labels: label of row 1: found 3, expected a class below 3",
        ),
        (
            batch(&CutMix::new(
                TensorSet::new(Tensor::<f32>::zeros([1, 1, 2, 2]), Tensor::from([-2])),
                3,
                1.0,
                0,
            )),
            Invalid,
            "labels: label of row 0: found -2, expected a class below 3",
        ),
        (
            drop_ok(joined.batch(Pick { epoch: 0, indices: &[0, 1] })),
            Invalid,
            "batch: shape of a sample: found [3], expected [2] as that of the first",
        ),
        (
            drop_ok(Tensor::collate(numbers(&[&[2, 2], &[2, 3]]))),
            Invalid,
            "batch: shape of sample 1: found [2, 3], expected [2, 2] as that of the first",
        ),
        (
            drop_ok(f32::collate(vec![])),
            Invalid,
            "batch: number of samples: found 0, expected at least 1",
        ),
        (
            drop_ok(Padded::new(&numbers(&[&[2, 5], &[3, 4]]), 0.0)),
            Invalid,
            "batch: shape of sample 1: found [3, 4], expected [2, 5] as that of the first, but for its length",
        ),
        (
            drop_ok(Sequence::collate(numbers(&[&[]]).into_iter().map(Sequence).collect())),
            Invalid,
            "batch: shape of sample 0: found [], expected [time, ..]",
        ),
        (
            first_of(numbers(&[&[1], &[2]]).into_iter().map(Ok).collect()),
            Invalid,
            "batch: shape of sample 1: found [2], expected [1] as that of the first",
        ),
        (first_of(vec![Err(DataError::other("the line is cut"))]), Other, "the line is cut"),
        (
            drop_ok(Weights::new([1.0, f64::NAN])),
            Invalid,
            "weights: weight of row 1: found NaN, expected a finite number, not below 0",
        ),
        (
            drop_ok(Weights::new([-1.0])),
            Invalid,
            "weights: weight of row 0: found -1, expected a finite number, not below 0",
        ),
        (drop_ok(Weights::new([0.0])), Invalid, "weights: sum: found 0, expected a finite number above 0"),
        (drop_ok(Weights::new([])), Invalid, "weights: sum: found 0, expected a finite number above 0"),
    ]);
}
