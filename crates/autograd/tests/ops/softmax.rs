//! Softmax and its kin.

use ravine_tensor::Tensor;

use super::{Case, case, normal as n};

pub fn cases() -> Vec<Case> {
    vec![
        case("softmax", |x| x[0].softmax(), &[n(&[2, 4])]),
        case("log_softmax", |x| x[0].log_softmax(), &[n(&[2, 4])]),
        case("cross_entropy_each", |x| x[0].cross_entropy_each(&Tensor::from([2, 0])), &[n(&[2, 4])]),
        case("cross_entropy", |x| x[0].cross_entropy(&Tensor::from([2, 0])), &[n(&[2, 4])]),
    ]
}
