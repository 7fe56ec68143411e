//! Running sums, products and recurrences, and elements in order.

use ravine_autograd::{Tape, Var, grad};
use ravine_tensor::Tensor;

use super::{Case, V, case, distinct, normal as n, transposed};

fn zeros() -> Tensor<f64> {
    n(&[2, 4]) * Tensor::from([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
}

/// Sums in which some terms are zero: the first two, and one in the middle.
fn sums_with_zeros(x: &V) -> V {
    let zero = x.constant(Tensor::full([1], f64::NEG_INFINITY));
    let [a, b] = [x.narrow(0, 0, 2), x.narrow(0, 2, 2)];
    Var::cat(&[&zero, &zero, &a, &zero, &b], 0).logcumsumexp(0).narrow(0, 2, 5)
}

#[test]
fn a_term_that_is_zero_has_no_part_in_a_running_sum() {
    let inf = f64::INFINITY;
    for x in [[-inf, 1.0, 2.0], [-inf, -inf, 1.0], [0.5, -inf, 1.0], [-inf; 3]] {
        let tape = Tape::new();
        let v = tape.variable(Tensor::from(x));
        let first = grad(&v.logcumsumexp(0).sum(..), &[&v], true).remove(0);
        let second = grad(&(&first * tape.input(Tensor::from([1.0, 2.0, 3.0]))).sum(..), &[&v], false);
        for (found, x) in first.value().iter().zip(x).chain(second[0].value().iter().zip(x)) {
            assert!(found.is_finite() && (x != -inf || found == 0.0), "{v:?}: {first:?}, {second:?}");
        }
    }
}

#[test]
fn terms_beside_an_infinite_one_keep_their_derivatives() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from([1.0, 2.0, f64::INFINITY, 0.0, 3.0]));
    let found = grad(&x.logcumsumexp(0).sum(..), &[&x], false).remove(0).into_value().to_vec();
    // Of the first two, in the two sums before the infinite one; and nothing of the last two, in sums that are infinite.
    let second = 1.0 / (1.0 + (-1f64).exp());
    assert!((found[0] - (2.0 - second)).abs() < 1e-15 && (found[1] - second).abs() < 1e-15, "{found:?}");
    assert_eq!(found[3..], [0.0, 0.0]);
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
        case("logcumsumexp", |x| sums_with_zeros(x[0]), &[n(&[4])]),
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
