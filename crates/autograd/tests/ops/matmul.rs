//! Matrix products.

use super::{Case, case, normal as n, transposed};

pub fn cases() -> Vec<Case> {
    vec![
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[2, 3]), n(&[3, 4])]),
        case("matmul", |x| x[0].matmul(x[1]), &[transposed(n(&[2, 3])), transposed(n(&[3, 4]))]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[3]), n(&[3, 4])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[2, 3]), n(&[3])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[3]), n(&[3]) + 0.5]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[5, 1, 2, 3]), n(&[2, 3, 2])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[2, 3]), n(&[2, 3, 2])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[3]), n(&[2, 3, 2])]),
        case("matmul", |x| x[0].matmul(x[1]), &[n(&[2, 4, 3]), n(&[3])]),
        case("linear", |x| x[0].linear(x[1], Some(x[2])), &[n(&[2, 3]), n(&[4, 3]), n(&[4])]),
        case("linear", |x| x[0].linear(x[1], None), &[n(&[2, 2, 3]), n(&[4, 3])]),
        case("linear", |x| x[0].linear(x[1], Some(x[2])), &[n(&[3]), n(&[4, 3]), n(&[4])]),
    ]
}
