//! Diagonals and triangles.

use proptest::prelude::*;

use super::generators::*;

/// A view, two different axes of it, and an offset.
fn cases() -> impl Strategy<Value = (View<i64>, usize, usize, isize)> {
    (views(2..=4), -4isize..5).prop_flat_map(|(x, offset)| {
        let rank = x.array.shape.len();
        (Just(x), 0..rank, 1..rank, Just(offset))
            .prop_map(move |(x, row, on, offset)| (x, row, (row + on) % rank, offset))
    })
}

/// The index of a matrix whose rest and diagonal are `at`, with the diagonal last.
fn on_diagonal(at: &[usize], row: usize, column: usize, offset: isize) -> Vec<usize> {
    let (&i, rest) = at.split_last().unwrap();
    let mut index = rest.to_vec();
    let entries = [(row, i + (-offset).max(0) as usize), (column, i + offset.max(0) as usize)];
    let [first, second] = if row < column { entries } else { [entries[1], entries[0]] };
    index.insert(first.0, first.1);
    index.insert(second.0, second.1);
    index
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn diagonal_and_diagonal_scatter((x, row, column, offset) in cases(), back: bool) {
        let sizes = &x.array.shape;
        let rank = sizes.len();
        let len = (0..sizes[row].max(sizes[column]) as isize)
            .filter(|i| i + (-offset).max(0) < sizes[row] as isize && i + offset.max(0) < sizes[column] as isize)
            .count();
        let mut shape: Vec<usize> = (0..rank).filter(|&d| d != row && d != column).map(|d| sizes[d]).collect();
        shape.push(len);
        let want = Array::from_fn(&shape, |at| x.array.at(&on_diagonal(at, row, column, offset)));
        let (r, c) = (signed(row, rank, back), signed(column, rank, !back));
        assert_same(&x.tensor.diagonal(offset, r, c), &want);
        let mut scattered = x.array.clone();
        indices(&shape).iter().for_each(|at| scattered.set(&on_diagonal(at, row, column, offset), -1));
        assert_same(&x.tensor.diagonal_scatter(&ravine_tensor::Tensor::scalar(-1), offset, r, c), &scattered);
    }

    #[test]
    fn diag_embed(x in views(1..=3), axes in (0usize..4, 1usize..4), offset in -3isize..4, back: bool) {
        let rank = x.array.shape.len() + 1;
        let (row, column) = (axes.0 % rank, (axes.0 % rank + 1 + axes.1 % (rank - 1)) % rank);
        let (&n, rest) = x.array.shape.split_last().unwrap();
        let size = n + offset.unsigned_abs();
        let mut shape = rest.to_vec();
        shape.insert(row.min(column), size);
        shape.insert(row.max(column), size);
        let mut want = Array::from_fn(&shape, |_| 0);
        for at in indices(&x.array.shape) {
            want.set(&on_diagonal(&at, row, column, offset), x.array.at(&at));
        }
        assert_same(&x.tensor.diag_embed(offset, signed(row, rank, back), signed(column, rank, back)), &want);
    }

    #[test]
    fn tril_and_triu(x in views(2..=4), diagonal in -5isize..6) {
        let kept = |keep: fn(isize, isize) -> bool| Array::from_fn(&x.array.shape, |at| {
            let [.., row, column] = at else { unreachable!() };
            if keep(*column as isize - *row as isize, diagonal) { x.array.at(at) } else { 0 }
        });
        assert_same(&x.tensor.tril(diagonal), &kept(|distance, diagonal| distance <= diagonal));
        assert_same(&x.tensor.triu(diagonal), &kept(|distance, diagonal| distance >= diagonal));
    }
}
