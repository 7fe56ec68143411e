//! Equations and factorizations of matrices.

use ravine_autograd::{Tape, Var};
use ravine_tensor::Tensor;

use super::{Case, V, case, normal as n, transposed};

/// Far from singular.
fn regular(shape: &[usize]) -> Tensor<f64> {
    n(shape) + Tensor::eye(shape[shape.len() - 1]) * 3.0
}

/// `x xᵀ + 1`, symmetric and positive definite.
fn positive(x: &V) -> V {
    x.matmul(&x.t()) + x.constant(Tensor::eye(x.size(-2)))
}

/// What does not depend on the signs of the vectors.
fn eigen(x: &V) -> V {
    let (w, v) = positive(x).eigh().unwrap();
    Var::cat(&[&w.unsqueeze(-2), &v.square()], -2)
}

fn singular(x: &V) -> V {
    let (u, s, vt) = x.svd().unwrap();
    // The products of u and v, whose common sign cancels, and squares.
    Var::cat(
        &[&u.square(), &s.unsqueeze(-2), &vt.t().square(), &(u.narrow(-2, 0, 1) * vt.t().narrow(-2, 0, 1))],
        -2,
    )
}

fn q_and_r(x: &V) -> V {
    let (q, r) = x.qr().unwrap();
    q.matmul(&r).square() + q.square().sum(..) + r.sum(..)
}

/// It is found in backward, where the line of the op is not the one that runs.
#[test]
fn a_derivative_that_does_not_exist_names_the_line_of_its_op() {
    let message = |loss: fn(&V) -> V| {
        let x = Tape::new().variable(Tensor::zeros([2, 2]));
        let loss = loss(&x);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| loss.backward())).map(drop);
        *panic.unwrap_err().downcast::<String>().unwrap()
    };
    let [here, next] = [line!() + 1, line!() + 2].map(|line| format!("(the op of {}:{line}:", file!()));
    let slogdet = message(|x| x.slogdet().1);
    let qr = message(|x| x.qr().unwrap().1.sum(..));
    assert!(
        slogdet.starts_with("slogdet: backward: inverse: the matrix of shape [2, 2] is singular "),
        "{slogdet}"
    );
    assert!(slogdet.contains(&here), "{slogdet}");
    assert!(
        qr.starts_with("qr: backward: solve_triangular: the matrix of shape [2, 2] is singular "),
        "{qr}"
    );
    assert!(qr.contains(&next), "{qr}");
}

pub fn cases() -> Vec<Case> {
    vec![
        case("solve", |x| x[0].solve(x[1]).unwrap(), &[regular(&[2, 2, 2]), n(&[2, 1])]),
        case("solve", |x| x[0].solve(x[1]).unwrap(), &[transposed(regular(&[3, 3])), n(&[3])]),
        case(
            "solve_triangular",
            |x| x[0].solve_triangular(x[1], true).unwrap(),
            &[regular(&[3, 3]), n(&[3, 2])],
        ),
        case(
            "solve_triangular",
            |x| x[0].solve_triangular(x[1], false).unwrap(),
            &[regular(&[2, 2, 2]), n(&[2])],
        ),
        case("inverse", |x| x[0].inverse().unwrap(), &[regular(&[2, 2, 2])]),
        case("det", |x| x[0].det(), &[regular(&[2, 3, 3])]),
        case("det", |x| x[0].det(), &[Tensor::from([[1.0, 2.0], [2.0, 4.0]])]),
        case("det", |x| x[0].det(), &[Tensor::zeros([3, 3])]),
        case("slogdet", |x| x[0].slogdet().1, &[regular(&[2, 3, 3])]),
        case("cholesky", |x| positive(x[0]).cholesky().unwrap(), &[n(&[3, 3])]),
        case("cholesky", |x| positive(x[0]).cholesky().unwrap(), &[n(&[2, 2, 1])]),
        case("qr", |x| q_and_r(x[0]), &[n(&[4, 2])]),
        case("qr", |x| q_and_r(x[0]), &[n(&[2, 3])]),
        case("eigh", |x| eigen(x[0]), &[n(&[3, 3])]),
        case("eigh", |x| eigen(x[0]), &[n(&[2, 2, 2])]),
        case("svd", |x| singular(x[0]), &[n(&[4, 2])]),
        case("svd", |x| singular(x[0]), &[n(&[2, 3])]),
        case("svd", |x| singular(x[0]), &[n(&[2, 2, 2])]),
    ]
}
