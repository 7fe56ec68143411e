//! The state of a model: its parameters and buffers by path, in memory, in files, and into another model.

mod load;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use ravine_tensor::safetensors::{SafeTensors, Writer};
use ravine_tensor::{DType, FileError, Tensor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::module::{Module, Visitor};

pub use load::{LoadReport, Mismatched, StateError};

/// Tensors by path, in order: what PyTorch calls a `state_dict`.
///
/// ```
/// use ravine_autograd::{Module, Param, StateDict};
/// use ravine_tensor::Tensor;
///
/// let model = (Param::new(Tensor::from([1.0, 2.0])), Param::new(Tensor::from([3.0])));
/// let state = StateDict::of(&model);
/// assert_eq!(state.paths().collect::<Vec<_>>(), ["0", "1"]);
///
/// model.map_params(|_, value| value * 0.0);
/// state.load_into(&model)?;
/// assert_eq!(model.0.value().to_vec(), [1.0, 2.0]);
///
/// // Of a model with other names, by rule.
/// let other = state.clone().add_prefix("net.").rename(|path| path.replace("net.0", "net.weight"));
/// assert!(other.load_into(&model).is_err());
/// let report = other.strip_prefix("net.").load_what_fits(&model);
/// assert_eq!((report.loaded, report.missing, report.unexpected), (vec!["1".into()], vec!["0".into()], vec!["weight".into()]));
/// # Ok::<(), ravine_autograd::StateError>(())
/// ```
///
/// [`write`](Self::write) saves it to a file that PyTorch can open; it can also be serialized in any `serde` format. A tied parameter is
/// saved under each of its paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict {
    entries: Vec<(String, Tensor)>,
    places: HashMap<String, usize>,
}

impl StateDict {
    /// No tensor.
    pub fn new() -> Self {
        StateDict::default()
    }

    /// The parameters and buffers of `model` now. The numbers are shared until one of them changes.
    ///
    /// # Panics
    /// If two of them have the same path, as they may by a [`visit`](Module::visit) of your own, or by keys with dots in them: one would be lost.
    #[doc(alias = "state_dict")]
    #[track_caller]
    pub fn of<M: Module + ?Sized>(model: &M) -> Self {
        let (mut state, mut twice) = (StateDict::new(), None);
        model.visit(&mut Visitor::new(&mut |path, leaf| {
            if state.get(path).is_some() {
                twice = Some(path.to_owned());
            }
            state.insert(path, leaf.value());
        }));
        if let Some(path) = twice {
            panic!("StateDict::of: the model has two tensors at '{path}'; each needs a path of its own");
        }
        state
    }

    /// Puts a tensor at a path, in the place of what may be there.
    pub fn insert(&mut self, path: impl Into<String>, tensor: Tensor) {
        let path = path.into();
        match self.places.get(&path) {
            Some(&place) => self.entries[place].1 = tensor,
            None => {
                self.places.insert(path.clone(), self.entries.len());
                self.entries.push((path, tensor));
            }
        }
    }

    /// The tensor at a path.
    pub fn get(&self, path: &str) -> Option<&Tensor> {
        self.places.get(path).map(|&place| &self.entries[place].1)
    }

    /// The paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(path, _)| path.as_str())
    }

    /// Paths and tensors, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.entries.iter().map(|(path, tensor)| (path.as_str(), tensor))
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every tensor at the path that `rule` makes of its own.
    ///
    /// # Panics
    /// If two get the same path.
    #[track_caller]
    #[must_use]
    pub fn rename(self, rule: impl Fn(&str) -> String) -> Self {
        let mut renamed = StateDict::new();
        for (path, tensor) in self.entries {
            let name = rule(&path);
            assert!(
                renamed.get(&name).is_none(),
                "rename: two tensors become '{name}', the second from '{path}'"
            );
            renamed.insert(name, tensor);
        }
        renamed
    }

    /// Those whose path satisfies `which`.
    #[must_use]
    pub fn keep(self, which: impl Fn(&str) -> bool) -> Self {
        self.entries.into_iter().filter(|(path, _)| which(path)).collect()
    }

    /// With `prefix` before every path.
    #[must_use]
    pub fn add_prefix(self, prefix: &str) -> Self {
        self.rename(|path| format!("{prefix}{path}"))
    }

    /// Without `prefix` before the paths that have it; the others stay as they are.
    ///
    /// # Panics
    /// If two get the same path.
    #[track_caller]
    #[must_use]
    pub fn strip_prefix(self, prefix: &str) -> Self {
        self.rename(|path| path.strip_prefix(prefix).unwrap_or(path).to_owned())
    }

    /// The part below `prefix`, without it: the state of one part of a larger model.
    #[must_use]
    pub fn below(self, prefix: &str) -> Self {
        self.keep(|path| path.starts_with(prefix)).strip_prefix(prefix)
    }

    /// Reads a safetensors file, every tensor as `f32`: other floats are rounded, integers and truth values cast.
    ///
    /// # Errors
    /// If the file cannot be read, is broken, or has tensors of other types or with more axes than ours can have.
    #[doc(alias = "load")]
    pub fn read(file: impl AsRef<Path>) -> Result<Self, FileError> {
        let file = SafeTensors::open(file)?;
        let mut state = StateDict::new();
        for entry in file.entries().to_vec() {
            let name = &*entry.name;
            let tensor = match entry.dtype.dtype() {
                Some(DType::I64) => file.tensor::<i64>(name)?.cast(),
                Some(DType::I32) => file.tensor::<i32>(name)?.cast(),
                Some(DType::U8) => file.tensor::<u8>(name)?.cast(),
                Some(DType::Bool) => file.tensor::<bool>(name)?.cast(),
                _ => file.tensor(name)?,
            };
            state.insert(name, tensor);
        }
        Ok(state)
    }

    /// Writes a safetensors file, replacing `file` atomically if it exists.
    ///
    /// The order of the tensors is not kept: the format has them sorted.
    ///
    /// # Errors
    /// If the system refuses. The old file is then as it was.
    ///
    /// # Panics
    /// If a tensor is called `__metadata__`.
    #[track_caller]
    #[doc(alias = "save")]
    pub fn write(&self, file: impl AsRef<Path>) -> Result<(), FileError> {
        let mut writer = Writer::new();
        // PyTorch's own tools write this mark, and expect it.
        writer.metadata("format", "pt");
        for (path, tensor) in self.iter() {
            writer.tensor(path, tensor);
        }
        writer.write(file)
    }
}

/// Of two tensors with the same path, the later one stays.
impl FromIterator<(String, Tensor)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(entries: I) -> Self {
        let mut state = StateDict::new();
        entries.into_iter().for_each(|(path, tensor)| state.insert(path, tensor));
        state
    }
}

/// A tensor with its path, as it is saved.
#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(deserialize_with = "text")]
    path: String,
    tensor: Tensor,
}

/// A `String` read by way of `&str`. Asked for a `String`, some formats (bincode among them) allocate the length that the file claims
/// before they check that so many bytes are there.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;

    impl de::Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a path")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }

    deserializer.deserialize_str(Text)
}

impl Serialize for StateDict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.iter().map(|(path, tensor)| Entry { path: path.into(), tensor: tensor.clone() }),
        )
    }
}

impl<'de> Deserialize<'de> for StateDict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut state = StateDict::new();
        for Entry { path, tensor } in Vec::<Entry>::deserialize(deserializer)? {
            if state.get(&path).is_some() {
                return Err(de::Error::custom(format!("path: found '{path}' twice, expected once")));
            }
            state.insert(path, tensor);
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(paths: &[&str]) -> StateDict {
        paths.iter().enumerate().map(|(i, path)| (path.to_string(), Tensor::full([2], i as f32))).collect()
    }

    fn paths(state: &StateDict) -> Vec<&str> {
        state.paths().collect()
    }

    #[test]
    fn rules_make_other_paths() {
        let whole = state(&["encoder.0.w", "encoder.1.w", "head.w"]);
        assert_eq!(paths(&whole.clone().below("encoder.")), ["0.w", "1.w"]);
        assert_eq!(paths(&whole.clone().strip_prefix("encoder.")), ["0.w", "1.w", "head.w"]);
        assert_eq!(paths(&whole.clone().add_prefix("a.").keep(|path| path.contains("head"))), ["a.head.w"]);
        let renamed = whole.clone().rename(|path| path.replace(".w", ".weight"));
        assert_eq!(renamed.get("head.weight").unwrap().at([0]), 2.0);
        assert!(renamed.get("head.w").is_none() && renamed.len() == 3 && !renamed.is_empty());
    }

    #[test]
    #[should_panic(
        expected = "StateDict::of: the model has two tensors at 'a.b'; each needs a path of its own"
    )]
    fn of_two_tensors_at_one_path_none_is_lost() {
        struct Twins([crate::Param; 2]);
        impl Module for Twins {
            fn visit(&self, visitor: &mut Visitor<'_>) {
                self.0.iter().for_each(|param| visitor.field("b", param));
            }
        }
        let param = || crate::Param::new(Tensor::zeros([1]));
        let model = std::collections::BTreeMap::from([("a".to_owned(), Twins([param(), param()]))]);
        let _ = StateDict::of(&model);
    }

    #[test]
    #[should_panic(expected = "rename: two tensors become 'w', the second from 'b.w'")]
    fn two_paths_do_not_become_one() {
        let _ = state(&["a.w", "b.w"]).rename(|path| path[2..].to_owned());
    }

    #[test]
    fn serde_keeps_order_and_bits_and_believes_nothing() {
        let mut state = state(&["b", "a"]);
        state.insert("b", Tensor::from([[-0.0, 1.5e-42]]));
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<StateDict>(&text).unwrap(), state);
        let error = |text: &str| serde_json::from_str::<StateDict>(text).unwrap_err().to_string();
        let found = error(r#"[{"path":"a","tensor":{"shape":[3],"values":[1,2]}}]"#);
        assert!(found.starts_with("shape: found [3], expected one of 2 elements"), "{found}");
        let twice = r#"[{"path":"a","tensor":{"shape":[],"values":[1]}},{"path":"a","tensor":{"shape":[],"values":[1]}}]"#;
        assert!(error(twice).starts_with("path: found 'a' twice, expected once"));
    }
}
