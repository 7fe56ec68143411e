//! Matrices, vocabularies, dropout, other shapes.

use ravine_nn::*;
use ravine_tensor::Rng;

use crate::Subject;

pub fn layer(name: &str, rng: &mut Rng) -> Subject {
    match name {
        "linear" => Linear::new(4, 3, rng).into(),
        "linear/no_bias" => Linear::new(4, 3, rng).no_bias().into(),
        "bilinear" => Subject::new(Bilinear::new(3, 4, 2, rng), |layer, x| vec![layer.forward(&x[0], &x[1])]),
        "embedding" => Subject::new(Embedding::new(5, 3, rng).padding_idx(1), |layer, x| {
            vec![layer.forward(x[0].tape(), &x[0].value().cast())]
        }),
        "identity" => Identity.into(),
        "dropout" => Dropout::new(0.5).into(),
        "dropout2d" => Dropout2d::new(0.5).into(),
        "alpha_dropout" => AlphaDropout::new(0.5).into(),
        "flatten" => Flatten.into(),
        "unflatten" => Unflatten::new(-1, [2, 3]).into(),
        "pixel_shuffle" => PixelShuffle::new(2).into(),
        "upsample" => Upsample::nearest([2, 3]).into(),
        "upsample/bilinear" => Upsample::bilinear([3, 2]).into(),
        "upsample/corners" => Upsample::bilinear([3, 2]).align_corners().into(),
        _ => panic!("{name} is in the file, but not here"),
    }
}
