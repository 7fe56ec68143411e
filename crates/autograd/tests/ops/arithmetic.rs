//! Arithmetic.

use super::{Case, case, normal as n, positive, transposed};

pub fn cases() -> Vec<Case> {
    vec![
        // Arithmetic, plain, broadcast both ways, and not contiguous.
        case("add", |x| x[0] + x[1], &[n(&[2, 3]), n(&[3])]),
        case("add", |x| x[0] + 2.0, &[n(&[2, 3])]),
        case("sub", |x| x[0] - x[1], &[n(&[2, 1]), n(&[4, 1, 3])]),
        case("sub", |x| 3.0 - (x[0] - 1.0), &[n(&[2])]),
        case("mul", |x| x[0] * x[1], &[n(&[2, 3]), transposed(n(&[2, 3]))]),
        case("mul", |x| x[0] * x[1] * 2.0, &[n(&[]), n(&[0, 3])]),
        case("mul", |x| x[0] * x[0], &[n(&[3])]),
        case("div", |x| x[0] / x[1], &[n(&[2, 3]), positive(&[2, 1])]),
        case("div", |x| 2.0 / (x[0] / 3.0), &[positive(&[2, 3])]),
        case("neg", |x| -x[0] * x[0], &[n(&[2, 3])]),
    ]
}
