//! Choosing by masks.

use proptest::prelude::*;
use ravine_tensor::Tensor;

use super::generators::*;

/// A view, and a mask that broadcasts to it.
fn masked() -> impl Strategy<Value = (View<i64>, View<bool>)> {
    shapes(0..=4).prop_flat_map(|shape| {
        let mask = broadcasting_to(shape.clone()).prop_flat_map(|shape| views_of(shape, |i| i * i % 7 > 2));
        (views_of(shape, |i| i as i64), mask)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn masked_fill((x, mask) in masked()) {
        let want = Array::from_fn(&x.array.shape, |at| if mask.array.broadcast_at(at) { -1 } else { x.array.at(at) });
        assert_same(&x.tensor.masked_fill(&mask.tensor, -1), &want);
        let mut y = x.tensor.clone();
        y.masked_fill_(&mask.tensor, -1);
        assert_same(&y, &want);
        assert_same(&x.tensor, &x.array);
    }

    #[test]
    fn where_(
        (shape, [a, b], mask) in shapes(0..=4).prop_flat_map(|shape| {
            let part = |first: bool| broadcasting_to(shape.clone()).prop_flat_map(move |part| {
                views_of(part, if first { |i| i as i64 } else { |i| -1 - i as i64 })
            });
            (Just(shape.clone()), [part(true).boxed(), part(false).boxed()], views_of(shape.clone(), |i| i % 3 == 0))
        }),
    ) {
        let want = Array::from_fn(&shape, |at| {
            if mask.array.at(at) { a.array.broadcast_at(at) } else { b.array.broadcast_at(at) }
        });
        assert_same(&Tensor::where_(&mask.tensor, &a.tensor, &b.tensor), &want);
    }

    #[test]
    fn masked_select_and_masked_scatter((x, mask) in masked()) {
        let chosen: Vec<_> = indices(&x.array.shape).into_iter().filter(|at| mask.array.broadcast_at(at)).collect();
        let want: Vec<i64> = chosen.iter().map(|at| x.array.at(at)).collect();
        assert_same(&x.tensor.masked_select(&mask.tensor), &Array { shape: vec![want.len()], values: want });
        let mut want = x.array.clone();
        chosen.iter().enumerate().for_each(|(i, at)| want.set(at, -1 - i as i64));
        let source = (0..chosen.len()).map(|i| -1 - i as i64).collect();
        assert_same(&x.tensor.masked_scatter(&mask.tensor, &source), &want);
    }

    #[test]
    fn nonzero(x in shapes(0..=4).prop_flat_map(|shape| views_of(shape, |i| (i % 3) as i32 - 1))) {
        let found: Vec<_> = indices(&x.array.shape).into_iter().filter(|at| x.array.at(at) != 0).collect();
        let shape = vec![found.len(), x.array.shape.len()];
        let want = Array { shape, values: found.concat().into_iter().map(|i| i as i64).collect() };
        assert_same(&x.tensor.nonzero(), &want);
    }
}
