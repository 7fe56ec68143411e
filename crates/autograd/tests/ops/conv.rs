//! Convolution.

use ravine_tensor::ConvOptions;

use super::{Case, case, normal as n};

fn conv(stride: [usize; 2], padding: [usize; 2], dilation: [usize; 2], groups: usize) -> ConvOptions {
    ConvOptions { stride, padding, dilation, groups }
}

fn lines() -> ConvOptions<1> {
    ConvOptions { stride: [2], padding: [1], dilation: [2], groups: 1 }
}

pub fn cases() -> Vec<Case> {
    vec![
        // Convolution: stride, padding, dilation, groups, depthwise.
        case(
            "conv2d",
            |x| x[0].conv2d(x[1], Some(x[2]), &conv([1, 1], [1, 0], [1, 1], 1)),
            &[n(&[2, 2, 4, 3]), n(&[3, 2, 3, 2]), n(&[3])],
        ),
        case(
            "conv2d",
            |x| x[0].conv2d(x[1], None, &conv([2, 1], [1, 2], [1, 2], 2)),
            &[n(&[2, 4, 5, 4]), n(&[2, 2, 3, 3])],
        ),
        case(
            "conv2d",
            |x| x[0].conv2d(x[1], None, &conv([1, 1], [1, 1], [1, 1], 3)),
            &[n(&[1, 3, 4, 4]), n(&[3, 1, 3, 3])],
        ),
        case(
            "conv2d_input_grad",
            |x| x[0].conv2d_input_grad(x[1], [6, 4], &conv([2, 1], [1, 0], [1, 1], 1)),
            &[n(&[2, 3, 3, 2]), n(&[3, 2, 3, 3])],
        ),
        case(
            "conv2d_weight_grad",
            |x| x[0].conv2d_weight_grad(x[1], [3, 2], &conv([1, 1], [0, 1], [1, 1], 2)),
            &[n(&[2, 2, 4, 3]), n(&[2, 4, 2, 4])],
        ),
        case(
            "conv_transpose2d",
            |x| x[0].conv_transpose2d(x[1], Some(x[2]), [1, 0], &conv([2, 1], [1, 0], [1, 2], 2)),
            &[n(&[2, 4, 2, 3]), n(&[4, 1, 3, 2]), n(&[2])],
        ),
        // An `output_padding` of a stride or more.
        case(
            "conv_transpose2d",
            |x| x[0].conv_transpose2d(x[1], Some(x[2]), [2, 1], &conv([1, 1], [1, 0], [3, 2], 2)),
            &[n(&[2, 4, 2, 3]), n(&[4, 1, 2, 2]), n(&[2])],
        ),
        // Lines.
        case("conv1d", |x| x[0].conv1d(x[1], Some(x[2]), &lines()), &[n(&[2, 2, 7]), n(&[3, 2, 3]), n(&[3])]),
        case(
            "conv_transpose1d",
            |x| x[0].conv_transpose1d(x[1], None, 1, &lines()),
            &[n(&[2, 2, 3]), n(&[2, 3, 3])],
        ),
        case(
            "conv_transpose1d",
            |x| x[0].conv_transpose1d(x[1], Some(x[2]), 4, &ConvOptions { dilation: [5], ..lines() }),
            &[n(&[2, 2, 3]), n(&[2, 3, 2]), n(&[3])],
        ),
    ]
}
