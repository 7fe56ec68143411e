//! Functions of one variable, and choices.

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
        case("rsqrt", |x| x[0].rsqrt(), &[positive(&[2, 3])]),
        case("log2", |x| x[0].log2(), &[positive(&[2, 3])]),
        case("log10", |x| x[0].log10(), &[positive(&[2, 3])]),
        case("exp2", |x| x[0].exp2(), &[n(&[2, 3])]),
        case("tan", |x| x[0].tan(), &[n(&[2, 3]).map(|x| 0.7 * x.tanh())]),
        case("asin", |x| x[0].asin(), &[n(&[2, 3]).map(|x| 0.7 * x.tanh())]),
        case("acos", |x| x[0].acos(), &[n(&[2, 3]).map(|x| 0.7 * x.tanh())]),
        case("atan", |x| x[0].atan(), &[n(&[2, 3])]),
        case("sinh", |x| x[0].sinh(), &[n(&[2, 3])]),
        case("cosh", |x| x[0].cosh(), &[n(&[2, 3])]),
        case("asinh", |x| x[0].asinh(), &[n(&[2, 3])]),
        case("acosh", |x| x[0].acosh(), &[positive(&[2, 3]) + 1.0]),
        case("atanh", |x| x[0].atanh(), &[n(&[2, 3]).map(|x| 0.7 * x.tanh())]),
        case("erf", |x| x[0].erf(), &[n(&[2, 3])]),
        case("softplus", |x| x[0].softplus(), &[n(&[2, 3])]),
        case("sign", |x| x[0].sign() * x[0], &[n(&[2, 3]) + 0.03]),
        case("floor", |x| x[0].floor() * x[0], &[n(&[2, 3]) + 0.03]),
        case("ceil", |x| x[0].ceil() * x[0], &[n(&[2, 3]) + 0.03]),
        case("trunc", |x| x[0].trunc() * x[0], &[n(&[2, 3]) + 0.03]),
        case("round", |x| x[0].round() * x[0], &[n(&[2, 3]) + 0.03]),
        case("atan2", |x| x[0].atan2(x[1]), &[n(&[2, 3]), positive(&[3])]),
        case("remainder", |x| x[0].remainder(x[1]).square(), &[n(&[2, 3]), -positive(&[3])]),
        case("fmod", |x| x[0].fmod(x[1]).square(), &[n(&[2, 3]), -positive(&[3])]),
        case("abs", |x| x[0].abs() * x[0], &[n(&[2, 3])]),
        case("powf", |x| x[0].powf(2.5), &[positive(&[2, 3])]),
        case("powf", |x| x[0].powf(3.0) + x[0].powf(0.0), &[n(&[2, 3])]),
        case("pow", |x| x[0].pow(x[1]), &[positive(&[2, 3]), n(&[3])]),
        // Choices.
        case("maximum", |x| x[0].maximum(x[1]) * x[0], &[n(&[2, 3]), n(&[3])]),
        case("minimum", |x| x[0].minimum(x[1]) * x[0], &[n(&[2, 3]), n(&[3])]),
        case("clamp", |x| x[0].clamp(-1.0, 1.0) * x[0], &[n(&[4, 3])]),
    ]
}
