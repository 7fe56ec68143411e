//! The named functions.

use ravine_autograd::Var;

pub const FILE: &str = include_str!("../data/functions.json");

pub fn run(name: &str, x: &[&Var<f64>]) -> Var<f64> {
    match name {
        "rsqrt" => x[0].rsqrt(),
        "exp2" => x[0].exp2(),
        "log2" => x[0].log2(),
        "log10" => x[0].log10(),
        "tan" => x[0].tan(),
        "asin" => x[0].asin(),
        "acos" => x[0].acos(),
        "atan" => x[0].atan(),
        "atan2" => x[0].atan2(x[1]),
        "sinh" => x[0].sinh(),
        "cosh" => x[0].cosh(),
        "asinh" => x[0].asinh(),
        "acosh" => x[0].acosh(),
        "atanh" => x[0].atanh(),
        "erf" => x[0].erf(),
        "softplus" => x[0].softplus(),
        "sign" => x[0].sign(),
        "floor" => x[0].floor(),
        "ceil" => x[0].ceil(),
        "trunc" => x[0].trunc(),
        "round" => x[0].round(),
        "remainder" | "remainder_whole" => x[0].remainder(x[1]),
        "fmod" => x[0].fmod(x[1]),
        "erfc" => x[0].erfc(),
        "erfinv" => x[0].erfinv(),
        "lgamma" => x[0].lgamma(),
        "polygamma" => x[0].polygamma(2),
        "frac" => x[0].frac(),
        "nan_to_num" => x[0].nan_to_num(2.0, 3.0, -4.0),
        "clamp_min" => x[0].clamp_min(0.5),
        "clamp_max" => x[0].clamp_max(0.5),
        "hypot" => x[0].hypot(x[1]),
        "copysign" => x[0].copysign(x[1]),
        "logaddexp" => x[0].logaddexp(x[1]),
        "lerp" => x[0].lerp(x[1], 0.7),
        _ => panic!("{name} is in the file, but not here"),
    }
}
