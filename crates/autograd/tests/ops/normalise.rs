//! Normalisation and dropout.

use ravine_tensor::Tensor;

use super::{Case, case, normal as n};

pub fn cases() -> Vec<Case> {
    vec![
        case("normalize", |x| x[0].normalize([0, 2], 1e-2).0, &[n(&[3, 2, 2])]),
        case("normalize", |x| x[0].normalize(-1, 1e-5).0, &[n(&[2, 5])]),
        case(
            "batch_norm",
            |x| x[0].batch_norm(Some(x[1]), Some(x[2]), 1e-2).0,
            &[n(&[3, 2, 2]), n(&[2]), n(&[2])],
        ),
        case("batch_norm", |x| x[0].batch_norm(None, Some(x[1]), 1e-2).0, &[n(&[4, 2]), n(&[2])]),
        case(
            "batch_norm_by",
            |x| {
                let (mean, var) = (Tensor::from([0.5, -0.1]), Tensor::from([2.0, 0.3]));
                x[0].batch_norm_by(&mean, &var, Some(x[1]), Some(x[2]), 1e-2)
            },
            &[n(&[2, 2, 3]), n(&[2]), n(&[2])],
        ),
        case(
            "group_norm",
            |x| x[0].group_norm(2, Some(x[1]), Some(x[2]), 1e-2),
            &[n(&[2, 4, 3]), n(&[4]), n(&[4])],
        ),
        case("group_norm", |x| x[0].group_norm(2, None, None, 1e-2), &[n(&[2, 2, 4])]),
        case(
            "layer_norm",
            |x| x[0].layer_norm(2, Some(x[1]), Some(x[2]), 1e-2),
            &[n(&[2, 2, 3]), n(&[2, 3]), n(&[2, 3])],
        ),
        case("layer_norm", |x| x[0].layer_norm(1, Some(x[1]), None, 1e-2), &[n(&[2, 3]), n(&[3])]),
        case("rms_norm", |x| x[0].rms_norm(1, Some(x[1]), 1e-2), &[n(&[2, 3]), n(&[3])]),
        case("dropout", |x| x[0].tape().with_rng(|rng| x[0].dropout(0.3, rng)).square(), &[n(&[3, 4])]),
    ]
}
