//! Attention and transformers, with what may be hidden hidden.

use ravine_nn::*;
use ravine_tensor::{Rng, Tensor};

use crate::Subject;

/// The second key of the first sample and the last of the second, as in the script.
fn padding() -> Tensor<bool> {
    Tensor::from([[false, true, false], [false, false, true]])
}

pub fn layer(name: &str, rng: &mut Rng) -> Subject {
    match name {
        "multi_head_attention" => Subject::new(MultiHeadAttention::new(4, 2, rng), |attention, x| {
            vec![attention.forward(&x[0], &x[0], &x[0], &Mask::none())]
        }),
        "multi_head_attention/causal" => Subject::new(MultiHeadAttention::new(4, 2, rng), |attention, x| {
            vec![attention.forward(&x[0], &x[0], &x[0], &Mask::causal())]
        }),
        "multi_head_attention/memory" => {
            Subject::new(MultiHeadAttention::new(4, 1, rng).no_bias(), |attention, x| {
                vec![attention.forward(&x[0], &x[1], &x[1], &Mask::none().hide_keys(padding()))]
            })
        }
        "multi_head_attention/three" => Subject::new(MultiHeadAttention::new(4, 2, rng), |attention, x| {
            let hidden = Tensor::from([[false, true, false], [true, false, false]]);
            vec![attention.forward(&x[0], &x[1], &x[2], &Mask::none().hide(hidden))]
        }),
        "multi_head_attention/weights_dropout" => {
            Subject::new(MultiHeadAttention::new(4, 2, rng).dropout(0.5), |attention, x| {
                let hidden = Tensor::from([[false, true, false], [true, false, false]]);
                let (y, weights) =
                    attention.forward_with_weights(&x[0], &x[1], &x[2], &Mask::none().hide(hidden));
                vec![y, weights]
            })
        }
        "multi_head_attention/added" => Subject::new(MultiHeadAttention::new(4, 2, rng), |attention, x| {
            let rising =
                Tensor::from_fn([3, 3], |i| if i % 3 > i / 3 { f32::NEG_INFINITY } else { i as f32 / 4.0 });
            vec![attention.forward(&x[0], &x[0], &x[0], &Mask::none().bias(rising))]
        }),
        "multi_head_attention/added_dropout" => {
            Subject::new(MultiHeadAttention::new(4, 2, rng).dropout(0.5), |attention, x| {
                // For each head of each sample; from the last query of the first, all is hidden but one key.
                let distances = Tensor::from_fn([2, 2, 2, 3], |i| {
                    let (sample, query, key) = (i / 12, i / 3 % 2, i % 3);
                    if sample == 0 && query == 1 && key < 2 {
                        f32::NEG_INFINITY
                    } else {
                        (i % 5) as f32 / -4.0
                    }
                });
                vec![attention.forward(&x[0], &x[1], &x[1], &Mask::none().bias(distances))]
            })
        }
        "multi_head_attention/dropout" => {
            Subject::new(MultiHeadAttention::new(4, 2, rng).dropout(0.5), |attention, x| {
                vec![attention.forward(&x[0], &x[0], &x[0], &Mask::causal())]
            })
        }
        "transformer_encoder_layer/dropout" => {
            TransformerEncoderLayer::with_inner(4, 2, 6, rng).dropout(0.5).into()
        }
        "transformer_encoder_layer/norm_first_dropout" => {
            TransformerEncoderLayer::with_inner(4, 2, 3, rng).norm_first().gelu().dropout(0.5).into()
        }
        "transformer_encoder/dropout" => {
            let layer = |rng: &mut Rng| TransformerEncoderLayer::with_inner(4, 2, 3, rng).dropout(0.5);
            let encoder = TransformerEncoder::new((0..2).map(|_| layer(rng)).collect());
            Subject::new(encoder, |encoder, x| vec![encoder.forward_masked(&x[0], &Mask::causal())])
        }
        "transformer_decoder_layer/dropout" => {
            let layer = TransformerDecoderLayer::with_inner(4, 2, 3, rng).dropout(0.5);
            Subject::new(layer, |layer, x| vec![layer.forward(&x[0], &x[1], &Mask::causal(), &Mask::none())])
        }
        "transformer_decoder/dropout" => {
            let layer = |rng: &mut Rng| TransformerDecoderLayer::with_inner(4, 2, 3, rng).dropout(0.5);
            Subject::new(TransformerDecoder::new((0..2).map(|_| layer(rng)).collect()), |decoder, x| {
                vec![decoder.forward(&x[0], &x[1], &Mask::none(), &Mask::none())]
            })
        }
        "transformer_encoder_layer" => {
            Subject::new(TransformerEncoderLayer::with_inner(4, 2, 6, rng), |layer, x| {
                vec![layer.forward_masked(&x[0], &Mask::none().hide_keys(padding()))]
            })
        }
        "transformer_encoder_layer/norm_first" => {
            TransformerEncoderLayer::with_inner(4, 2, 6, rng).norm_first().gelu().into()
        }
        "transformer_encoder" => {
            let layers =
                (0..2).map(|_| TransformerEncoderLayer::with_inner(4, 2, 3, rng).norm_first()).collect();
            let encoder = TransformerEncoder::new(layers).norm(LayerNorm::new(4));
            Subject::new(encoder, |encoder, x| vec![encoder.forward_masked(&x[0], &Mask::causal())])
        }
        "transformer_decoder_layer" => {
            Subject::new(TransformerDecoderLayer::with_inner(4, 2, 6, rng), |layer, x| {
                vec![layer.forward(&x[0], &x[1], &Mask::causal(), &Mask::none().hide_keys(padding()))]
            })
        }
        "transformer_decoder_layer/norm_first" => {
            let layer = TransformerDecoderLayer::with_inner(4, 2, 6, rng).norm_first().gelu();
            Subject::new(layer, |layer, x| vec![layer.forward(&x[0], &x[1], &Mask::none(), &Mask::none())])
        }
        "transformer_decoder" => {
            let layers = (0..2).map(|_| TransformerDecoderLayer::with_inner(4, 2, 3, rng)).collect();
            Subject::new(TransformerDecoder::new(layers), |decoder, x| {
                vec![decoder.forward(&x[0], &x[1], &Mask::causal(), &Mask::none())]
            })
        }
        "sinusoidal_positions" => SinusoidalPositions::new(4, 10).into(),
        "rotary_positions" => RotaryPositions::new(6, 10).into(),
        _ => panic!("{name} is in the file, but not here"),
    }
}
