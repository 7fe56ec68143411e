//! Convolutions and poolings beyond the first network's.

use ravine_autograd::Var;
use ravine_tensor::{ConvOptions, PoolOptions};

pub const FILE: &str = include_str!("../data/window.json");

pub fn run(name: &str, x: &[&Var<f64>]) -> Var<f64> {
    let lines = ConvOptions { stride: [2], padding: [1], dilation: [2], groups: 2 };
    let wide = PoolOptions { kernel: [3], stride: [2], padding: [1] };
    match name {
        "conv1d" => x[0].conv1d(x[1], Some(x[2]), &lines),
        "conv_transpose1d" => x[0].conv_transpose1d(x[1], Some(x[2]), 1, &lines),
        "conv_transpose2d" => {
            let options = ConvOptions { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 };
            x[0].conv_transpose2d(x[1], Some(x[2]), [1, 0], &options)
        }
        "max_pool1d" => x[0].max_pool1d(&wide),
        "avg_pool1d" => x[0].avg_pool1d(&wide),
        "adaptive_max_pool1d" => x[0].adaptive_max_pool1d(3),
        "adaptive_avg_pool1d" => x[0].adaptive_avg_pool1d(3),
        "adaptive_max_pool2d" => x[0].adaptive_max_pool2d([3, 2]),
        "adaptive_avg_pool2d" => x[0].adaptive_avg_pool2d([3, 2]),
        "adaptive_avg_pool2d_larger" => x[0].adaptive_avg_pool2d([7, 5]),
        _ => panic!("{name} is in the file, but not here"),
    }
}
