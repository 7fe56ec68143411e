//! Outputs, gradients and buffers of the layers against PyTorch's, in training and after (`tools/reference/layers_*.py` made the files).
//!
//! A layer joins by a case there, named after it, and an arm in its family's file here; a test fails until it does. A case is for one mode of
//! the pass or, where PyTorch says the same in both, for both: then ours must.

mod activation;
mod attention;
mod container;
mod conv;
mod exported;
mod flat;
mod meta;
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

use flat::Flat;

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

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Train,
    Eval,
}

impl Mode {
    /// A tape that records, with a stream whose first numbers `coins.txt` has.
    fn tape(self) -> Tape {
        match self {
            Mode::Train => Tape::train(Rng::new(0)),
            Mode::Eval => Tape::new(),
        }
    }
}

#[derive(Deserialize)]
struct Case {
    /// The layer's name in PyTorch's spelling, and what is special about it: `conv2d/grouped`.
    name: String,
    modes: Vec<Mode>,
    inputs: Vec<Flat<f32>>,
    params: BTreeMap<String, Flat<f32>>,
    buffers_before: BTreeMap<String, Flat<f32>>,
    outputs: Vec<Flat<f32>>,
    /// None for inputs that are indices.
    input_grads: Vec<Option<Flat<f32>>>,
    grads: BTreeMap<String, Flat<f32>>,
    buffers_after: BTreeMap<String, Flat<f32>>,
}

/// Calls `f` with each case, in each of its modes, and its layer, which has the case's parameters and buffers.
fn for_each_case(mut f: impl FnMut(&Case, Mode, Subject)) {
    for (file, layer) in FAMILIES {
        let cases: Vec<Case> = serde_json::from_str(file).unwrap();
        assert!(!cases.is_empty());
        for (case, &mode) in cases.iter().flat_map(|case| case.modes.iter().map(move |mode| (case, mode))) {
            let subject = layer(&case.name, &mut Rng::new(0));
            let (params, buffers) = (subject.module.named_params(), subject.module.named_buffers());
            let ours: BTreeSet<&String> =
                params.iter().map(|(path, _)| path).chain(buffers.iter().map(|(path, _)| path)).collect();
            let theirs: BTreeSet<&String> = case.params.keys().chain(case.buffers_before.keys()).collect();
            assert_eq!(ours, theirs, "{}: its names are not PyTorch's", case.name);
            params.iter().for_each(|(path, param)| param.set(case.params[path].tensor()));
            buffers.iter().for_each(|(path, buffer)| buffer.set(case.buffers_before[path].tensor()));
            f(case, mode, subject);
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

fn close(what: &str, found: &Tensor, want: &Flat<f32>) {
    assert_eq!(found.shape()[..], want.shape[..], "{what}");
    // The file has eight digits; sums of many terms of either sign are compared with the largest of them.
    let scale = want.values.iter().fold(1f32, |scale, value| scale.max(value.abs()));
    for (i, (found, want)) in found.iter().zip(&want.values).enumerate() {
        let error = (found - want).abs() / (1.0 + want.abs() + 0.1 * scale);
        assert!(error < 1e-5, "{what}: element {i} is {found}, in PyTorch {want}");
    }
}

#[test]
fn outputs_gradients_and_buffers_are_pytorchs_in_both_modes() {
    for_each_case(|case, mode, subject| {
        let what = |part: &str| format!("{part} of {} ({mode:?})", case.name);
        let tape = mode.tape();
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

/// What is dropped in training differs from generator to generator. So PyTorch was given what ours drops, with a probability of a half.
#[test]
fn the_coins_in_the_file_are_those_of_our_generator() {
    let file = include_str!("../data/coins.txt").trim();
    assert_eq!(file.len(), 1024);
    let thrown = Tensor::bernoulli(file.len(), 0.5, &mut Rng::new(0));
    let thrown: String = thrown.iter().map(|coin| if coin { '1' } else { '0' }).collect();
    assert_eq!(thrown, file);
}

#[test]
fn every_parameter_of_every_layer_gets_a_gradient_in_both_modes() {
    let mut found = 0;
    for_each_case(|case, mode, subject| {
        let tape = mode.tape();
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
    assert!(found > 200, "only {found} parameters were found");
}

/// Fails when someone writes a layer and does not compare it with PyTorch's, or not in both modes.
#[test]
fn every_layer_is_compared_in_both_modes() {
    let mut compared: BTreeMap<String, BTreeSet<Mode>> = BTreeMap::new();
    for_each_case(|case, mode, _| {
        let (layer, _) = case.name.split_once('/').unwrap_or((&case.name, ""));
        compared.entry(layer.replace('_', "")).or_default().insert(mode);
    });
    for name in exported::layers() {
        let modes = compared.get(&name.to_lowercase());
        let modes = modes.unwrap_or_else(|| panic!("the layer {name} is not in tools/reference"));
        assert_eq!(modes.len(), 2, "the layer {name} is compared as {modes:?} alone");
    }
}

/// By what PyTorch gave: noise is for training alone, running statistics are made then and used after, and nothing else knows the mode.
#[test]
fn the_mode_matters_where_it_should() {
    let statistics = [
        "batch_norm1d",
        "batch_norm1d/lines",
        "batch_norm2d",
        "batch_norm2d/plain",
        "instance_norm1d/tracking",
        "instance_norm2d/tracking",
        "sequential",
    ];
    for_each_case(|case, _, _| {
        let name = case.name.as_str();
        let should = statistics.contains(&name) || name.contains("dropout");
        assert_eq!(case.modes.len() == 1, should, "{name}");
    });
}
