//! The named functions, element by element.

use super::special;
use crate::kernels::map;
use crate::kernels::math::Math;
use crate::{Float, Number, Tensor};

/// Functions of one variable. Each block begins with its cost in additions; each entry is doc, name, in-place name, and formula.
macro_rules! unary {
    (cost $cost:literal; $($(#[$doc:meta])* $name:ident $in_place:ident = |$x:ident| $formula:expr;)*) => {
        impl<T: Float> Tensor<T> {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> Tensor<T> {
                self.map_costing($cost, |$x| $formula)
            }

            #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name), "), in place.")]
            pub fn $in_place(&mut self) {
                self.map_costing_($cost, |$x| $formula);
            }
        )*}
    };
}

// Functions for which processors have an instruction.
unary! {
    cost 1;
    /// The square root. NaN below 0.
    sqrt sqrt_ = |x| x.sqrt();
    /// `1 / √x`. NaN below 0, infinite at 0.
    rsqrt rsqrt_ = |x| T::ONE / x.sqrt();
    /// `1 / x`.
    reciprocal reciprocal_ = |x| T::ONE / x;
    /// `max(x, 0)`; NaN stays NaN.
    relu relu_ = |x| if x <= T::ZERO { T::ZERO } else { x };
    /// The nearest integer towards `-∞`.
    floor floor_ = |x| x.floor();
    /// The nearest integer towards `+∞`.
    ceil ceil_ = |x| x.ceil();
    /// The nearest integer towards 0.
    trunc trunc_ = |x| x.trunc();
    /// The nearest integer; of two equally near ones the even one, as IEEE 754 and PyTorch do.
    round round_ = |x| T::round_ties_even(x);
    /// The fractional part `x - trunc x`, with the sign of `x`.
    frac frac_ = |x| x - x.trunc();
}

// Exponentials and logarithms.
unary! {
    cost 4;
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
    cost 8;
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
    asinh asinh_ = |x| T::of(x.as_f64().asinh());
    /// The inverse of `cosh`: `log(x + √(x² - 1))`. NaN below 1.
    acosh acosh_ = |x| T::of(special::acosh(x.as_f64()));
    /// The inverse of `tanh`: `log((1 + x) / (1 - x)) / 2`. NaN outside -1 to 1.
    atanh atanh_ = |x| T::of(x.as_f64().atanh());
}

// Functions of statistics and of neural networks.
unary! {
    cost 4;
    /// The error function `2/√π ∫₀ˣ e^(-t²) dt`, within 2 ulp.
    erf erf_ = |x| Math::erf(x);
    /// `1 - erf x`, exact also where that is small.
    erfc erfc_ = |x| T::of(libm::erfc(x.as_f64()));
    /// The inverse of [`erf`](Self::erf): `±∞` at ±1, NaN beyond.
    erfinv erfinv_ = |x| T::of(special::erfinv(x.as_f64()));
    /// `log |Γ(x)|`, the logarithm of the factorial of `x - 1`. Infinite at 0, -1, -2, ...
    lgamma lgamma_ = |x| T::of(libm::lgamma(x.as_f64()));
    /// The derivative of [`lgamma`](Self::lgamma): `Γ'(x) / Γ(x)`. NaN at -1, -2, ..., infinite at 0.
    digamma digamma_ = |x| T::of(special::digamma(x.as_f64()));
    /// The logistic function `1 / (1 + e⁻ˣ)`, without overflow at either end; within 2 ulp.
    sigmoid sigmoid_ = |x| Math::sigmoid(x);
    /// `log(1 + eˣ)`, without overflow: `max(x, 0) + log1p(e^-|x|)`; within 2 ulp.
    softplus softplus_ = |x| Math::softplus(x);
    /// `x sigmoid(x)`, also called swish.
    silu silu_ = |x| x * Math::sigmoid(x);
}

/// The cost of `gelu`, in additions.
const GELU_COST: usize = 4;

// In loops over slices, which is quicker than element by element.
impl<T: Float> Tensor<T> {
    /// `x Φ(x) = x (1 + erf(x/√2)) / 2`: the Gaussian error linear unit (Hendrycks and Gimpel 2016).
    #[must_use]
    pub fn gelu(&self) -> Tensor<T> {
        Tensor::build(*self.shape(), |out| {
            map::by_slices(
                (self.storage(), self.layout()),
                out,
                GELU_COST,
                #[inline(always)]
                |x, y| {
                    Math::with_normal_cdf(
                        x,
                        y,
                        #[inline(always)]
                        |x, cdf| x * cdf,
                    )
                },
            );
        })
    }

    /// [`gelu`](Self::gelu), in place.
    pub fn gelu_(&mut self) {
        self.map_costing_(GELU_COST, |x| x * Math::normal_cdf(x));
    }

    /// `xᵖ` with one exponent for all elements.
    #[must_use]
    pub fn powf(&self, p: T) -> Tensor<T> {
        if p == T::of(2.0) { self.square() } else { self.map(|x| x.powf(p)) }
    }

    /// [`powf`](Self::powf), in place.
    pub fn powf_(&mut self, p: T) {
        if p == T::of(2.0) { self.square_() } else { self.map_(|x| x.powf(p)) }
    }

    /// `xⁿ` with one integer exponent for all elements.
    #[must_use]
    pub fn powi(&self, n: i32) -> Tensor<T> {
        self.map(|x| x.powi(n))
    }

    /// [`powi`](Self::powi), in place.
    pub fn powi_(&mut self, n: i32) {
        self.map_(|x| x.powi(n));
    }

    /// The `n`-th derivative of [`digamma`](Self::digamma), the `n + 1`-st of `log Γ`. Infinite at 0, -1, -2, ...
    #[must_use]
    pub fn polygamma(&self, n: u32) -> Tensor<T> {
        if n == 0 { self.digamma() } else { self.map(|x| T::of(special::polygamma(n, x.as_f64()))) }
    }

    /// Each NaN as `nan`, `+∞` as `positive`, `-∞` as `negative`.
    #[must_use]
    pub fn nan_to_num(&self, nan: T, positive: T, negative: T) -> Tensor<T> {
        self.map(numbers_for(nan, positive, negative))
    }

    /// [`nan_to_num`](Self::nan_to_num), in place.
    pub fn nan_to_num_(&mut self, nan: T, positive: T, negative: T) {
        self.map_(numbers_for(nan, positive, negative));
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
    /// `x²`. Integers wrap.
    #[must_use]
    pub fn square(&self) -> Tensor<T> {
        self.map(|x| x.times(x))
    }

    /// [`square`](Self::square), in place.
    pub fn square_(&mut self) {
        self.map_(|x| x.times(x));
    }

    /// The absolute value. The smallest integer of a signed type, whose absolute value does not fit, stays as it is.
    #[must_use]
    pub fn abs(&self) -> Tensor<T> {
        self.map(magnitude)
    }

    /// [`abs`](Self::abs), in place.
    pub fn abs_(&mut self) {
        self.map_(magnitude);
    }

    /// -1, 0 or 1 by sign; 0 at ±0, NaN at NaN.
    #[must_use]
    pub fn sign(&self) -> Tensor<T> {
        self.map(sign)
    }

    /// [`sign`](Self::sign), in place.
    pub fn sign_(&mut self) {
        self.map_(sign);
    }

    /// Each element held between `low` and `high`; NaN stays NaN.
    ///
    /// # Panics
    /// If `low > high`.
    #[track_caller]
    #[must_use]
    pub fn clamp(&self, low: T, high: T) -> Tensor<T> {
        self.map(held(low, high))
    }

    /// [`clamp`](Self::clamp), in place.
    ///
    /// # Panics
    /// If `low > high`.
    #[track_caller]
    pub fn clamp_(&mut self, low: T, high: T) {
        self.map_(held(low, high));
    }

    /// Each element raised to `low` where it is below; NaN stays NaN.
    #[must_use]
    pub fn clamp_min(&self, low: T) -> Tensor<T> {
        self.map(move |x| if x < low { low } else { x })
    }

    /// [`clamp_min`](Self::clamp_min), in place.
    pub fn clamp_min_(&mut self, low: T) {
        self.map_(move |x| if x < low { low } else { x });
    }

    /// Each element lowered to `high` where it is above; NaN stays NaN.
    #[must_use]
    pub fn clamp_max(&self, high: T) -> Tensor<T> {
        self.map(move |x| if x > high { high } else { x })
    }

    /// [`clamp_max`](Self::clamp_max), in place.
    pub fn clamp_max_(&mut self, high: T) {
        self.map_(move |x| if x > high { high } else { x });
    }
}

fn numbers_for<T: Float>(nan: T, positive: T, negative: T) -> impl Fn(T) -> T + Sync {
    move |x| {
        if x == T::infinity() {
            positive
        } else if x == T::neg_infinity() {
            negative
        } else if x.unordered() {
            nan
        } else {
            x
        }
    }
}

#[inline(always)]
fn magnitude<T: Number>(x: T) -> T {
    // The difference from 0 clears the sign of -0 as well.
    let negated = T::ZERO.minus(x);
    if x > T::ZERO { x } else { negated }
}

#[inline(always)]
fn sign<T: Number>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        T::ZERO.minus(T::ONE)
    } else {
        x.times(T::ZERO)
    }
}

#[track_caller]
fn held<T: Number>(low: T, high: T) -> impl Fn(T) -> T + Sync {
    assert!(low <= high, "clamp: the lower bound {low} is above the upper bound {high}");
    move |x| {
        if x < low {
            low
        } else if x > high {
            high
        } else {
            x
        }
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
        for y in [nan.relu(), nan.sigmoid(), nan.sign(), nan.clamp(0.0, 1.0), nan.abs(), nan.clamp_min(0.0)] {
            assert!(y.item().is_nan());
        }
    }

    #[test]
    fn signs_and_magnitudes() {
        let x = Tensor::from([-2.0f32, -0.0, 0.0, 3.0]);
        assert_eq!(
            (x.abs().to_vec(), x.sign().to_vec()),
            (vec![2.0, 0.0, 0.0, 3.0], vec![-1.0, 0.0, 0.0, 1.0])
        );
        assert!(x.abs().iter().all(f32::is_sign_positive));
        assert_eq!(Tensor::from([i32::MIN, -7, 7]).abs().to_vec(), [i32::MIN, 7, 7]);
        assert_eq!(Tensor::from([-3i64, 0, 9]).sign().to_vec(), [-1, 0, 1]);
        assert_eq!(Tensor::from([20u8]).square().item(), 144, "integers wrap");
        let mut y = Tensor::from([-3, 1, 9]);
        y.clamp_(0, 5);
        assert_eq!(
            (y.to_vec(), y.clamp_min(2).to_vec(), y.clamp_max(2).to_vec()),
            (vec![0, 1, 5], vec![2, 2, 5], vec![0, 1, 2])
        );
        let wild = Tensor::from([f64::NAN, f64::INFINITY, -f64::INFINITY, 1.5]);
        assert_eq!(wild.nan_to_num(0.0, 1e9, -1e9).to_vec(), [0.0, 1e9, -1e9, 1.5]);
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

    /// In loops over slices, in place, of a view: the same formula.
    #[test]
    fn gelu_has_the_bits_of_its_formula() {
        let x = Tensor::<f32>::linspace(-14.0, 14.0, 3001);
        let want = x.map(|x| x * Math::normal_cdf(x));
        assert_eq!(x.gelu(), want);
        assert_eq!(x.flip([0]).gelu().flip([0]), want);
        let mut y = x.clone();
        y.gelu_();
        assert_eq!(y, want);
        let x = x.cast::<f64>();
        assert_eq!(x.gelu(), x.map(|x| x * Math::normal_cdf(x)));
    }
}
