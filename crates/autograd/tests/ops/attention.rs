//! Attention: alone, masked, with dropout.

use ravine_tensor::{Rng, Tensor};

use super::{Case, case, normal as n};

pub fn cases() -> Vec<Case> {
    let inputs = || [n(&[1, 2, 2, 3]), n(&[1, 2, 3, 3]), n(&[1, 2, 3, 2])];
    vec![
        case(
            "scaled_dot_product_attention",
            |x| x[0].scaled_dot_product_attention(x[1], x[2], None, None),
            &inputs(),
        ),
        case(
            "scaled_dot_product_attention",
            |x| {
                let mask = Tensor::from([[false, true, false], [false, false, true]]);
                x[0].scaled_dot_product_attention(x[1], x[2], Some(&mask), Some((0.3, &mut Rng::new(4))))
            },
            &inputs(),
        ),
        case(
            "scaled_dot_product_attention",
            |x| {
                let blind = Tensor::from([[true, true, true], [false, false, true]]);
                x[0].scaled_dot_product_attention(x[1], x[2], Some(&blind), None)
            },
            &inputs(),
        ),
    ]
}
