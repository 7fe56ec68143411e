//! Outputs, gradients and buffers of the layers against PyTorch's, in training and after (`tools/reference/layers_*.py` made the files).
//!
//! A layer joins by a case there, named after it, and an arm in its family's file here; a test fails until it does.

mod activation;
mod attention;
mod container;
mod conv;
mod norm;
mod pool;
mod recurrent;
mod simple;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ravine_autograd::{Module, Tape, Var};
use ravine_nn::Layer;
use ravine_tensor::{Rng, Tensor};
use serde::Deserialize;

/// A layer under test: what has the parameters, and what is run.
pub struct Subject {
    module: Rc<dyn Module>,
    run: Box<dyn Fn(&[Var]) -> Vec<Var>>,
}

impl Subject {
    /// A layer with a `forward` of its own.
    pub fn new<M: Module + 'static>(module: M, run: impl Fn(&M, &[Var]) -> Vec<Var> + 'static) -> Subject {
        let module = Rc::new(module);
        Subject { module: module.clone(), run: Box::new(move |inputs| run(&module, inputs)) }
    }
}

impl<L: Layer + 'static> From<L> for Subject {
    fn from(layer: L) -> Subject {
        Subject::new(layer, |layer, x| vec![layer.forward(&x[0])])
    }
}

/// Each file of cases, and what makes the layer of one name.
const FAMILIES: &[(&str, fn(&str, &mut Rng) -> Subject)] = &[
    (include_str!("../data/activation.json"), activation::layer),
    (include_str!("../data/attention.json"), attention::layer),
    (include_str!("../data/container.json"), container::layer),
    (include_str!("../data/conv.json"), conv::layer),
    (include_str!("../data/norm.json"), norm::layer),
    (include_str!("../data/pool.json"), pool::layer),
    (include_str!("../data/recurrent.json"), recurrent::layer),
    (include_str!("../data/simple.json"), simple::layer),
];

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
    /// The layer's name in PyTorch's spelling, and what is special about it: `conv2d/grouped`.
    name: String,
    train: bool,
    inputs: Vec<Flat>,
    params: BTreeMap<String, Flat>,
    buffers_before: BTreeMap<String, Flat>,
    outputs: Vec<Flat>,
    /// None for inputs that are indices.
    input_grads: Vec<Option<Flat>>,
    grads: BTreeMap<String, Flat>,
    buffers_after: BTreeMap<String, Flat>,
}

/// Calls `f` with each case and its layer, which has the case's parameters and buffers.
fn for_each_case(mut f: impl FnMut(&Case, Subject)) {
    for (file, layer) in FAMILIES {
        let cases: Vec<Case> = serde_json::from_str(file).unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let subject = layer(&case.name, &mut Rng::new(0));
            let (params, buffers) = (subject.module.named_params(), subject.module.named_buffers());
            let paths: BTreeSet<&String> = params.iter().map(|(path, _)| path).collect();
            assert!(paths.into_iter().eq(case.params.keys()), "{}: its names are not PyTorch's", case.name);
            assert_eq!(
                buffers.len(),
                case.buffers_before.len(),
                "{}: its buffers are not PyTorch's",
                case.name
            );
            params.iter().for_each(|(path, param)| param.set(case.params[path].tensor()));
            buffers.iter().for_each(|(path, buffer)| buffer.set(case.buffers_before[path].tensor()));
            f(&case, subject);
        }
    }
}

/// `Σ y² + c y` over all outputs, with uneven `c`, so that no gradient is zero by symmetry.
fn loss(outputs: &[Var]) -> Var {
    let each = outputs.iter().map(|y| {
        let weights = Tensor::from_fn(*y.shape(), |i| (i % 7) as f32 - 2.5);
        (y.square() + y * y.constant(weights)).sum(..)
    });
    each.reduce(|sum, part| sum + part).expect("an output")
}

fn close(what: &str, found: &Tensor, want: &Flat) {
    assert_eq!(found.shape()[..], want.shape[..], "{what}");
    // The file has eight digits; sums of many terms of either sign are compared with the largest of them.
    let scale = want.values.iter().fold(1f32, |scale, value| scale.max(value.abs()));
    for (i, (found, want)) in found.iter().zip(&want.values).enumerate() {
        let error = (found - want).abs() / (1.0 + want.abs() + 0.1 * scale);
        assert!(error < 1e-5, "{what}: element {i} is {found}, in PyTorch {want}");
    }
}

#[test]
fn outputs_gradients_and_buffers_are_pytorchs() {
    for_each_case(|case, subject| {
        let what = |part: &str| format!("{part} of {} (train: {})", case.name, case.train);
        let tape = if case.train { Tape::train(Rng::new(0)) } else { Tape::new() };
        let inputs: Vec<Var> = case.inputs.iter().map(|x| tape.variable(x.tensor())).collect();
        let outputs = (subject.run)(&inputs);
        assert_eq!(outputs.len(), case.outputs.len(), "{}", what("number of outputs"));
        for (i, (found, want)) in outputs.iter().zip(&case.outputs).enumerate() {
            close(&what(&format!("output {i}")), found.value(), want);
        }
        let grads = loss(&outputs).backward();
        for (i, want) in case.input_grads.iter().enumerate() {
            let Some(want) = want else { continue };
            let zeros = Tensor::zeros(*inputs[i].shape());
            close(&what(&format!("gradient by input {i}")), grads.wrt(&inputs[i]).unwrap_or(&zeros), want);
        }
        for (path, param) in subject.module.named_params() {
            let grad = grads.get(&param).unwrap_or_else(|| panic!("{} is missing", what(&path)));
            close(&what(&path), grad, &case.grads[&path]);
        }
        tape.take_buffer_updates().apply();
        for (path, buffer) in subject.module.named_buffers() {
            close(&what(&path), &buffer.value(), &case.buffers_after[&path]);
        }
    });
}

#[test]
fn every_parameter_of_every_layer_gets_a_gradient() {
    let mut found = 0;
    for_each_case(|case, subject| {
        let tape = Tape::train(Rng::new(0));
        let inputs: Vec<Var> = case.inputs.iter().map(|x| tape.input(x.tensor())).collect();
        let outputs = (subject.run)(&inputs);
        let params = subject.module.named_params();
        if params.is_empty() {
            return;
        }
        let grads = loss(&outputs).backward();
        for (path, param) in params {
            let grad = grads.get(&param).unwrap_or_else(|| panic!("{}: {path} gets no gradient", case.name));
            assert!(grad.iter().any(|g| g != 0.0), "{}: the gradient of {path} is zero", case.name);
            found += 1;
        }
    });
    assert!(found > 50, "only {found} parameters were found");
}

/// What the crate shows that is not a layer.
const NOT_LAYERS: &[&str] = &["Layer", "Sizes", "Padding", "Join", "Mask"];

/// Fails when someone writes a layer and does not compare it with PyTorch's.
#[test]
fn every_layer_is_compared() {
    let mut compared = BTreeSet::new();
    for_each_case(|case, _| {
        let (layer, _) = case.name.split_once('/').unwrap_or((&case.name, ""));
        compared.insert(layer.replace('_', ""));
    });
    let text = include_str!("../../src/lib.rs");
    let mut found = 0;
    for list in text.split("\npub use ").skip(1) {
        let (module, names) = list.split(';').next().unwrap().split_once("::").unwrap();
        if ["loss", "init", "state", "summary"].contains(&module) {
            continue;
        }
        for name in names.split(|c: char| !c.is_alphanumeric()).filter(|name| !name.is_empty()) {
            if !name.starts_with(char::is_uppercase) || NOT_LAYERS.contains(&name) {
                continue;
            }
            assert!(compared.contains(&name.to_lowercase()), "the layer {name} is not in tools/reference");
            found += 1;
        }
    }
    assert!(found >= 50, "only {found} layers were found in lib.rs");
}
