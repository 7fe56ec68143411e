//! What goes beyond a pass: gradients through steps of descent, against PyTorch's `functional_call`, and new statistics of norms, against its
//! `update_bn` (`tools/reference/layers_meta.py` made the files).

use std::collections::BTreeMap;

use ravine_autograd::{BufferUpdates, Module, Param, Tape, Var, grad};
use ravine_nn::{BatchNorm1d, Layer, Linear, Tanh, loss, sequential};
use ravine_tensor::{Rng, Tensor};
use serde::Deserialize;

use crate::close;
use crate::flat::Flat;

#[derive(Deserialize)]
struct Case {
    params: BTreeMap<String, Flat<f32>>,
    data: Vec<Flat<f32>>,
    loss: f32,
    grads: BTreeMap<String, Flat<f32>>,
}

#[test]
fn gradients_through_steps_of_descent_are_pytorchs() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../data/meta.json")).unwrap();
    let rng = &mut Rng::new(0);
    let net = sequential![Linear::new(2, 4, rng), Tanh, Linear::new(4, 1, rng)];
    let (paths, params): (Vec<String>, Vec<Param>) = net.named_params().into_iter().unzip();
    for case in cases {
        paths.iter().zip(&params).for_each(|(path, param)| param.set(case.params[path].tensor()));
        let tape = Tape::new();
        let data: Vec<Var> = case.data.iter().map(|x| tape.input(x.tensor())).collect();
        let mse = |x: &Var, y: &Var| loss::mse_loss(&net.forward(x), y, loss::Reduction::Mean);
        let with = |weights: &[Var], [x, y]: [&Var; 2]| {
            let values: Vec<_> = params.iter().zip(weights).collect();
            tape.with_params(&values, || mse(x, y))
        };
        let mut weights: Vec<Var> = params.iter().map(|param| tape.param(param)).collect();
        for _ in 0..2 {
            let grads =
                grad(&with(&weights, [&data[0], &data[1]]), &weights.iter().collect::<Vec<_>>(), true);
            weights = weights.iter().zip(&grads).map(|(w, g)| w - g * 0.1).collect();
        }
        let loss = with(&weights, [&data[2], &data[3]]);
        assert!((loss.item() - case.loss).abs() < 1e-5 * case.loss, "{} is not {}", loss.item(), case.loss);
        let found = loss.backward();
        for (path, param) in paths.iter().zip(&params) {
            close(path, found.get(param).unwrap(), &case.grads[path]);
        }
    }
}

#[derive(Deserialize)]
struct Seen {
    params: BTreeMap<String, Flat<f32>>,
    batches: Vec<Flat<f32>>,
    buffers: BTreeMap<String, Flat<f32>>,
}

#[test]
fn new_statistics_are_those_of_update_bn() {
    let cases: Vec<Seen> = serde_json::from_str(include_str!("../data/statistics.json")).unwrap();
    let rng = &mut Rng::new(0);
    let net =
        sequential![BatchNorm1d::new(2), Linear::new(2, 3, rng), Tanh, BatchNorm1d::new(3).momentum(0.4)];
    for case in cases {
        net.named_params().iter().for_each(|(path, param)| param.set(case.params[path].tensor()));
        net.named_buffers().iter().for_each(|(_, buffer)| buffer.set(Tensor::full(buffer.shape(), 7.0)));
        let updates = case.batches.iter().map(|x| {
            let tape = Tape::train(Rng::new(0));
            tape.no_grad(|| net.forward(&tape.input(x.tensor())));
            tape.take_buffer_updates()
        });
        BufferUpdates::merge(updates.collect()).set();
        for (path, buffer) in net.named_buffers() {
            close(&path, &buffer.value(), &case.buffers[&path]);
        }
    }
}
