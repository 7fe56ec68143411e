//! Conversions between element types. No operation converts implicitly.

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
    #[doc(alias("to", "type", "astype"))]
    pub fn cast<U: Element>(&self) -> Tensor<U>
    where
        T: Cast<U>,
    {
        self.map(Cast::cast)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_truncate_saturate_and_lose_nan() {
        let x = Tensor::from([f64::NAN, f64::INFINITY, -f64::INFINITY, 1e30, -1e30, 2.9, -2.9, -0.0]);
        let (low, high) = (i64::MIN, i64::MAX);
        assert_eq!(x.cast::<i64>().to_vec(), [0, high, low, high, low, 2, -2, 0]);
        assert_eq!(x.cast::<i32>().to_vec(), [0, i32::MAX, i32::MIN, i32::MAX, i32::MIN, 2, -2, 0]);
        assert_eq!(x.cast::<u8>().to_vec(), [0, 255, 0, 255, 0, 2, 0, 0]);
        assert_eq!(x.cast::<bool>().to_vec(), [true, true, true, true, true, true, true, false]);
        assert_eq!(Tensor::from([1e300, -1e-300, 0.1]).cast::<f32>().to_vec(), [f32::INFINITY, -0.0, 0.1]);
        assert!(x.cast::<f32>().at([0]).is_nan());
    }

    #[test]
    fn integers_keep_the_low_bits_or_the_nearest_float() {
        let x = Tensor::from([-1i64, 256, 1 << 31, (1 << 24) + 1]);
        assert_eq!(x.cast::<u8>().to_vec(), [255, 0, 0, 1]);
        assert_eq!(x.cast::<i32>().to_vec(), [-1, 256, i32::MIN, 16_777_217]);
        assert_eq!(x.cast::<f32>().to_vec(), [-1.0, 256.0, 2_147_483_648.0, 16_777_216.0], "ties to even");
        assert_eq!(Tensor::from([true, false]).cast::<f64>().to_vec(), [1.0, 0.0]);
        assert_eq!(Tensor::from([2u8, 0]).cast::<bool>().cast::<i32>().to_vec(), [1, 0]);
    }
}
