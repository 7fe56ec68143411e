//! The readers of trained states: checkpoints, and the state of a model in bincode.

use ravine_autograd::StateDict;
use ravine_train::Checkpoint;

use super::reader::{MIB, Reader};

/// The file itself, and for each tensor, which has four bytes at the least, its place in a list and a block of its own.
pub const CHECKPOINT: Reader = Reader { read: checkpoint, factor: 200, besides: MIB };

/// The same without a file. `serde` trusts the declared length of a list up to 1 MiB, and three lists may be open: tensors, sizes, numbers.
pub const STATE: Reader = Reader { read: state, factor: 200, besides: 4 * MIB };

fn state(bytes: &[u8]) -> Result<(), String> {
    bincode::serde::decode_from_slice::<StateDict, _>(bytes, bincode::config::standard())
        .map(drop)
        .map_err(|error| error.to_string())
}

fn checkpoint(bytes: &[u8]) -> Result<(), String> {
    Checkpoint::from_bytes(sealed(bytes), "x.ravine").map(drop).map_err(|error| error.to_string())
}

/// A checkpoint's file with a valid header, but for the version, so that the contents are read.
pub fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() < 24 {
        return bytes;
    }
    let length = bytes.len() as u64 - 24;
    bytes[..8].copy_from_slice(b"RAVINE\r\n");
    bytes[9..12].fill(0);
    bytes[12..20].copy_from_slice(&length.to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    // The checksum of version 1 covers only the contents.
    sum.update(if bytes[8] == 1 { &[] } else { &bytes[8..20] });
    sum.update(&bytes[24..]);
    bytes[20..24].copy_from_slice(&sum.finalize().to_le_bytes());
    bytes
}
