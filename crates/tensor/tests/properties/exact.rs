//! What the numbers promise: errors of sums and functions, IEEE 754's special values, the same bits for any number of threads.

use ravine_tensor::Tensor;

use super::functions::functions;

/// A thousandth to a thousand, both signs, in no order.
fn numbers(n: usize) -> Tensor<f32> {
    Tensor::from_fn(n, |i| {
        let hash = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        (hash as f32 / 8_388_608.0 - 1.0) * 10f32.powi((i % 7) as i32 - 3)
    })
}

/// The error of a sum is at most its depth, which grows like log n, times half a unit in the last place of the sum of magnitudes
/// (Higham 2002, §4.2); added one by one the bound would be n times that.
#[test]
fn the_error_of_sums_grows_like_log_n() {
    for n in [10, 1000, 100_000, 10_000_000] {
        let x = numbers(n);
        let exact: f64 = x.iter().map(f64::from).sum();
        let magnitudes: f64 = x.iter().map(|v| f64::from(v.abs())).sum();
        // 16 additions in a lane, 6 to join the lanes, and one for each doubling of blocks.
        let depth = 22.0 + (n as f64 / 1024.0).max(1.0).log2();
        let bound = depth * f64::from(f32::EPSILON) / 2.0 * magnitudes;
        let columns = x.reshape([n / 10, 10]).sum(0).sum(0);
        for found in [x.sum(..), columns, x.mean(..) * n as f32] {
            let error = (f64::from(found.item()) - exact).abs();
            assert!(error <= bound, "n = {n}: {error:e} is above {bound:e}");
        }
    }
}

#[test]
fn mean_and_variance_are_stable_far_from_zero() {
    // 1e8 + 8k is exact in f32, whose neighbours there are 8 apart.
    let x = Tensor::<f32>::from_fn([4, 100_000], |i| 1e8 + 8.0 * (i % 5) as f32);
    // The mean to a unit in the last place, the variance in spite of that.
    assert!(x.mean(1).iter().all(|mean| (mean - (1e8 + 16.0)).abs() <= 8.0), "{}", x.mean(1));
    assert!(x.var(1, 0).allclose(&Tensor::scalar(128.0), 1e-6, 0.0), "{}", x.var(1, 0));
    assert!(x.std(.., 0).allclose(&Tensor::scalar(128f32.sqrt()), 1e-6, 0.0));
    let ones = Tensor::<f32>::full([100_000], 1e8);
    assert!((ones.mean(..).item() - 1e8).abs() <= 8.0 && ones.var(.., 1).item() < 1e-6);
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let x = numbers(600_000).reshape([3, 400, 500]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let results = pool.install(|| {
            let mut results = vec![x.cumsum(1), x.cumsum(0), x.logcumsumexp(2), x.sort(1, true).0, x.exp()];
            for axes in [&[0usize][..], &[1], &[2], &[0, 2], &[1, 2], &[0, 1, 2]] {
                results.extend([x.sum(axes), x.var(axes, 1), x.norm(2.0, axes), x.logsumexp(axes)]);
                results.extend([x.max(axes), x.prod(axes), x.median(axes), x.quantile(0.3, axes)]);
            }
            results
        });
        results.iter().flat_map(|y| y.iter().map(f32::to_bits)).collect::<Vec<_>>()
    };
    let one = run(1);
    assert!([2, 3, 8].iter().all(|&threads| run(threads) == one));
}

/// The distance from the true value in units of the last place of an `f32` there.
fn ulps(found: f32, want: f64) -> f64 {
    let nearest = want as f32;
    if found.is_nan() || nearest.is_nan() || found.is_infinite() || nearest.is_infinite() {
        return if found == nearest || (found.is_nan() && nearest.is_nan()) { 0.0 } else { f64::INFINITY };
    }
    let exponent = (nearest.abs().max(f32::MIN_POSITIVE).to_bits() >> 23) as i32;
    (f64::from(found) - want).abs() / 2f64.powi(exponent - 127 - 23)
}

/// Bit patterns a large prime apart: normal and subnormal numbers, infinities and NaNs of both signs.
fn bit_patterns() -> Tensor<f32> {
    (0..u32::MAX / 29_989).map(|i| f32::from_bits(i * 29_989)).collect()
}

#[test]
fn functions_are_within_two_units_in_the_last_place_over_all_bit_patterns() {
    let x = bit_patterns();
    for (name, f, exact) in functions() {
        for (x, found) in x.iter().zip(f(&x).iter()) {
            let error = ulps(found, exact(f64::from(x)));
            assert!(error <= 2.0, "{name}({x:e}) is {found:e}, {error} units off");
        }
    }
}

#[test]
fn special_values_are_those_of_ieee_754() {
    let tiny = f32::from_bits(1);
    let x = Tensor::from([
        0.0,
        -0.0,
        f32::INFINITY,
        -f32::INFINITY,
        f32::NAN,
        tiny,
        -tiny,
        f32::MIN_POSITIVE,
        f32::MAX,
        -f32::MAX,
        1.0,
        -1.0,
    ]);
    for (name, f, exact) in functions() {
        for (x, found) in x.iter().zip(f(&x).iter()) {
            let want = exact(f64::from(x));
            assert!(ulps(found, want) <= 2.0, "{name}({x:e}) is {found:e}, not {want:e}");
            // The sign of zero tells from where it was approached.
            let signed =
                found != 0.0 || want as f32 != 0.0 || found.is_sign_negative() == want.is_sign_negative();
            assert!(signed || name == "relu", "{name}({x:e}) is {found:e}, not {want:e}");
        }
    }
    let (one, nan, inf) = (Tensor::from([1.0]), Tensor::from([f32::NAN]), Tensor::from([f32::INFINITY]));
    assert_eq!((one.pow(&nan).item(), nan.powf(0.0).item()), (1.0, 1.0));
    assert!((&inf - &inf).item().is_nan() && (&inf * &Tensor::zeros([1])).item().is_nan());
    assert!(Tensor::cat(&[&one, &nan, &inf], 0).sum(..).item().is_nan());
    assert_eq!(Tensor::cat(&[&one, &inf], 0).mean(..).item(), f32::INFINITY);
}
