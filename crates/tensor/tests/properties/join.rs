//! Joining and taking apart.

use proptest::prelude::*;
use ravine_tensor::Tensor;

use super::generators::*;

/// Parts that fit together along an axis.
fn parts() -> impl Strategy<Value = (Vec<View<i64>>, usize)> {
    (shapes(1..=4).prop_flat_map(with_axis), prop::collection::vec(0usize..4, 1..4)).prop_flat_map(
        |((shape, axis), sizes)| {
            let parts =
                sizes.into_iter().map(|n| views_of(with(&shape, axis, n), |i| i as i64)).collect::<Vec<_>>();
            (parts, Just(axis))
        },
    )
}

fn tensors(parts: &[View<i64>]) -> Vec<&Tensor<i64>> {
    parts.iter().map(|part| &part.tensor).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn cat((parts, axis) in parts(), back: bool) {
        let mut shape = parts[0].array.shape.clone();
        shape[axis] = parts.iter().map(|part| part.array.shape[axis]).sum();
        let want = Array::from_fn(&shape, |at| {
            let mut i = at[axis];
            let part = parts.iter().find(|part| match i.checked_sub(part.array.shape[axis]) {
                Some(rest) => { i = rest; false }
                None => true,
            });
            part.unwrap().array.at(&with(at, axis, i))
        });
        assert_same(&Tensor::cat(&tensors(&parts), signed(axis, shape.len(), back)), &want);
    }

    #[test]
    fn stack(
        (parts, axis) in shapes(0..=3).prop_flat_map(|shape| {
            let rank = shape.len();
            (prop::collection::vec(views_of(shape, |i| i as i64), 1..4), 0..=rank)
        }),
        back: bool,
    ) {
        let mut shape = parts[0].array.shape.clone();
        shape.insert(axis, parts.len());
        let want = Array::from_fn(&shape, |at| {
            let mut inner = at.to_vec();
            let part = inner.remove(axis);
            parts[part].array.at(&inner)
        });
        assert_same(&Tensor::stack(&tensors(&parts), signed(axis, shape.len(), back)), &want);
    }

    #[test]
    fn split_chunk_and_unbind((x, axis) in views_and_axis(1..=4), len in 1usize..6, back: bool) {
        let n = x.array.shape[axis];
        let signed = signed(axis, x.array.shape.len(), back);
        let check = |pieces: &[Tensor<i64>], sizes: Vec<usize>| {
            assert_eq!(pieces.iter().map(|piece| piece.size(signed)).collect::<Vec<_>>(), sizes);
            let mut start = 0;
            for (piece, size) in pieces.iter().zip(sizes) {
                let shape = with(&x.array.shape, axis, size);
                assert_same(piece, &Array::from_fn(&shape, |at| x.array.at(&with(at, axis, start + at[axis]))));
                assert!(piece.shares_storage_with(&x.tensor));
                start += size;
            }
        };
        let sizes = |len: usize| (0..n.div_ceil(len).max(1)).map(|i| len.min(n - i * len)).collect::<Vec<_>>();
        check(&x.tensor.split(len, signed), sizes(len));
        check(&x.tensor.chunk(len, signed), sizes(n.div_ceil(len).max(1)));
        check(&x.tensor.split_sizes([n / 2, 0, n - n / 2], signed), vec![n / 2, 0, n - n / 2]);
        let slices: Vec<_> = x.tensor.unbind(signed).iter().map(|slice| slice.unsqueeze(axis as isize)).collect();
        check(&slices, vec![1; n]);
    }
}
