use super::*;
use crate::kernels::simd::dispatch;

/// The distance between `found` and the true value in units of the last place of an `f32` of that size.
fn ulps(found: f32, want: f64) -> f64 {
    if found.is_nan() || want.is_nan() {
        return if found.is_nan() == want.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let nearest = want as f32;
    if nearest.is_infinite() || found.is_infinite() {
        return if nearest == found { 0.0 } else { f64::INFINITY };
    }
    if nearest == 0.0 && found == 0.0 && nearest.is_sign_negative() != found.is_sign_negative() {
        return f64::INFINITY;
    }
    let exponent = (nearest.abs().max(f32::MIN_POSITIVE).to_bits() >> 23) as i32;
    (f64::from(found) - want).abs() / 2f64.powi(exponent - 127 - 23)
}

/// The worst error over the bit patterns, a large prime apart, and the edges.
fn worst(fast: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) -> (f64, f32) {
    let edges = [
        0.0,
        f32::MIN_POSITIVE,
        f32::from_bits(1),
        1.0,
        0.625,
        0.5,
        0.927_734_4,
        88.72,
        103.97,
        3.0e38,
        f32::INFINITY,
        f32::NAN,
    ];
    let edges = edges
        .into_iter()
        .flat_map(|x: f32| (-20..=20).map(move |d| f32::from_bits(x.to_bits().wrapping_add_signed(d))));
    let walk = (0..u32::MAX / 997).map(|i| f32::from_bits(i * 997));
    let mut worst = (0.0, 0.0);
    for x in walk.chain(edges.clone()).chain(edges.map(|x| -x)) {
        let error = ulps(fast(x), exact(f64::from(x)));
        if error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

#[test]
fn within_two_units_in_the_last_place() {
    let sigmoid = |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
    let functions: [(&str, fn(f32) -> f32, fn(f64) -> f64); 9] = [
        ("exp", Math::exp, f64::exp),
        ("expm1", Math::expm1, f64::exp_m1),
        ("log", Math::log, f64::ln),
        ("log1p", Math::log1p, f64::ln_1p),
        ("sin", Math::sin, f64::sin),
        ("cos", Math::cos, f64::cos),
        ("tanh", Math::tanh, f64::tanh),
        ("sigmoid", Math::sigmoid, sigmoid),
        ("erf", Math::erf, libm::erf),
    ];
    for (name, fast, exact) in functions {
        let (error, x) = dispatch(|| worst(fast, exact));
        println!("{name}: at most {error:.3} ulp, at {x:e}");
        assert!(error <= 2.0, "{name}({x:e}) = {:e} is {error} ulp off", fast(x));
    }
}

#[test]
fn the_normal_distribution_is_close_in_its_tail_too() {
    let (error, x) = dispatch(|| worst(|x| Math::normal_cdf(x.abs()), |x| Math::normal_cdf(x.abs())));
    assert!(error <= 2.0, "Φ({:e}) is {error} ulp off", x.abs());
    for (range, relative, absolute) in
        [(0..1000, 2e-7, 5e-8), (1000..5000, 1e-5, 5e-8), (5000..200_000, 1.0, 1e-11)]
    {
        let worst = dispatch(|| {
            let errors = range.clone().map(|i| {
                let x = i as f32 * -1e-3;
                let (found, want) =
                    (f64::from(<f32 as Math>::normal_cdf(x)), <f64 as Math>::normal_cdf(x.into()));
                ((found - want).abs() / want.max(f64::MIN_POSITIVE), (found - want).abs())
            });
            errors.fold((0.0f64, 0.0f64), |worst, error| (worst.0.max(error.0), worst.1.max(error.1)))
        });
        println!("{range:?}: relative {:e}, absolute {:e}", worst.0, worst.1);
        assert!(worst.0 <= relative && worst.1 <= absolute, "{range:?}: {worst:?}");
    }
    for (x, want) in [(f32::NEG_INFINITY, 0.0), (-14.0, 0.0), (0.0, 0.5), (14.0, 1.0), (f32::INFINITY, 1.0)] {
        assert_eq!(<f32 as Math>::normal_cdf(x), want);
    }
}

#[test]
fn exponentials_below_zero_are_exponentials_or_zero() {
    let fast = |x: f32| {
        let (x, y) = (-x.abs(), Math::exp_below(-x.abs()));
        if y == 0.0 && f64::from(x).exp() < f64::from(f32::MIN_POSITIVE) {
            f64::from(x).exp() as f32
        } else {
            y
        }
    };
    let (error, x) = dispatch(|| worst(fast, |x| (-x.abs()).exp()));
    assert!(error <= 2.0, "exp_below({:e}) is {error} ulp off", -x.abs());
}
