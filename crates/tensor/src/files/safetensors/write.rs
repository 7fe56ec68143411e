//! Writing.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use super::{Store, Stored};
use crate::files::replace;
use crate::files::stored::Part;
use crate::{FileError, Tensor};

/// Tensors by name, to be written to one file. Adding one copies nothing.
#[derive(Default)]
pub struct Writer {
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, Part>,
}

impl Writer {
    /// An empty file.
    pub fn new() -> Self {
        Writer::default()
    }

    /// Adds an entry to the metadata. PyTorch's tools expect `format: pt`.
    pub fn metadata(&mut self, key: impl Into<String>, text: impl Into<String>) -> &mut Self {
        self.metadata.insert(key.into(), text.into());
        self
    }

    /// Adds a tensor.
    ///
    /// # Panics
    /// If there is one of this name already, or the name is `__metadata__`.
    #[track_caller]
    pub fn tensor<T: Store>(&mut self, name: impl Into<String>, tensor: &Tensor<T>) -> &mut Self {
        self.tensor_as(name, tensor, T::STORED)
    }

    /// Adds a tensor, its elements converted: floats to any float, rounded to the nearest, ties to even.
    ///
    /// # Panics
    /// As [`tensor`](Self::tensor), or if the elements cannot be converted to this type.
    #[track_caller]
    pub fn tensor_as<T: Store>(
        &mut self,
        name: impl Into<String>,
        tensor: &Tensor<T>,
        stored: Stored,
    ) -> &mut Self {
        let name = name.into();
        assert!(
            stored.is_written_from::<T>(),
            "safetensors: '{name}' has elements of {}, which are not written as {stored}",
            T::DTYPE
        );
        assert!(name != "__metadata__", "safetensors: no tensor can be called '__metadata__'");
        assert!(
            self.tensors.insert(name.clone(), Part::of(tensor, stored)).is_none(),
            "safetensors: two tensors are called '{name}'"
        );
        self
    }

    /// Writes the file's bytes to `out`.
    ///
    /// # Errors
    /// If writing to `out` fails.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        // The widest elements first, so that all are aligned; then by name.
        let mut parts: Vec<(&String, &Part)> = self.tensors.iter().collect();
        parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.width()));

        let text = |s: &str| serde_json::to_string(s).expect("a text");
        let mut fields = Vec::new();
        if !self.metadata.is_empty() {
            fields
                .push(format!("\"__metadata__\":{}", serde_json::to_string(&self.metadata).expect("texts")));
        }
        let mut at = 0;
        for (name, part) in &parts {
            let end = at + part.bytes();
            let (dtype, shape) = (&part.stored, serde_json::to_string(&part.shape).expect("numbers"));
            fields.push(format!(
                r#"{}:{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{at},{end}]}}"#,
                text(name)
            ));
            at = end;
        }
        let mut header = format!("{{{}}}", fields.join(","));
        header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        parts.iter().try_for_each(|(_, part)| part.write_to(out))?;
        out.flush()
    }

    /// Writes to `file`, replacing it atomically if it exists.
    ///
    /// # Errors
    /// If the system refuses. The old file is then as it was.
    pub fn write(&self, file: impl AsRef<Path>) -> Result<(), FileError> {
        replace(file.as_ref(), |out| self.write_to(out))
    }
}
