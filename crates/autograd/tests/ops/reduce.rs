//! Reductions.

use super::{Case, case, distinct, normal as n};

pub fn cases() -> Vec<Case> {
    vec![
        case("sum", |x| x[0].sum([0, -1]).square(), &[n(&[2, 3, 2])]),
        case("sum_keepdim", |x| x[0].sum_keepdim(1) * x[0], &[n(&[2, 3])]),
        case("sum_to", |x| x[0].sum_to([2, 1]).square(), &[n(&[3, 2, 2])]),
        case("mean", |x| x[0].mean(0).square(), &[n(&[2, 3])]),
        case("mean", |x| x[0].mean(..).square(), &[n(&[2, 3])]),
        case("mean_keepdim", |x| x[0].mean_keepdim(-1) * x[0], &[n(&[2, 3])]),
        case("var", |x| x[0].var(-1, 1), &[n(&[2, 4])]),
        case("var", |x| x[0].var([0, 2], 0), &[n(&[2, 3, 2])]),
        case("max", |x| x[0].max(1).square(), &[distinct(&[3, 4])]),
        case("min", |x| x[0].min(..).square(), &[distinct(&[3, 4])]),
        case("logsumexp", |x| x[0].logsumexp([0, 1]), &[n(&[2, 3, 2])]),
    ]
}
