//! Repeating and rolling.

use proptest::prelude::*;

use super::generators::*;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn repeat(x in views(0..=3), new in prop::collection::vec(0usize..3, 0..=2), own in prop::collection::vec(0usize..4, 3)) {
        let rank = x.array.shape.len();
        let repeats = [&new[..], &own[..rank]].concat();
        let sizes = [&vec![1; new.len()], &x.array.shape[..]].concat();
        let shape: Vec<usize> = sizes.iter().zip(&repeats).map(|(n, r)| n * r).collect();
        let want = Array::from_fn(&shape, |at| {
            x.array.at(&(0..rank).map(|d| at[new.len() + d] % x.array.shape[d]).collect::<Vec<_>>())
        });
        assert_same(&x.tensor.repeat(&repeats), &want);
        assert_same(&x.tensor.tile(&repeats), &want);
    }

    #[test]
    fn tile_fills_up_with_ones(x in views(1..=4), times in 0usize..4) {
        let mut repeats = vec![1; x.array.shape.len()];
        *repeats.last_mut().unwrap() = times;
        prop_assert_eq!(x.tensor.tile([times]), x.tensor.repeat(repeats));
    }

    #[test]
    fn repeat_interleave((x, axis) in views_and_axis(1..=4), repeats in 0usize..4, back: bool) {
        let mut shape = x.array.shape.clone();
        shape[axis] *= repeats;
        let want = Array::from_fn(&shape, |at| x.array.at(&with(at, axis, at[axis] / repeats)));
        assert_same(&x.tensor.repeat_interleave(repeats, signed(axis, shape.len(), back)), &want);
    }

    #[test]
    fn roll((x, axis) in views_and_axis(1..=4), shift in -9isize..9, back: bool) {
        let shape = &x.array.shape;
        let want = Array::from_fn(shape, |at| {
            let from = (at[axis] as isize - shift).rem_euclid(shape[axis] as isize);
            x.array.at(&with(at, axis, from as usize))
        });
        assert_same(&x.tensor.roll(shift, signed(axis, shape.len(), back)), &want);
    }
}
