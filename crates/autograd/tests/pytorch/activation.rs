//! Activation functions, at their kinks and far out.

use ravine_autograd::Var;

pub const FILE: &str = include_str!("../data/activation.json");

pub fn run(name: &str, x: &[&Var<f64>]) -> Var<f64> {
    match name {
        "gelu" => x[0].gelu(),
        "gelu_tanh" => x[0].gelu_tanh(),
        "silu" => x[0].silu(),
        "mish" => x[0].mish(),
        "softsign" => x[0].softsign(),
        "log_sigmoid" => x[0].log_sigmoid(),
        "hardswish" => x[0].hardswish(),
        "leaky_relu" => x[0].leaky_relu(0.1),
        "prelu" => x[0].prelu(x[1]),
        "elu" => x[0].elu(1.3),
        "selu" => x[0].selu(),
        "hardsigmoid" => x[0].hardsigmoid(),
        "hardtanh" => x[0].hardtanh(-1.0, 3.0),
        "relu6" => x[0].relu6(),
        "glu" => x[0].glu(0),
        _ => panic!("{name} is in the file, but not here"),
    }
}
