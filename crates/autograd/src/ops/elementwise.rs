//! Functions of one variable, element by element.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LN_10};

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, push, record, record_with_output};

/// Functions whose derivative is computed from the input: name, and `dx` from `x` and `dy`.
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

/// Functions whose derivative is computed from the output: name, and `dx` from `y` and `dy`.
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
    /// The inverse `y` of the error function: `erf y = x`. Backward: `dx = √π/2 e^(y²) dy`.
    erfinv: |y, dy| dy * y.square().exp() * T::of(1.0 / FRAC_2_SQRT_PI);
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
    /// `y = 1 - erf x`, exact also where that is small. Backward: `dx = -2/√π e^(-x²) dy`.
    erfc: |x, dy| dy * (-x.square()).exp() * T::of(-FRAC_2_SQRT_PI);
    /// `y = log |Γ(x)|`. Backward: `dx = dy digamma(x)`.
    lgamma: |x, dy| dy * x.digamma();
    /// `y = Γ'(x) / Γ(x)`. Backward: `dx = dy polygamma(1, x)`.
    digamma: |x, dy| dy * x.polygamma(1);
    /// `y = log(1 + eˣ)`, without overflow. Backward: `dx = dy sigmoid(x)`.
    softplus: |x, dy| dy * x.sigmoid();
    /// `y = |x|`. Backward: `dx = dy sign x`, 0 at the kink.
    abs: |x, dy| dy * dy.constant(x.value().sign());
    /// `y = x - trunc x`, with the sign of `x`. Backward: `dx = dy`.
    frac: |_x, dy| dy.clone();
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
    /// `y = max(x, 0)`. Backward: `dx = dy` where `y > 0`, else 0 (also at the kink).
    #[track_caller]
    #[must_use]
    pub fn relu(&self) -> Var<T> {
        let y = self.value().relu();
        self.gated("relu", y.clone(), y)
    }

    /// [`relu`](Self::relu) in the place of `x`, if nothing else uses its numbers: no other variable, and no derivative.
    ///
    /// ```
    /// use ravine_autograd::Tape;
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tape::new().variable(Tensor::from([-1.0, 3.0]));
    /// // The derivative of a sum keeps neither summand nor sum, but that of a square keeps `x`.
    /// let y = (&x + &x).relu_() + x.square().relu_();
    /// assert_eq!(y.value().to_vec(), [1.0, 15.0]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn relu_(self) -> Var<T> {
        let (tape, id) = (self.tape().clone(), self.id());
        let mut y = self.into_value();
        y.relu_();
        // `y` stands for the input, whose numbers may be gone: the derivative does not need them.
        Var::at(tape, id, y.clone()).gated("relu", y.clone(), y)
    }

    /// `y = x` where `gate > 0` (or is NaN), else 0. Backward: the same of `dy`; none by the gate.
    fn where_positive(self, gate: &Tensor<T>) -> Var<T> {
        let pass = |x, gate| if gate <= T::ZERO { T::ZERO } else { x };
        if self.tape().is_recording() {
            return self.gated("where_positive", gate.clone(), self.value().zip(gate, pass));
        }
        // In an ordinary backward pass, a gradient that nothing else uses is overwritten.
        let (tape, mut y) = (self.tape().clone(), self.into_value());
        if y.is_exclusive() {
            y.zip_(gate, |x, gate| *x = pass(*x, gate))
        } else {
            y = y.zip(gate, pass)
        }
        tape.constant(y)
    }

    /// Records `y`, whose derivative is `dx = dy` where `gate > 0`, else 0.
    #[track_caller]
    fn gated(&self, op: &'static str, gate: Tensor<T>, y: Tensor<T>) -> Var<T> {
        self.tape().note_saved(&gate);
        push(op, &[self], y, Box::new(move |dy, _, _, give| give(0, Some(dy.where_positive(&gate)))))
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

    /// The `n`-th derivative of [`digamma`](Self::digamma). Backward: `dx = dy polygamma(n + 1, x)`.
    #[track_caller]
    #[must_use]
    pub fn polygamma(&self, n: u32) -> Var<T> {
        let x = self.saved();
        record("polygamma", [self], self.value().polygamma(n), move |dy, _| {
            [Some(dy * x.on(dy).polygamma(n + 1))]
        })
    }

    /// Each NaN as `nan`, `+∞` as `positive`, `-∞` as `negative`. Backward: `dx = dy` where `x` was finite, else 0.
    #[track_caller]
    #[must_use]
    pub fn nan_to_num(&self, nan: T, positive: T, negative: T) -> Var<T> {
        let x = self.value().clone();
        record("nan_to_num", [self], self.value().nan_to_num(nan, positive, negative), move |dy, _| {
            [Some(dy.masked_fill(&!x.is_finite(), T::ZERO))]
        })
    }
}
