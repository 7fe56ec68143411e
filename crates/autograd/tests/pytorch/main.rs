//! Values and gradients of the ops against PyTorch's, kinks and ties included (`tools/reference` made the files).

mod activation;
mod basic;
mod functions;
#[cfg(feature = "linalg")]
mod linalg;
mod normalise;
mod reduce;
mod shape;
mod window;

use ravine_autograd::{Tape, Var, grad};
use ravine_tensor::Tensor;
use serde::Deserialize;

#[derive(Deserialize)]
struct Flat {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Flat {
    fn tensor(&self) -> Tensor<f64> {
        Tensor::from_slice(&self.values, &self.shape[..])
    }
}

#[derive(Deserialize)]
struct Case {
    name: String,
    inputs: Vec<Flat>,
    output: Flat,
    grads: Vec<Flat>,
}

fn close(what: &str, found: &Tensor<f64>, want: &Flat) {
    assert_eq!(found.shape()[..], want.shape[..], "{what}");
    for (i, (found, want)) in found.iter().zip(&want.values).enumerate() {
        // The file has twelve digits.
        let error = (found - want).abs() / (1.0 + want.abs());
        assert!(error < 1e-11, "{what}: element {i} is {found}, in PyTorch {want}");
    }
}

/// Each file of cases, and what runs the op of one name.
const FAMILIES: &[(&str, fn(&str, &[&Var<f64>]) -> Var<f64>)] = &[
    (activation::FILE, activation::run),
    (basic::FILE, basic::run),
    (functions::FILE, functions::run),
    #[cfg(feature = "linalg")]
    (linalg::FILE, linalg::run),
    (normalise::FILE, normalise::run),
    (reduce::FILE, reduce::run),
    (shape::FILE, shape::run),
    (window::FILE, window::run),
];

#[test]
fn values_and_gradients_are_pytorchs() {
    for (file, run) in FAMILIES {
        let cases: Vec<Case> = serde_json::from_str(file).unwrap();
        assert!(!cases.is_empty());
        for Case { name, inputs, output, grads } in &cases {
            let tape = Tape::new();
            let vars: Vec<_> = inputs.iter().map(|x| tape.variable(x.tensor())).collect();
            let vars: Vec<_> = vars.iter().collect();
            let y = run(name, &vars);
            close(name, y.value(), output);
            for (i, (found, want)) in grad(&y.square().sum(..), &vars, false).iter().zip(grads).enumerate() {
                close(&format!("gradient {i} of {name}"), found.value(), want);
            }
        }
    }
}
