//! Reductions, running sums and elements in order, with their ties, zeros and sub-gradients.

use ravine_autograd::Var;

pub const FILE: &str = include_str!("../data/reduce.json");

pub fn run(name: &str, x: &[&Var<f64>]) -> Var<f64> {
    if let Some(equation) = name.strip_prefix("einsum ") {
        return Var::einsum(equation, x);
    }
    if let Some(p) = name.strip_prefix("norm ") {
        return x[0].norm(p.parse().unwrap(), 1);
    }
    match name {
        "prod" => x[0].prod(1),
        "prod_all" => x[0].prod(..),
        "median_all" => x[0].median(..),
        "median" => x[0].median(1),
        "quantile" => x[0].quantile(0.3, 1),
        "quantile_all" => x[0].quantile(0.8, ..),
        "var" => x[0].var([0, 2], 1),
        "std" => x[0].std(1, 1) + 1.0,
        "logsumexp" => x[0].logsumexp(..),
        "cumsum" => x[0].cumsum(1),
        "cumprod" => x[0].cumprod(1),
        "cummax" => x[0].cummax(1).0,
        "cummin" => x[0].cummin(0).0,
        "logcumsumexp" => x[0].logcumsumexp(1),
        "sort" => x[0].sort(1, false).0 * x[1],
        "sort_descending" => x[0].sort(0, true).0 * x[1],
        "topk" => x[0].topk(2, 1, true).0,
        "topk_smallest" => x[0].topk(2, 0, false).0,
        "kthvalue" => x[0].kthvalue(2, 1).0,
        "dot" => x[0].dot(x[1]),
        "outer" => x[0].outer(x[1]),
        "trace" => x[0].trace(),
        _ => panic!("{name} is in the file, but not here"),
    }
}
