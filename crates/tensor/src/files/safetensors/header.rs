//! The header: JSON, checked against the length of the file.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Error as _, MapAccess, Visitor};

use super::{Entry, Stored};
use crate::FileError;

/// The longest header that is read, as in the reference implementation.
pub(super) const LONGEST: u64 = 100_000_000;

pub(super) struct Header {
    pub(super) metadata: BTreeMap<String, String>,
    /// In the order of their bytes.
    pub(super) entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

/// The header as written: a list, as a map would hide names that occur twice.
struct Raw {
    metadata: BTreeMap<String, String>,
    infos: Vec<(String, Info)>,
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of tensors by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let (mut raw, mut seen) =
                    (Raw { metadata: BTreeMap::new(), infos: Vec::new() }, HashSet::new());
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format!("the name '{name}' stands twice")));
                    }
                    if name == "__metadata__" {
                        raw.metadata = map.next_value()?;
                    } else {
                        raw.infos.push((name, map.next_value()?));
                    }
                }
                Ok(raw)
            }
        }
        deserializer.deserialize_map(Names)
    }
}

/// The header in `json`, of a file with `data` bytes after it.
pub(super) fn parse(file: &Path, json: &[u8], data: u64) -> Result<Header, FileError> {
    let raw: Raw = serde_json::from_slice(json)
        .map_err(|error| FileError::invalid(file, "header", error, "the JSON of a safetensors header"))?;
    let mut entries = Vec::with_capacity(raw.infos.len());
    for (name, info) in raw.infos {
        let [begin, end] = info.data_offsets;
        let bad = |field: &str, found: &dyn fmt::Display, expected: String| {
            FileError::invalid(file, format!("{field} of tensor '{name}'"), found, expected)
        };
        if begin > end || end > data {
            let found = format!("{begin} to {end}");
            return Err(bad("data_offsets", &found, format!("a range within 0 to {data}")));
        }
        let dtype = Stored::named(info.dtype);
        if let Some(size) = dtype.size() {
            let bytes = info.shape.iter().try_fold(size as u64, |n, &d| n.checked_mul(d as u64));
            if bytes != Some(end - begin) {
                let shape = format!("{:?} of {dtype}", info.shape);
                return Err(bad("shape", &shape, format!("one that fills its {} bytes", end - begin)));
            }
        }
        entries.push(Entry { name, dtype, shape: info.shape, begin, end });
    }
    entries.sort_by_key(|entry| (entry.begin, entry.end));
    let mut at = 0;
    for entry in &entries {
        if entry.begin != at {
            let field = format!("data_offsets of tensor '{}'", entry.name);
            let what = if entry.begin < at { "overlap" } else { "gap" };
            let expected = format!(
                "{at}, where the one before ends (there is a{} {what})",
                if what == "gap" { "" } else { "n" }
            );
            return Err(FileError::invalid(file, field, entry.begin, expected));
        }
        at = entry.end;
    }
    if at != data {
        return Err(FileError::invalid(file, "length", format!("{data} bytes of data"), at));
    }
    Ok(Header { metadata: raw.metadata, entries })
}
