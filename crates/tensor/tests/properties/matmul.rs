//! The matrix product in every combination of ranks and layouts.

use proptest::prelude::*;

use super::generators::*;

/// Two tensors whose product there is: vectors, matrices, and batches that broadcast.
fn factors() -> impl Strategy<Value = [View<f64>; 2]> {
    let sizes = prop::array::uniform3(prop_oneof![1 => Just(0usize), 4 => Just(1), 15 => 2usize..20]);
    (shapes(0..=2), sizes, 0..4).prop_flat_map(|(batch, [m, k, n], form)| {
        let part = |vector: bool, matrix: [usize; 2], value: fn(usize) -> f64| {
            let broadcast = broadcasting_to(batch.clone());
            broadcast
                .prop_flat_map(move |part| {
                    let shape = if vector { vec![k] } else { [&part[..], &matrix].concat() };
                    views_of(shape, value)
                })
                .boxed()
        };
        let a = part(form & 1 == 1, [m, k], |i| (i * 7 % 11) as f64 - 5.0);
        let b = part(form & 2 == 2, [k, n], |i| (i * 5 % 13) as f64 - 6.0);
        [a, b]
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn of_all_ranks([a, b] in factors()) {
        // Vectors as the matrices they stand for; whole numbers, so that sums are exact in any order.
        let x = if a.array.shape.len() == 1 { [&[1], &a.array.shape[..]].concat() } else { a.array.shape.clone() };
        let y = if b.array.shape.len() == 1 { [&b.array.shape[..], &[1]].concat() } else { b.array.shape.clone() };
        let (p, q) = (Array { shape: x.clone(), ..a.array.clone() }, Array { shape: y.clone(), ..b.array.clone() });
        let (left, right) = (&x[..x.len() - 2], &y[..y.len() - 2]);
        let rank = left.len().max(right.len());
        let size = |part: &[usize], d: usize| (d + part.len()).checked_sub(rank).map_or(1, |d| part[d]);
        let batch: Vec<usize> = (0..rank)
            .map(|d| match (size(left, d), size(right, d)) { (1, n) => n, (n, _) => n })
            .collect();
        let (m, k, n) = (x[x.len() - 2], x[x.len() - 1], y[y.len() - 1]);
        let want = Array::from_fn(&[&batch[..], &[m, n]].concat(), |at| {
            let (outer, row, column) = (&at[..rank], at[rank], at[rank + 1]);
            (0..k)
                .map(|i| p.broadcast_at(&[outer, &[row, i]].concat()) * q.broadcast_at(&[outer, &[i, column]].concat()))
                .sum()
        });
        let mut shape = want.shape.clone();
        if b.array.shape.len() == 1 {
            shape.pop();
        }
        if a.array.shape.len() == 1 {
            let row = shape.len() - if b.array.shape.len() == 1 { 1 } else { 2 };
            shape.remove(row);
        }
        let found = a.tensor.matmul(&b.tensor);
        assert_same(&found, &Array { shape, values: want.values });
    }
}
