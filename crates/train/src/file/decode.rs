//! A reader of bincode's standard format that accepts no length beyond the bytes that are left.
//!
//! (bincode's own reader allocates the length that a string or byte array claims before it checks that so many bytes are there.)
//!
//! Integers up to 250 are one byte; 251, 252, 253 and 254 announce 2, 4, 8 or 16 bytes, little-endian. Signed integers are zigzag-encoded:
//! 0, -1, 1, -2, .. are 0, 1, 2, 3, .. Strings, bytes, lists and maps begin with their length; structs and tuples are their fields in order;
//! the variant of an enum and the presence of an optional value are numbers.

use std::fmt::Display;

use serde::Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// Decodes the value that `bytes` encode; all of them must be used.
///
/// A list must have at least one byte for each element, so a file cannot ask for more memory than a multiple of its length. (This refuses
/// lists of elements without any contents.)
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = Reader { left: bytes };
    let value = T::deserialize(&mut reader)?;
    match reader.left.len() {
        0 => Ok(value),
        left => Err(Error(format!("{left} bytes are left over after the value"))),
    }
}

/// Why the bytes do not encode such a value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl serde::de::Error for Error {
    fn custom<T: Display>(why: T) -> Self {
        Error(why.to_string())
    }
}

struct Reader<'de> {
    left: &'de [u8],
}

impl<'de> Reader<'de> {
    fn take(&mut self, count: usize) -> Result<&'de [u8], Error> {
        let short = || Error(format!("found {} more bytes, expected {count}", self.left.len()));
        let (taken, left) = self.left.split_at_checked(count).ok_or_else(short)?;
        self.left = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        Ok(self.take(N)?.try_into().expect("as many as were asked for"))
    }

    fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    fn flag(&mut self) -> Result<bool, Error> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            byte => Err(Error(format!("found {byte}, expected 0 or 1"))),
        }
    }

    fn unsigned<T: TryFrom<u128>>(&mut self) -> Result<T, Error> {
        let number = match self.byte()? {
            251 => u16::from_le_bytes(self.array()?).into(),
            252 => u32::from_le_bytes(self.array()?).into(),
            253 => u64::from_le_bytes(self.array()?).into(),
            254 => u128::from_le_bytes(self.array()?),
            255 => return Err(Error("found 255, expected the beginning of a number".into())),
            byte => byte.into(),
        };
        T::try_from(number).map_err(|_| too_large(number))
    }

    fn signed<T: TryFrom<i128>>(&mut self) -> Result<T, Error> {
        let mapped: u128 = self.unsigned()?;
        let number = (mapped >> 1) as i128 ^ -((mapped & 1) as i128);
        T::try_from(number).map_err(|_| too_large(number))
    }

    /// How many elements or bytes follow.
    fn length(&mut self) -> Result<usize, Error> {
        let length: u64 = self.unsigned()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.left.len() => Ok(length),
            _ => Err(Error(format!(
                "length: found {length}, expected at most the {} bytes left",
                self.left.len()
            ))),
        }
    }

    fn text(&mut self, length: usize) -> Result<&'de str, Error> {
        std::str::from_utf8(self.take(length)?)
            .map_err(|error| Error(format!("found a text that is none: {error}")))
    }
}

fn too_large(number: impl Display) -> Error {
    Error(format!("found {number}, expected a number that fits its type"))
}

/// A method for each type of number.
macro_rules! numbers {
    ($($method:ident $visit:ident $self:ident => $read:expr;)*) => {
        $(fn $method<V: Visitor<'de>>($self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit($read)
        })*
    };
}

/// A method for each request that only a self-describing format can answer.
macro_rules! unknown {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error("this type wants to know what follows, which the format does not say".into()))
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    numbers! {
        deserialize_bool visit_bool self => self.flag()?;
        deserialize_u8 visit_u8 self => self.byte()?;
        deserialize_u16 visit_u16 self => self.unsigned()?;
        deserialize_u32 visit_u32 self => self.unsigned()?;
        deserialize_u64 visit_u64 self => self.unsigned()?;
        deserialize_u128 visit_u128 self => self.unsigned()?;
        deserialize_i8 visit_i8 self => i8::from_le_bytes(self.array()?);
        deserialize_i16 visit_i16 self => self.signed()?;
        deserialize_i32 visit_i32 self => self.signed()?;
        deserialize_i64 visit_i64 self => self.signed()?;
        deserialize_i128 visit_i128 self => self.signed()?;
        deserialize_f32 visit_f32 self => f32::from_le_bytes(self.array()?);
        deserialize_f64 visit_f64 self => f64::from_le_bytes(self.array()?);
    }

    unknown! { deserialize_any deserialize_identifier deserialize_ignored_any }

    /// In UTF-8, without a length: the first byte determines it.
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.left.first().map_or(1, |first| first.leading_ones().max(1) as usize);
        visitor.visit_borrowed_str(self.text(length)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length()?;
        visitor.visit_borrowed_str(self.text(length)?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length()?;
        visitor.visit_borrowed_bytes(self.take(length)?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.flag()? { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let count = self.length()?;
        self.deserialize_tuple(count, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements { reader: self, count })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(count, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let count = self.length()?;
        visitor.visit_map(Elements { reader: self, count })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The elements of a list, or the pairs of a map.
struct Elements<'r, 'de> {
    reader: &'r mut Reader<'de>,
    count: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.count == 0 {
            return Ok(None);
        }
        self.count -= 1;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.count)
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.count)
    }
}

impl<'de> EnumAccess<'de> for &mut Reader<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let variant: u32 = self.unsigned()?;
        Ok((seed.deserialize(IntoDeserializer::<Error>::into_deserializer(variant))?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_tuple(count, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(fields.len(), visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use serde::{Deserialize, Serialize};

    use super::*;

    fn encode<T: Serialize>(value: &T) -> Vec<u8> {
        bincode::serde::encode_to_vec(value, bincode::config::standard()).unwrap()
    }

    fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
        let bytes = encode(&value);
        assert_eq!(decode::<T>(&bytes).unwrap(), value);
        for len in 0..bytes.len() {
            decode::<T>(&bytes[..len]).unwrap_err();
        }
        let error = decode::<T>(&[&bytes[..], &[0]].concat()).unwrap_err().to_string();
        assert_eq!(error, "1 bytes are left over after the value");
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Unit;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Wrapped(u32);

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Pair(u8, i64);

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    enum Kind {
        Plain,
        One(f32),
        Two(u8, String),
        Named { at: usize, wrapped: Wrapped },
    }

    #[test]
    fn all_that_bincode_writes_is_read() {
        for bits in 0..64 {
            let near = 1u64 << bits;
            for number in [near - 1, near, near + 1] {
                comes_back((number, number as u32, number as u16, number as u8));
                comes_back((number as i64, -(number as i32 >> 1), number as i16, number as i8));
                comes_back((u128::from(number) << 63, -(i128::from(number) << 60)));
            }
        }
        comes_back([u64::MAX, 0, 250, 251]);
        comes_back((i64::MIN, i64::MAX, i32::MIN, i16::MIN, i8::MIN, i128::MIN, i128::MAX, u128::MAX));
        comes_back((1.5f32, -0.0f64, f64::MIN_POSITIVE, f32::INFINITY));
        comes_back((true, false, Unit, Wrapped(70_000), Pair(7, -300)));
        comes_back(['a', 'ß', '…', '🦀']);
        comes_back((String::from("näme"), String::new(), vec![1u8, 2, 3], Vec::<u64>::new()));
        comes_back((Some(3u8), None::<String>, Some(Some(vec![Some(false)]))));
        comes_back(BTreeMap::from([("a".to_owned(), vec![1i32, -1]), ("b".to_owned(), Vec::new())]));
        comes_back(vec![
            Kind::Plain,
            Kind::One(0.5),
            Kind::Two(1, "two".into()),
            Kind::Named { at: usize::MAX, wrapped: Wrapped(3) },
        ]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |error: Error| error.to_string();
        assert_eq!(said(decode::<bool>(&[2]).unwrap_err()), "found 2, expected 0 or 1");
        assert_eq!(said(decode::<u64>(&[255]).unwrap_err()), "found 255, expected the beginning of a number");
        assert_eq!(said(decode::<u32>(&[252, 1]).unwrap_err()), "found 1 more bytes, expected 4");
        assert_eq!(
            said(decode::<u16>(&encode(&70_000u32)).unwrap_err()),
            "found 70000, expected a number that fits its type"
        );
        assert!(said(decode::<Kind>(&[4]).unwrap_err()).contains("expected variant index 0 <= i < 4"));
        assert!(
            said(decode::<String>(&[2, 0xc3, 0x28]).unwrap_err()).starts_with("found a text that is none: ")
        );
        assert!(said(decode::<char>(&[0xff; 9]).unwrap_err()).starts_with("found a text that is none: "));
        decode::<serde_json::Value>(&[0]).unwrap_err();
    }

    #[test]
    fn lengths_are_not_believed() {
        let said = |error: Error| error.to_string();
        let refused = |bytes: &[u8]| {
            let errors = [
                decode::<String>(bytes).unwrap_err(),
                decode::<Vec<u8>>(bytes).unwrap_err(),
                decode::<Vec<f64>>(bytes).unwrap_err(),
                decode::<Vec<()>>(bytes).unwrap_err(),
                decode::<BTreeMap<u8, u8>>(bytes).unwrap_err(),
            ];
            for error in errors.map(said) {
                assert!(
                    error.starts_with("length: found ")
                        && error.ends_with("expected at most the 2 bytes left")
                );
            }
        };
        for length in [3, 1 << 20, 1 << 40, 1 << 62, u64::MAX] {
            refused(&[encode(&length), vec![0, 0]].concat());
        }
    }
}
