//! Indexing.

use ravine_tensor::Tensor;

use super::{Case, case, normal as n};

fn index() -> Tensor<i64> {
    Tensor::from([[2, 0, 2, 1], [1, 1, 0, 2]])
}

pub fn cases() -> Vec<Case> {
    vec![
        case("gather", |x| x[0].gather(&index()).square(), &[n(&[2, 3])]),
        case("scatter_add", |x| x[0].scatter_add(&index(), 3).square(), &[n(&[2, 4])]),
        case("index_select", |x| x[0].index_select(0, &Tensor::from([2, 0, 2])).square(), &[n(&[3, 2])]),
        case("index_add", |x| x[0].index_add(1, &Tensor::from([2, 0, 2]), 4).square(), &[n(&[2, 3, 2])]),
    ]
}
