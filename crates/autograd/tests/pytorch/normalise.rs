//! Normalisation with scale and shift.

use ravine_autograd::Var;
use ravine_tensor::Tensor;

pub const FILE: &str = include_str!("../data/normalise.json");

pub fn run(name: &str, x: &[&Var<f64>]) -> Var<f64> {
    let (weight, bias) = (x.get(1).copied(), x.get(2).copied());
    match name {
        "batch_norm" => x[0].batch_norm(weight, bias, 1e-5).0,
        "batch_norm_by" => {
            let (mean, var) = (Tensor::from([0.5, -0.1, 0.0]), Tensor::from([2.0, 0.3, 1.0]));
            x[0].batch_norm_by(&mean, &var, weight, bias, 1e-5)
        }
        "group_norm" => x[0].group_norm(2, weight, bias, 1e-5),
        "layer_norm" => x[0].layer_norm(2, weight, bias, 1e-5),
        "rms_norm" => x[0].rms_norm(1, weight, 1e-5),
        _ => panic!("{name} is in the file, but not here"),
    }
}
