//! Einstein summation and the products of vectors.

use ravine_autograd::Var;

use super::{Case, case, normal as n, transposed};

pub fn cases() -> Vec<Case> {
    vec![
        case("einsum", |x| Var::einsum("bij,bjk->bik", x), &[n(&[2, 2, 3]), n(&[2, 3, 2])]),
        case("einsum", |x| Var::einsum("ij,kj->ki", x), &[n(&[2, 3]), transposed(n(&[2, 3]))]),
        case("einsum", |x| Var::einsum("...ij,...j->...i", x), &[n(&[2, 1, 2, 3]), n(&[2, 3])]),
        case("einsum", |x| Var::einsum("iij->j", x).square(), &[n(&[2, 2, 3])]),
        case("einsum", |x| Var::einsum("ij,ij->", x), &[n(&[2, 3]), n(&[2, 3])]),
        case("einsum", |x| Var::einsum("ij,jk,kl->il", x), &[n(&[2, 2]), n(&[2, 3]), n(&[3, 1])]),
        case("dot", |x| x[0].dot(x[1]), &[n(&[3]), n(&[3]) + 1.0]),
        case("outer", |x| x[0].outer(x[1]), &[n(&[3]), n(&[2])]),
        case("trace", |x| x[0].trace().square(), &[n(&[2, 3, 3])]),
    ]
}
