//! Choosing by index, by mask and by range, and the ways back.

use ravine_tensor::{At, Tensor};

use super::{Case, V, case, normal as n, transposed};

/// For three rows or columns; some come twice.
fn index() -> Tensor<i64> {
    Tensor::from([[2, 0, 2, 1], [1, 1, 0, 2]])
}

/// The same, as a view.
fn tall() -> Tensor<i64> {
    index().t()
}

fn list() -> Tensor<i64> {
    Tensor::from([2, 0, 2])
}

fn mask() -> Tensor<bool> {
    Tensor::from([[true, false, true], [false, false, true]])
}

fn no<const N: usize>(shape: [usize; N]) -> Tensor<i64> {
    Tensor::zeros(shape)
}

pub fn cases() -> Vec<Case> {
    let across = || transposed(n(&[2, 3]));
    vec![
        case("gather", |x| x[0].gather(-1, &index()).square(), &[n(&[2, 3])]),
        case("gather", |x| x[0].gather(0, &tall()).square(), &[transposed(n(&[3, 4]))]),
        case("gather", |x| x[0].gather(1, &index().unsqueeze(-1)).square(), &[n(&[3, 3, 2])]),
        case("gather", |x| x[0].gather(1, &no([2, 0])).square(), &[n(&[2, 3])]),
        case("scatter_add", |x| x[0].scatter_add(1, &index(), x[1]).square(), &[n(&[2, 3]), n(&[2, 4])]),
        case("scatter_add", |x| x[0].scatter_add(0, &tall(), x[1]).square(), &[across().t(), n(&[2, 4]).t()]),
        case("scatter_add", |x| x[0].scatter_add(-1, &index(), x[1]).square(), &[n(&[2, 3]), n(&[2, 1])]),
        case("scatter", |x| x[0].scatter(1, &index(), x[1]).square(), &[n(&[2, 3]), n(&[2, 4])]),
        case("scatter", |x| x[0].scatter(0, &tall(), x[1]).square(), &[n(&[3, 3]), n(&[])]),
        case("index_select", |x| x[0].index_select(0, &list()).square(), &[n(&[3, 2])]),
        case("index_select", |x| x[0].index_select(-1, &list()).square(), &[transposed(n(&[2, 2, 3]))]),
        case("index_add", |x| x[0].index_add(1, &list(), x[1]).square(), &[n(&[2, 3, 2]), n(&[2, 3, 2])]),
        case("index_add", |x| x[0].index_add(0, &list(), x[1]).square(), &[n(&[4, 2]), across().t()]),
        case("take", |x| x[0].take(&(&index() + 3)).square(), &[across()]),
        case("embedding", |x| x[0].embedding(&index(), None).square(), &[n(&[3, 2])]),
        case("embedding", |x| x[0].embedding(&tall(), None).square(), &[transposed(n(&[3, 2]))]),
        case("embedding", |x| x[0].embedding(&Tensor::scalar(1), None).square(), &[n(&[3])]),
        case("where_", |x| V::where_(&mask(), x[0], x[1]) * x[0], &[n(&[2, 3]), n(&[3])]),
        case("where_", |x| V::where_(&mask(), x[0], x[1]).square(), &[n(&[4, 1, 1]), across()]),
        case("masked_fill", |x| x[0].masked_fill(&mask(), 3.0) * x[0], &[n(&[2, 3])]),
        case("masked_fill", |x| x[0].masked_fill(&mask().slice(0, ..1), 3.0).square(), &[across()]),
        case("masked_select", |x| x[0].masked_select(&mask()).square(), &[across()]),
        case("masked_select", |x| x[0].masked_select(&mask()).square(), &[n(&[2, 1])]),
        case("masked_scatter", |x| x[0].masked_scatter(&mask(), x[1]).square(), &[across(), n(&[3])]),
        case("i", |x| x[0].i((1, .., At::step(.., -2))).square(), &[n(&[2, 3, 4])]),
        case("i", |x| x[0].i((At::NewAxis, 1.., At::Ellipsis, -1)).square(), &[transposed(n(&[2, 3, 4]))]),
        case("slice", |x| x[0].slice(1, At::step(1.., 2)).square(), &[across()]),
        case("slice", |x| x[0].slice(0, 1..1).square(), &[n(&[2, 3])]),
        case("slice_assign", |x| x[0].slice_assign((.., 1..), x[1]).square(), &[n(&[2, 3]), n(&[2])]),
        case("slice_assign", |x| x[0].slice_assign(0, x[1]).square(), &[across(), n(&[])]),
        case("narrow", |x| x[0].narrow(1, 1, 2).square(), &[n(&[2, 4])]),
        case("index", |x| x[0].index(-2, 1).square(), &[n(&[2, 3, 2])]),
    ]
}
