//! Functions of one variable, element by element.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LN_10};

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record, record_with_output};

/// Functions whose derivative is told from the input: name, and `dx` from `x` and `dy`.
macro_rules! by_input {
    ($($(#[$doc:meta])* $name:ident: |$x:ident, $dy:ident| $dx:expr;)*) => {
        impl<T: Float> Var<T> {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(&self) -> Var<T> {
                let x = self.saved();
                record(stringify!($name), [self], self.value().$name(), move |$dy, _| {
                    let $x = &x.on($dy);
                    [Some($dx)]
                })
            }
        )*}
    };
}

/// Functions whose derivative is told from the output: name, and `dx` from `y` and `dy`.
macro_rules! by_output {
    ($($(#[$doc:meta])* $name:ident: |$y:ident, $dy:ident| $dx:expr;)*) => {
        impl<T: Float> Var<T> {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(&self) -> Var<T> {
                record_with_output(stringify!($name), [self], self.value().$name(), |$dy, $y, _| [Some($dx)])
            }
        )*}
    };
}

by_output! {
    /// `y = √x`. Backward: `dx = dy / 2y`.
    sqrt: |y, dy| dy / (y * T::of(2.0));
    /// `y = 1 / √x`. Backward: `dx = -dy y³ / 2`.
    rsqrt: |y, dy| dy * y * y * y * T::of(-0.5);
    /// `y = 1 / x`. Backward: `dx = -dy y²`.
    reciprocal: |y, dy| -(dy * y * y);
    /// `y = eˣ`. Backward: `dx = dy y`.
    exp: |y, dy| dy * y;
    /// `y = 2ˣ`. Backward: `dx = dy y log 2`.
    exp2: |y, dy| dy * y * T::of(LN_2);
    /// `y = eˣ - 1`, exact also near 0. Backward: `dx = dy (y + 1)`.
    expm1: |y, dy| dy * (y + T::ONE);
    /// `y = tan x`. Backward: `dx = dy (1 + y²)`.
    tan: |y, dy| dy * (y * y + T::ONE);
    /// `y = tanh x`. Backward: `dx = dy (1 - y²)`.
    tanh: |y, dy| dy * (-(y * y) + T::ONE);
    /// `y = 1 / (1 + e⁻ˣ)`. Backward: `dx = dy y (1 - y)`.
    sigmoid: |y, dy| dy * y * (-y + T::ONE);
    /// `y = max(x, 0)`. Backward: `dx = dy` where `y > 0`, else 0 (also at the kink).
    relu: |y, dy| dy.where_positive(y);
}

by_input! {
    /// `y = x²`. Backward: `dx = 2 x dy`.
    square: |x, dy| dy * x * T::of(2.0);
    /// `y = log x`, the natural logarithm. Backward: `dx = dy / x`.
    log: |x, dy| dy / x;
    /// `y = log₂ x`. Backward: `dx = dy / (x log 2)`.
    log2: |x, dy| dy / (x * T::of(LN_2));
    /// `y = log₁₀ x`. Backward: `dx = dy / (x log 10)`.
    log10: |x, dy| dy / (x * T::of(LN_10));
    /// `y = log(1 + x)`, exact also near 0. Backward: `dx = dy / (1 + x)`.
    log1p: |x, dy| dy / (x + T::ONE);
    /// `y = sin x`. Backward: `dx = dy cos x`.
    sin: |x, dy| dy * x.cos();
    /// `y = cos x`. Backward: `dx = -dy sin x`.
    cos: |x, dy| -(dy * x.sin());
    /// `y = asin x`. Backward: `dx = dy / √(1 - x²)`.
    asin: |x, dy| dy * (-x.square() + T::ONE).rsqrt();
    /// `y = acos x`. Backward: `dx = -dy / √(1 - x²)`.
    acos: |x, dy| -(dy * (-x.square() + T::ONE).rsqrt());
    /// `y = atan x`. Backward: `dx = dy / (1 + x²)`.
    atan: |x, dy| dy / (x.square() + T::ONE);
    /// `y = sinh x`. Backward: `dx = dy cosh x`.
    sinh: |x, dy| dy * x.cosh();
    /// `y = cosh x`. Backward: `dx = dy sinh x`.
    cosh: |x, dy| dy * x.sinh();
    /// `y = asinh x`. Backward: `dx = dy / √(x² + 1)`.
    asinh: |x, dy| dy * (x.square() + T::ONE).rsqrt();
    /// `y = acosh x`. Backward: `dx = dy / √(x² - 1)`.
    acosh: |x, dy| dy * (x.square() - T::ONE).rsqrt();
    /// `y = atanh x`. Backward: `dx = dy / (1 - x²)`.
    atanh: |x, dy| dy / (-x.square() + T::ONE);
    /// `y = 2/√π ∫₀ˣ e^(-t²) dt`. Backward: `dx = 2/√π e^(-x²) dy`.
    erf: |x, dy| dy * (-x.square()).exp() * T::of(FRAC_2_SQRT_PI);
    /// `y = log(1 + eˣ)`, without overflow. Backward: `dx = dy sigmoid(x)`.
    softplus: |x, dy| dy * x.sigmoid();
    /// `y = |x|`. Backward: `dx = dy sign x`, 0 at the kink.
    abs: |x, dy| dy * dy.constant(x.value().sign());
}

// Steps: their derivative is 0 wherever there is one, and 0 is what flows back.
by_output! {
    /// -1, 0 or 1 by sign. Backward: `dx = 0`.
    sign: |_y, dy| dy * T::ZERO;
    /// The nearest integer towards `-∞`. Backward: `dx = 0`.
    floor: |_y, dy| dy * T::ZERO;
    /// The nearest integer towards `+∞`. Backward: `dx = 0`.
    ceil: |_y, dy| dy * T::ZERO;
    /// The nearest integer towards 0. Backward: `dx = 0`.
    trunc: |_y, dy| dy * T::ZERO;
    /// The nearest integer, ties to even. Backward: `dx = 0`.
    round: |_y, dy| dy * T::ZERO;
}

impl<T: Float> Var<T> {
    /// `y = x` where `gate > 0` (or is NaN), else 0. Backward: `dx = dy` where `gate > 0`; none by the gate.
    fn where_positive(&self, gate: &Var<T>) -> Var<T> {
        let value = self.value().zip(gate.value(), |x, gate| if gate <= T::ZERO { T::ZERO } else { x });
        let gate = gate.saved();
        record("where_positive", [self], value, move |dy, _| [Some(dy.where_positive(&gate.on(dy)))])
    }

    /// `y = xᵖ`, one exponent for all elements. Backward: `dx = p xᵖ⁻¹ dy`, 0 for `p = 0`.
    #[track_caller]
    #[must_use]
    pub fn powf(&self, p: T) -> Var<T> {
        let x = self.saved();
        record("powf", [self], self.value().powf(p), move |dy, _| {
            let x = x.on(dy);
            [Some(if p == T::ZERO { dy * T::ZERO } else { dy * x.powf(p - T::ONE) * p })]
        })
    }

    /// `y = aᵇ`, an exponent for each element. Backward: `da = b aᵇ⁻¹ dy` (0 where `b = 0`), `db = aᵇ log a dy`
    /// (0 where `a = 0` and `b >= 0`).
    #[track_caller]
    #[must_use]
    pub fn pow(&self, exponent: &Var<T>) -> Var<T> {
        let (a, b) = (self.saved(), exponent.saved());
        record("pow", [self, exponent], self.value().pow(exponent.value()), move |dy, needs| {
            let (a, b) = (a.on(dy), b.on(dy));
            let da = needs[0].then(|| {
                // A base of 1 where the power is constant: 0 · ∞ is not 0.
                let base = a.masked_fill(&b.value().map(|b| b == T::ZERO), T::ONE);
                dy * &b * base.pow(&(&b - T::ONE))
            });
            let db = needs[1].then(|| {
                let flat = a.value().zip(b.value(), |a, b| a == T::ZERO && b >= T::ZERO);
                let base = a.masked_fill(&flat, T::ONE);
                dy * a.pow(&b) * base.log()
            });
            [da, db]
        })
    }

    /// The angle of the point `(x, y)`, this being `y`. Backward: `dy = x g / (x² + y²)`, `dx = -y g / (x² + y²)`.
    #[track_caller]
    #[must_use]
    pub fn atan2(&self, x: &Var<T>) -> Var<T> {
        let (y, x_saved) = (self.saved(), x.saved());
        record("atan2", [self, x], self.value().atan2(x.value()), move |g, needs| {
            let (y, x) = (y.on(g), x_saved.on(g));
            let g = g / (x.square() + y.square());
            [needs[0].then(|| &x * &g), needs[1].then(|| -(&y * &g))]
        })
    }

    /// `y = a - b ⌊a / b⌋`, with the sign of `b`. Backward: `da = dy`, `db = -⌊a / b⌋ dy`.
    #[track_caller]
    #[must_use]
    pub fn remainder(&self, b: &Var<T>) -> Var<T> {
        self.rest("remainder", b, self.value().remainder(b.value()), |quotient| quotient.floor())
    }

    /// `y = a - b trunc(a / b)`, with the sign of `a`. Backward: `da = dy`, `db = -trunc(a / b) dy`.
    #[track_caller]
    #[must_use]
    pub fn fmod(&self, b: &Var<T>) -> Var<T> {
        self.rest("fmod", b, self.value().fmod(b.value()), |quotient| quotient.trunc())
    }

    #[track_caller]
    fn rest(&self, op: &'static str, b: &Var<T>, y: Tensor<T>, round: fn(Tensor<T>) -> Tensor<T>) -> Var<T> {
        let quotient = round(self.value() / b.value());
        record(op, [self, b], y, move |dy, needs| {
            [needs[0].then(|| dy.clone()), needs[1].then(|| -(dy * dy.constant(quotient.clone())))]
        })
    }
}
