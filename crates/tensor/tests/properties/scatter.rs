//! Gathering and scattering along an axis.

use proptest::prelude::*;
use ravine_tensor::Tensor;

use super::generators::*;

/// A view, an axis, an index that fits into it beside the axis, and values for it.
fn cases() -> impl Strategy<Value = (View<i64>, usize, View<i64>, View<i64>)> {
    (full_shapes(1..=4).prop_flat_map(with_axis), 0usize..5, any::<u16>()).prop_flat_map(
        |((shape, axis), len, cut)| {
            let mut smaller = shape.clone();
            for (d, n) in smaller.iter_mut().enumerate() {
                *n = if d == axis { len } else { *n - usize::from(cut >> d & 3 == 3) };
            }
            let source = broadcasting_to(smaller.clone())
                .prop_flat_map(|shape| views_of(shape, |i| 100 + 3 * i as i64));
            let x = views_of(shape.clone(), |i| i as i64);
            (x, Just(axis), indices_below(shape[axis], smaller), source)
        },
    )
}

/// `put` at every place that the index points to, in row-major order.
fn scattered(
    (x, axis, index, source): (&View<i64>, usize, &View<i64>, &View<i64>),
    put: fn(i64, i64) -> i64,
) -> Array<i64> {
    let mut want = x.array.clone();
    for at in indices(&index.array.shape) {
        let to = with(&at, axis, index.array.at(&at) as usize);
        want.set(&to, put(want.at(&to), source.array.broadcast_at(&at)));
    }
    want
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn gather((x, axis, index, _) in cases(), back: bool) {
        let want = Array::from_fn(&index.array.shape, |at| x.array.at(&with(at, axis, index.array.at(at) as usize)));
        assert_same(&x.tensor.gather(signed(axis, want.shape.len(), back), &index.tensor), &want);
    }

    #[test]
    fn scatter((x, axis, index, source) in cases(), back: bool) {
        let want = scattered((&x, axis, &index, &source), |_, new| new);
        let signed = signed(axis, want.shape.len(), back);
        assert_same(&x.tensor.scatter(signed, &index.tensor, &source.tensor), &want);
        let mut y = x.tensor.clone();
        y.scatter_(signed, &index.tensor, &source.tensor);
        assert_same(&y, &want);
        assert_same(&x.tensor, &x.array);
    }

    #[test]
    fn scatter_add((x, axis, index, source) in cases(), back: bool) {
        let want = scattered((&x, axis, &index, &source), |old, new| old + new);
        let signed = signed(axis, want.shape.len(), back);
        assert_same(&x.tensor.scatter_add(signed, &index.tensor, &source.tensor), &want);
        let mut y = x.tensor.clone();
        y.scatter_add_(signed, &index.tensor, &source.tensor);
        assert_same(&y, &want);
    }

    /// `<gather(x), y> = <x, scatter_add(y)>`, exactly, in integers.
    #[test]
    fn gather_and_scatter_add_are_transposes((x, axis, index, source) in cases()) {
        let axis = axis as isize;
        let y = source.tensor.expand(index.tensor.shape());
        let back = Tensor::zeros(x.tensor.shape()).scatter_add(axis, &index.tensor, &y);
        let (left, right) = (&x.tensor.gather(axis, &index.tensor) * &y, &x.tensor * &back);
        prop_assert_eq!(left.sum(..), right.sum(..));
    }
}
