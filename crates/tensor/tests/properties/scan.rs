//! Running sums, products, extremes and recurrences.

use proptest::prelude::*;
use ravine_tensor::{Element, Tensor};

use super::generators::*;

/// A view whose elements are `value(place)`, and one of its axes.
fn with_axis_of<T: Element>(value: fn(usize) -> T) -> impl Strategy<Value = (View<T>, usize, bool)> {
    shapes(1..=4)
        .prop_flat_map(with_axis)
        .prop_flat_map(move |(shape, axis)| (views_of(shape, value), Just(axis), any::<bool>()))
}

/// `f` of the elements up to each place along `axis`.
fn running<T: Copy, U: Copy>(x: &Array<T>, axis: usize, f: impl Fn(&[T]) -> U) -> Array<U> {
    Array::from_fn(&x.shape, |at| {
        let line: Vec<T> = (0..=at[axis]).map(|j| x.at(&with(at, axis, j))).collect();
        f(&line)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn of_integers((x, axis, from_back) in with_axis_of(|i| i as i64 * 7 % 11 - 5)) {
        let (t, d) = (&x.tensor, signed(axis, x.array.shape.len(), from_back));
        assert_same(&t.cumsum(d), &running(&x.array, axis, |line| line.iter().sum()));
        assert_same(&t.cumprod(d), &running(&x.array, axis, |line| line.iter().product()));
        let last = |line: &[i64], best: i64| line.iter().rposition(|&v| v == best).unwrap() as i64;
        let (max, place) = t.cummax(d);
        assert_same(&max, &running(&x.array, axis, |line| *line.iter().max().unwrap()));
        assert_same(&place, &running(&x.array, axis, |line| last(line, *line.iter().max().unwrap())));
        let (min, place) = t.cummin(d);
        assert_same(&min, &running(&x.array, axis, |line| *line.iter().min().unwrap()));
        assert_same(&place, &running(&x.array, axis, |line| last(line, *line.iter().min().unwrap())));
    }

    #[test]
    fn of_floats((x, axis, from_back) in with_axis_of(|i| (i * 7 % 11) as f64 / 3.0 - 1.5), a in -1.5f64..1.5) {
        let (t, d) = (&x.tensor, signed(axis, x.array.shape.len(), from_back));
        let want = running(&x.array, axis, |line| line.iter().map(|v| v.exp()).sum::<f64>().ln());
        assert_near("logcumsumexp", &t.logcumsumexp(d), &want);
        let want = running(&x.array, axis, |line| line.iter().fold(0.0, |y, v| v + a * y));
        assert_near("linear_recurrence", &t.linear_recurrence(&Tensor::scalar(a), d), &want);
        let factors = running(&x.array, axis, |line| line.iter().fold(0.0, |y, v| v + v * y));
        assert_near("linear_recurrence", &t.linear_recurrence(t, d), &factors);
    }
}
