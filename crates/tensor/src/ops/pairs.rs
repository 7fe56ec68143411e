//! Functions of two variables, element by element after broadcasting.

use crate::kernels::math::Math;
use crate::{Float, Number, Tensor};

/// Functions of two elements, each with its in-place form.
macro_rules! pairs {
    ($(
        $(#[$doc:meta])*
        $name:ident $in_place:ident = |$a:ident, $b:ident| $formula:expr $(, where $check:ident)?;
    )*) => {$(
        $(#[$doc])*
        #[track_caller]
        #[must_use]
        pub fn $name(&self, $b: &Tensor<T>) -> Tensor<T> {
            $(self.$check(stringify!($name), $b);)?
            self.zip_named(stringify!($name), $b, |$a, $b| $formula)
        }

        #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name), "), in place; the other is broadcast to the shape of this tensor.")]
        #[track_caller]
        pub fn $in_place(&mut self, $b: &Tensor<T>) {
            $(self.$check(stringify!($in_place), $b);)?
            self.zip_named_(stringify!($in_place), $b, |$a, $b| *$a = { let $a = *$a; $formula });
        }
    )*};
}

impl<T: Float> Tensor<T> {
    pairs! {
        /// `xᵖ` with an exponent for each element, after broadcasting.
        pow pow_ = |x, p| x.powf(p);
        /// The angle in `-π..=π` of the point `(x, y)`, after broadcasting; `y` is this tensor.
        atan2 atan2_ = |y, x| y.atan2(x);
        /// `√(a² + b²)`, without overflow on the way.
        hypot hypot_ = |a, b| a.hypot(b);
        /// The magnitude of `a` with the sign of `b`, that of -0 and NaN included.
        copysign copysign_ = |a, b| a.copysign(b);
        /// `log(eᵃ + eᵇ)`, without overflow.
        logaddexp logaddexp_ = |a, b| {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            // The difference of equal infinities is NaN.
            if low == high && !low.is_finite() { low } else { high + Math::log1p(Math::exp(low - high)) }
        };
    }

    /// `a + weight (b - a)`: `a` at weight 0, `b` at weight 1, of finite numbers exactly at both.
    #[track_caller]
    #[must_use]
    pub fn lerp(&self, b: &Tensor<T>, weight: T) -> Tensor<T> {
        self.zip_named("lerp", b, between(weight))
    }

    /// [`lerp`](Self::lerp), in place; `b` is broadcast to the shape of this tensor.
    #[track_caller]
    pub fn lerp_(&mut self, b: &Tensor<T>, weight: T) {
        let f = between(weight);
        self.zip_named_("lerp_", b, |a, b| *a = f(*a, b));
    }
}

fn between<T: Float>(weight: T) -> impl Fn(T, T) -> T + Sync {
    let rest = T::ONE - weight;
    move |a, b| if weight < T::of(0.5) { a + weight * (b - a) } else { b - rest * (b - a) }
}

impl<T: Number> Tensor<T> {
    pairs! {
        /// The larger of the two, element by element; NaN if either is.
        maximum maximum_ = |a, b| if a > b || a.unordered() { a } else { b };
        /// The smaller of the two, element by element; NaN if either is.
        minimum minimum_ = |a, b| if a < b || a.unordered() { a } else { b };
        /// `a - b ⌊a / b⌋`, after broadcasting: the remainder with the sign of the divisor `b`, as Python's `%`.
        ///
        /// # Panics
        /// If the shapes do not broadcast, or an integer is divided by 0 (a float gives NaN).
        remainder remainder_ = |a, b| {
            let rest = a.wrapping_rest(b);
            if rest != T::ZERO && (rest < T::ZERO) != (b < T::ZERO) { rest + b } else { rest }
        }, where check_divisor;
        /// `a - b trunc(a / b)`, after broadcasting: the remainder with the sign of `a`, as Rust's `%`.
        ///
        /// # Panics
        /// If the shapes do not broadcast, or an integer is divided by 0 (a float gives NaN).
        fmod fmod_ = |a, b| a.wrapping_rest(b), where check_divisor;
    }

    #[track_caller]
    fn check_divisor(&self, op: &str, b: &Tensor<T>) {
        let fits = T::DTYPE.is_float() || b.iter().all(|b| b != T::ZERO);
        assert!(fits, "{op}: an integer is divided by 0: {} by {}", self.shape(), b.shape());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn larger_smaller_and_between() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        let (a, b) = (Tensor::from([1.0, nan, 0.0, -inf]), Tensor::from([2.0, 0.0, nan, inf]));
        assert_eq!((a.maximum(&b).at([0]), a.minimum(&b).at([3])), (2.0, -inf));
        assert!([1, 2].iter().all(|&i| a.maximum(&b).at([i]).is_nan() && a.minimum(&b).at([i]).is_nan()));
        let (x, y) = (Tensor::from([0.1f32, 1e8]), Tensor::from([0.7f32, 1.0]));
        assert_eq!((x.lerp(&y, 0.0), x.lerp(&y, 1.0)), (x.clone(), y.clone()), "exact at the ends");
        let mut z = x.clone();
        z.lerp_(&y, 0.25);
        assert_eq!(z, x.lerp(&y, 0.25));
    }

    #[test]
    fn sums_of_exponentials_and_of_squares() {
        let inf = f64::INFINITY;
        let a = Tensor::from([1000.0, -inf, inf, inf, 0.0]);
        let b = Tensor::from([1000.0, -inf, inf, -inf, -800.0]);
        assert_eq!(a.logaddexp(&b).to_vec(), [1000.0 + 2f64.ln(), -inf, inf, inf, 0.0]);
        assert!(Tensor::from([f64::NAN]).logaddexp(&Tensor::from([inf])).item().is_nan());
        let y = Tensor::from([3e200, -5.0]).hypot(&Tensor::from([4e200, 12.0]));
        assert!(y.allclose(&Tensor::from([5e200, 13.0]), 1e-15, 0.0));
        assert!(Tensor::from([0.0f32]).copysign(&Tensor::from([-0.0])).item().is_sign_negative());
    }

    #[test]
    #[should_panic(expected = "pow: [2, 3] and [2] do not broadcast")]
    fn shapes_that_do_not_broadcast() {
        let _ = Tensor::<f32>::ones([2, 3]).pow(&Tensor::ones([2]));
    }
}
