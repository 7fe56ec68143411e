//! Reductions.

use ravine_tensor::Tensor;

use super::{Case, case, distinct, normal as n, transposed};

/// Products of which none, one and two factors are 0.
fn zeros() -> Tensor<f64> {
    n(&[3, 4])
        .zip(&Tensor::from([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]]), |x, m| x * m)
}

pub fn cases() -> Vec<Case> {
    vec![
        case("sum", |x| x[0].sum([0, -1]).square(), &[n(&[2, 3, 2])]),
        case("sum_keepdim", |x| x[0].sum_keepdim(1) * x[0], &[n(&[2, 3])]),
        case("sum_to", |x| x[0].sum_to([2, 1]).square(), &[n(&[3, 2, 2])]),
        case("mean", |x| x[0].mean(0).square(), &[n(&[2, 3])]),
        case("mean", |x| x[0].mean(..).square(), &[n(&[2, 3])]),
        case("mean_keepdim", |x| x[0].mean_keepdim(-1) * x[0], &[n(&[2, 3])]),
        case("prod", |x| x[0].prod(1), &[zeros()]),
        case("prod", |x| x[0].prod([0, 2]), &[transposed(n(&[2, 2, 3]))]),
        case("prod", |x| x[0].prod(..).square(), &[n(&[])]),
        case("max", |x| x[0].max(1).square(), &[distinct(&[3, 4])]),
        case("min", |x| x[0].min(..).square(), &[distinct(&[3, 4])]),
        case("max_keepdim", |x| x[0].max_keepdim(0) * x[0], &[distinct(&[3, 4])]),
        case("min_keepdim", |x| x[0].min_keepdim([0, 1]) * x[0], &[distinct(&[3, 4])]),
        case("median", |x| x[0].median(1).square(), &[distinct(&[3, 4])]),
        case("var", |x| x[0].var(-1, 1), &[n(&[2, 4])]),
        case("var", |x| x[0].var([0, 2], 0), &[n(&[2, 3, 2])]),
        case("var_keepdim", |x| x[0].var_keepdim(0, 1) * x[0], &[n(&[2, 4])]),
        case("std", |x| x[0].std(-1, 1), &[n(&[2, 4])]),
        case("norm", |x| x[0].norm(2.0, 1), &[n(&[2, 3])]),
        case("norm", |x| x[0].norm(1.0, 0).square(), &[n(&[2, 3])]),
        case("norm", |x| x[0].norm(3.0, ..), &[transposed(n(&[2, 3]))]),
        case("norm", |x| x[0].norm(0.5, 1), &[n(&[2, 3])]),
        case("norm", |x| x[0].norm(0.0, 1) * x[0].norm(2.0, 1), &[n(&[2, 3])]),
        case("norm", |x| x[0].norm(f64::INFINITY, 1).square(), &[distinct(&[3, 3])]),
        case("norm_keepdim", |x| x[0] / x[0].norm_keepdim(2.0, 1), &[n(&[2, 3])]),
        case("norm_keepdim", |x| x[0] * x[0].norm_keepdim(f64::NEG_INFINITY, 0), &[distinct(&[3, 3])]),
        case("logsumexp", |x| x[0].logsumexp([0, 1]), &[n(&[2, 3, 2])]),
        case("logsumexp_keepdim", |x| x[0] - x[0].logsumexp_keepdim(-1), &[n(&[2, 3])]),
    ]
}
