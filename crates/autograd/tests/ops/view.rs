//! Views and joins.

use super::{Case, V, case, normal as n, transposed};

pub fn cases() -> Vec<Case> {
    vec![
        case("reshape", |x| x[0].reshape([3, -1]).square(), &[transposed(n(&[2, 3]))]),
        case("flatten", |x| x[0].flatten(1).square(), &[n(&[2, 3, 2])]),
        case("permute", |x| x[0].permute([2, 0, -2]).square(), &[n(&[2, 3, 4])]),
        case("transpose", |x| x[0].transpose(0, -1).square(), &[n(&[2, 3, 4])]),
        case("t", |x| x[0].t() * x[1], &[n(&[2, 3]), n(&[3, 2])]),
        case("squeeze", |x| x[0].squeeze(1).square(), &[n(&[2, 1, 3])]),
        case("unsqueeze", |x| x[0].unsqueeze(-1).square(), &[n(&[2, 3])]),
        case("expand", |x| x[0].expand([4, 2, 3]).square(), &[n(&[2, 1])]),
        case("narrow", |x| x[0].narrow(1, 1, 2).square(), &[n(&[2, 4])]),
        case("zero_pad", |x| x[0].zero_pad(-1, 1, 2).exp(), &[n(&[2, 3])]),
        case("index", |x| x[0].index(-2, 1).square(), &[n(&[2, 3, 2])]),
        case("flip", |x| x[0].flip(0) * x[0], &[n(&[3, 2])]),
        case("cat", |x| V::cat(&[x[0], x[1], x[0]], 1).square(), &[n(&[2, 3]), n(&[2, 1])]),
        case("stack", |x| V::stack(&[x[0], x[1]], 1).square(), &[n(&[2, 3]), transposed(n(&[2, 3]))]),
    ]
}
