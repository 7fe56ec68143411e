//! Pooling.

use ravine_tensor::{PoolOptions, Tensor};

use super::{Case, case, distinct, normal as n};

fn overlapping() -> PoolOptions {
    PoolOptions { kernel: [3, 2], stride: [2, 1], padding: [1, 1] }
}

fn lines() -> PoolOptions<1> {
    PoolOptions { kernel: [3], stride: [2], padding: [1] }
}

fn places() -> Tensor<i32> {
    Tensor::from([[[4, 0], [4, 5]]]).unsqueeze(0)
}

pub fn cases() -> Vec<Case> {
    vec![
        // Pooling: windows that touch, overlap, and reach over the edge.
        case("max_pool2d", |x| x[0].max_pool2d(&PoolOptions::square(2)).square(), &[distinct(&[2, 1, 4, 5])]),
        case("max_pool2d", |x| x[0].max_pool2d(&overlapping()).square(), &[distinct(&[1, 2, 4, 4])]),
        case(
            "max_pool2d_scatter",
            |x| x[0].max_pool2d_scatter(&places(), [2, 3]).square(),
            &[n(&[1, 1, 2, 2])],
        ),
        case("max_pool2d_gather", |x| x[0].max_pool2d_gather(&places()).square(), &[n(&[1, 1, 2, 3])]),
        case("avg_pool2d", |x| x[0].avg_pool2d(&overlapping()).square(), &[n(&[2, 1, 4, 4])]),
        case(
            "avg_pool2d_grad",
            |x| x[0].avg_pool2d_grad([4, 4], &overlapping()).square(),
            &[n(&[1, 2, 2, 5])],
        ),
        case(
            "adaptive_max_pool2d",
            |x| x[0].adaptive_max_pool2d([2, 3]).square(),
            &[distinct(&[1, 2, 3, 5])],
        ),
        case("adaptive_avg_pool2d", |x| x[0].adaptive_avg_pool2d([2, 3]).square(), &[n(&[1, 2, 3, 5])]),
        case("adaptive_avg_pool2d", |x| x[0].adaptive_avg_pool2d([4, 1]).square(), &[n(&[1, 1, 3, 2])]),
        case(
            "adaptive_avg_pool2d_grad",
            |x| x[0].adaptive_avg_pool2d_grad([5, 4]).square(),
            &[n(&[1, 2, 2, 3])],
        ),
        // Lines.
        case("max_pool1d", |x| x[0].max_pool1d(&lines()).square(), &[distinct(&[2, 2, 5])]),
        case("avg_pool1d", |x| x[0].avg_pool1d(&lines()).square(), &[n(&[2, 2, 5])]),
        case("adaptive_max_pool1d", |x| x[0].adaptive_max_pool1d(3).square(), &[distinct(&[2, 2, 5])]),
        case("adaptive_avg_pool1d", |x| x[0].adaptive_avg_pool1d(3).square(), &[n(&[2, 2, 5])]),
    ]
}
