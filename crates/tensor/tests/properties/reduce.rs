//! Reductions over any set of axes.

use proptest::prelude::*;
use ravine_tensor::{Element, Tensor};

use super::generators::*;

/// A set of axes.
fn axes_of(rank: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::sample::subsequence((0..rank).collect::<Vec<_>>(), 0..=rank)
}

/// A view whose elements are `value(place)`, and a set of its axes.
fn reduced<T: Element>(value: fn(usize) -> T) -> impl Strategy<Value = (View<T>, Vec<usize>)> {
    shapes(0..=4).prop_flat_map(move |shape| (views_of(shape.clone(), value), axes_of(shape.len())))
}

/// `f` of the elements that go into each result, in row-major order, with the reduced axes at size 1.
fn each<T: Copy, U: Copy>(x: &Array<T>, axes: &[usize], f: impl Fn(&[T]) -> U) -> Array<U> {
    let kept = |axis: usize| !axes.contains(&axis);
    let shape: Vec<usize> = x.shape.iter().enumerate().map(|(d, &n)| if kept(d) { n } else { 1 }).collect();
    Array::from_fn(&shape, |at| {
        let here = |index: &Vec<usize>| index.iter().enumerate().all(|(d, &i)| !kept(d) || i == at[d]);
        let line: Vec<T> = indices(&x.shape).iter().filter(|index| here(index)).map(|i| x.at(i)).collect();
        f(&line)
    })
}

/// The same without the reduced axes.
fn dropped<T: Copy>(keepdim: &Array<T>, axes: &[usize]) -> Array<T> {
    let shape =
        keepdim.shape.iter().enumerate().filter(|(d, _)| !axes.contains(d)).map(|(_, &n)| n).collect();
    Array { shape, values: keepdim.values.clone() }
}

/// Checks both forms of a reduction.
#[track_caller]
fn both<T: Element>(plain: Tensor<T>, keepdim: Tensor<T>, want: &Array<T>, axes: &[usize]) {
    assert_same(&keepdim, want);
    assert_same(&plain, &dropped(want, axes));
}

#[track_caller]
fn nearly(found: &Tensor<f64>, want: &Array<f64>, axes: &[usize]) {
    assert_near("a reduction", found, &dropped(want, axes));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sums_and_products((x, axes) in reduced(|i| i as i64 * 7 % 11 - 5)) {
        let (t, a) = (&x.tensor, &axes[..]);
        both(t.sum(a), t.sum_keepdim(a), &each(&x.array, a, |line| line.iter().sum()), a);
        let product = |line: &[i64]| line.iter().fold(1i64, |y, &v| y.wrapping_mul(v));
        both(t.prod(a), t.prod_keepdim(a), &each(&x.array, a, product), a);
        let nonzero = |line: &[i64]| line.iter().filter(|&&v| v != 0).count() as i64;
        both(t.count_nonzero(a), t.count_nonzero_keepdim(a), &each(&x.array, a, nonzero), a);
    }

    #[test]
    fn logic((x, axes) in reduced(|i| i * i % 7 > 1)) {
        let (t, a) = (&x.tensor, &axes[..]);
        both(t.all(a), t.all_keepdim(a), &each(&x.array, a, |line| line.iter().all(|&v| v)), a);
        both(t.any(a), t.any_keepdim(a), &each(&x.array, a, |line| line.iter().any(|&v| v)), a);
    }

    #[test]
    fn extremes((x, axes) in reduced(|i| i as i32 * 7 % 11 - 5)) {
        let (t, a) = (&x.tensor, &axes[..]);
        // Over nothing there is a panic, which has its own test.
        prop_assume!(!x.array.values.is_empty());
        both(t.max(a), t.max_keepdim(a), &each(&x.array, a, |line| *line.iter().max().unwrap()), a);
        both(t.min(a), t.min_keepdim(a), &each(&x.array, a, |line| *line.iter().min().unwrap()), a);
        let first = |line: &[i32], best: i32| line.iter().position(|&v| v == best).unwrap() as i64;
        let argmax = each(&x.array, a, |line| first(line, *line.iter().max().unwrap()));
        both(t.argmax(a), t.argmax_keepdim(a), &argmax, a);
        let argmin = each(&x.array, a, |line| first(line, *line.iter().min().unwrap()));
        both(t.argmin(a), t.argmin_keepdim(a), &argmin, a);
        let median = |line: &[i32]| {
            let mut line = line.to_vec();
            line.sort();
            line[(line.len() - 1) / 2]
        };
        both(t.median(a), t.median_keepdim(a), &each(&x.array, a, median), a);
    }

    #[test]
    fn statistics((x, axes) in reduced(|i| (i * 7 % 11) as f64 / 3.0 - 1.5), correction in 0usize..2) {
        let (t, a) = (&x.tensor, &axes[..]);
        let mean = |line: &[f64]| line.iter().sum::<f64>() / line.len() as f64;
        let var = |line: &[f64]| {
            let mean = mean(line);
            let sum: f64 = line.iter().map(|v| (v - mean) * (v - mean)).sum();
            if line.len() > correction { sum / (line.len() - correction) as f64 } else { f64::NAN }
        };
        nearly(&t.mean(a), &each(&x.array, a, mean), a);
        nearly(&t.var(a, correction), &each(&x.array, a, var), a);
        nearly(&t.std(a, correction), &each(&x.array, a, |line| var(line).sqrt()), a);
        let logsumexp = |line: &[f64]| line.iter().map(|v| v.exp()).sum::<f64>().ln();
        nearly(&t.logsumexp(a), &each(&x.array, a, logsumexp), a);
        prop_assert_eq!(t.logsumexp_keepdim(a).reshape(t.logsumexp(a).shape()), t.logsumexp(a));
    }

    #[test]
    fn norms((x, axes) in reduced(|i| (i * 7 % 11) as f64 / 2.0 - 2.5), p in prop::sample::select(vec![0.0, 0.5, 1.0, 2.0, 3.0])) {
        let norm = |line: &[f64]| match p {
            0.0 => line.iter().filter(|&&v| v != 0.0).count() as f64,
            _ => line.iter().map(|v| v.abs().powf(p)).sum::<f64>().powf(1.0 / p),
        };
        nearly(&x.tensor.norm(p, &axes[..]), &each(&x.array, &axes, norm), &axes);
        prop_assume!(!x.array.values.is_empty());
        let largest = |line: &[f64]| line.iter().fold(0.0, |y: f64, v| y.max(v.abs()));
        nearly(&x.tensor.norm(f64::INFINITY, &axes[..]), &each(&x.array, &axes, largest), &axes);
        let smallest = |line: &[f64]| line.iter().fold(f64::INFINITY, |y: f64, v| y.min(v.abs()));
        nearly(&x.tensor.norm(f64::NEG_INFINITY, &axes[..]), &each(&x.array, &axes, smallest), &axes);
    }

    #[test]
    fn quantiles((x, axes) in reduced(|i| (i * 7 % 11) as f64), q in 0.0f64..=1.0) {
        prop_assume!(!x.array.values.is_empty());
        let quantile = |line: &[f64]| {
            let mut line = line.to_vec();
            line.sort_by(f64::total_cmp);
            let place = q * (line.len() - 1) as f64;
            let (low, high) = (line[place.floor() as usize], line[place.ceil() as usize]);
            low + place.fract() * (high - low)
        };
        nearly(&x.tensor.quantile(q, &axes[..]), &each(&x.array, &axes, quantile), &axes);
    }
}
