//! A mean with class weights, over shards: loss and gradient are PyTorch's of the whole batch (`tools/reference/losses.py`).

use std::convert::Infallible;
use std::ops::Range;

use ravine_autograd::{Param, Tape};
use ravine_nn::loss::{CrossEntropyOptions, cross_entropy};
use ravine_tensor::{Rng, Tensor};
use ravine_train::{Outcome, data_parallel};
use serde_json::Value;

fn floats(flat: &Value) -> Vec<f32> {
    flat["values"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

#[test]
fn shards_have_the_weighted_mean_of_the_whole_batch() {
    let all: Vec<Value> = serde_json::from_str(include_str!("../../nn/tests/data/losses.json")).unwrap();
    let weights = Tensor::from([0.5, 2.0, 1.25]);
    for (name, labels) in
        [("cross_entropy_weight", [2, 0, 1, 2, 1]), ("cross_entropy_ignore", [2, -100, 1, 2, -100])]
    {
        let case = all.iter().find(|case| case["name"] == name).unwrap();
        let logits = Param::new(Tensor::from_slice(&floats(&case["inputs"][0]), [5, 3]));
        // The gradient in the file is that of the squared loss.
        let loss = floats(&case["output"])[0];
        let gradient = floats(&case["grads"][0]).into_iter().map(|g| g / (2.0 * loss)).collect::<Vec<_>>();
        let options = CrossEntropyOptions {
            weight: Some(weights.clone()),
            ignore_index: Some(-100),
            ..CrossEntropyOptions::default()
        };
        let pass = |tape: &Tape, rows: &Range<usize>| {
            let labels = Tensor::from_slice(&labels[rows.clone()], [rows.len()]);
            let counted: Tensor<i64> = labels.iter().filter(|&label| label >= 0).collect();
            let logits = tape.param(&logits).narrow(0, rows.start, rows.len());
            let total = weights.index_select(0, &counted).sum(..).item();
            let loss = cross_entropy(&logits, &labels, &options);
            Ok::<_, Infallible>(Outcome::new(loss, counted.numel()).total_weight(total.into()))
        };
        for cuts in [&[0, 5][..], &[0, 3, 5], &[0, 1, 2, 4, 5]] {
            let shards: Vec<_> = cuts.windows(2).map(|cut| (cut[1] - cut[0], cut[0]..cut[1])).collect();
            let Ok(step) = data_parallel(&shards, &Rng::new(0), pass);
            let found = step.gradients.get(&logits).unwrap();
            let close = |found: f32, want: f32| (found - want).abs() < 1e-6;
            assert!(close(step.scores.loss() as f32, loss), "{name}: {}, not {loss}", step.scores.loss());
            assert!(
                found.iter().zip(&gradient).all(|(found, &want)| close(found, want)),
                "{name} in {} shards: {found}, not {gradient:?}",
                shards.len()
            );
        }
    }
}
