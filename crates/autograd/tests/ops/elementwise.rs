//! Functions of one variable, and choices.

use ravine_autograd::Var;
use ravine_tensor::Tensor;

use super::{Case, case, normal as n, positive, transposed};

pub fn cases() -> Vec<Case> {
    vec![
        // Functions of one variable.
        case("exp", |x| x[0].exp(), &[n(&[2, 3])]),
        case("expm1", |x| x[0].expm1(), &[n(&[2, 3])]),
        case("sqrt", |x| x[0].sqrt(), &[positive(&[2, 3])]),
        case("reciprocal", |x| x[0].reciprocal(), &[positive(&[2, 3])]),
        case("tanh", |x| x[0].tanh(), &[n(&[2, 3])]),
        case("sigmoid", |x| x[0].sigmoid(), &[transposed(n(&[2, 3]))]),
        case("relu", |x| x[0].relu() * x[0], &[n(&[4, 3])]),
        case("log", |x| x[0].log(), &[positive(&[2, 3])]),
        case("log1p", |x| x[0].log1p(), &[positive(&[2, 3])]),
        case("square", |x| x[0].square(), &[n(&[2, 3])]),
        case("sin", |x| x[0].sin(), &[n(&[2, 3])]),
        case("cos", |x| x[0].cos(), &[n(&[2, 3])]),
        case("abs", |x| x[0].abs() * x[0], &[n(&[2, 3])]),
        case("powf", |x| x[0].powf(2.5), &[positive(&[2, 3])]),
        case("powf", |x| x[0].powf(3.0) + x[0].powf(0.0), &[n(&[2, 3])]),
        case("pow", |x| x[0].pow(x[1]), &[positive(&[2, 3]), n(&[3])]),
        // Choices.
        case("masked_fill", |x| x[0].masked_fill(&x[0].value().map(|v| v > 0.5), 3.0) * x[0], &[n(&[2, 3])]),
        case(
            "select",
            |x| Var::select(&Tensor::from([true, false, true]), x[0], x[1]) * x[0],
            &[n(&[2, 3]), n(&[3])],
        ),
        case("maximum", |x| x[0].maximum(x[1]) * x[0], &[n(&[2, 3]), n(&[3])]),
        case("minimum", |x| x[0].minimum(x[1]) * x[0], &[n(&[2, 3]), n(&[3])]),
        case("clamp", |x| x[0].clamp(-1.0, 1.0) * x[0], &[n(&[4, 3])]),
    ]
}
