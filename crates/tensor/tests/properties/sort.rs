//! Elements in order, and counting.

use proptest::prelude::*;
use ravine_tensor::Tensor;

use super::generators::*;

/// A view with many equal elements, and one of its axes.
fn ties() -> impl Strategy<Value = (View<i64>, usize)> {
    shapes(1..=4)
        .prop_flat_map(with_axis)
        .prop_flat_map(|(shape, axis)| (views_of(shape, |i| i as i64 * 7 % 5), Just(axis)))
}

/// Along `axis`, what `f` makes of each line: places, whose elements are the values.
fn lines(x: &Array<i64>, axis: usize, k: usize, f: impl Fn(&[i64]) -> Vec<usize>) -> [Array<i64>; 2] {
    let mut shape = x.shape.clone();
    shape[axis] = k;
    let place = |at: &[usize]| {
        let line: Vec<i64> = (0..x.shape[axis]).map(|j| x.at(&with(at, axis, j))).collect();
        f(&line)[at[axis]]
    };
    [
        Array::from_fn(&shape, |at| x.at(&with(at, axis, place(at)))),
        Array::from_fn(&shape, |at| place(at) as i64),
    ]
}

/// The places of a line in order, those of equal elements as they are.
fn order(line: &[i64], descending: bool) -> Vec<usize> {
    let mut places: Vec<usize> = (0..line.len()).collect();
    places.sort_by(|&i, &j| if descending { line[j].cmp(&line[i]) } else { line[i].cmp(&line[j]) });
    places
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sort_and_topk((x, axis) in ties(), descending in any::<bool>(), share in 0.0f64..=1.0) {
        let (t, d, n) = (&x.tensor, axis as isize, x.array.shape[axis]);
        let [values, places] = lines(&x.array, axis, n, |line| order(line, descending));
        let found = t.sort(d, descending);
        assert_same(&found.0, &values);
        assert_same(&found.1, &places);
        assert_same(&t.argsort(d, descending), &places);
        let k = (share * n as f64).round() as usize;
        let [values, places] = lines(&x.array, axis, k, |line| order(line, descending));
        let found = t.topk(k, d, descending);
        assert_same(&found.0, &values);
        assert_same(&found.1, &places);
        if !descending && k > 0 {
            let (value, place) = t.kthvalue(k, d);
            prop_assert_eq!(value, found.0.index(d, k - 1));
            prop_assert_eq!(place, found.1.index(d, k - 1));
        }
    }

    #[test]
    fn unique_and_bincount((x, _) in ties()) {
        let found = x.tensor.unique();
        let mut values = x.array.values.clone();
        values.sort();
        values.dedup();
        prop_assert_eq!(found.values.to_vec(), values.clone());
        let back = Array::from_fn(&x.array.shape, |at| values.iter().position(|&v| v == x.array.at(at)).unwrap() as i64);
        assert_same(&found.inverse, &back);
        let count = |v: i64| x.array.values.iter().filter(|&&other| other == v).count() as i64;
        prop_assert_eq!(found.counts.to_vec(), values.iter().map(|&v| count(v)).collect::<Vec<_>>());
        prop_assert_eq!(x.tensor.bincount(5).to_vec(), (0..5).map(count).collect::<Vec<_>>());
        let weighted: Vec<i64> = (0..5).map(|v| v * count(v)).collect();
        prop_assert_eq!(x.tensor.bincount_weighted(&x.tensor, 5).to_vec(), weighted);
    }

    #[test]
    fn histogram_and_searchsorted((x, _) in ties(), bins in 1usize..6, right in any::<bool>()) {
        let floats = x.tensor.map(|v| v as f64);
        let (counts, edges) = floats.histogram(bins, 1.0, 3.0);
        let bin = |v: f64| (0..bins).rev().find(|&i| v >= edges.at([i]) && v <= 3.0);
        for (i, found) in counts.iter().enumerate() {
            prop_assert_eq!(found, floats.iter().filter(|&v| bin(v) == Some(i)).count() as i64);
        }
        let row = Tensor::from([0i64, 1, 1, 3, 4]);
        let want = |v: i64| row.iter().filter(|&r| r < v || (right && r == v)).count() as i64;
        let want = Array { shape: x.array.shape.clone(), values: x.array.values.iter().map(|&v| want(v)).collect() };
        assert_same(&row.searchsorted(&x.tensor, right), &want);
    }
}
