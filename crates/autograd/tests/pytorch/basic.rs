//! The ops that a first network needs.

use ravine_autograd::Var;
use ravine_tensor::{ConvOptions, PoolOptions, Tensor};

pub const FILE: &str = include_str!("../data/basic.json");

pub fn run(name: &str, x: &[&Var<f64>]) -> Var<f64> {
    let index = || Tensor::from([[2, 0, 2], [1, 1, 0]]);
    match name {
        "add" => x[0] + x[1],
        "sub" => x[0] - x[1],
        "mul" => x[0] * x[1],
        "div" => x[0] / x[1],
        "neg" => -x[0],
        "exp" => x[0].exp(),
        "expm1" => x[0].expm1(),
        "log" => x[0].log(),
        "log1p" => x[0].log1p(),
        "sqrt" => x[0].sqrt(),
        "reciprocal" => x[0].reciprocal(),
        "square" => x[0].square(),
        "sin" => x[0].sin(),
        "cos" => x[0].cos(),
        "tanh" => x[0].tanh(),
        "sigmoid" => x[0].sigmoid(),
        "relu" => x[0].relu() + 1.0,
        "abs" => x[0].abs() + 1.0,
        "clamp" => x[0].clamp(-1.0, 1.0),
        "powf" => x[0].powf(3.0),
        "pow" => x[0].pow(x[1]),
        "maximum" => x[0].maximum(x[1]),
        "minimum" => x[0].minimum(x[1]),
        "max" => x[0].max(1),
        "min" => x[0].min(1),
        "sum" => x[0].sum([0, 2]),
        "mean" => x[0].mean(1),
        "var" => x[0].var(1, 1),
        "logsumexp" => x[0].logsumexp(1),
        "softmax" => x[0].softmax(),
        "log_softmax" => x[0].log_softmax(),
        "cross_entropy" => x[0].cross_entropy(&Tensor::from([2, 0])),
        "matmul" => x[0].matmul(x[1]),
        "linear" => x[0].linear(x[1], Some(x[2])),
        "conv2d" => {
            let options = ConvOptions { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 };
            x[0].conv2d(x[1], Some(x[2]), &options)
        }
        "conv2d_input_grad" => {
            let options = ConvOptions { stride: [2, 2], padding: [1, 1], ..ConvOptions::default() };
            x[0].conv2d_input_grad(x[1], [6, 6], &options)
        }
        "max_pool2d" => x[0].max_pool2d(&PoolOptions::square(2)),
        "max_pool2d_overlapping" => {
            x[0].max_pool2d(&PoolOptions { kernel: [3, 3], stride: [1, 1], padding: [1, 1] })
        }
        "avg_pool2d" => x[0].avg_pool2d(&PoolOptions { kernel: [3, 3], stride: [2, 2], padding: [1, 1] }),
        "gather" => x[0].gather(1, &index()),
        "scatter_add" => x[0].constant(Tensor::zeros([2, 3])).scatter_add(1, &index(), x[0]),
        "index_select" => x[0].index_select(0, &Tensor::from([2, 0, 2])),
        "normalize" => x[0].normalize(-1, 1e-5).0,
        _ => panic!("{name} is in the file, but not here"),
    }
}
