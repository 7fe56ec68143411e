//! Padding, repeating, slicing, and choosing by index and by mask.

use ravine_autograd::Var;
use ravine_tensor::{At, Pad, Tensor, UnfoldOptions};

pub const FILE: &str = include_str!("../data/shape.json");

pub fn run(name: &str, x: &[&Var<f64>]) -> Var<f64> {
    let index = Tensor::from([[2i64, 0, 2, 1], [1, 1, 0, 2]]);
    let once = Tensor::from([[2i64, 0], [1, 2]]);
    let rows = Tensor::from([2i64, 0, 2]);
    let mask = Tensor::from([[true, false, true], [false, false, true]]);
    let squares_reversed = |parts: Vec<Var<f64>>, axis| {
        let squares: Vec<_> = parts.iter().rev().map(Var::square).collect();
        Var::cat(&squares.iter().collect::<Vec<_>>(), axis)
    };
    let windows =
        UnfoldOptions { stride: [2, 1], padding: [1, 0], dilation: [2, 1], ..UnfoldOptions::new([2, 2]) };
    match name {
        "pad_constant" => x[0].pad([[1, 0], [0, 2]], Pad::Constant(0.5)),
        "pad_reflect" => x[0].pad([[1, 0], [1, 2]], Pad::Reflect),
        "pad_replicate" => x[0].pad([[3, 0], [1, 2]], Pad::Replicate),
        "pad_circular" => x[0].pad([[1, 0], [3, 2]], Pad::Circular),
        "repeat" => x[0].repeat([2, 1, 3]),
        "tile" => x[0].tile([2]),
        "repeat_interleave" => x[0].repeat_interleave(2, 0),
        "roll" => x[0].roll(-2, 1),
        "stack" => Var::stack(&[x[0], x[1], x[0]], -1),
        "split" => squares_reversed(x[0].split(2, 1), 1),
        "chunk" => squares_reversed(x[0].chunk(3, 0), 0),
        "i" => x[0].i((At::NewAxis, 1, At::Ellipsis, At::step(.., 2))),
        "slice_assign" => x[0].slice_assign((.., 1..), x[1]),
        "flip" => x[0].flip([0, 2]),
        "flatten" => x[0].flatten(1..=2),
        "movedim" => x[0].movedim(0, -1),
        "meshgrid" => Var::cat(&Var::meshgrid(x).iter().collect::<Vec<_>>(), 0),
        "diagonal" => x[0].diagonal(-1, 2, 0),
        "diagonal_scatter" => x[0].diagonal_scatter(x[1], 1, 0, 1),
        "diag_embed" => x[0].diag_embed(1, 0, 2),
        "tril" => x[0].tril(1),
        "triu" => x[0].triu(-1),
        "unfold" => x[0].unfold(1, 3, 2),
        "unfold2d" => x[0].unfold2d(&windows),
        "fold2d" => x[0].fold2d([3, 4], &windows),
        "gather_last" => x[0].gather(-1, &index),
        "gather_first" => x[0].gather(0, &index),
        "scatter" => x[0].scatter(1, &once, x[1]),
        "scatter_add_first" => x[0].scatter_add(0, &index, x[1]),
        "index_add" => x[0].index_add(1, &rows, x[1]),
        "take" => x[0].take(&(index + 3)),
        "embedding" => x[0].embedding(&index, None),
        "embedding_padding" => x[0].embedding(&index, Some(1)),
        "where" => Var::where_(&mask, x[0], x[1]),
        "masked_fill" => x[0].masked_fill(&mask, 0.5),
        "masked_select" => x[0].masked_select(&mask),
        "masked_scatter" => x[0].masked_scatter(&mask, x[1]),
        _ => panic!("{name} is in the file, but not here"),
    }
}
