//! Padding.

use proptest::prelude::*;
use ravine_tensor::Pad;

use super::generators::*;

/// The place that place `i` (which may lie outside) shows on an axis of size `n`; `None` outside, for a constant.
fn source(mode: Pad<i64>, i: isize, n: isize) -> Option<usize> {
    let place = match mode {
        Pad::Constant(_) => i,
        // Back and forth between the two ends.
        Pad::Reflect => match i.rem_euclid((2 * (n - 1)).max(1)) {
            i if i < n => i,
            i => 2 * (n - 1) - i,
        },
        Pad::Replicate => i.clamp(0, n - 1),
        Pad::Circular => i.rem_euclid(n),
    };
    (0..n).contains(&place).then_some(place as usize)
}

fn cases(longest: fn(usize) -> usize, full: bool) -> impl Strategy<Value = (View<i64>, Vec<[usize; 2]>)> {
    let shapes = if full { full_shapes(0..=4).boxed() } else { shapes(0..=4).boxed() };
    (shapes, 0usize..=4, any::<u64>()).prop_flat_map(move |(shape, axes, salt)| {
        let last = &shape[shape.len().saturating_sub(axes)..];
        let width = |bits: u64, n: usize| (bits & 15) as usize % (longest(n) + 1);
        let widths =
            last.iter().enumerate().map(|(d, &n)| [width(salt >> (8 * d), n), width(salt >> (8 * d + 4), n)]);
        let widths = widths.collect::<Vec<_>>();
        (views_of(shape, |i| i as i64), Just(widths))
    })
}

fn check(x: &View<i64>, widths: &[[usize; 2]], mode: Pad<i64>) {
    let mut all = vec![[0, 0]; x.array.shape.len() - widths.len()];
    all.extend(widths);
    let sizes: Vec<usize> =
        x.array.shape.iter().zip(&all).map(|(n, [before, after])| n + before + after).collect();
    let want = Array::from_fn(&sizes, |at| {
        let inside = (0..at.len())
            .map(|d| source(mode, at[d] as isize - all[d][0] as isize, x.array.shape[d] as isize));
        let Pad::Constant(value) = mode else {
            return x.array.at(&inside.map(Option::unwrap).collect::<Vec<_>>());
        };
        inside.collect::<Option<Vec<_>>>().map_or(value, |at| x.array.at(&at))
    });
    assert_same(&x.tensor.pad(widths, mode), &want);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn constant((x, widths) in cases(|_| 3, false)) {
        check(&x, &widths, Pad::Constant(-7));
    }

    #[test]
    fn reflect((x, widths) in cases(|n| n - 1, true)) {
        check(&x, &widths, Pad::Reflect);
    }

    #[test]
    fn replicate((x, widths) in cases(|n| n + 2, true)) {
        check(&x, &widths, Pad::Replicate);
    }

    #[test]
    fn circular((x, widths) in cases(|n| n, true)) {
        check(&x, &widths, Pad::Circular);
    }

    #[test]
    fn zero_pad((x, axis) in views_and_axis(1..=4), before in 0usize..3, after in 0usize..3) {
        let mut shape = x.array.shape.clone();
        shape[axis] += before + after;
        let want = Array::from_fn(&shape, |at| match at[axis].checked_sub(before) {
            Some(i) if i < x.array.shape[axis] => x.array.at(&with(at, axis, i)),
            _ => 0,
        });
        assert_same(&x.tensor.zero_pad(axis as isize, before, after), &want);
    }
}
