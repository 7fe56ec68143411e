//! Normalisation and dropout.

use super::{Case, case, normal as n};

pub fn cases() -> Vec<Case> {
    vec![
        case("normalize", |x| x[0].normalize([0, 2], 1e-2).0, &[n(&[3, 2, 2])]),
        case("normalize", |x| x[0].normalize(-1, 1e-5).0, &[n(&[2, 5])]),
        case("dropout", |x| x[0].tape().with_rng(|rng| x[0].dropout(0.3, rng)).square(), &[n(&[3, 4])]),
    ]
}
