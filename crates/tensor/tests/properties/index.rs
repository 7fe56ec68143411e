//! Choosing slices by index, and adding to them.

use proptest::prelude::*;
use ravine_tensor::Tensor;

use super::generators::*;

/// A view, an axis, and a list of indices into it.
fn lists() -> impl Strategy<Value = (View<i64>, usize, View<i64>)> {
    (full_shapes(1..=4).prop_flat_map(with_axis), 0usize..6).prop_flat_map(|((shape, axis), len)| {
        (views_of(shape.clone(), |i| i as i64), Just(axis), indices_below(shape[axis], vec![len]))
    })
}

/// A table, and indices of its rows in any shape.
fn tables() -> impl Strategy<Value = (View<i64>, View<i64>)> {
    (full_shapes(1..=3), shapes(0..=3)).prop_flat_map(|(shape, index)| {
        (views_of(shape.clone(), |i| i as i64), indices_below(shape[0], index))
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn index_select((x, axis, index) in lists(), back: bool) {
        let mut shape = x.array.shape.clone();
        shape[axis] = index.array.values.len();
        let want = Array::from_fn(&shape, |at| x.array.at(&with(at, axis, index.array.values[at[axis]] as usize)));
        assert_same(&x.tensor.index_select(signed(axis, shape.len(), back), &index.tensor), &want);
    }

    #[test]
    fn index_add((x, axis, index) in lists(), source_seed in views(0..=0)) {
        let mut shape = x.array.shape.clone();
        shape[axis] = index.array.values.len();
        let first = 1 + source_seed.array.values[0];
        let source = Array::from_fn(&shape, |at| first + 7 * place(&shape, at) as i64);
        let mut want = x.array.clone();
        for at in indices(&shape) {
            let to = with(&at, axis, index.array.values[at[axis]] as usize);
            want.set(&to, want.at(&to) + source.at(&at));
        }
        let source = Tensor::from_slice(&source.values, &shape[..]);
        assert_same(&x.tensor.index_add(axis as isize, &index.tensor, &source), &want);
        let mut y = x.tensor.clone();
        y.index_add_(axis as isize, &index.tensor, &source);
        assert_same(&y, &want);
        assert_same(&x.tensor, &x.array);
    }

    #[test]
    fn embedding((table, index) in tables()) {
        let rank = index.array.shape.len();
        let shape = [&index.array.shape[..], &table.array.shape[1..]].concat();
        let want = Array::from_fn(&shape, |at| {
            let row = index.array.at(&at[..rank]) as usize;
            table.array.at(&[&[row], &at[rank..]].concat())
        });
        assert_same(&table.tensor.embedding(&index.tensor), &want);
    }

    #[test]
    fn take((x, index) in (full_shapes(0..=3), shapes(0..=3)).prop_flat_map(|(shape, index)| {
        (views_of(shape.clone(), |i| i as i64), indices_below(shape.iter().product(), index))
    })) {
        let want = Array::from_fn(&index.array.shape, |at| x.array.values[index.array.at(at) as usize]);
        assert_same(&x.tensor.take(&index.tensor), &want);
    }

    #[test]
    fn one_hot(index in shapes(0..=3).prop_flat_map(|shape| indices_below(5, shape))) {
        let rank = index.array.shape.len();
        let shape = [&index.array.shape[..], &[5]].concat();
        let want = Array::from_fn(&shape, |at| i32::from(index.array.at(&at[..rank]) as usize == at[rank]));
        assert_same(&Tensor::one_hot(&index.tensor, 5), &want);
    }
}
