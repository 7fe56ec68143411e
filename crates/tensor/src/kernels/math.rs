//! Functions of one real variable, written so that a loop over them becomes vectors: no branch, no call, no table but one.
//!
//! The `f32` versions are polynomials after a reduction of the argument, within 2 units in the last place (ulp) of the true value
//! over the whole range, subnormals, infinities and NaN included; a test samples the bit patterns. Two are less accurate for the sake of speed:
//! [`exp_below`](Math::exp_below), and [`normal_cdf`](Math::normal_cdf) in its left tail. `f64`, which serves to check derivatives, uses the
//! standard library.
//!
//! Sources: W. J. Cody and W. Waite, *Software Manual for the Elementary Functions*, 1980 (reductions); S. L. Moshier's Cephes and
//! N. Juffa's published minimax fits (coefficients); the large-argument reduction is Payne and Hanek's, 1983. The two polynomials of `Φ` are
//! fits of our own, minimax by C. L. Lawson's reweighted least squares, 1961; a test is what vouches for them.

use std::f32::consts::LN_2;

/// Functions that a loop over elements, such as [`Tensor::map`](crate::Tensor::map), turns into vectors.
///
/// ```
/// use ravine_tensor::{Math, Tensor};
///
/// let x = Tensor::from([-1.0f32, 0.0, 1.0]);
/// let gauss = x.map(|x| Math::exp(-x * x));
/// assert_eq!(gauss.at([1]), 1.0);
/// ```
pub trait Math: Copy {
    /// `eˣ`.
    fn exp(x: Self) -> Self;
    /// `eˣ` of an `x` that is not above 0, as a part of a sum with `e⁰`: what is smaller than any normal number may be 0.
    fn exp_below(x: Self) -> Self;
    /// `eˣ - 1`.
    fn expm1(x: Self) -> Self;
    /// `log x`.
    fn log(x: Self) -> Self;
    /// `log(1 + x)`.
    fn log1p(x: Self) -> Self;
    /// `sin x`.
    fn sin(x: Self) -> Self;
    /// `cos x`.
    fn cos(x: Self) -> Self;
    /// `tanh x`.
    fn tanh(x: Self) -> Self;
    /// `1 / (1 + e⁻ˣ)`.
    fn sigmoid(x: Self) -> Self;
    /// `log(1 + eˣ)`, without overflow: `max(x, 0) + log(1 + e^-|x|)`.
    fn softplus(x: Self) -> Self;
    /// `2/√π ∫₀ˣ e^(-t²) dt`.
    fn erf(x: Self) -> Self;
    /// `Φ(x) = 1/√(2π) ∫ e^(-t²/2) dt` up to `x`: the share of the normal distribution below `x`. `f32` is within 2 ulp above 0; below, the
    /// relative error grows to 10⁻⁵ at -5, and what is beyond is off by less than 10⁻¹¹.
    fn normal_cdf(x: Self) -> Self;
    /// `y[i] = f(x[i], Φ(x[i]))`, with the bits of [`normal_cdf`](Math::normal_cdf), but faster.
    #[doc(hidden)]
    #[inline(always)]
    fn with_normal_cdf(x: &[Self], y: &mut [Self], f: impl Fn(Self, Self) -> Self) {
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x, Self::normal_cdf(x)));
    }
}

impl Math for f64 {
    #[inline(always)]
    fn exp(x: f64) -> f64 {
        x.exp()
    }
    #[inline(always)]
    fn exp_below(x: f64) -> f64 {
        x.exp()
    }
    #[inline(always)]
    fn expm1(x: f64) -> f64 {
        x.exp_m1()
    }
    #[inline(always)]
    fn log(x: f64) -> f64 {
        x.ln()
    }
    #[inline(always)]
    fn log1p(x: f64) -> f64 {
        x.ln_1p()
    }
    #[inline(always)]
    fn sin(x: f64) -> f64 {
        x.sin()
    }
    #[inline(always)]
    fn cos(x: f64) -> f64 {
        x.cos()
    }
    #[inline(always)]
    fn tanh(x: f64) -> f64 {
        x.tanh()
    }
    #[inline(always)]
    fn sigmoid(x: f64) -> f64 {
        let e = (-x.abs()).exp();
        (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
    }
    #[inline(always)]
    fn softplus(x: f64) -> f64 {
        (if x < 0.0 { 0.0 } else { x }) + (-x.abs()).exp().ln_1p()
    }
    #[inline(always)]
    fn erf(x: f64) -> f64 {
        libm::erf(x)
    }
    #[inline(always)]
    fn normal_cdf(x: f64) -> f64 {
        0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
    }
}

/// Adding and subtracting it rounds to the nearest integer, which is then in the low bits.
const ROUND: f32 = 12_582_912.0;

/// `2ⁿ` for `-126 <= n <= 127`.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `x` times `2ⁿ`, with one rounding; in two steps, since neither `2ⁿ` nor `x` times half of it need be in range.
#[inline(always)]
fn scale(x: f32, n: i32) -> f32 {
    let half = n >> 1;
    x * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// `n` and `r` such that `x = n log 2 + r`, `|r| <= log 2 / 2`.
#[inline(always)]
fn reduce(x: f32) -> (i32, f32) {
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    // log 2 in two parts, of which the first has so few digits that its product with n is exact.
    let r = n.mul_add(-1.428_606_8e-6, n.mul_add(-0.693_145_75, x));
    (shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32, r)
}

/// `(eʳ - 1 - r) / r²` for `|r| <= log 2 / 2`.
#[inline(always)]
fn exp_tail(r: f32) -> f32 {
    polynomial(r, &[1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5])
}

/// Horner's rule; the highest power comes first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    coefficients[1..].iter().fold(coefficients[0], |sum, &c| x.mul_add(sum, c))
}

/// The same in two halves, the even powers and the odd: for a long polynomial, of which each step would wait for the one before.
#[inline(always)]
fn in_halves<const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    let square = x * x;
    let half = |first: usize| {
        let mut sum = coefficients[first];
        for i in (first + 2..N).step_by(2) {
            sum = square.mul_add(sum, coefficients[i]);
        }
        sum
    };
    let (with_last, with_last_but_one) = (half((N - 1) % 2), half(N % 2));
    x.mul_add(with_last_but_one, with_last)
}

/// `x` clamped to `low..=high`; NaN stays NaN.
#[inline(always)]
fn hold(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

impl Math for f32 {
    #[inline(always)]
    fn exp(x: f32) -> f32 {
        let (n, r) = reduce(hold(x, -105.0, 89.0));
        scale((r * r).mul_add(exp_tail(r), r) + 1.0, n)
    }

    #[inline(always)]
    fn exp_below(x: f32) -> f32 {
        // -127 is the exponent of 0, and one power of two is enough.
        let (n, r) = reduce(if x < -88.0 { -88.0 } else { x });
        ((r * r).mul_add(exp_tail(r), r) + 1.0) * power_of_two(n)
    }

    #[inline(always)]
    fn expm1(x: f32) -> f32 {
        let (n, r) = reduce(hold(x, -18.0, 89.0));
        let less = (r * r).mul_add(exp_tail(r), r);
        // 2ⁿ (eʳ - 1) + (2ⁿ - 1); with n = 128 by way of half of it, since 2ⁿ itself is out of range.
        let twice = n > 127;
        let power = power_of_two(if twice { n.wrapping_sub(1) } else { n });
        let y = if twice { 2.0 * less.mul_add(power, power) } else { less.mul_add(power, power - 1.0) };
        if x == 0.0 { x } else { y }
    }

    #[inline(always)]
    fn log(x: f32) -> f32 {
        let tiny = x < f32::MIN_POSITIVE;
        let bits = (if tiny { x * 8_388_608.0 } else { x }).to_bits();
        // x = 2ᵉ (1 + f), -1/3 <= f <= 1/3.
        let e = bits.wrapping_sub(0x3f2a_aaab) & 0xff80_0000;
        let f = f32::from_bits(bits.wrapping_sub(e)) - 1.0;
        let e = (e as i32 >> 23) as f32 + if tiny { -23.0 } else { 0.0 };
        let s = f * f;
        let odd = polynomial(s, &[-0.130_310_06, -0.121_483_51, -0.166_846_13, -0.249_996_2]);
        let even = polynomial(s, &[0.140_869_14, 0.139_814_85, 0.200_120_35]);
        let r = even.mul_add(f, odd).mul_add(f, 0.333_331_97).mul_add(f, -0.5).mul_add(s, f);
        let y = e.mul_add(LN_2, r);
        let y = if x == f32::INFINITY { x } else { y };
        let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
        if x >= 0.0 { y } else { f32::NAN }
    }

    #[inline(always)]
    fn log1p(x: f32) -> f32 {
        // log(1 + x) of the rounded sum, and what the rounding took away.
        let sum = 1.0 + x;
        let lost = if sum >= 1.0 {
            if x > 1.0 { 1.0 - (sum - x) } else { x - (sum - 1.0) }
        } else {
            x - (sum - 1.0)
        };
        let y = Math::log(sum) + lost / sum;
        let y = if sum == 0.0 || sum == f32::INFINITY { Math::log(sum) } else { y };
        if x == 0.0 { x } else { y }
    }

    #[inline(always)]
    fn softplus(x: f32) -> f32 {
        // log(1 + e) = 2 artanh z, a series in z² of at most 1/9. (`log1p` would bring branches that keep the loop from becoming vectors.)
        let e = Math::exp(-x.abs());
        let z = e / (2.0 + e);
        let s = z * z;
        let rest =
            in_halves(s, &[1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0]);
        (if x < 0.0 { 0.0 } else { x }) + 2.0 * (z * s).mul_add(rest, z)
    }

    #[inline(always)]
    fn sin(x: f32) -> f32 {
        let y = quarter_turns(x.abs(), 0);
        if x.is_sign_negative() { -y } else { y }
    }

    #[inline(always)]
    fn cos(x: f32) -> f32 {
        quarter_turns(x.abs(), 1)
    }

    #[inline(always)]
    fn tanh(x: f32) -> f32 {
        let a = x.abs();
        let s = x * x;
        let near =
            polynomial(s, &[-5.704_988_7e-3, 2.063_908_8e-2, -5.373_971_6e-2, 0.133_314_42, -0.333_332_8]);
        let near = (x * s).mul_add(near, x);
        // Beyond 9.02 it is 1 to the last place.
        let far = 1.0 - 2.0 / (<f32 as Math>::exp(2.0 * hold(a, 0.0, 10.0)) + 1.0);
        (if a < 0.625 { near } else { far }).copysign(x)
    }

    #[inline(always)]
    fn sigmoid(x: f32) -> f32 {
        // e = exp(-|x|) = 2ⁿ (1 + less); the result is e / (1 + e), or 1 / (1 + e).
        let (n, r) = reduce(hold(-x.abs(), -105.0, 0.0));
        let less = (r * r).mul_add(exp_tail(r), r);
        let power = power_of_two(if n < -126 { -126 } else { n });
        let e = less.mul_add(power, power);
        let sum = 1.0 + e;
        let inverse = 1.0 / sum;
        // What the rounding of the sum lost, as a part of it.
        let lost = (e - (sum - 1.0)) * inverse;
        let (n, less) = if x < 0.0 { (n, less) } else { (0, 0.0) };
        let less = (-1.0 - less).mul_add(lost, less);
        scale(less.mul_add(inverse, inverse), n)
    }

    #[inline(always)]
    fn erf(x: f32) -> f32 {
        let (a, s) = (x.abs(), x * x);
        let near = polynomial(
            s,
            &[-5.967_617e-4, 4.991_194_2e-3, -2.676_813_5e-2, 0.112_819_925, -0.376_125_34, 0.128_379_17],
        );
        let near = near.mul_add(x, x);
        // log erfc a, as a polynomial in a; beyond 4 the result is 1 to the last place.
        let t = hold(a, 0.0, 4.0);
        let s = t * t;
        let low = t.mul_add(-1.728_534_7e-5, 3.831_972e-4);
        let high = t.mul_add(-3.883_964_4e-3, 2.425_462_2e-2);
        let log = low
            .mul_add(s, high)
            .mul_add(t, -0.106_777_88)
            .mul_add(t, -0.634_846_87)
            .mul_add(t, -0.128_717_51);
        let far = 1.0 - <f32 as Math>::exp(log.mul_add(t, -t));
        if a < 0.927_734_4 { near } else { far.copysign(x) }
    }

    #[inline(always)]
    fn normal_cdf(x: f32) -> f32 {
        normal_cdf_from(x, normal_tail_log(x))
    }
    #[inline(always)]
    fn with_normal_cdf(x: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
        // The operations for one number wait for each other, and a processor sees so many of them that it finds few numbers to work on meanwhile: in
        // two loops it finds twice as many.
        for (x, y) in x.chunks(SHORT).zip(y.chunks_mut(SHORT)) {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = normal_tail_log(x));
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x, normal_cdf_from(x, *y)));
        }
    }
}

/// Numbers that stay in the first-level cache from one loop to the next.
const SHORT: usize = 1024;

/// `log₂ 2Φ(-|x|)` as a polynomial in `|x|`, that reaches -127, the exponent of 0, at the last one.
#[inline(always)]
fn normal_tail_log(x: f32) -> f32 {
    let a = x.abs();
    let a = if a > 12.985_27 { 12.985_27 } else { a };
    // All but the last two powers, which decide the last digits, are taken in halves.
    let rest = in_halves(
        a,
        &[
            1.092_084_4e-9,
            -5.161_227_5e-8,
            1.028_532_1e-6,
            -1.134_805_5e-5,
            7.468_847_6e-5,
            -2.660_58e-4,
            -3.690_124e-5,
            6.997_074_5e-3,
            -5.247_578e-2,
        ],
    );
    a * polynomial(a, &[rest, -0.459_210_1, -1.151_105_3])
}

/// `Φ(x)` from [`normal_tail_log`].
#[inline(always)]
fn normal_cdf_from(x: f32, log: f32) -> f32 {
    /// As `ROUND`, and 127 more: the exponent of a power of two, as its bits have it.
    const BIASED: f32 = ROUND + 127.0;
    let shifted = log + BIASED;
    let r = log - (shifted - BIASED);
    let half = polynomial(
        r,
        &[7.676_681e-5, 6.699_437e-4, 4.809_219e-3, 2.775_166_2e-2, 0.120_113_24, 0.346_573_6, 0.5],
    );
    let tail = half * f32::from_bits(shifted.to_bits() << 23);
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// `sin(a + turns π/2)` for `a >= 0`.
#[inline(always)]
fn quarter_turns(a: f32, turns: u32) -> f32 {
    use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};
    /// As `ROUND`, for `f64`.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    // Small arguments: π/2 in two parts.
    let x = f64::from(a);
    let shifted = x.mul_add(FRAC_2_PI, ROUND);
    let n = shifted - ROUND;
    let small = n.mul_add(-6.123_233_995_736_766e-17, n.mul_add(-FRAC_PI_2, x));
    let small_turns = shifted.to_bits() as u32;
    // Large ones: the product with the bits of 2/π that matter.
    let (large_turns, large) = payne_hanek(a.to_bits());
    let is_large = a > 131_072.0;
    let (n, r) = if is_large { (large_turns, large) } else { (small_turns, small) };
    let n = n.wrapping_add(turns);
    let s = r * r;
    let odd = r * horner(s, &[2.755_731_9e-6, -1.984_126_98e-4, 8.333_333_33e-3, -0.166_666_666_7, 1.0]);
    let even =
        horner(s, &[-2.755_731_9e-7, 2.480_158_73e-5, -1.388_888_889e-3, 4.166_666_666_7e-2, -0.5, 1.0]);
    let y = (if n & 1 == 0 { odd } else { even }) as f32;
    let y = if n & 2 == 0 { y } else { -y };
    if a < f32::INFINITY { y } else { f32::NAN }
}

/// Horner's rule in `f64`.
#[inline(always)]
fn horner<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    coefficients[1..].iter().fold(coefficients[0], |sum, &c| x.mul_add(sum, c))
}

/// The number of quarter turns in the large `f32` of these bits, and the angle that is left, at most π/4 in magnitude.
#[inline(always)]
fn payne_hanek(bits: u32) -> (u32, f64) {
    /// Bits of 4/π: each entry starts 8 bits after the one before.
    const BITS: [u32; 24] = [
        0x0000_00a2,
        0x0000_a2f9,
        0x00a2_f983,
        0xa2f9_836e,
        0xf983_6e4e,
        0x836e_4e44,
        0x6e4e_4415,
        0x4e44_1529,
        0x4415_29fc,
        0x1529_fc27,
        0x29fc_2757,
        0xfc27_57d1,
        0x2757_d1f5,
        0x57d1_f534,
        0xd1f5_34dd,
        0xf534_ddc0,
        0x34dd_c0db,
        0xddc0_db62,
        0xc0db_6295,
        0xdb62_9599,
        0x6295_993c,
        0x9599_3c43,
        0x993c_4390,
        0x3c43_9041,
    ];
    let at = ((bits >> 26) & 15) as usize;
    let x = ((bits & 0x007f_ffff) | 0x0080_0000) << ((bits >> 23) & 7);
    let high = u64::from(x.wrapping_mul(BITS[at])) << 32;
    let middle = u64::from(x).wrapping_mul(u64::from(BITS[at + 4]));
    let low = u64::from(x).wrapping_mul(u64::from(BITS[at + 8])) >> 32;
    let product = (high | low).wrapping_add(middle);
    let n = product.wrapping_add(1 << 61) >> 62;
    let rest = product.wrapping_sub(n << 62) as i64;
    (n as u32, rest as f64 * (std::f64::consts::PI / 9_223_372_036_854_775_808.0))
}

#[cfg(test)]
mod tests;
