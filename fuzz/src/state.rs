//! The reader of a model's state, as it stands in a checkpoint once its checksum has been found right.

use ravine_autograd::StateDict;

use super::reader::{MIB, Reader};

/// For each tensor, which has five bytes at the least, its place in a list and in a table. Besides, `serde` believes the length of a list as far as 1 MiB
/// goes, and three may be open: tensors, sizes, numbers.
pub const STATE: Reader = Reader { read: state, factor: 200, besides: 4 * MIB };

fn state(bytes: &[u8]) -> Result<(), String> {
    bincode::serde::decode_from_slice::<StateDict, _>(bytes, bincode::config::standard())
        .map(drop)
        .map_err(|error| error.to_string())
}
