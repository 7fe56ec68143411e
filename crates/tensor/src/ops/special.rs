//! Special functions in `f64`; those of `f32` are these, rounded.

use std::f64::consts::{FRAC_2_SQRT_PI, PI};

/// The inverse of the hyperbolic cosine. The standard library's loses half the digits near 1, as it takes the logarithm of a number near 1.
pub fn acosh(x: f64) -> f64 {
    let t = x - 1.0;
    if t < 0.0 {
        f64::NAN
    } else if t < 1.0 {
        (t + (t * (t + 2.0)).sqrt()).ln_1p()
    } else {
        x.acosh()
    }
}

/// The inverse of the error function: a rational approximation to three digits or more, then two steps of Newton's method on
/// whichever of `erf` and `erfc` loses no digits.
pub fn erfinv(y: f64) -> f64 {
    let size = y.abs();
    if size >= 1.0 || y.is_nan() {
        return if size == 1.0 { f64::INFINITY.copysign(y) } else { f64::NAN };
    }
    let horner = |z: f64, c: &[f64]| c.iter().rev().fold(0.0, |sum, &c| sum * z + c);
    let mut x = if size <= 0.7 {
        let z = y * y;
        size * horner(z, &[0.886_226_899, -1.645_349_621, 0.914_624_893, -0.140_543_331])
            / horner(z, &[1.0, -2.118_377_725, 1.442_710_462, -0.329_097_515, 0.012_229_801])
    } else {
        let z = (-((1.0 - size) / 2.0).ln()).sqrt();
        horner(z, &[-1.970_840_454, -1.624_906_493, 3.429_567_803, 1.641_345_311])
            / horner(z, &[1.0, 3.543_889_2, 1.637_067_8])
    };
    for _ in 0..2 {
        let error = if size <= 0.7 { libm::erf(x) - size } else { (1.0 - size) - libm::erfc(x) };
        x -= error / (FRAC_2_SQRT_PI * (-x * x).exp());
    }
    x.copysign(y)
}

/// `B₂ₖ / (2k)!` for k = 1, 2, ...: the coefficients of the Euler-Maclaurin formula.
const EULER_MACLAURIN: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 720.0,
    1.0 / 30_240.0,
    -1.0 / 1_209_600.0,
    1.0 / 47_900_160.0,
    -691.0 / 1_307_674_368_000.0,
    1.0 / 74_724_249_600.0,
    -3617.0 / 10_670_622_842_880_000.0,
];

/// From here on the asymptotic series are exact to the last digits.
const LARGE: f64 = 12.0;

/// `Γ'(x) / Γ(x)`: reflection for negative `x`, recurrence to large ones, there the asymptotic series (Abramowitz and Stegun 6.3).
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::NEG_INFINITY.copysign(-x);
    }
    if x < 0.0 {
        if x.fract() == 0.0 {
            return f64::NAN;
        }
        return digamma(1.0 - x) - PI / (PI * x.fract()).tan();
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < LARGE {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let mut power = 1.0;
    // B₂ₖ / 2k = (B₂ₖ / (2k)!) (2k - 1)!
    let mut factorial = 1.0;
    for (k, c) in EULER_MACLAURIN.iter().enumerate() {
        power *= inverse * inverse;
        sum -= c * factorial * power;
        factorial *= (2 * k + 2) as f64 * (2 * k + 3) as f64;
    }
    sum + x.ln() - 0.5 * inverse
}

/// The `n`-th derivative of the digamma function, `n > 0`: `(-1)ⁿ⁺¹ n! Σ (x + k)⁻ⁿ⁻¹` over `k >= 0`, the first terms one by one, the rest
/// by the Euler-Maclaurin formula. NaN below -1000, where there would be very many terms.
pub fn polygamma(n: u32, x: f64) -> f64 {
    let s = f64::from(n) + 1.0;
    let factorial: f64 = (1..=n).map(f64::from).product();
    let sign = if n % 2 == 1 { 1.0 } else { -1.0 };
    if x < -1000.0 || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 && x.fract() == 0.0 {
        return sign * f64::INFINITY;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    let (mut x, mut sum) = (x, 0.0);
    // A series in 1/x with growing factors: the larger the order, the farther out.
    while x < LARGE + s {
        sum += x.powi(-(n as i32) - 1);
        x += 1.0;
    }
    let power = x.powi(-(n as i32) - 1);
    sum += power * x / (s - 1.0) + 0.5 * power;
    let (mut rising, mut power) = (s, power / x);
    for (k, c) in EULER_MACLAURIN.iter().enumerate() {
        sum += c * rising * power;
        let step = s + 2.0 * k as f64;
        rising *= (step + 1.0) * (step + 2.0);
        power /= x * x;
    }
    sign * factorial * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, want: f64) {
        assert!((found - want).abs() <= 4e-15 * want.abs().max(1.0), "{found} is not {want}");
    }

    #[test]
    fn the_error_function_is_inverted() {
        for i in -999..1000 {
            let x = f64::from(i) / 250.0;
            // A unit in the last place of erf x, seen through the slope of the inverse.
            let slack = 4e-16 * (1.0 + (x * x).exp());
            assert!((erfinv(libm::erf(x)) - x).abs() <= slack + 4e-16 * x.abs(), "{x}");
        }
        assert_eq!((erfinv(1.0), erfinv(-1.0), erfinv(0.0)), (f64::INFINITY, f64::NEG_INFINITY, 0.0));
        assert!(erfinv(1.1).is_nan() && erfinv(f64::NAN).is_nan());
        assert!((libm::erfc(erfinv(1.0 - 1e-14)) / 9.992e-15 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn the_inverse_hyperbolic_cosine_near_one() {
        for e in [1e-15, 1e-10, 1e-5, 0.1, 0.999, 1.0, 5.0] {
            let x = 1.0 + e;
            assert!((acosh(x).cosh() - x).abs() < 1e-15 * x.max(1.0) * 4.0);
            let near = (2.0 * (x - 1.0)).sqrt() * (1.0 - (x - 1.0) / 12.0);
            assert!(e > 1e-5 || (acosh(x) / near - 1.0).abs() < 1e-10);
        }
        assert!(acosh(0.5).is_nan() && acosh(f64::NAN).is_nan() && acosh(f64::INFINITY) == f64::INFINITY);
    }

    #[test]
    fn digamma_and_its_derivatives_at_known_points() {
        let euler = 0.577_215_664_901_532_9;
        close(digamma(1.0), -euler);
        close(digamma(0.5), -euler - 2.0 * 2f64.ln());
        close(digamma(-0.5), 2.0 - euler - 2.0 * 2f64.ln());
        close(digamma(10.0), (1..10).map(|k| 1.0 / f64::from(k)).sum::<f64>() - euler);
        close(polygamma(1, 1.0), PI * PI / 6.0);
        close(polygamma(1, 0.5), PI * PI / 2.0);
        close(polygamma(1, -0.5), PI * PI / 2.0 + 4.0);
        close(polygamma(2, 1.0), -2.0 * 1.202_056_903_159_594_3);
        close(polygamma(3, 1.0), PI.powi(4) / 15.0);
        assert_eq!((digamma(0.0), digamma(-0.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(digamma(-3.0).is_nan() && digamma(f64::NAN).is_nan() && polygamma(1, f64::NAN).is_nan());
        assert_eq!((polygamma(1, -2.0), digamma(f64::INFINITY)), (f64::INFINITY, f64::INFINITY));
        assert_eq!(polygamma(1, f64::INFINITY), 0.0);
    }
}
