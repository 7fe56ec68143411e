//! Serialization of tensors: a shape, and the elements in row-major order. Checkpoints contain it, so it must not change.

use std::any::Any;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Element, Shape, Tensor};

#[derive(Serialize)]
#[serde(rename = "Tensor")]
struct Saved<'a, T> {
    shape: &'a [usize],
    values: &'a [T],
}

#[derive(Deserialize)]
#[serde(rename = "Tensor")]
struct Loaded<T> {
    shape: Vec<usize>,
    values: Vec<T>,
}

/// `{"shape": [2, 3], "values": [..]}`. The type of the elements is not written.
///
/// Binary formats keep every bit. In human-readable formats, such as JSON, a number that is not finite is an error: they have no common
/// notation for it, and many would silently write another value.
///
/// ```
/// use ravine_tensor::Tensor;
///
/// let x = Tensor::from([[1.5f32, 2.0]]);
/// let text = serde_json::to_string(&x)?;
/// assert_eq!(text, r#"{"shape":[1,2],"values":[1.5,2.0]}"#);
/// assert_eq!(serde_json::from_str::<Tensor>(&text)?, x);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<T: Element + Serialize> Serialize for Tensor<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tensor = self.contiguous();
        let (shape, values) = (&tensor.shape()[..], tensor.values());
        if serializer.is_human_readable()
            && let Some(at) = values.iter().position(is_not_finite)
        {
            let found = values[at];
            return Err(S::Error::custom(format!("values[{at}]: found {found}, expected a finite number")));
        }
        Saved { shape, values }.serialize(serializer)
    }
}

fn is_not_finite<T: Element>(value: &T) -> bool {
    let value: &dyn Any = value;
    value.downcast_ref::<f32>().is_some_and(|x| !x.is_finite())
        || value.downcast_ref::<f64>().is_some_and(|x| !x.is_finite())
}

/// A shape with more axes than tensors can have, or that does not fit the number of values, is an error.
impl<'de, T: Element + Deserialize<'de>> Deserialize<'de> for Tensor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Loaded { shape: sizes, values } = Loaded::<T>::deserialize(deserializer)?;
        let bad = |expected| D::Error::custom(format!("shape: found {sizes:?}, expected {expected}"));
        let shape = Shape::checked(&sizes).map_err(bad)?;
        if shape.numel() != values.len() {
            return Err(bad(format!("one of {} elements", values.len())));
        }
        Ok(Tensor::from_slice(&values, shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary<T: Element + Serialize + for<'de> Deserialize<'de>>(x: &Tensor<T>) -> Tensor<T> {
        let config = bincode::config::standard();
        let bytes = bincode::serde::encode_to_vec(x, config).unwrap();
        let (back, used) = bincode::serde::decode_from_slice(&bytes, config).unwrap();
        assert_eq!(used, bytes.len());
        back
    }

    fn both<T: Element + Serialize + for<'de> Deserialize<'de>>(x: &Tensor<T>) {
        assert_eq!(binary(x), *x);
        assert_eq!(serde_json::from_str::<Tensor<T>>(&serde_json::to_string(x).unwrap()).unwrap(), *x);
    }

    #[test]
    fn every_type_and_every_shape_comes_back() {
        let x = Tensor::<f32>::from_fn([3, 4, 2], |i| 0.1 * i as f32 + 1e-42);
        both(&x);
        both(&x.permute([2, 0, 1]).flip(0).narrow(1, 1, 2));
        both(&x.cast::<f64>());
        both(&Tensor::from([[i64::MIN, i64::MAX]]));
        both(&Tensor::from([[i32::MIN], [7]]));
        both(&Tensor::from([0u8, 255]));
        both(&Tensor::from([true, false]));
        both(&Tensor::scalar(-0.0f32));
        both(&Tensor::<f64>::zeros([2, 0, 3]));
    }

    #[test]
    fn numbers_that_are_not_finite_are_kept_in_binary_and_refused_in_text() {
        let x = Tensor::from([1.0f32, f32::from_bits(0xffc1_2345), f32::INFINITY]);
        assert!(binary(&x).iter().map(f32::to_bits).eq(x.iter().map(f32::to_bits)));
        let error = serde_json::to_string(&x).unwrap_err().to_string();
        assert_eq!(error, "values[1]: found NaN, expected a finite number");
        assert!(serde_json::to_string(&Tensor::from([f64::NEG_INFINITY])).is_err());
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        for (text, expected) in [
            (r#"{"shape":[3],"values":[1,2]}"#, "shape: found [3], expected one of 2 elements"),
            (r#"{"shape":[],"values":[]}"#, "shape: found [], expected one of 0 elements"),
            (
                r#"{"shape":[1,1,1,1,1,1,1,1,1],"values":[1]}"#,
                "shape: found [1, 1, 1, 1, 1, 1, 1, 1, 1], expected at most 8 axes",
            ),
            (
                r#"{"shape":[0,18446744073709551615],"values":[]}"#,
                "shape: found [0, 18446744073709551615], expected no more elements than memory has addresses",
            ),
            (r#"{"shape":[1]}"#, "missing field `values`"),
            (r#"{"shape":[1],"values":["1"]}"#, "invalid type: string \"1\", expected f32"),
        ] {
            let found = serde_json::from_str::<Tensor>(text).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{found}");
        }
        assert!(serde_json::from_str::<Tensor<u8>>(r#"{"shape":[1],"values":[256]}"#).is_err());
        // A length that would fill all memory: nothing is believed before it is read.
        let huge = [1, 5, 253, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(bincode::serde::decode_from_slice::<Tensor, _>(&huge, bincode::config::standard()).is_err());
    }
}
