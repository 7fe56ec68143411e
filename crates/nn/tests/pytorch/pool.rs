//! Pooling.

use ravine_nn::*;
use ravine_tensor::Rng;

use crate::Subject;

pub fn layer(name: &str, _: &mut Rng) -> Subject {
    match name {
        "max_pool1d" => MaxPool1d::new(3).stride(2).padding(1).into(),
        "max_pool2d" => MaxPool2d::new(3).stride(2).padding(1).into(),
        "max_pool2d/uneven" => MaxPool2d::new([1, 3]).stride([2, 1]).into(),
        "max_pool1d/ceil" => MaxPool1d::new(2).stride(3).padding(1).ceil_mode().into(),
        "max_pool2d/ceil" => MaxPool2d::new([3, 2]).stride(2).ceil_mode().into(),
        "avg_pool1d" => AvgPool1d::new(2).into(),
        "max_pool2d/ceil_alone" => MaxPool2d::new([3, 4]).stride([2, 3]).ceil_mode().into(),
        "avg_pool2d/ceil_alone" => AvgPool2d::new([3, 4]).stride([2, 3]).padding([0, 1]).ceil_mode().into(),
        "avg_pool1d/ceil" => AvgPool1d::new(3).stride(2).padding(1).ceil_mode().into(),
        "avg_pool1d/real" => AvgPool1d::new(3).stride(2).padding(1).ceil_mode().exclude_padding().into(),
        "avg_pool2d" => AvgPool2d::new(2).into(),
        "avg_pool2d/padded" => AvgPool2d::new(3).stride(2).padding(1).into(),
        "avg_pool2d/ceil" => AvgPool2d::new([2, 3]).stride(2).ceil_mode().into(),
        "avg_pool2d/real" => AvgPool2d::new([3, 2]).stride([2, 1]).padding(1).exclude_padding().into(),
        "avg_pool2d/real_ceil" => {
            AvgPool2d::new(3).stride(2).padding([0, 1]).ceil_mode().exclude_padding().into()
        }
        "adaptive_max_pool1d" => AdaptiveMaxPool1d::new(3).into(),
        "adaptive_max_pool2d" => AdaptiveMaxPool2d::new([2, 3]).into(),
        "adaptive_avg_pool1d" => AdaptiveAvgPool1d::new(3).into(),
        "adaptive_avg_pool2d" => AdaptiveAvgPool2d::new(2).into(),
        "global_avg_pool" => GlobalAvgPool.into(),
        "global_max_pool" => GlobalMaxPool.into(),
        _ => panic!("{name} is in the file, but not here"),
    }
}
