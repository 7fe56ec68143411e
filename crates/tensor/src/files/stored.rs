//! The element types of files, and their conversion from and to bytes.

use std::fmt;
use std::io::{self, Write};

use half::{bf16, f16};

use crate::{Cast, DType, Element, Tensor};

/// The type of the elements of a tensor in a file. Types that tensors do not have are read as the next wider one that they have.
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
    /// `i16`, read as `i32`.
    I16,
    /// `i8`, read as `i32`.
    I8,
    /// `u32`, read as `i64`.
    U32,
    /// `u16`, read as `i32`.
    U16,
    /// `u8`.
    U8,
    /// `bool`, one byte of 0 or 1.
    Bool,
    /// A type that cannot be read, by its name in the file. Other tensors of the file can still be read.
    Other(String),
}

/// All types that can be read: their names in safetensors and in npy, bytes of an element, and the type of a tensor of them.
const KNOWN: [(Stored, &str, &str, usize, DType); 12] = [
    (Stored::F64, "F64", "f8", 8, DType::F64),
    (Stored::I64, "I64", "i8", 8, DType::I64),
    (Stored::F32, "F32", "f4", 4, DType::F32),
    (Stored::I32, "I32", "i4", 4, DType::I32),
    (Stored::U32, "U32", "u4", 4, DType::I64),
    (Stored::Bf16, "BF16", "", 2, DType::F32),
    (Stored::F16, "F16", "f2", 2, DType::F32),
    (Stored::I16, "I16", "i2", 2, DType::I32),
    (Stored::U16, "U16", "u2", 2, DType::I32),
    (Stored::I8, "I8", "i1", 1, DType::I32),
    (Stored::U8, "U8", "u1", 1, DType::U8),
    (Stored::Bool, "BOOL", "b1", 1, DType::Bool),
];

impl Stored {
    fn known(&self) -> Option<&'static (Stored, &'static str, &'static str, usize, DType)> {
        KNOWN.iter().find(|(stored, ..)| stored == self)
    }

    /// The type of this name in safetensors.
    pub(super) fn named(name: String) -> Stored {
        match KNOWN.iter().find(|(_, known, ..)| *known == name) {
            Some((stored, ..)) => stored.clone(),
            None => Stored::Other(name),
        }
    }

    /// The type of this name, without the order of its bytes, in npy.
    pub(super) fn named_by_numpy(name: &str) -> Option<Stored> {
        KNOWN
            .iter()
            .find(|(_, _, known, ..)| *known == name && !name.is_empty())
            .map(|(stored, ..)| stored.clone())
    }

    /// Its name in safetensors.
    pub fn name(&self) -> &str {
        match self {
            Stored::Other(name) => name,
            _ => self.known().map_or("", |(_, name, ..)| name),
        }
    }

    /// Its name in npy, without the order of its bytes.
    pub(super) fn numpy_name(&self) -> Option<&'static str> {
        self.known().map(|(_, _, name, ..)| *name).filter(|name| !name.is_empty())
    }

    /// Bytes of one element, if that is known.
    pub fn size(&self) -> Option<usize> {
        self.known().map(|&(.., size, _)| size)
    }

    /// The element type of tensors that has all values of this type, if there is one.
    pub fn dtype(&self) -> Option<DType> {
        self.known().map(|&(.., dtype)| dtype)
    }

    /// Whether this is a floating-point type that can be read.
    pub fn is_float(&self) -> bool {
        matches!(self, Stored::F64 | Stored::F32 | Stored::Bf16 | Stored::F16)
    }

    /// Whether elements of `T` can be written as this type: `T` itself, or, if `T` is a float, any float.
    pub(super) fn is_written_from<T: Store>(&self) -> bool {
        *self == T::STORED || self.is_float() && T::STORED.is_float()
    }

    /// The types that can be read as `T`, for an error.
    pub(super) fn readable_as<T: Store>(name: impl Fn(&Stored) -> Option<String>) -> String {
        let readable = KNOWN.iter().filter(|(stored, ..)| T::reads(stored));
        let names: Vec<String> = readable.filter_map(|(stored, ..)| name(stored)).collect();
        match &names[..] {
            [] => "a type that can be read".into(),
            [one] => one.clone(),
            [most @ .., last] => format!("{} or {last}", most.join(", ")),
        }
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An element type that can be stored in files: every [`Element`] type.
pub trait Store: Element {
    /// The type that it is written as by default.
    const STORED: Stored;
    /// Whether a type can be read as this one: itself; types that [tensors do not have](Stored::dtype) and that fit into this one; and, for
    /// floats, every other float, rounded if it is wider.
    fn reads(stored: &Stored) -> bool {
        stored.dtype() == Some(Self::DTYPE) || stored.is_float() && Self::STORED.is_float()
    }
    /// Decodes elements of a type that [can be read](Self::reads). Returns false if the bytes are not valid values.
    #[doc(hidden)]
    fn decode(stored: &Stored, bytes: &[u8], out: &mut [Self]) -> bool;
    /// Encodes elements as a type that can be read as this one.
    #[doc(hidden)]
    fn encode(stored: &Stored, values: &[Self], out: &mut Vec<u8>);
}

/// Sets each `out[i]` to `f` of the `i`-th group of `N` bytes.
fn decode<T, const N: usize>(bytes: &[u8], out: &mut [T], f: impl Fn([u8; N]) -> T) -> bool {
    for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *out = f(*bytes);
    }
    true
}

fn encode<T: Copy, const N: usize>(values: &[T], out: &mut Vec<u8>, f: impl Fn(T) -> [u8; N]) {
    values.iter().for_each(|&v| out.extend_from_slice(&f(v)));
}

/// `x` rounded to odd in `f32`: of the two neighbours, the one whose last bit is set. Rounding that to a format that is narrower by two bits
/// or more gives the same as rounding `x` itself; rounding to nearest twice might not, as the first could produce a tie (S. Boldo,
/// G. Melquiond, *Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd*, 2008).
fn to_odd(x: f64) -> f32 {
    let near = x as f32;
    let (wide, bits) = (f64::from(near), near.to_bits());
    if wide == x || x.is_nan() || bits & 1 == 1 {
        return near;
    }
    f32::from_bits(if wide.abs() > x.abs() { bits - 1 } else { bits + 1 })
}

macro_rules! floats {
    ($($t:ty: $stored:ident;)*) => {$(
        impl Store for $t {
            const STORED: Stored = Stored::$stored;
            fn decode(stored: &Stored, bytes: &[u8], out: &mut [Self]) -> bool {
                match stored {
                    Stored::F64 => decode(bytes, out, |b| f64::from_le_bytes(b).cast()),
                    Stored::F32 => decode(bytes, out, |b| f32::from_le_bytes(b).cast()),
                    Stored::Bf16 => decode(bytes, out, |b| bf16::from_le_bytes(b).to_f32().cast()),
                    _ => decode(bytes, out, |b| f16::from_le_bytes(b).to_f32().cast()),
                }
            }
            fn encode(stored: &Stored, values: &[Self], out: &mut Vec<u8>) {
                match stored {
                    Stored::F64 => encode(values, out, |v| Cast::<f64>::cast(v).to_le_bytes()),
                    Stored::F32 => encode(values, out, |v| Cast::<f32>::cast(v).to_le_bytes()),
                    Stored::Bf16 => encode(values, out, |v| bf16::from_f32(to_odd(v.into())).to_le_bytes()),
                    _ => encode(values, out, |v| f16::from_f32(to_odd(v.into())).to_le_bytes()),
                }
            }
        }
    )*};
}
floats! { f64: F64; f32: F32; }

macro_rules! integers {
    ($($t:ty: $stored:ident, $($narrow:ident $u:ty),*;)*) => {$(
        impl Store for $t {
            const STORED: Stored = Stored::$stored;
            fn decode(stored: &Stored, bytes: &[u8], out: &mut [Self]) -> bool {
                match stored {
                    $(Stored::$narrow => decode(bytes, out, |b| <$u>::from_le_bytes(b).into()),)*
                    _ => decode(bytes, out, <$t>::from_le_bytes),
                }
            }
            fn encode(_stored: &Stored, values: &[Self], out: &mut Vec<u8>) {
                encode(values, out, <$t>::to_le_bytes);
            }
        }
    )*};
}
integers! { i64: I64, U32 u32; i32: I32, I16 i16, I8 i8, U16 u16; u8: U8,; }

impl Store for bool {
    const STORED: Stored = Stored::Bool;
    fn decode(_stored: &Stored, bytes: &[u8], out: &mut [Self]) -> bool {
        decode(bytes, out, |[b]| b != 0) && bytes.iter().all(|&b| b <= 1)
    }
    fn encode(_stored: &Stored, values: &[Self], out: &mut Vec<u8>) {
        encode(values, out, |v| [u8::from(v)]);
    }
}

/// A tensor to be written, and its type in the file. A contiguous tensor is not copied.
pub(super) struct Part {
    pub(super) stored: Stored,
    pub(super) shape: Vec<usize>,
    write: Box<dyn Fn(&mut dyn Write) -> io::Result<()>>,
}

/// How many elements are encoded at once.
const PIECE: usize = 1 << 14;

impl Part {
    /// `tensor` as elements of another type, which it [can be written as](Stored::is_written_from).
    pub(super) fn of<T: Store>(tensor: &Tensor<T>, stored: Stored) -> Part {
        let (tensor, written_as) = (tensor.contiguous(), stored.clone());
        let shape = tensor.shape().to_vec();
        let write = move |out: &mut dyn Write| {
            let mut bytes = Vec::new();
            for values in tensor.values().chunks(PIECE) {
                bytes.clear();
                T::encode(&written_as, values, &mut bytes);
                out.write_all(&bytes)?;
            }
            Ok(())
        };
        Part { stored, shape, write: Box::new(write) }
    }

    /// Bytes of one element.
    pub(super) fn width(&self) -> usize {
        self.stored.size().expect("a type of ours")
    }

    /// Bytes of all elements.
    pub(super) fn bytes(&self) -> usize {
        self.width() * self.shape.iter().product::<usize>()
    }

    /// Writes the elements, row-major and little-endian.
    pub(super) fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        (self.write)(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<T: Store>(stored: &Stored, x: T) -> u16 {
        let mut bytes = Vec::new();
        T::encode(stored, &[x], &mut bytes);
        u16::from_le_bytes(bytes.try_into().unwrap())
    }

    fn read(stored: &Stored, bits: u16) -> f32 {
        let mut out = [0.0f32];
        assert!(f32::decode(stored, &bits.to_le_bytes(), &mut out));
        out[0]
    }

    #[test]
    fn every_16_bit_number_survives() {
        for stored in [Stored::F16, Stored::Bf16] {
            for bits in 0..=u16::MAX {
                let wide = read(&stored, bits);
                let back = written(&stored, wide);
                // A signalling NaN may become a quiet one.
                assert!(
                    back == bits || wide.is_nan() && back | 0x240 == bits | 0x240,
                    "{bits:04x} {back:04x}"
                );
            }
        }
    }

    #[test]
    fn rounding_is_to_the_nearest_and_to_even() {
        for (x, f16, bf16) in [
            (1.0 + 2f32.powi(-11), 0x3c00, 0x3f80), // in the middle, in half precision: down to even
            (1.0 + 3.0 * 2f32.powi(-11), 0x3c02, 0x3f80), // ... and up
            (1.0 + 2f32.powi(-8), 0x3c04, 0x3f80),
            (1.0 + 3.0 * 2f32.powi(-8), 0x3c0c, 0x3f82),
            (65519.99, 0x7bff, 0x4780),
            (65520.0, 0x7c00, 0x4780),
            (-2f32.powi(-24), 0x8001, 0xb380),
            (f32::MAX, 0x7c00, 0x7f80),
        ] {
            assert_eq!((written(&Stored::F16, x), written(&Stored::Bf16, x)), (f16, bf16), "{x}");
        }
    }

    #[test]
    fn the_middle_between_any_two_16_bit_numbers_goes_to_even_and_what_is_beside_it_does_not() {
        // Beyond the largest number stands one that would be next, and is infinite.
        for (stored, infinite, beyond) in
            [(Stored::F16, 0x7c00, 65536.0), (Stored::Bf16, 0x7f80, 2f64.powi(128))]
        {
            for low in 0..infinite {
                let high = low + 1;
                let wide = |bits| if bits == infinite { beyond } else { f64::from(read(&stored, bits)) };
                let middle = (wide(low) + wide(high)) / 2.0;
                let even = if low % 2 == 0 { low } else { high };
                for (x, want) in [(middle.next_down(), low), (middle, even), (middle.next_up(), high)] {
                    assert_eq!(written(&stored, x), want, "{x:e} as {stored}");
                    assert_eq!(written(&stored, -x), want | 0x8000, "{:e} as {stored}", -x);
                }
            }
            assert_eq!(written(&stored, f64::MAX), infinite);
            assert_eq!(written(&stored, f64::NEG_INFINITY), infinite | 0x8000);
            assert_eq!(written(&stored, -f64::from_bits(1)), 0x8000);
            assert!(read(&stored, written(&stored, f64::NAN)).is_nan());
        }
    }
}
