//! Functions of one variable, element by element.

use ravine_tensor::Float;

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
    /// `y = eˣ`. Backward: `dx = dy y`.
    exp: |y, dy| dy * y;
    /// `y = eˣ - 1`, exact also near 0. Backward: `dx = dy (y + 1)`.
    expm1: |y, dy| dy * (y + T::ONE);
    /// `y = √x`. Backward: `dx = dy / 2y`.
    sqrt: |y, dy| dy / (y * T::of(2.0));
    /// `y = 1 / x`. Backward: `dx = -dy y²`.
    reciprocal: |y, dy| -(dy * y * y);
    /// `y = tanh x`. Backward: `dx = dy (1 - y²)`.
    tanh: |y, dy| dy * (-(y * y) + T::ONE);
    /// `y = 1 / (1 + e⁻ˣ)`. Backward: `dx = dy y (1 - y)`.
    sigmoid: |y, dy| dy * y * (-y + T::ONE);
    /// `y = max(x, 0)`. Backward: `dx = dy` where `y > 0`, else 0 (also at the kink).
    relu: |y, dy| dy.where_positive(y);
}

by_input! {
    /// `y = log x`, the natural logarithm. Backward: `dx = dy / x`.
    log: |x, dy| dy / x;
    /// `y = log(1 + x)`, exact also near 0. Backward: `dx = dy / (1 + x)`.
    log1p: |x, dy| dy / (x + T::ONE);
    /// `y = x²`. Backward: `dx = 2 x dy`.
    square: |x, dy| dy * x * T::of(2.0);
    /// `y = sin x`. Backward: `dx = dy cos x`.
    sin: |x, dy| dy * x.cos();
    /// `y = cos x`. Backward: `dx = -dy sin x`.
    cos: |x, dy| -(dy * x.sin());
    /// `y = |x|`. Backward: `dx = dy sign x`, 0 at the kink.
    abs: |x, dy| dy * dy.constant(x.value().sign());
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
}
