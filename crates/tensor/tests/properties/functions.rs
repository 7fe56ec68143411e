//! Functions of one variable, and the same in `f64` by others: what several tests go through.

use ravine_tensor::{Float, Tensor};

type Row<T> = (&'static str, fn(&Tensor<T>) -> Tensor<T>, fn(f64) -> f64);

/// Those that are within two units in the last place.
pub fn functions<T: Float>() -> [Row<T>; 33] {
    [
        ("exp", Tensor::exp, f64::exp),
        ("exp2", Tensor::exp2, f64::exp2),
        ("expm1", Tensor::expm1, f64::exp_m1),
        ("log", Tensor::log, f64::ln),
        ("log2", Tensor::log2, f64::log2),
        ("log10", Tensor::log10, f64::log10),
        ("log1p", Tensor::log1p, f64::ln_1p),
        ("sqrt", Tensor::sqrt, f64::sqrt),
        ("rsqrt", Tensor::rsqrt, |x| 1.0 / x.sqrt()),
        ("reciprocal", Tensor::reciprocal, |x| 1.0 / x),
        ("square", Tensor::square, |x| x * x),
        ("sin", Tensor::sin, f64::sin),
        ("cos", Tensor::cos, f64::cos),
        ("tan", Tensor::tan, f64::tan),
        ("asin", Tensor::asin, f64::asin),
        ("acos", Tensor::acos, f64::acos),
        ("atan", Tensor::atan, f64::atan),
        ("sinh", Tensor::sinh, f64::sinh),
        ("cosh", Tensor::cosh, f64::cosh),
        ("tanh", Tensor::tanh, f64::tanh),
        ("asinh", Tensor::asinh, f64::asinh),
        ("acosh", Tensor::acosh, f64::acosh),
        ("atanh", Tensor::atanh, f64::atanh),
        ("erf", Tensor::erf, libm::erf),
        ("erfc", Tensor::erfc, libm::erfc),
        ("sigmoid", Tensor::sigmoid, |x| {
            if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
        }),
        ("relu", Tensor::relu, |x| if x > 0.0 || x.is_nan() { x } else { 0.0 }),
        ("abs", Tensor::abs, f64::abs),
        ("floor", Tensor::floor, f64::floor),
        ("ceil", Tensor::ceil, f64::ceil),
        ("trunc", Tensor::trunc, f64::trunc),
        ("round", Tensor::round, f64::round_ties_even),
        ("neg", |x| -x, |x| -x),
    ]
}

/// Those made of several, which are not.
pub fn composed<T: Float>() -> [Row<T>; 5] {
    [
        ("softplus", Tensor::softplus, |x| (1.0 + x.exp()).ln()),
        ("silu", Tensor::silu, |x| x / (1.0 + (-x).exp())),
        ("gelu", Tensor::gelu, |x| 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt()))),
        ("sign", Tensor::sign, |x| if x == 0.0 { 0.0 } else { x.signum() }),
        ("frac", Tensor::frac, f64::fract),
    ]
}
