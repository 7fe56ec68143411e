//! Running sums, products and recurrences, and elements in order.

use ravine_tensor::Tensor;

use super::{Case, case, distinct, normal as n, transposed};

fn zeros() -> Tensor<f64> {
    n(&[2, 4]) * Tensor::from([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
}

pub fn cases() -> Vec<Case> {
    vec![
        case("cumsum", |x| x[0].cumsum(1).square(), &[n(&[2, 3, 2])]),
        case("cumsum", |x| x[0].cumsum(0).square(), &[transposed(n(&[3, 2]))]),
        case("cumsum", |x| x[0].cumsum(0).square(), &[n(&[0, 2])]),
        case("cumprod", |x| x[0].cumprod(0), &[n(&[3, 2])]),
        case("cumprod", |x| x[0].cumprod(1), &[zeros()]),
        case("cumprod", |x| x[0].cumprod(-1), &[n(&[2, 0])]),
        case("logcumsumexp", |x| x[0].logcumsumexp(1), &[n(&[2, 4])]),
        case("logcumsumexp", |x| (x[0] - 1000.0).logcumsumexp(0), &[n(&[3, 2])]),
        case("cummax", |x| x[0].cummax(1).0.square(), &[distinct(&[3, 4])]),
        case("cummin", |x| x[0].cummin(0).0.square(), &[distinct(&[3, 4])]),
        case("linear_recurrence", |x| x[0].linear_recurrence(x[1], 1), &[n(&[2, 4]), n(&[4])]),
        case("linear_recurrence", |x| x[0].linear_recurrence(x[1], 0), &[n(&[3, 2]), n(&[])]),
        case("sort", |x| x[0].sort(1, true).0.square() * x[1], &[distinct(&[3, 4]), n(&[4])]),
        case("sort", |x| x[0].sort(0, false).0.square() * x[1], &[distinct(&[3, 4]), n(&[4])]),
        case("topk", |x| x[0].topk(2, 0, true).0.square(), &[distinct(&[3, 4])]),
        case("topk", |x| x[0].topk(2, -1, false).0.square(), &[distinct(&[3, 4])]),
        case("kthvalue", |x| x[0].kthvalue(2, -1).0.square(), &[distinct(&[3, 4])]),
        case("quantile", |x| x[0].quantile(0.3, 1).square(), &[distinct(&[3, 4])]),
        case("quantile", |x| x[0].quantile(0.9, [0, 2]).square(), &[distinct(&[2, 3, 2])]),
    ]
}
