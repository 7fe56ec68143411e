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
        "upsample/to" => Upsample::nearest_to([5, 2]).into(),
        "upsample/to_rounded" => Upsample::nearest_to([46, 1]).into(),
        "upsample/bilinear_to" => Upsample::bilinear_to([5, 3]).into(),
        "upsample/corners_to" => Upsample::bilinear_to([7, 1]).align_corners().into(),
        "embedding_bag" => Subject::new(EmbeddingBag::new(5, 3, rng), |layer, x| {
            vec![layer.forward(x[0].tape(), &x[0].value().cast())]
        }),
        "embedding_bag/padding" => bags(EmbeddingBag::new(5, 3, rng).padding_idx(1)),
        "embedding_bag/sum" => bags(EmbeddingBag::new(5, 3, rng).padding_idx(1).sum()),
        "embedding_bag/max" => bags(EmbeddingBag::new(5, 3, rng).padding_idx(1).max()),
        _ => panic!("{name} is in the file, but not here"),
    }
}

/// Bags of three entries, none, three and one, maybe with factors.
fn bags(layer: EmbeddingBag) -> Subject {
    Subject::new(layer, |layer, x| {
        vec![layer.forward_from(x[0].tape(), &x[0].value().cast(), &[0, 3, 3, 6], x.get(1))]
    })
}
