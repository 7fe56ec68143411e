//! Normalisation.

use ravine_nn::*;
use ravine_tensor::Rng;

use crate::Subject;

pub fn layer(name: &str, _: &mut Rng) -> Subject {
    match name {
        "batch_norm1d" => BatchNorm1d::new(3).into(),
        "batch_norm1d/lines" => BatchNorm1d::new(3).momentum(0.3).into(),
        "batch_norm1d/no_tracking" => BatchNorm1d::new(3).no_tracking().into(),
        "batch_norm2d" => BatchNorm2d::new(3).eps(1e-3).into(),
        "batch_norm2d/plain" => BatchNorm2d::new(2).no_affine().into(),
        "batch_norm2d/frozen" => Subject::new(BatchNorm2d::new(2), |layer, x| {
            vec![x[0].tape().evaluating(|| layer.forward(&x[0]))]
        }),
        "batch_norm2d/no_tracking" => BatchNorm2d::new(2).no_tracking().into(),
        "layer_norm" => LayerNorm::new(5).into(),
        "layer_norm/two_axes" => LayerNorm::new([3, 2]).no_bias().into(),
        "layer_norm/plain" => LayerNorm::new(4).no_affine().into(),
        "group_norm" => GroupNorm::new(2, 6).into(),
        "group_norm/plain" => GroupNorm::new(3, 6).no_affine().into(),
        "instance_norm1d" => InstanceNorm1d::new(2).into(),
        "instance_norm1d/affine" => InstanceNorm1d::new(2).affine().into(),
        "instance_norm1d/tracking" => InstanceNorm1d::new(2).momentum(0.3).tracking().into(),
        "instance_norm2d" => InstanceNorm2d::new(2).affine().into(),
        "instance_norm2d/tracking" => InstanceNorm2d::new(2).affine().tracking().into(),
        "rms_norm" => RmsNorm::new(5).into(),
        "rms_norm/eps" => RmsNorm::new([2, 3]).eps(1e-2).into(),
        _ => panic!("{name} is in the file, but not here"),
    }
}
