//! The named functions, element by element.

use crate::kernels::math::Math;
use crate::{Float, Number, Tensor};

/// Functions of one variable: doc, name, name in place, formula.
macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident $in_place:ident = |$x:ident| $formula:expr;)*) => {
        impl<T: Float> Tensor<T> {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> Tensor<T> {
                self.map(|$x| $formula)
            }

            #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name), "), in place.")]
            pub fn $in_place(&mut self) {
                self.map_(|$x| $formula);
            }
        )*}
    };
}

// Powers, exponentials and logarithms.
unary! {
    /// `x²`.
    square square_ = |x| x * x;
    /// The square root. NaN below 0.
    sqrt sqrt_ = |x| x.sqrt();
    /// `1 / √x`. NaN below 0, infinite at 0.
    rsqrt rsqrt_ = |x| T::ONE / x.sqrt();
    /// `1 / x`.
    reciprocal reciprocal_ = |x| T::ONE / x;
    /// `eˣ`, within 2 ulp.
    exp exp_ = |x| Math::exp(x);
    /// `2ˣ`.
    exp2 exp2_ = |x| x.exp2();
    /// `eˣ - 1`, exact also near 0; within 2 ulp.
    expm1 expm1_ = |x| Math::expm1(x);
    /// The natural logarithm, within 2 ulp. NaN below 0, `-inf` at 0.
    log log_ = |x| Math::log(x);
    /// The logarithm to base 2.
    log2 log2_ = |x| x.log2();
    /// The logarithm to base 10.
    log10 log10_ = |x| x.log10();
    /// `log(1 + x)`, exact also near 0; within 2 ulp.
    log1p log1p_ = |x| Math::log1p(x);
}

// Trigonometric and hyperbolic functions, and their inverses.
unary! {
    /// The sine of an angle in radians, within 2 ulp however large the angle.
    sin sin_ = |x| Math::sin(x);
    /// The cosine of an angle in radians, within 2 ulp however large the angle.
    cos cos_ = |x| Math::cos(x);
    /// The tangent of an angle in radians.
    tan tan_ = |x| x.tan();
    /// The angle in `-π/2..=π/2` with this sine. NaN outside -1 to 1.
    asin asin_ = |x| x.asin();
    /// The angle in `0..=π` with this cosine. NaN outside -1 to 1.
    acos acos_ = |x| x.acos();
    /// The angle in `-π/2..=π/2` with this tangent.
    atan atan_ = |x| x.atan();
    /// The hyperbolic sine `(eˣ - e⁻ˣ) / 2`.
    sinh sinh_ = |x| x.sinh();
    /// The hyperbolic cosine `(eˣ + e⁻ˣ) / 2`.
    cosh cosh_ = |x| x.cosh();
    /// The hyperbolic tangent, within 2 ulp.
    tanh tanh_ = |x| Math::tanh(x);
    /// The inverse of `sinh`: `log(x + √(x² + 1))`.
    asinh asinh_ = |x| x.asinh();
    /// The inverse of `cosh`: `log(x + √(x² - 1))`. NaN below 1.
    acosh acosh_ = |x| x.acosh();
    /// The inverse of `tanh`: `log((1 + x) / (1 - x)) / 2`. NaN outside -1 to 1.
    atanh atanh_ = |x| x.atanh();
}

// Those of statistics and of neural networks.
unary! {
    /// The error function `2/√π ∫₀ˣ e^(-t²) dt`, within 2 ulp.
    erf erf_ = |x| Math::erf(x);
    /// The logistic function `1 / (1 + e⁻ˣ)`, without overflow at either end; within 2 ulp.
    sigmoid sigmoid_ = |x| Math::sigmoid(x);
    /// `log(1 + eˣ)`, without overflow: `max(x, 0) + log1p(e^-|x|)`.
    softplus softplus_ = |x| (if x < T::ZERO { T::ZERO } else { x }) + Math::log1p(Math::exp(-x.abs()));
    /// `x sigmoid(x)`, also called swish.
    silu silu_ = |x| x * Math::sigmoid(x);
    /// `x Φ(x) = x (1 + erf(x/√2)) / 2`: the Gaussian error linear unit (Hendrycks and Gimpel 2016).
    gelu gelu_ = |x| T::of(0.5) * x * (T::ONE + Math::erf(x * T::of(std::f64::consts::FRAC_1_SQRT_2)));
    /// `max(x, 0)`; NaN stays NaN.
    relu relu_ = |x| if x <= T::ZERO { T::ZERO } else { x };
}

// Sign and rounding.
unary! {
    /// The magnitude.
    abs abs_ = |x| x.abs();
    /// -1, 0 or 1 by sign; 0 at ±0, NaN at NaN.
    sign sign_ = |x| if x > T::ZERO { T::ONE } else if x < T::ZERO { -T::ONE } else { x * T::ZERO };
    /// The nearest integer towards `-∞`.
    floor floor_ = |x| x.floor();
    /// The nearest integer towards `+∞`.
    ceil ceil_ = |x| x.ceil();
    /// The nearest integer towards 0.
    trunc trunc_ = |x| x.trunc();
    /// The nearest integer; of two equally near ones the even one, as IEEE 754 and PyTorch do.
    round round_ = |x| T::round_ties_even(x);
    /// What [`trunc`](Self::trunc) takes away: `x - trunc x`, with the sign of `x`.
    frac frac_ = |x| x - x.trunc();
}

impl<T: Float> Tensor<T> {
    /// `xᵖ` with one exponent for all elements.
    #[must_use]
    pub fn powf(&self, p: T) -> Tensor<T> {
        if p == T::of(2.0) { self.square() } else { self.map(|x| x.powf(p)) }
    }

    /// `xⁿ` with one whole exponent for all elements.
    #[must_use]
    pub fn powi(&self, n: i32) -> Tensor<T> {
        self.map(|x| x.powi(n))
    }

    /// `xᵖ` with an exponent for each element, after broadcasting.
    #[track_caller]
    #[must_use]
    pub fn pow(&self, p: &Tensor<T>) -> Tensor<T> {
        self.zip_named("pow", p, |x, p| x.powf(p))
    }

    /// The angle in `-π..=π` of the point `(x, y)`, this being `y`, after broadcasting.
    #[track_caller]
    #[must_use]
    pub fn atan2(&self, x: &Tensor<T>) -> Tensor<T> {
        self.zip_named("atan2", x, |y, x| y.atan2(x))
    }

    /// Whether each element is NaN.
    #[must_use]
    pub fn is_nan(&self) -> Tensor<bool> {
        self.map(|x| x.is_nan())
    }

    /// Whether each element is `+∞` or `-∞`.
    #[must_use]
    pub fn is_inf(&self) -> Tensor<bool> {
        self.map(|x| x.is_infinite())
    }

    /// Whether each element is neither infinite nor NaN.
    #[must_use]
    pub fn is_finite(&self) -> Tensor<bool> {
        self.map(|x| x.is_finite())
    }
}

impl<T: Number> Tensor<T> {
    /// The larger of the two, element by element; NaN if either is.
    #[track_caller]
    #[must_use]
    pub fn maximum(&self, other: &Tensor<T>) -> Tensor<T> {
        self.zip_named("maximum", other, |a, b| if a > b || a.unordered() { a } else { b })
    }

    /// The smaller of the two, element by element; NaN if either is.
    #[track_caller]
    #[must_use]
    pub fn minimum(&self, other: &Tensor<T>) -> Tensor<T> {
        self.zip_named("minimum", other, |a, b| if a < b || a.unordered() { a } else { b })
    }

    /// Each element held between `low` and `high`; NaN stays NaN.
    ///
    /// # Panics
    /// If `low > high`.
    #[track_caller]
    #[must_use]
    pub fn clamp(&self, low: T, high: T) -> Tensor<T> {
        assert!(low <= high, "clamp: the lower bound {low} is above the upper bound {high}");
        self.map(|x| {
            if x < low {
                low
            } else if x > high {
                high
            } else {
                x
            }
        })
    }

    /// `a - b ⌊a / b⌋`, after broadcasting: what is left of a division, with the sign of the divisor `b`, as Python's `%`.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or an integer is divided by 0 (a float gives NaN).
    #[track_caller]
    #[must_use]
    pub fn remainder(&self, b: &Tensor<T>) -> Tensor<T> {
        self.check_divisor("remainder", b);
        self.zip_named("remainder", b, |a, b| {
            let rest = a.wrapping_rest(b);
            if rest != T::ZERO && (rest < T::ZERO) != (b < T::ZERO) { rest + b } else { rest }
        })
    }

    /// `a - b trunc(a / b)`, after broadcasting: what is left of a division, with the sign of `a`, as Rust's `%`.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or an integer is divided by 0 (a float gives NaN).
    #[track_caller]
    #[must_use]
    pub fn fmod(&self, b: &Tensor<T>) -> Tensor<T> {
        self.check_divisor("fmod", b);
        self.zip_named("fmod", b, |a, b| a.wrapping_rest(b))
    }

    #[track_caller]
    fn check_divisor(&self, op: &str, b: &Tensor<T>) {
        let integer = T::ONE / (T::ONE + T::ONE) == T::ZERO;
        assert!(!integer || b.iter().all(|b| b != T::ZERO), "{op}: an integer is divided by 0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_of_the_named_functions() {
        let inf = f32::INFINITY;
        let x = Tensor::from([-inf, -1e4, -1.0, -0.0, 0.0, 1.0, 1e4, inf]);
        assert_eq!(x.sigmoid().to_vec()[..2], [0.0, 0.0]);
        assert_eq!(x.sigmoid().to_vec()[3..5], [0.5, 0.5]);
        assert_eq!(x.sigmoid().to_vec()[6..], [1.0, 1.0]);
        assert_eq!(x.relu().to_vec(), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1e4, inf]);
        let nan = Tensor::from([f32::NAN]);
        for y in [
            nan.relu(),
            nan.sigmoid(),
            nan.sign(),
            nan.clamp(0.0, 1.0),
            nan.maximum(&Tensor::zeros([1])),
            Tensor::zeros([1]).minimum(&nan),
        ] {
            assert!(y.item().is_nan());
        }
    }

    #[test]
    fn remainders_take_the_sign_of_divisor_or_dividend() {
        let (a, b) = (Tensor::from([7, -7, 7, -7]), Tensor::from([3, 3, -3, -3]));
        assert_eq!(a.remainder(&b).to_vec(), [1, 2, -2, -1]);
        assert_eq!(a.fmod(&b).to_vec(), [1, -1, 1, -1]);
        let (a, b) = (a.cast::<f64>() * 0.5, b.cast::<f64>());
        assert_eq!(a.remainder(&b).to_vec(), [0.5, 2.5, -2.5, -0.5]);
        assert_eq!(a.fmod(&b).to_vec(), [0.5, -0.5, 0.5, -0.5]);
        assert!(a.remainder(&Tensor::scalar(0.0)).at([0]).is_nan());
        assert_eq!(Tensor::from([i32::MIN]).fmod(&Tensor::from([-1])).item(), 0, "which overflows elsewhere");
    }

    #[test]
    #[should_panic(expected = "remainder: an integer is divided by 0")]
    fn integers_are_not_divided_by_zero() {
        let _ = Tensor::from([1]).remainder(&Tensor::from([0]));
    }

    #[test]
    fn rounding() {
        let x = Tensor::from([-2.5f32, -1.5, -0.5, 0.5, 1.5, 2.5, 1e30]);
        assert_eq!(x.round().to_vec(), [-2.0, -2.0, -0.0, 0.0, 2.0, 2.0, 1e30]);
        assert_eq!(x.trunc().to_vec()[..3], [-2.0, -1.0, 0.0]);
        assert_eq!(x.floor().to_vec()[..3], [-3.0, -2.0, -1.0]);
        assert_eq!(x.frac().to_vec()[..3], [-0.5, -0.5, -0.5]);
        let mut y = x.clone();
        y.ceil_();
        assert_eq!(y, x.ceil());
        assert_eq!(y.to_vec()[..3], [-2.0, -1.0, 0.0]);
        assert_eq!(x.at([0]), -2.5, "the original is left alone");
    }

    #[test]
    fn activations_at_the_ends() {
        let x = Tensor::from([-1e4f32, -1.0, 0.0, 1.0, 1e4]);
        assert_eq!(x.softplus().to_vec()[2..], [2f32.ln(), 1.313_261_7, 1e4]);
        assert_eq!(x.softplus().at([0]), 0.0);
        assert_eq!(x.gelu().to_vec(), [0.0, -0.158_655_26, 0.0, 0.841_344_7, 1e4]);
        assert_eq!((x.silu().at([0]), x.silu().at([4])), (0.0, 1e4));
    }

    #[test]
    #[should_panic(expected = "pow: [2, 3] and [2] do not broadcast")]
    fn shapes_that_do_not_broadcast() {
        let _ = Tensor::<f32>::ones([2, 3]).pow(&Tensor::ones([2]));
    }
}
