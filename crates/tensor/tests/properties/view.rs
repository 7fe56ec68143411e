//! Other shapes and orders of the same elements.

use proptest::prelude::*;
use ravine_tensor::Tensor;

use super::generators::*;

/// A view, and another shape with as many elements: its prime factors dealt out anew.
fn reshaped() -> impl Strategy<Value = (View<i64>, Vec<usize>)> {
    (views(0..=4), prop::collection::vec(0usize..3, 8)).prop_map(|(x, places)| {
        let mut shape = vec![1; 3];
        let (mut rest, mut factor, mut dealt) = (x.array.values.len(), 2, 0);
        if rest == 0 {
            shape[places[0]] = 0;
        }
        while rest > 1 {
            if rest % factor == 0 {
                shape[places[dealt % 8]] *= factor;
                (rest, dealt) = (rest / factor, dealt + 1);
            } else {
                factor += 1;
            }
        }
        (x, shape)
    })
}

fn two_axes(rank: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = (View<i64>, usize, usize)> {
    views(rank).prop_flat_map(|x| {
        let rank = x.array.shape.len();
        (Just(x), 0..rank, 0..rank)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn generators_agree_with_themselves(x in views(0..=4)) {
        assert_same(&x.tensor, &x.array);
        assert_same(&x.tensor.contiguous(), &x.array);
        prop_assert_eq!(x.tensor.iter().collect::<Vec<_>>(), &x.array.values[..]);
    }

    #[test]
    fn reshape_and_view((x, shape) in reshaped(), free in 0usize..3) {
        let want = Array { shape: shape.clone(), values: x.array.values.clone() };
        let y = x.tensor.reshape(&shape[..]);
        assert_same(&y, &want);
        if y.shares_storage_with(&x.tensor) {
            assert_same(&x.tensor.view(&shape[..]), &want);
        }
        let mut sizes: Vec<isize> = shape.iter().map(|&n| n as isize).collect();
        sizes[free] = -1;
        if shape[free] == 0 || !x.array.values.is_empty() {
            assert_same(&x.tensor.reshape(&sizes[..]), &want);
        }
    }

    #[test]
    fn permute(x in views(0..=4), order in Just([0, 1, 2, 3]).prop_shuffle(), back: bool) {
        let rank = x.array.shape.len();
        let order: Vec<usize> = order.into_iter().filter(|&axis| axis < rank).collect();
        let shape: Vec<usize> = order.iter().map(|&axis| x.array.shape[axis]).collect();
        let want = Array::from_fn(&shape, |at| {
            let mut from = vec![0; rank];
            order.iter().zip(at).for_each(|(&axis, &i)| from[axis] = i);
            x.array.at(&from)
        });
        let signed: Vec<isize> = order.iter().map(|&axis| signed(axis, rank, back)).collect();
        assert_same(&x.tensor.permute(&signed), &want);
    }

    #[test]
    fn transpose_and_movedim((x, a, b) in two_axes(1..=4), back: bool) {
        let rank = x.array.shape.len();
        let mut order: Vec<isize> = (0..rank as isize).collect();
        order.swap(a, b);
        let (first, second) = (signed(a, rank, back), signed(b, rank, !back));
        prop_assert_eq!(x.tensor.transpose(first, second), x.tensor.permute(&order));
        if rank >= 2 {
            prop_assert_eq!(x.tensor.t(), x.tensor.transpose(rank as isize - 1, rank as isize - 2));
        }
        let mut order: Vec<isize> = (0..rank as isize).collect();
        let axis = order.remove(a);
        order.insert(b, axis);
        prop_assert_eq!(x.tensor.movedim(first, second), x.tensor.permute(&order));
    }

    #[test]
    fn flatten_and_unflatten((x, a, b) in two_axes(1..=4), back: bool) {
        let (start, end) = (a.min(b), a.max(b));
        let sizes = &x.array.shape;
        let merged = sizes[start..=end].iter().product();
        let shape = [&sizes[..start], &[merged], &sizes[end + 1..]].concat();
        let want = Array { shape, values: x.array.values.clone() };
        let flat = x.tensor.flatten(start as isize..=signed(end, sizes.len(), back));
        assert_same(&flat, &want);
        assert_same(&flat.unflatten(start as isize, &sizes[start..=end]), &x.array);
        prop_assert_eq!(x.tensor.flatten(start), x.tensor.flatten(start as isize..));
    }

    #[test]
    fn squeeze_and_unsqueeze(x in views(0..=4), axis in 0usize..5, back: bool) {
        let rank = x.array.shape.len();
        let at = axis.min(rank);
        let mut want = x.array.clone();
        want.shape.insert(at, 1);
        let y = x.tensor.unsqueeze(signed(at, rank + 1, back));
        assert_same(&y, &want);
        assert_same(&y.squeeze(signed(at, rank + 1, !back)), &x.array);
        want.shape.retain(|&n| n != 1);
        assert_same(&y.squeeze_all(), &want);
    }

    #[test]
    fn expand(
        (x, shape) in shapes(0..=4).prop_flat_map(|shape| {
            (broadcasting_to(shape.clone()).prop_flat_map(|part| views_of(part, |i| i as i64)), Just(shape))
        }),
    ) {
        let y = x.tensor.expand(&shape[..]);
        assert_same(&y, &Array::from_fn(&shape, |at| x.array.broadcast_at(at)));
        prop_assert!(y.shares_storage_with(&x.tensor));
    }

    #[test]
    fn flip(x in views(0..=4), which in any::<[bool; 4]>(), back: bool) {
        let shape = &x.array.shape;
        let want = Array::from_fn(shape, |at| {
            let from = at.iter().enumerate().map(|(axis, &i)| if which[axis] { shape[axis] - 1 - i } else { i });
            x.array.at(&from.collect::<Vec<_>>())
        });
        let axes = (0..shape.len()).filter(|&axis| which[axis]).map(|axis| signed(axis, shape.len(), back));
        assert_same(&x.tensor.flip(&axes.collect::<Vec<_>>()[..]), &want);
    }

    #[test]
    fn narrow_and_index((x, axis) in views_and_axis(1..=4), start in 0usize..5, len in 0usize..5, back: bool) {
        let n = x.array.shape[axis];
        let signed = signed(axis, x.array.shape.len(), back);
        let (start, len) = (start.min(n), len.min(n - start.min(n)));
        let want = Array::from_fn(&with(&x.array.shape, axis, len), |at| x.array.at(&with(at, axis, start + at[axis])));
        assert_same(&x.tensor.narrow(signed, start, len), &want);
        if len > 0 {
            let one = x.tensor.index(signed, start);
            prop_assert_eq!(one, x.tensor.narrow(signed, start, 1).squeeze(signed));
        }
    }

    #[test]
    fn meshgrid(parts in prop::collection::vec(shapes(0..=1).prop_flat_map(|shape| views_of(shape, |i| i as i64)), 1..4)) {
        let shape: Vec<usize> = parts.iter().map(|part| part.array.values.len()).collect();
        let tensors: Vec<&Tensor<i64>> = parts.iter().map(|part| &part.tensor).collect();
        for (axis, grid) in Tensor::meshgrid(&tensors).iter().enumerate() {
            assert_same(grid, &Array::from_fn(&shape, |at| parts[axis].array.values[at[axis]]));
        }
    }
}
