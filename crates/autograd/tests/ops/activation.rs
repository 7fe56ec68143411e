//! Activation functions, on both sides of their kinks.

use super::{Case, case, normal as n};

pub fn cases() -> Vec<Case> {
    let wide = || [n(&[4, 3]) * 3.0 + 0.03];
    vec![
        case("gelu", |x| x[0].gelu(), &wide()),
        case("gelu_tanh", |x| x[0].gelu_tanh(), &wide()),
        case("silu", |x| x[0].silu(), &wide()),
        case("mish", |x| x[0].mish(), &wide()),
        case("softsign", |x| x[0].softsign(), &wide()),
        case("log_sigmoid", |x| x[0].log_sigmoid(), &wide()),
        case("hardswish", |x| x[0].hardswish(), &wide()),
        case("leaky_relu", |x| x[0].leaky_relu(0.1) * x[0], &wide()),
        case("prelu", |x| x[0].prelu(x[1]) * x[0], &[n(&[4, 3]), n(&[3])]),
        case("prelu", |x| x[0].prelu(x[1]).square(), &[n(&[4, 3]), n(&[1])]),
        case("elu", |x| x[0].elu(1.3), &wide()),
        case("selu", |x| x[0].selu(), &wide()),
        case("hardsigmoid", |x| x[0].hardsigmoid() * x[0], &wide()),
        case("hardtanh", |x| x[0].hardtanh(-2.0, 1.0) * x[0], &wide()),
        case("relu6", |x| x[0].relu6() * x[0], &wide()),
        case("glu", |x| x[0].glu(1), &[n(&[3, 4])]),
        case("swiglu", |x| x[0].swiglu(0), &[n(&[4, 3])]),
    ]
}
