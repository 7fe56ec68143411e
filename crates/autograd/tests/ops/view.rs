//! Views and joins.

use ravine_tensor::Pad;

use super::{Case, V, case, normal as n, transposed};

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
