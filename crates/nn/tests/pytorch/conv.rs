//! Convolutions.

use ravine_nn::*;
use ravine_tensor::{Pad, Rng};

use crate::Subject;

pub fn layer(name: &str, rng: &mut Rng) -> Subject {
    match name {
        "conv1d" => Conv1d::new(2, 3, 3, rng).stride(2).padding(1).into(),
        "conv1d/same" => Conv1d::grouped(2, 4, 4, 2, rng).padding(Padding::Same).dilation(3).into(),
        "conv2d" => Conv2d::new(2, 3, 3, rng).stride(2).padding(1).into(),
        "conv2d/grouped" => Conv2d::grouped(4, 4, 3, 2, rng).padding(2).dilation(2).into(),
        "conv2d/uneven" => Conv2d::new(1, 2, [1, 3], rng).stride([1, 2]).padding([0, 1]).no_bias().into(),
        "conv2d/same" => Conv2d::new(1, 2, [2, 3], rng).padding(Padding::Same).into(),
        "conv1d/reflect" => Conv1d::new(2, 2, 3, rng).padding(2).padding_mode(Pad::Reflect).into(),
        "conv2d/circular" => Conv2d::new(1, 2, 3, rng).padding([1, 2]).padding_mode(Pad::Circular).into(),
        "conv2d/replicate" => {
            Conv2d::new(1, 2, [2, 3], rng).padding(Padding::Same).padding_mode(Pad::Replicate).into()
        }
        "conv_transpose1d" => ConvTranspose1d::new(3, 2, 4, rng).stride(2).padding(1).into(),
        "conv_transpose2d" => {
            ConvTranspose2d::new(2, 3, 3, rng).stride(2).padding(1).output_padding(1).into()
        }
        "conv_transpose2d/grouped" => {
            ConvTranspose2d::grouped(4, 2, [2, 3], 2, rng).dilation([1, 2]).no_bias().into()
        }
        _ => panic!("{name} is in the file, but not here"),
    }
}
