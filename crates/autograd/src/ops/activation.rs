//! Activation functions; `relu`, `sigmoid`, `tanh` and `softplus` are among the functions of one variable.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use ravine_tensor::{Float, Math, Tensor};

use crate::var::{Var, record};

/// Curves: `f(x)` of a tensor, the slope `f'(x)` of a number, and the slope of that. Backward is `dx = dy f'(x)`, and of the slope `dx = dy f''(x)`.
macro_rules! curves {
    ($($(#[$doc:meta])* $name:ident = |$x:ident| $f:expr, |$x1:ident| $slope:expr, |$x2:ident| $bend:expr;)*) => {
        impl<T: Float> Var<T> {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(&self) -> Var<T> {
                let x = self.saved();
                let $x = self.value();
                record(stringify!($name), [self], $f, move |dy, _| {
                    if !dy.tape().is_recording() {
                        return [Some(sloped(dy, x.value(), |$x1| $slope))];
                    }
                    let (slope, bend) = (x.value().map(|$x1| $slope), x.clone());
                    let slope = record("slope", [&x.on(dy)], slope, move |dy, _| {
                        let $x2 = &bend.on(dy);
                        [Some(dy * $bend)]
                    });
                    [Some(dy * slope)]
                })
            }
        )*}
    };
}

/// `dy slope(x)`, in one pass over memory unless it is recorded; nothing flows back to `x`.
fn sloped<T: Float>(dy: &Var<T>, x: &Tensor<T>, slope: impl Fn(T) -> T + Sync) -> Var<T> {
    if dy.tape().is_recording() {
        return dy * dy.constant(x.map(slope));
    }
    dy.constant(dy.value().zip(x, move |dy, x| dy * slope(x)))
}

/// A constant of a formula.
fn c<T: Float>(x: f64) -> T {
    T::of(x)
}

/// `√(2/π)` and the weight of the cube in the argument of [`Var::gelu_tanh`].
const GELU_TANH: (f64, f64) = (FRAC_1_SQRT_2 * FRAC_2_SQRT_PI, 0.044_715);

/// `tanh(√(2/π) (x + 0.044715 x³))`, and the slope of its argument.
#[inline(always)]
fn gelu_tanh<T: Float>(x: T) -> (T, T) {
    let (scale, cube) = (c::<T>(GELU_TANH.0), c::<T>(GELU_TANH.1));
    (Math::tanh(scale * (x + cube * x * x * x)), scale * (T::ONE + c::<T>(3.0) * cube * x * x))
}

/// The density of the normal distribution.
#[inline(always)]
fn density<T: Float>(x: T) -> T {
    c::<T>(0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI) * Math::exp(c::<T>(-0.5) * x * x)
}

/// `e` and `n = e (e + 2)`, with `e = eˣ`: `tanh(log(1 + eˣ)) = n / (n + 2)`, which from 20 on is 1 to the last place.
#[inline(always)]
fn of_mish<T: Float>(x: T) -> (T, T) {
    let e = Math::exp(if x > c(20.0) { c(20.0) } else { x });
    (e, e * (e + c(2.0)))
}

curves! {
    /// `y = x Φ(x)`, `Φ` the normal distribution. Backward: `dx = dy (Φ(x) + x φ(x))`. Hendrycks and Gimpel 2016.
    gelu = |x| x.gelu(),
        |x| Math::normal_cdf(x) + x * density(x),
        |x| (-x.square() + c::<T>(2.0)) * (x.square() * c::<T>(-0.5)).exp() * c::<T>(0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI);
    /// `y = x (1 + t) / 2` with `t = tanh(√(2/π) (x + 0.044715 x³))`: [`gelu`](Self::gelu), nearly.
    /// Backward: `dx = dy (1 + t + x (1 - t²) √(2/π) (1 + 3 · 0.044715 x²)) / 2`.
    gelu_tanh = |x| x.map(|x| c::<T>(0.5) * x * (T::ONE + gelu_tanh(x).0)),
        |x| {
            let (t, slope) = gelu_tanh(x);
            c::<T>(0.5) * (T::ONE + t + x * (T::ONE - t * t) * slope)
        },
        |x| {
            let (scale, cube) = (c::<T>(GELU_TANH.0), c::<T>(GELU_TANH.1));
            let t = ((x + x.square() * x * cube) * scale).tanh();
            let slope = (x.square() * (c::<T>(3.0) * cube) + T::ONE) * scale;
            let falling = -t.square() + T::ONE;
            let within = x * (x * (c::<T>(3.0) * cube * scale) - &t * slope.square());
            falling * (slope + within)
        };
    /// `y = x s` with `s = sigmoid(x)`, also called swish. Backward: `dx = dy s (1 + x (1 - s))`. Elfwing et al. 2018.
    silu = |x| x.silu(),
        |x| {
            let s = Math::sigmoid(x);
            s * (T::ONE + x * (T::ONE - s))
        },
        |x| {
            let s = x.sigmoid();
            &s * (-&s + T::ONE) * (x * (&s * c::<T>(-2.0) + T::ONE) + c::<T>(2.0))
        };
    /// `y = x t` with `t = tanh(log(1 + eˣ))`. Backward: `dx = dy (t + x (1 - t²) sigmoid(x))`. Misra 2019.
    mish = |x| x.map(|x| {
            let n = of_mish(x).1;
            x * (n / (n + c(2.0)))
        }),
        |x| {
            // (1 - t²) sigmoid(x) = 4 e (e + 1) / (n + 2)².
            let (e, n) = of_mish(x);
            let share = T::ONE / (n + c(2.0));
            share * (n + c::<T>(4.0) * x * (e * (e + T::ONE) * share))
        },
        |x| {
            let (t, s) = (x.softplus().tanh(), x.sigmoid());
            let falling = (-t.square() + T::ONE) * &s;
            falling * (x * (-&s + T::ONE - &t * &s * c::<T>(2.0)) + c::<T>(2.0))
        };
    /// `y = x / (1 + |x|)`. Backward: `dx = dy / (1 + |x|)²`.
    softsign = |x| x.map(|x| x / (T::ONE + x.abs())),
        |x| T::ONE / ((T::ONE + x.abs()) * (T::ONE + x.abs())),
        |x| x.sign() * c::<T>(-2.0) / (x.abs() + T::ONE).powf(c::<T>(3.0));
    /// `y = log sigmoid(x)`, without overflow. Backward: `dx = dy sigmoid(-x)`.
    log_sigmoid = |x| x.map(|x| -Math::softplus(-x)),
        |x| Math::sigmoid(-x),
        |x| -(x.sigmoid() * (-x).sigmoid());
    /// `y = x min(max(x + 3, 0), 6) / 6`. Backward: `dx = dy` above 3, 0 up to -3, between them `dy (x / 3 + 1/2)`. Howard et al. 2019.
    hardswish = |x| x.map(|x| x * clamped(x + c::<T>(3.0), T::ZERO, c::<T>(6.0)) / c::<T>(6.0)),
        |x| {
            if x <= c::<T>(-3.0) {
                T::ZERO
            } else if x >= c::<T>(3.0) {
                T::ONE
            } else {
                x / c::<T>(3.0) + c::<T>(0.5)
            }
        },
        |x| x.constant(x.value().map(|x| if x.abs() < c::<T>(3.0) { c::<T>(1.0 / 3.0) } else { T::ZERO }));
}

/// `x` held between `low` and `high`; NaN stays NaN.
#[inline(always)]
fn clamped<T: Float>(x: T, low: T, high: T) -> T {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

impl<T: Float> Var<T> {
    /// `y = x` above 0, `slope x` elsewhere. Backward: `dx = dy` above 0, `slope dy` elsewhere (also at the kink). Maas et al. 2013.
    #[track_caller]
    #[must_use]
    pub fn leaky_relu(&self, slope: f64) -> Var<T> {
        let (x, slope) = (self.saved(), T::of(slope));
        let y = self.value().map(move |x| if x > T::ZERO { x } else { slope * x });
        record("leaky_relu", [self], y, move |dy, _| {
            [Some(sloped(dy, x.value(), move |x| if x > T::ZERO { T::ONE } else { slope }))]
        })
    }

    /// `y = x` above 0, `weight x` elsewhere: [`leaky_relu`](Self::leaky_relu) whose slope is learnt. Backward: `dx = dy` above 0,
    /// `weight dy` elsewhere; `dweight = dy x` where `x` is not above 0, else 0. He et al. 2015.
    ///
    /// `weight` broadcasts to the shape of `x`.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    #[must_use]
    pub fn prelu(&self, weight: &Var<T>) -> Var<T> {
        assert!(
            self.shape().broadcast(weight.shape()) == Some(*self.shape()),
            "prelu: weight {} does not broadcast to input {}",
            weight.shape(),
            self.shape()
        );
        let y = self.value().zip(weight.value(), |x, w| if x > T::ZERO { x } else { w * x });
        let (x, w) = (self.saved(), weight.saved());
        record("prelu", [self, weight], y, move |dy, needs| {
            let above = x.value().map(|x| x > T::ZERO);
            let below = dy.masked_fill(&above, T::ZERO);
            let through = needs[0].then(|| &below * w.on(dy) + (dy - &below));
            [through, needs[1].then(|| below * x.on(dy))]
        })
    }

    /// `y = x` above 0, `alpha (eˣ - 1)` elsewhere. Backward: `dx = dy` above 0, `alpha eˣ dy` elsewhere. Clevert et al. 2016.
    #[track_caller]
    #[must_use]
    pub fn elu(&self, alpha: f64) -> Var<T> {
        self.exponential_below("elu", 1.0, alpha)
    }

    /// `y = scale x` above 0, `scale alpha (eˣ - 1)` elsewhere, with `scale = 1.0507` and `alpha = 1.6733`, for which mean 0 and
    /// variance 1 are preserved. Backward: `dx = scale dy` above 0, `scale alpha eˣ dy` elsewhere. Klambauer et al. 2017.
    #[track_caller]
    #[must_use]
    pub fn selu(&self) -> Var<T> {
        self.exponential_below("selu", 1.050_700_987_355_480_5, 1.673_263_242_354_377_2)
    }

    #[track_caller]
    fn exponential_below(&self, op: &'static str, scale: f64, alpha: f64) -> Var<T> {
        let (scale, alpha) = (T::of(scale), T::of(scale * alpha));
        let x = self.saved();
        let y = self.value().map(move |x| if x > T::ZERO { scale * x } else { alpha * Math::expm1(x) });
        record(op, [self], y, move |dy, _| {
            if !dy.tape().is_recording() {
                let slope = move |x| if x > T::ZERO { scale } else { alpha * Math::exp(x) };
                return [Some(sloped(dy, x.value(), slope))];
            }
            // Above 0, where the exponential is not wanted, it must not overflow either.
            let above = x.value().map(|x| x > T::ZERO);
            let slope = (x.on(dy).masked_fill(&above, T::ZERO).exp() * alpha).masked_fill(&above, scale);
            [Some(dy * slope)]
        })
    }

    /// `y = min(max(x / 6 + 1/2, 0), 1)`. Backward: `dx = dy / 6` between -3 and 3, else 0 (also at the kinks). Howard et al. 2019.
    #[track_caller]
    #[must_use]
    pub fn hardsigmoid(&self) -> Var<T> {
        let sixth = c::<T>(1.0 / 6.0);
        let y = self.value().map(move |x| clamped(x * sixth + c::<T>(0.5), T::ZERO, T::ONE));
        let x = self.saved();
        record("hardsigmoid", [self], y, move |dy, _| {
            [Some(sloped(dy, x.value(), move |x| if x.abs() < c::<T>(3.0) { sixth } else { T::ZERO }))]
        })
    }

    /// `y = min(max(x, low), high)`. Backward: `dx = dy` where `low < x < high`, else 0 (also at the kinks).
    ///
    /// # Panics
    /// If not `low < high`.
    #[track_caller]
    #[must_use]
    pub fn hardtanh(&self, low: f64, high: f64) -> Var<T> {
        assert!(low < high, "hardtanh: the lower bound {low} is not below the upper bound {high}");
        self.held("hardtanh", low, high)
    }

    /// `y = min(max(x, 0), 6)`. Backward: `dx = dy` between 0 and 6, else 0 (also at the kinks).
    #[track_caller]
    #[must_use]
    pub fn relu6(&self) -> Var<T> {
        self.held("relu6", 0.0, 6.0)
    }

    #[track_caller]
    fn held(&self, op: &'static str, low: f64, high: f64) -> Var<T> {
        let (low, high, x) = (T::of(low), T::of(high), self.saved());
        record(op, [self], self.value().map(move |x| clamped(x, low, high)), move |dy, _| {
            [Some(sloped(dy, x.value(), move |x| if x > low && x < high { T::ONE } else { T::ZERO }))]
        })
    }

    /// `y = a sigmoid(b)`, where `a` and `b` are the halves of `x` along `axis`: a gated linear unit. Dauphin et al. 2017.
    /// Backward: `da = dy sigmoid(b)`, `db = dy a sigmoid'(b)`.
    ///
    /// # Panics
    /// If the axis has an odd size.
    #[track_caller]
    #[must_use]
    pub fn glu(&self, axis: isize) -> Var<T> {
        let (a, b) = self.halves("glu", axis);
        a * b.sigmoid()
    }

    /// `y = silu(a) b`, where `a` and `b` are the halves of `x` along `axis`: a gated unit whose gate is [`silu`](Self::silu). Shazeer 2020.
    /// Backward: `da = dy b silu'(a)`, `db = dy silu(a)`.
    ///
    /// # Panics
    /// If the axis has an odd size.
    #[track_caller]
    #[must_use]
    pub fn swiglu(&self, axis: isize) -> Var<T> {
        let (a, b) = self.halves("swiglu", axis);
        a.silu() * b
    }

    #[track_caller]
    fn halves(&self, op: &str, axis: isize) -> (Var<T>, Var<T>) {
        let size = self.size(axis);
        assert!(
            size.is_multiple_of(2),
            "{op}: axis {axis} of input {} has the odd size {size}, which has no halves",
            self.shape()
        );
        (self.narrow(axis, 0, size / 2), self.narrow(axis, size / 2, size / 2))
    }
}
