//! The types of elements.

use std::fmt::{Debug, Display};

/// A type that tensors can hold: `f32`, `f64`, `i64`, `i32`, `u8` or `bool`.
pub trait Element:
    Copy + Default + PartialEq + PartialOrd + Debug + Display + Send + Sync + 'static + private::Sealed
{
    /// The name of this type at run time.
    const DTYPE: DType;
    /// Whether any bit pattern is a valid value (true of all but `bool`).
    #[doc(hidden)]
    const ANY_BITS: bool = true;
    /// The number 0, or `false`.
    const ZERO: Self;
    /// The number 1, or `true`.
    const ONE: Self;
}

/// A type with arithmetic: every [`Element`] but `bool`.
pub trait Number: Element + num_traits::NumAssign + num_traits::Bounded {
    /// Whether this is a NaN. Integers never are.
    #[inline(always)]
    fn unordered(self) -> bool {
        self.partial_cmp(&self).is_none()
    }
    /// Addition; integers wrap.
    fn plus(self, rhs: Self) -> Self;
    /// Subtraction; integers wrap.
    fn minus(self, rhs: Self) -> Self;
    /// Multiplication; integers wrap.
    fn times(self, rhs: Self) -> Self;
    /// Division. For integers it rounds towards 0 and wraps, and the divisor must not be 0.
    fn over(self, rhs: Self) -> Self;
    /// The remainder of a division that rounds towards 0. For integers it wraps, and the divisor must not be 0.
    fn wrapping_rest(self, rhs: Self) -> Self;
    /// The type of running sums: `f64` for `f32`, otherwise the type itself.
    type Wide: Number;
    /// This value, exactly.
    fn widen(self) -> Self::Wide;
    /// The nearest value of this type.
    fn narrow(wide: Self::Wide) -> Self;
}

/// A type that can be differentiated: `f32` or `f64`.
pub trait Float:
    Number
    + num_traits::Float
    + crate::kernels::math::Math
    + crate::kernels::gemm::Gemm
    + crate::kernels::conv::Conv
{
    /// The nearest value of this type to `x`.
    fn of(x: f64) -> Self;
    /// This value as an `f64`, exactly.
    fn as_f64(self) -> f64;
    /// The nearest integer; of two equally near ones the even one.
    fn round_ties_even(self) -> Self;
}

/// The element types, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit IEEE 754 floating point.
    F32,
    /// 64-bit IEEE 754 floating point.
    F64,
    /// 64-bit signed integer.
    I64,
    /// 32-bit signed integer.
    I32,
    /// 8-bit unsigned integer.
    U8,
    /// Truth value, one byte.
    Bool,
}

impl DType {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            DType::F64 | DType::I64 => 8,
            DType::F32 | DType::I32 => 4,
            DType::U8 | DType::Bool => 1,
        }
    }

    /// Whether this is a floating-point type.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }

    /// The name of the type in Rust.
    pub const fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::I64 => "i64",
            DType::I32 => "i32",
            DType::U8 => "u8",
            DType::Bool => "bool",
        }
    }
}

impl Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

mod private {
    pub trait Sealed {}
}

macro_rules! number {
    ($($t:ty: $dtype:ident, $zero:literal, $one:literal, $wide:ty, $plus:ident $minus:ident $times:ident $over:ident $rest:ident;)*) => {$(
        impl private::Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            const ZERO: Self = $zero;
            const ONE: Self = $one;
        }
        impl Number for $t {
            #[inline(always)]
            fn plus(self, rhs: Self) -> Self {
                self.$plus(rhs)
            }
            #[inline(always)]
            fn minus(self, rhs: Self) -> Self {
                self.$minus(rhs)
            }
            #[inline(always)]
            fn times(self, rhs: Self) -> Self {
                self.$times(rhs)
            }
            #[inline(always)]
            fn over(self, rhs: Self) -> Self {
                self.$over(rhs)
            }
            #[inline(always)]
            fn wrapping_rest(self, rhs: Self) -> Self {
                self.$rest(rhs)
            }
            type Wide = $wide;
            #[inline(always)]
            fn widen(self) -> $wide {
                self as $wide
            }
            #[inline(always)]
            fn narrow(wide: $wide) -> Self {
                wide as Self
            }
        }
    )*};
}
use std::ops::{Add, Div, Mul, Rem, Sub};
number! {
    f32: F32, 0.0, 1.0, f64, add sub mul div rem;
    f64: F64, 0.0, 1.0, f64, add sub mul div rem;
    i64: I64, 0, 1, i64, wrapping_add wrapping_sub wrapping_mul wrapping_div wrapping_rem;
    i32: I32, 0, 1, i32, wrapping_add wrapping_sub wrapping_mul wrapping_div wrapping_rem;
    u8: U8, 0, 1, u8, wrapping_add wrapping_sub wrapping_mul wrapping_div wrapping_rem;
}

impl private::Sealed for bool {}
impl Element for bool {
    const DTYPE: DType = DType::Bool;
    const ANY_BITS: bool = false;
    const ZERO: Self = false;
    const ONE: Self = true;
}

impl Float for f32 {
    #[inline(always)]
    fn of(x: f64) -> Self {
        x as f32
    }
    #[inline(always)]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn round_ties_even(self) -> Self {
        f32::round_ties_even(self)
    }
}

impl Float for f64 {
    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn as_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn round_ties_even(self) -> Self {
        f64::round_ties_even(self)
    }
}
