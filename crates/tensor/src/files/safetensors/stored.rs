//! Element types as files have them, and their bytes.

use std::fmt;

use super::super::half::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};
use crate::{Cast, Element};

/// The type of the elements of a tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// `f64`.
    F64,
    /// `f32`.
    F32,
    /// The upper half of an `f32`.
    Bf16,
    /// The IEEE 754 half.
    F16,
    /// `i64`.
    I64,
    /// `i32`.
    I32,
    /// `u8`.
    U8,
    /// `bool`, one byte of 0 or 1.
    Bool,
    /// A type that tensors of ours cannot be made of, by its name in the file. It does not keep the other tensors from being read.
    Other(String),
}

/// All types that can be read, by their names in the format.
const NAMES: [(Stored, &str, usize); 8] = [
    (Stored::F64, "F64", 8),
    (Stored::I64, "I64", 8),
    (Stored::F32, "F32", 4),
    (Stored::I32, "I32", 4),
    (Stored::Bf16, "BF16", 2),
    (Stored::F16, "F16", 2),
    (Stored::U8, "U8", 1),
    (Stored::Bool, "BOOL", 1),
];

impl Stored {
    /// The type of this name in the format.
    pub(super) fn named(name: String) -> Stored {
        match NAMES.iter().find(|(_, known, _)| *known == name) {
            Some((stored, ..)) => stored.clone(),
            None => Stored::Other(name),
        }
    }

    /// Its name in the format.
    pub fn name(&self) -> &str {
        match self {
            Stored::Other(name) => name,
            _ => NAMES.iter().find(|(stored, ..)| stored == self).map_or("", |(_, name, _)| name),
        }
    }

    /// Bytes of one element, if that is known.
    pub fn size(&self) -> Option<usize> {
        NAMES.iter().find(|(stored, ..)| stored == self).map(|&(.., size)| size)
    }

    /// Whether this is a floating-point type that can be read.
    pub fn is_float(&self) -> bool {
        matches!(self, Stored::F64 | Stored::F32 | Stored::Bf16 | Stored::F16)
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An element type that files can hold: all of ours.
pub trait Store: Element {
    /// The type that it is written as, unless another is asked for.
    const STORED: Stored;
    /// The types that can be read as this one: itself and, for floats, every other float, rounded where that is narrower.
    fn reads(stored: &Stored) -> bool;
    /// Decodes elements of a type that [can be read](Self::reads). False if there are bytes that mean nothing.
    #[doc(hidden)]
    fn decode(stored: &Stored, bytes: &[u8], out: &mut [Self]) -> bool;
    /// Encodes elements as a type that can be read as this one.
    #[doc(hidden)]
    fn encode(stored: &Stored, values: &[Self], out: &mut Vec<u8>);
}

/// `out[i]` of each group of `N` bytes.
fn decode<T, const N: usize>(bytes: &[u8], out: &mut [T], f: impl Fn([u8; N]) -> T) -> bool {
    for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *out = f(*bytes);
    }
    true
}

fn encode<T: Copy, const N: usize>(values: &[T], out: &mut Vec<u8>, f: impl Fn(T) -> [u8; N]) {
    values.iter().for_each(|&v| out.extend_from_slice(&f(v)));
}

macro_rules! floats {
    ($($t:ty: $stored:ident;)*) => {$(
        impl Store for $t {
            const STORED: Stored = Stored::$stored;
            fn reads(stored: &Stored) -> bool {
                stored.is_float()
            }
            fn decode(stored: &Stored, bytes: &[u8], out: &mut [Self]) -> bool {
                match stored {
                    Stored::F64 => decode(bytes, out, |b| f64::from_le_bytes(b).cast()),
                    Stored::F32 => decode(bytes, out, |b| f32::from_le_bytes(b).cast()),
                    Stored::Bf16 => decode(bytes, out, |b| bf16_to_f32(u16::from_le_bytes(b)).cast()),
                    _ => decode(bytes, out, |b| f16_to_f32(u16::from_le_bytes(b)).cast()),
                }
            }
            fn encode(stored: &Stored, values: &[Self], out: &mut Vec<u8>) {
                match stored {
                    Stored::F64 => encode(values, out, |v| Cast::<f64>::cast(v).to_le_bytes()),
                    Stored::F32 => encode(values, out, |v| Cast::<f32>::cast(v).to_le_bytes()),
                    Stored::Bf16 => encode(values, out, |v| f32_to_bf16(v.cast()).to_le_bytes()),
                    _ => encode(values, out, |v| f32_to_f16(v.cast()).to_le_bytes()),
                }
            }
        }
    )*};
}
floats! { f64: F64; f32: F32; }

macro_rules! integers {
    ($($t:ty: $stored:ident;)*) => {$(
        impl Store for $t {
            const STORED: Stored = Stored::$stored;
            fn reads(stored: &Stored) -> bool {
                *stored == Self::STORED
            }
            fn decode(_stored: &Stored, bytes: &[u8], out: &mut [Self]) -> bool {
                decode(bytes, out, <$t>::from_le_bytes)
            }
            fn encode(_stored: &Stored, values: &[Self], out: &mut Vec<u8>) {
                encode(values, out, <$t>::to_le_bytes);
            }
        }
    )*};
}
integers! { i64: I64; i32: I32; u8: U8; }

impl Store for bool {
    const STORED: Stored = Stored::Bool;
    fn reads(stored: &Stored) -> bool {
        *stored == Self::STORED
    }
    fn decode(_stored: &Stored, bytes: &[u8], out: &mut [Self]) -> bool {
        decode(bytes, out, |[b]| b != 0) && bytes.iter().all(|&b| b <= 1)
    }
    fn encode(_stored: &Stored, values: &[Self], out: &mut Vec<u8>) {
        encode(values, out, |v| [u8::from(v)]);
    }
}
