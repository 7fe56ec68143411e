//! `+ - * /` and negation, between variables (broadcast) and with numbers.

#![expect(clippy::suspicious_arithmetic_impl, reason = "the derivative of a quotient has a product in it")]

use std::ops::{Add, Div, Mul, Neg, Sub};

use ravine_tensor::{Float, Tensor};

use crate::var::{Var, record};

impl<T: Float> Add<&Var<T>> for &Var<T> {
    type Output = Var<T>;
    /// `y = a + b`. Backward: `da = dy`, `db = dy`.
    #[track_caller]
    fn add(self, rhs: &Var<T>) -> Var<T> {
        record("add", [self, rhs], self.value() + rhs.value(), |dy, _| [Some(dy.clone()), Some(dy.clone())])
    }
}

impl<T: Float> Sub<&Var<T>> for &Var<T> {
    type Output = Var<T>;
    /// `y = a - b`. Backward: `da = dy`, `db = -dy`.
    #[track_caller]
    fn sub(self, rhs: &Var<T>) -> Var<T> {
        record("sub", [self, rhs], self.value() - rhs.value(), |dy, needs| {
            [Some(dy.clone()), needs[1].then(|| -dy)]
        })
    }
}

impl<T: Float> Mul<&Var<T>> for &Var<T> {
    type Output = Var<T>;
    /// `y = a b`. Backward: `da = dy b`, `db = dy a`.
    #[track_caller]
    fn mul(self, rhs: &Var<T>) -> Var<T> {
        let (a, b) = (self.saved(), rhs.saved());
        record("mul", [self, rhs], self.value() * rhs.value(), move |dy, needs| {
            [needs[0].then(|| dy * b.on(dy)), needs[1].then(|| dy * a.on(dy))]
        })
    }
}

impl<T: Float> Div<&Var<T>> for &Var<T> {
    type Output = Var<T>;
    /// `y = a / b`. Backward: `da = dy / b`, `db = -dy a / b²`.
    #[track_caller]
    fn div(self, rhs: &Var<T>) -> Var<T> {
        let (a, b) = (self.saved(), rhs.saved());
        record("div", [self, rhs], self.value() / rhs.value(), move |dy, needs| {
            let share = dy / b.on(dy);
            let db = needs[1].then(|| -(&share * a.on(dy) / b.on(dy)));
            [Some(share), db]
        })
    }
}

impl<T: Float> Neg for &Var<T> {
    type Output = Var<T>;
    /// `y = -x`. Backward: `dx = -dy`.
    #[track_caller]
    fn neg(self) -> Var<T> {
        record("neg", [self], -self.value(), |dy, _| [Some(-dy)])
    }
}

impl<T: Float> Neg for Var<T> {
    type Output = Var<T>;
    #[track_caller]
    fn neg(self) -> Var<T> {
        -&self
    }
}

impl<T: Float> Var<T> {
    /// `y = x + c`. Backward: `dx = dy`.
    #[track_caller]
    fn shifted(&self, value: Tensor<T>) -> Var<T> {
        record("add", [self], value, |dy, _| [Some(dy.clone())])
    }

    /// `y = c x`. Backward: `dx = c dy`.
    #[track_caller]
    fn scaled(&self, op: &'static str, c: T, value: Tensor<T>) -> Var<T> {
        record(op, [self], value, move |dy, _| [Some(dy * c)])
    }
}

impl<T: Float> Add<T> for &Var<T> {
    type Output = Var<T>;
    #[track_caller]
    fn add(self, c: T) -> Var<T> {
        self.shifted(self.value() + c)
    }
}

impl<T: Float> Sub<T> for &Var<T> {
    type Output = Var<T>;
    #[track_caller]
    fn sub(self, c: T) -> Var<T> {
        self.shifted(self.value() - c)
    }
}

impl<T: Float> Mul<T> for &Var<T> {
    type Output = Var<T>;
    #[track_caller]
    fn mul(self, c: T) -> Var<T> {
        self.scaled("mul", c, self.value() * c)
    }
}

impl<T: Float> Div<T> for &Var<T> {
    type Output = Var<T>;
    #[track_caller]
    fn div(self, c: T) -> Var<T> {
        self.scaled("div", T::ONE / c, self.value() / c)
    }
}

/// The forms with one or both operands by value, and with a number on the left.
macro_rules! forms {
    ($($Trait:ident $method:ident, |$c:ident, $x:ident| $number_first:expr;)*) => {$(
        impl<T: Float> $Trait<Var<T>> for &Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, rhs: Var<T>) -> Var<T> {
                self.$method(&rhs)
            }
        }
        impl<T: Float> $Trait<&Var<T>> for Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, rhs: &Var<T>) -> Var<T> {
                (&self).$method(rhs)
            }
        }
        impl<T: Float> $Trait<Var<T>> for Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, rhs: Var<T>) -> Var<T> {
                (&self).$method(&rhs)
            }
        }
        impl<T: Float> $Trait<T> for Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, rhs: T) -> Var<T> {
                (&self).$method(rhs)
            }
        }
        forms!(number first: f32, $Trait $method, |$c, $x| $number_first);
        forms!(number first: f64, $Trait $method, |$c, $x| $number_first);
    )*};
    (number first: $t:ty, $Trait:ident $method:ident, |$c:ident, $x:ident| $number_first:expr) => {
        impl $Trait<&Var<$t>> for $t {
            type Output = Var<$t>;
            #[track_caller]
            fn $method(self, $x: &Var<$t>) -> Var<$t> {
                let $c = self;
                $number_first
            }
        }
        impl $Trait<Var<$t>> for $t {
            type Output = Var<$t>;
            #[track_caller]
            fn $method(self, rhs: Var<$t>) -> Var<$t> {
                self.$method(&rhs)
            }
        }
    };
}

forms! {
    Add add, |c, x| x + c;
    Sub sub, |c, x| -x + c;
    Mul mul, |c, x| x * c;
    Div div, |c, x| x.reciprocal() * c;
}
