//! Views and joins.

use ravine_tensor::{Pad, UnfoldOptions};

use super::{Case, V, case, normal as n, transposed};

/// Six windows on images of 3 by 4.
fn windows() -> UnfoldOptions {
    UnfoldOptions { stride: [2, 1], padding: [1, 0], dilation: [2, 1], ..UnfoldOptions::new([2, 2]) }
}

/// `Σ i Σ xᵢ³` over the pieces, so that each has its own gradient.
fn weighed(pieces: impl IntoIterator<Item = V>) -> V {
    let pieces = pieces.into_iter().enumerate();
    pieces.map(|(i, x)| x.powf(3.0).sum(..) * (i + 1) as f64).reduce(|a, b| a + b).expect("pieces")
}

pub fn cases() -> Vec<Case> {
    vec![
        case("reshape", |x| x[0].reshape([3, -1]).square(), &[transposed(n(&[2, 3]))]),
        case("flatten", |x| x[0].flatten(1).square(), &[n(&[2, 3, 2])]),
        case("permute", |x| x[0].permute([2, 0, -2]).square(), &[n(&[2, 3, 4])]),
        case("transpose", |x| x[0].transpose(0, -1).square(), &[n(&[2, 3, 4])]),
        case("t", |x| x[0].t() * x[1], &[n(&[2, 3]), n(&[3, 2])]),
        case("squeeze", |x| x[0].squeeze(1).square(), &[n(&[2, 1, 3])]),
        case("unsqueeze", |x| x[0].unsqueeze(-1).square(), &[n(&[2, 3])]),
        case("expand", |x| x[0].expand([4, 2, 3]).square(), &[n(&[2, 1])]),
        case("flip", |x| x[0].flip(0) * x[0], &[n(&[3, 2])]),
        case("flip", |x| x[0].flip([0, -1]) * x[0], &[transposed(n(&[2, 3]))]),
        case("view", |x| x[0].view([3, -1]).square(), &[n(&[2, 3])]),
        case("flatten", |x| x[0].flatten(..=1).square(), &[transposed(n(&[2, 3, 2]))]),
        case("unflatten", |x| x[0].unflatten(-1, [2, -1]).square(), &[transposed(n(&[3, 4]))]),
        case("movedim", |x| x[0].movedim(0, -1).square(), &[n(&[2, 3, 2])]),
        case("squeeze_all", |x| x[0].squeeze_all().square(), &[n(&[1, 3, 1])]),
        case("meshgrid", |x| weighed(V::meshgrid(&[x[0], x[1], x[2]])), &[n(&[2]), n(&[]), n(&[3])]),
        case("diagonal", |x| x[0].diagonal(1, 0, -1).square(), &[n(&[3, 2, 4])]),
        case("diagonal", |x| x[0].diagonal(-1, 1, 0).square(), &[transposed(n(&[3, 3]))]),
        case(
            "diagonal_scatter",
            |x| x[0].diagonal_scatter(x[1], -1, 0, 1).square(),
            &[n(&[3, 2, 2]), n(&[2])],
        ),
        case(
            "diagonal_scatter",
            |x| x[0].diagonal_scatter(x[1], 0, 1, 0).square(),
            &[transposed(n(&[2, 3])), n(&[1])],
        ),
        case("diag_embed", |x| x[0].diag_embed(0, -2, -1).square(), &[transposed(n(&[2, 3]))]),
        case("diag_embed", |x| x[0].diag_embed(-1, 2, 0).square(), &[n(&[2, 2])]),
        case("tril", |x| x[0].tril(-1).square(), &[n(&[2, 3, 2])]),
        case("triu", |x| x[0].triu(1).square(), &[transposed(n(&[3, 4]))]),
        case("unfold", |x| x[0].unfold(0, 3, 1).square(), &[n(&[5])]),
        case("unfold", |x| x[0].unfold(1, 2, 3).square(), &[transposed(n(&[2, 6, 2]))]),
        case("fold", |x| x[0].fold(0, 5, 2).square(), &[transposed(n(&[2, 3]))]),
        case("fold", |x| x[0].fold(-2, 7, 3).square(), &[n(&[2, 2, 3])]),
        case("unfold2d", |x| x[0].unfold2d(&windows()).square(), &[transposed(n(&[1, 2, 3, 4]))]),
        case("fold2d", |x| x[0].fold2d([3, 4], &windows()).square(), &[n(&[1, 8, 6])]),
        case("cat", |x| V::cat(&[x[0], x[1], x[0]], 1).square(), &[n(&[2, 3]), n(&[2, 1])]),
        case("stack", |x| V::stack(&[x[0], x[1]], 1).square(), &[n(&[2, 3]), transposed(n(&[2, 3]))]),
        case("split", |x| weighed(x[0].split(2, -1)), &[n(&[2, 5])]),
        case("split_sizes", |x| weighed(x[0].split_sizes([1, 0, 2], 0)), &[transposed(n(&[3, 2]))]),
        case("chunk", |x| weighed(x[0].chunk(2, 0)), &[n(&[3, 2])]),
        case("unbind", |x| weighed(x[0].unbind(1)), &[transposed(n(&[2, 3]))]),
        case("zero_pad", |x| x[0].zero_pad(-1, 1, 2).exp(), &[n(&[2, 3])]),
        case("pad", |x| x[0].pad([[1, 0], [0, 2]], Pad::Constant(0.5)).square(), &[n(&[2, 2, 3])]),
        case("pad", |x| x[0].pad([[1, 2], [1, 1]], Pad::Reflect).square(), &[transposed(n(&[2, 3, 2]))]),
        case("pad", |x| x[0].pad([[2, 1], [0, 3]], Pad::Replicate).square(), &[n(&[2, 1, 2])]),
        case("pad", |x| x[0].pad([[2, 1]], Pad::Circular).square(), &[transposed(n(&[3, 2]))]),
        case("repeat", |x| x[0].repeat([2, 1, 3]).square(), &[n(&[2, 2])]),
        case("repeat", |x| x[0].repeat([0, 1]).square(), &[n(&[2, 2])]),
        case("tile", |x| x[0].tile([2]).square(), &[transposed(n(&[2, 3]))]),
        case("repeat_interleave", |x| x[0].repeat_interleave(2, 0).square(), &[transposed(n(&[2, 3]))]),
        case("repeat_interleave", |x| x[0].repeat_interleave(3, -1).square(), &[n(&[2, 3])]),
        case("roll", |x| x[0].roll(2, 1) * x[0], &[n(&[2, 3])]),
        case("roll", |x| x[0].roll(-1, 0) * x[0], &[transposed(n(&[3, 2]))]),
    ]
}
