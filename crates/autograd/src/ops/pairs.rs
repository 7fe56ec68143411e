//! Functions of two variables, element by element after broadcasting.

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record, record_with_output};

impl<T: Float> Var<T> {
    /// `y = aᵇ`, an exponent for each element, after broadcasting. Backward: `da = b aᵇ⁻¹ dy` (0 where `b = 0`), `db = aᵇ log a dy`
    /// (0 where `a = 0` and `b >= 0`).
    #[track_caller]
    #[must_use]
    pub fn pow(&self, exponent: &Var<T>) -> Var<T> {
        let (a, b) = (self.saved(), exponent.saved());
        record("pow", [self, exponent], self.value().pow(exponent.value()), move |dy, needs| {
            let (a, b) = (a.on(dy).expand(*dy.shape()), b.on(dy));
            let da = needs[0].then(|| {
                // Where b = 0 the derivative is 0, but aᵇ⁻¹ may be infinite and 0 · ∞ is NaN: a base of 1 avoids that.
                let singular = |a: T| a == T::ZERO || !a.is_finite();
                let base =
                    a.masked_fill(&a.value().zip(b.value(), |a, b| b == T::ZERO && singular(a)), T::ONE);
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

    /// The angle of the point `(x, y)`, this being `y`. Backward: `dy = x g / (x² + y²)`, `dx = -y g / (x² + y²)`, 0 at `(0, 0)`.
    #[track_caller]
    #[must_use]
    pub fn atan2(&self, x: &Var<T>) -> Var<T> {
        let (y, x_saved) = (self.saved(), x.saved());
        record("atan2", [self, x], self.value().atan2(x.value()), move |g, needs| {
            let (y, x) = (y.on(g), x_saved.on(g));
            let middle = x.value().zip(y.value(), |x, y| x == T::ZERO && y == T::ZERO);
            let g = g / (x.square() + y.square()).masked_fill(&middle, T::ONE);
            [needs[0].then(|| &x * &g), needs[1].then(|| -(&y * &g))]
        })
    }

    /// `y = a - b ⌊a / b⌋`, with the sign of `b`. Backward: `da = dy`, `db = -⌊a / b⌋ dy`.
    #[track_caller]
    #[must_use]
    pub fn remainder(&self, b: &Var<T>) -> Var<T> {
        self.rest("remainder", b, self.value().remainder(b.value()))
    }

    /// `y = a - b trunc(a / b)`, with the sign of `a`. Backward: `da = dy`, `db = -trunc(a / b) dy`.
    #[track_caller]
    #[must_use]
    pub fn fmod(&self, b: &Var<T>) -> Var<T> {
        self.rest("fmod", b, self.value().fmod(b.value()))
    }

    /// Records a remainder `y`.
    #[track_caller]
    fn rest(&self, op: &'static str, b: &Var<T>, y: Tensor<T>) -> Var<T> {
        // Not `a / b` rounded down, which is one more where rounding has made it whole: 1 / 0.1 is 10, but 1 has 0.1 only 9 times in it.
        let truncated = self.value().fmod(b.value());
        let once_less = y.zip(&truncated, |y, truncated| if y == truncated { T::ZERO } else { T::ONE });
        let quotient = ((self.value() - truncated) / b.value()).round() - once_less;
        record(op, [self, b], y, move |dy, needs| {
            [needs[0].then(|| dy.clone()), needs[1].then(|| -(dy * dy.constant(quotient.clone())))]
        })
    }

    /// `y = √(a² + b²)`, without overflow on the way. Backward: `da = dy a / y`, `db = dy b / y`.
    #[track_caller]
    #[must_use]
    pub fn hypot(&self, b: &Var<T>) -> Var<T> {
        let (a, b_saved) = (self.saved(), b.saved());
        record_with_output("hypot", [self, b], self.value().hypot(b.value()), move |dy, y, needs| {
            let dy = dy / y;
            [needs[0].then(|| &dy * a.on(&dy)), needs[1].then(|| &dy * b_saved.on(&dy))]
        })
    }

    /// The magnitude of `a` with the sign of `b`. Backward: `da = dy` where the sign of `a` stays, `-dy` where it turns, 0 at 0; `db = 0`.
    #[track_caller]
    #[must_use]
    pub fn copysign(&self, b: &Var<T>) -> Var<T> {
        let (a, b_value) = (self.value().clone(), b.value().clone());
        record("copysign", [self, b], self.value().copysign(b.value()), move |dy, needs| {
            let turn = a.zip(&b_value, |a, b| if a == T::ZERO { a } else { a.signum() * b.signum() });
            [needs[0].then(|| dy * dy.constant(turn)), needs[1].then(|| dy * T::ZERO)]
        })
    }

    /// `y = log(eᵃ + eᵇ)`, without overflow. Backward: `da = dy sigmoid(a - b)`, `db = dy sigmoid(b - a)`.
    #[track_caller]
    #[must_use]
    pub fn logaddexp(&self, b: &Var<T>) -> Var<T> {
        let (a, b_saved) = (self.saved(), b.saved());
        record("logaddexp", [self, b], self.value().logaddexp(b.value()), move |dy, needs| {
            let difference = a.on(dy) - b_saved.on(dy);
            [needs[0].then(|| dy * difference.sigmoid()), needs[1].then(|| dy * (-&difference).sigmoid())]
        })
    }

    /// `y = a + weight (b - a)`. Backward: `da = dy (1 - weight)`, `db = dy weight`.
    #[track_caller]
    #[must_use]
    pub fn lerp(&self, b: &Var<T>, weight: T) -> Var<T> {
        record("lerp", [self, b], self.value().lerp(b.value(), weight), move |dy, needs| {
            [needs[0].then(|| dy * (T::ONE - weight)), needs[1].then(|| dy * weight)]
        })
    }
}
