//! Slicing, and writing into slices.

use proptest::prelude::*;
use ravine_tensor::{Along, At};

use super::generators::*;

/// An entry for an axis of `n` elements, and the places it chooses (`None`: one place, and the axis goes).
fn entries(n: usize) -> impl Strategy<Value = (At, Vec<usize>, bool)> {
    let signed =
        move |i: usize, negative: bool| if negative && i < n { i as isize - n as isize } else { i as isize };
    let whole = Just(((..).at(), (0..n).collect(), false));
    let range =
        (0..=n, 0..=n, 1usize..4, any::<[bool; 3]>()).prop_map(move |(a, b, step, [an, bn, backwards])| {
            let (start, end) = (a.min(b), a.max(b));
            if backwards {
                // From `end - 1` down to `start`, both in.
                let places: Vec<usize> = (start..end).rev().step_by(step).collect();
                let at = match (start == end, an) {
                    (true, _) => At::step(0..0, 1),
                    (_, true) => At::step(signed(end - 1, bn)..=signed(start, an), -(step as isize)),
                    (_, false) if start == 0 => At::step(signed(end - 1, bn).., -(step as isize)),
                    (_, false) => At::step(signed(end - 1, bn)..signed(start - 1, an), -(step as isize)),
                };
                return (at, places, false);
            }
            let at = if end == n && an {
                (signed(start, bn)..).at()
            } else {
                (signed(start, an)..signed(end, bn)).at()
            };
            (At::step(at, step as isize), (start..end).step_by(step).collect(), false)
        });
    if n == 0 {
        return whole.boxed();
    }
    let one =
        (0..n, any::<bool>()).prop_map(move |(i, negative)| (At::Index(signed(i, negative)), vec![i], true));
    prop_oneof![1 => whole, 2 => range, 1 => one].boxed()
}

/// A view, an index into it, the places that it chooses along each axis, and which axes go.
fn cases() -> impl Strategy<Value = (View<i64>, Vec<(At, Vec<usize>, bool)>)> {
    shapes(0..=4).prop_flat_map(|shape| {
        let index: Vec<_> = shape.iter().map(|&n| entries(n)).collect();
        (views_of(shape, |i| i as i64), index)
    })
}

/// The shape of the part, and for each of its indices the index into the whole.
fn part(index: &[(At, Vec<usize>, bool)]) -> (Vec<usize>, impl Fn(&[usize]) -> Vec<usize> + '_) {
    let shape = index.iter().filter(|(.., gone)| !gone).map(|(_, places, _)| places.len()).collect();
    (shape, move |at: &[usize]| {
        let mut at = at.iter();
        index
            .iter()
            .map(|(_, places, gone)| if *gone { places[0] } else { places[*at.next().unwrap()] })
            .collect()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn i((x, index) in cases(), new_axis in 0usize..5) {
        let (shape, whole) = part(&index);
        let want = Array::from_fn(&shape, |at| x.array.at(&whole(at)));
        let mut entries: Vec<At> = index.iter().map(|(at, ..)| *at).collect();
        let found = x.tensor.i(&entries[..]);
        assert_same(&found, &want);
        prop_assert!(found.shares_storage_with(&x.tensor));
        // A new axis anywhere changes the shape alone; an ellipsis at the end nothing.
        let at = new_axis.min(entries.len());
        let before = index[..at].iter().filter(|(.., gone)| !gone).count();
        entries.insert(at, At::NewAxis);
        entries.push(At::Ellipsis);
        prop_assert_eq!(x.tensor.i(&entries[..]), found.unsqueeze(before as isize));
    }

    #[test]
    fn slice_assign((x, index) in cases(), number: bool) {
        let (shape, whole) = part(&index);
        let entries: Vec<At> = index.iter().map(|(at, ..)| *at).collect();
        let values = if number { vec![] } else { shape.clone() };
        let values = Array::from_fn(&values, |at| -1 - place(&values, at) as i64);
        let mut want = x.array.clone();
        for at in indices(&shape) {
            want.set(&whole(&at), values.broadcast_at(if number { &[] } else { &at }));
        }
        let values = ravine_tensor::Tensor::from_slice(&values.values, &values.shape[..]);
        assert_same(&x.tensor.slice_assign(&entries[..], &values), &want);
        let mut y = x.tensor.clone();
        y.slice_assign_(&entries[..], &values);
        assert_same(&y, &want);
        assert_same(&x.tensor, &x.array);
    }
}
