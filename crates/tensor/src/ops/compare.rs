//! Comparisons, and logic on their results.

use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Not, Shl, Shr};

use crate::{Element, Float, Tensor};

/// Comparisons, element by element after broadcasting; any comparison with NaN but `ne` is false.
macro_rules! comparison {
    ($($(#[$doc:meta])* $name:ident, $op:tt;)*) => {
        impl<T: Element> Tensor<T> {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(&self, other: &Tensor<T>) -> Tensor<bool> {
                self.zip_named(stringify!($name), other, |a, b| a $op b)
            }
        )*}
    };
}

comparison! {
    /// Whether `a = b`, element by element after broadcasting.
    eq, ==;
    /// Whether `a ≠ b`, element by element after broadcasting.
    ne, !=;
    /// Whether `a < b`, element by element after broadcasting.
    lt, <;
    /// Whether `a ≤ b`, element by element after broadcasting.
    le, <=;
    /// Whether `a > b`, element by element after broadcasting.
    gt, >;
    /// Whether `a ≥ b`, element by element after broadcasting.
    ge, >=;
}

impl<T: Float> Tensor<T> {
    /// Whether `|a - b| <= atol + rtol |b|`, element by element after broadcasting. Equal infinities are close, NaN is close to nothing.
    #[track_caller]
    #[must_use]
    pub fn isclose(&self, b: &Tensor<T>, rtol: T, atol: T) -> Tensor<bool> {
        self.zip_named("isclose", b, |a, b| {
            a == b || (b.is_finite() && (a - b).abs() <= atol + rtol * b.abs())
        })
    }

    /// Whether all elements are [close](Self::isclose).
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// assert!(Tensor::from([1.0, 1e6]).allclose(&Tensor::from([1.0, 1e6 + 1.0]), 1e-5, 1e-8));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn allclose(&self, b: &Tensor<T>, rtol: T, atol: T) -> bool {
        self.isclose(b, rtol, atol).all(..).item()
    }
}

/// Operators on truth values and on the bits of integers.
macro_rules! bitwise {
    ($($Trait:ident $method:ident, $Assign:ident $assign:ident, $name:literal, $op:tt: $($t:ty)*;)*) => {$($(
        impl $Trait<&Tensor<$t>> for &Tensor<$t> {
            type Output = Tensor<$t>;
            #[track_caller]
            fn $method(self, rhs: &Tensor<$t>) -> Tensor<$t> {
                self.zip_named($name, rhs, |a, b| a $op b)
            }
        }
        impl $Trait<Tensor<$t>> for Tensor<$t> {
            type Output = Tensor<$t>;
            #[track_caller]
            fn $method(self, rhs: Tensor<$t>) -> Tensor<$t> {
                (&self).$method(&rhs)
            }
        }
        impl $Trait<$t> for &Tensor<$t> {
            type Output = Tensor<$t>;
            fn $method(self, b: $t) -> Tensor<$t> {
                self.map(|a| a $op b)
            }
        }
        impl $Assign<&Tensor<$t>> for Tensor<$t> {
            #[track_caller]
            fn $assign(&mut self, rhs: &Tensor<$t>) {
                self.zip_named_($name, rhs, |a, b| *a = *a $op b);
            }
        }
    )*)*};
}

bitwise! {
    BitAnd bitand, BitAndAssign bitand_assign, "and", &: bool u8 i32 i64;
    BitOr bitor, BitOrAssign bitor_assign, "or", |: bool u8 i32 i64;
    BitXor bitxor, BitXorAssign bitxor_assign, "xor", ^: bool u8 i32 i64;
}

/// The shifts of integers, by one distance or by one for each element, modulo the width of the type.
macro_rules! shift {
    ($($t:ty)*) => {$(
        impl Shl<u32> for &Tensor<$t> {
            type Output = Tensor<$t>;
            fn shl(self, distance: u32) -> Tensor<$t> {
                self.map(|a| a.wrapping_shl(distance))
            }
        }
        impl Shr<u32> for &Tensor<$t> {
            type Output = Tensor<$t>;
            fn shr(self, distance: u32) -> Tensor<$t> {
                self.map(|a| a.wrapping_shr(distance))
            }
        }
        impl Shl<&Tensor<$t>> for &Tensor<$t> {
            type Output = Tensor<$t>;
            #[track_caller]
            fn shl(self, distance: &Tensor<$t>) -> Tensor<$t> {
                self.zip_named("shl", distance, |a, distance| a.wrapping_shl(distance as u32))
            }
        }
        impl Shr<&Tensor<$t>> for &Tensor<$t> {
            type Output = Tensor<$t>;
            #[track_caller]
            fn shr(self, distance: &Tensor<$t>) -> Tensor<$t> {
                self.zip_named("shr", distance, |a, distance| a.wrapping_shr(distance as u32))
            }
        }
    )*};
}
shift!(u8 i32 i64);

/// Not: of a truth value, or of every bit of an integer.
macro_rules! complement {
    ($($t:ty)*) => {$(
        impl Not for &Tensor<$t> {
            type Output = Tensor<$t>;
            fn not(self) -> Tensor<$t> {
                self.map(|a| !a)
            }
        }
        impl Not for Tensor<$t> {
            type Output = Tensor<$t>;
            fn not(mut self) -> Tensor<$t> {
                self.map_(|a| !a);
                self
            }
        }
    )*};
}
complement!(bool u8 i32 i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logic_and_bits() {
        let a = Tensor::from([0b1100u8, 0b1010]);
        assert_eq!((&a & 0b0110).to_vec(), [0b0100, 0b0010]);
        assert_eq!((&a | &Tensor::scalar(1)).to_vec(), [0b1101, 0b1011]);
        assert_eq!((&a ^ &a).to_vec(), [0, 0]);
        assert_eq!((!&a).to_vec(), [0xf3, 0xf5]);
        assert_eq!(((&a << 5).to_vec(), (&a >> 2).to_vec()), (vec![0x80, 0x40], vec![3, 2]));
        assert_eq!((&Tensor::from([-8i32]) >> 1).to_vec(), [-4], "the sign is kept");
        assert_eq!((&a << &Tensor::from([1, 2])).to_vec(), [0b11000, 0b101000]);
        let mut b = a.clone();
        b ^= &Tensor::scalar(1);
        b |= &Tensor::from([2, 0]);
        assert_eq!((!b).to_vec(), [0xf0, 0xf4]);
        let x = Tensor::from([1.0f32, f32::NAN, 3.0]);
        let two = Tensor::scalar(2.0);
        assert_eq!((x.lt(&two) | x.gt(&two)).to_vec(), [true, false, true]);
        assert_eq!((!&x.eq(&x)).to_vec(), [false, true, false]);
        assert_eq!(
            Tensor::where_(&x.gt(&two), &Tensor::scalar(1), &Tensor::scalar(-1)).to_vec(),
            [-1, -1, 1]
        );
    }

    #[test]
    fn closeness() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let (a, b) = (
            Tensor::from([1.0, inf, inf, nan, 0.0, 5.0]),
            Tensor::from([1.0 + 1e-9, inf, -inf, nan, 1e-9, inf]),
        );
        assert_eq!(a.isclose(&b, 1e-5, 1e-8).to_vec(), [true, true, false, false, true, false]);
        assert!(
            !a.allclose(&b, 1e-5, 1e-8) && Tensor::<f32>::zeros([0]).allclose(&Tensor::zeros([0]), 0.0, 0.0)
        );
    }

    #[test]
    #[should_panic(expected = "and: [2] and [3] do not broadcast")]
    fn names_the_shapes() {
        let _ = Tensor::from([true, false]) & Tensor::from([true; 3]);
    }
}
