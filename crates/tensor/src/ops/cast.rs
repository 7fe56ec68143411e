//! Conversions between element types, always asked for.

use crate::{Element, Tensor};

/// The conversion of one element, with the rules of Rust's `as`: floats to integers truncate towards zero, saturate at the
/// ends of the range and turn NaN into 0; integers to narrower integers keep the low bits; to `bool`, everything but 0 is true.
pub trait Cast<U>: Copy {
    /// This value as a `U`.
    fn cast(self) -> U;
}

macro_rules! casts {
    ($($from:ty),* => $to:tt) => {$( casts!(@one $from => $to); )*};
    (@one $from:ty => [$($to:ty),*]) => {
        $(impl Cast<$to> for $from {
            #[inline(always)]
            fn cast(self) -> $to {
                self as $to
            }
        })*
        impl Cast<bool> for $from {
            #[inline(always)]
            fn cast(self) -> bool {
                self != 0 as $from
            }
        }
        impl Cast<$from> for bool {
            #[inline(always)]
            fn cast(self) -> $from {
                u8::from(self) as $from
            }
        }
    };
}
casts!(f32, f64, i64, i32, u8 => [f32, f64, i64, i32, u8]);

impl Cast<bool> for bool {
    #[inline(always)]
    fn cast(self) -> bool {
        self
    }
}

impl<T: Element> Tensor<T> {
    /// Every element converted to another type, by the rules of [`Cast`].
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let x = Tensor::from([-1.9f32, 0.0, 300.0, f32::NAN]);
    /// assert_eq!(x.cast::<i32>().to_vec(), [-1, 0, 300, 0]);
    /// assert_eq!(x.cast::<u8>().to_vec(), [0, 0, 255, 0]);
    /// assert_eq!(x.cast::<bool>().to_vec(), [true, false, true, true]);
    /// ```
    #[must_use]
    pub fn cast<U: Element>(&self) -> Tensor<U>
    where
        T: Cast<U>,
    {
        self.map(Cast::cast)
    }
}
