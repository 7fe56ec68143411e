//! Comparisons, and logic on their results.

use std::ops::{BitAnd, BitOr, BitXor, Not, Shl, Shr};

use crate::{Element, Tensor};

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

/// Operators on truth values and on the bits of integers.
macro_rules! bitwise {
    ($($Trait:ident $method:ident, $name:literal, $op:tt: $($t:ty)*;)*) => {$($(
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
    )*)*};
}

bitwise! {
    BitAnd bitand, "and", &: bool u8 i32 i64;
    BitOr bitor, "or", |: bool u8 i32 i64;
    BitXor bitxor, "xor", ^: bool u8 i32 i64;
}

/// Not, and the shifts of integers. A shift takes its distance modulo the width of the type.
macro_rules! complement_and_shift {
    ($($t:ty)*) => {$(
        impl Not for &Tensor<$t> {
            type Output = Tensor<$t>;
            fn not(self) -> Tensor<$t> {
                self.map(|a| !a)
            }
        }
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
    )*};
}
complement_and_shift!(u8 i32 i64);

impl Not for &Tensor<bool> {
    type Output = Tensor<bool>;
    fn not(self) -> Tensor<bool> {
        self.map(|a| !a)
    }
}

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
    #[should_panic(expected = "and: [2] and [3] do not broadcast")]
    fn names_the_shapes() {
        let _ = Tensor::from([true, false]) & Tensor::from([true; 3]);
    }
}
