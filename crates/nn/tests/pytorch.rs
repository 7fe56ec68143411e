//! Outputs, gradients and buffers of the layers against PyTorch's (`tools/reference` made the file).

use std::collections::{BTreeMap, BTreeSet};

use ravine_autograd::{Module, Tape};
use ravine_nn::{
    AvgPool2d, BatchNorm2d, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, Relu, sequential,
};
use ravine_tensor::{Rng, Tensor};
use serde::Deserialize;

#[derive(Deserialize)]
struct Flat {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Flat {
    fn tensor(&self) -> Tensor {
        Tensor::from_slice(&self.values, &self.shape[..])
    }
}

#[derive(Deserialize)]
struct Case {
    name: String,
    train: bool,
    input: Flat,
    params: BTreeMap<String, Flat>,
    buffers_before: BTreeMap<String, Flat>,
    output: Flat,
    input_grad: Flat,
    grads: BTreeMap<String, Flat>,
    buffers_after: BTreeMap<String, Flat>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("data/layers.json")).unwrap()
}

/// The layer of a case, by name: a layer of ours stands here before it may stand anywhere else.
fn layer(name: &str) -> Box<dyn Layer> {
    let rng = &mut Rng::new(0);
    match name {
        "linear" => Box::new(Linear::new(4, 3, rng)),
        "linear_no_bias" => Box::new(Linear::new(4, 3, rng).no_bias()),
        "conv2d" => Box::new(Conv2d::new(2, 3, 3, rng).stride(2).padding(1)),
        "conv2d_grouped" => Box::new(Conv2d::grouped(4, 4, 3, 2, rng).padding(2).dilation(2)),
        "max_pool2d" => Box::new(MaxPool2d::new(3).stride(2).padding(1)),
        "avg_pool2d" => Box::new(AvgPool2d::new(2)),
        "batch_norm2d" => Box::new(BatchNorm2d::new(3)),
        "dropout" => Box::new(Dropout::new(0.5)),
        "relu" => Box::new(Relu),
        "flatten" => Box::new(Flatten),
        "sequential" => Box::new(sequential![
            Conv2d::new(1, 3, 3, rng).padding(1),
            BatchNorm2d::new(3),
            Relu,
            MaxPool2d::new(2),
            Flatten,
            Linear::new(12, 4, rng),
        ]),
        _ => panic!("{name} is in the file, but not here"),
    }
}

fn close(what: &str, found: &Tensor, want: &Flat) {
    assert_eq!(found.shape()[..], want.shape[..], "{what}");
    for (i, (found, want)) in found.iter().zip(&want.values).enumerate() {
        let error = (found - want).abs() / (1.0 + want.abs());
        assert!(error < 2e-5, "{what}: element {i} is {found}, in PyTorch {want}");
    }
}

#[test]
fn outputs_gradients_and_buffers_are_pytorchs() {
    for case in &cases() {
        let layer = layer(&case.name);
        let what = |part: &str| format!("{part} of {} (train: {})", case.name, case.train);
        for (path, param) in layer.named_params() {
            param.set(case.params[&path].tensor());
        }
        for (path, buffer) in layer.named_buffers() {
            buffer.set(case.buffers_before[&path].tensor());
        }
        let tape = if case.train { Tape::train(Rng::new(0)) } else { Tape::new() };
        let x = tape.variable(case.input.tensor());
        let y = layer.forward(&x);
        close(&what("output"), y.value(), &case.output);
        let grads = y.square().sum(..).backward();
        close(&what("input gradient"), grads.wrt(&x).unwrap(), &case.input_grad);
        for (path, param) in layer.named_params() {
            close(&what(&path), grads.get(&param).unwrap(), &case.grads[&path]);
        }
        tape.take_buffer_updates().apply();
        for (path, buffer) in layer.named_buffers() {
            close(&what(&path), &buffer.value(), &case.buffers_after[&path]);
        }
        let paths: BTreeSet<String> = layer.named_params().into_iter().map(|(path, _)| path).collect();
        assert!(paths.iter().eq(case.params.keys()), "{}: the names are PyTorch's", case.name);
    }
}

#[test]
fn every_parameter_of_every_layer_gets_a_gradient() {
    for case in cases().iter().filter(|case| case.train) {
        let layer = layer(&case.name);
        let tape = Tape::train(Rng::new(0));
        let y = layer.forward(&tape.input(case.input.tensor()));
        // Weighted unevenly, so that the gradient through a normalisation is not zero by symmetry.
        let weights = Tensor::from_fn(*y.shape(), |i| (i % 7) as f32 - 2.5);
        let grads = (&y * y.constant(weights)).sum(..);
        let grads = if layer.named_params().is_empty() { continue } else { grads.backward() };
        for (path, param) in layer.named_params() {
            let grad = grads.get(&param).unwrap_or_else(|| panic!("{}: {path} gets no gradient", case.name));
            assert!(grad.count(|g| g != 0.0) > 0, "{}: the gradient of {path} is zero", case.name);
        }
    }
}

/// Fails when someone writes a layer and does not compare it with PyTorch's.
#[test]
fn every_layer_is_compared() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let compared: BTreeSet<String> = cases().iter().map(|case| case.name.replace('_', "")).collect();
    let mut found = 0;
    for entry in std::fs::read_dir(source).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines() {
            let Some(name) = line.strip_prefix("impl Layer for ") else { continue };
            let name = name.trim_end_matches(" {").to_lowercase();
            assert!(compared.contains(&name), "the layer {name} is not in tools/reference");
            found += 1;
        }
        for line in text
            .lines()
            .filter(|line| line.starts_with("    ") && line.contains("Pool2d, ") && !line.contains("//"))
        {
            let name = line.trim().split(',').next().unwrap().to_lowercase();
            assert!(compared.contains(&name), "the layer {name} is not in tools/reference");
            found += 1;
        }
    }
    assert!(found >= 9, "only {found} layers were found in {source}");
}
