//! What a test does in place of a fuzzer: random damage with a fixed seed, to the files in a folder.

use std::fs;
use std::path::Path;

use rand::RngExt;
use ravine_tensor::Rng;

use super::reader::Reader;

/// The files in `folders` below `root`, sorted: their reader, if `reader` knows their ending, and their bytes and names.
pub fn files(
    root: &str,
    folders: &[&str],
    reader: fn(&str) -> Option<Reader>,
) -> Vec<(Reader, Vec<u8>, String)> {
    let mut files = Vec::new();
    for folder in folders {
        let entries =
            fs::read_dir(Path::new(root).join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
            if let Some(reader) = reader(end) {
                files.push((reader, fs::read(&path).unwrap(), path.display().to_string()));
            }
        }
    }
    files
}

/// Damages each file `times` times; returns how many damaged files were tried, and how many of them were refused.
pub fn harm(files: &[(Reader, Vec<u8>, String)], times: u64) -> (usize, usize) {
    let (mut tried, mut refused) = (0, 0);
    for (place, (reader, bytes, name)) in files.iter().enumerate() {
        for seed in 0..times {
            let mut damaged = bytes.clone();
            damage(&mut damaged, &mut Rng::new(seed).child(place as u64));
            tried += 1;
            refused += usize::from(!reader.check(&damaged, &format!("{name} damaged with seed {seed}")));
        }
    }
    (tried, refused)
}

/// One to four changes: a bit, a byte, a run of one byte, a piece moved elsewhere, a number that is a limit, a cut.
fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.random_range(1..=4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        let end = (at + rng.random_range(1..=16)).min(bytes.len());
        match rng.random_range(0..6) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => {
                let value = [0, 0xff, b'9', b'(', b'['][rng.random_range(0..5)];
                bytes[at..end].fill(value);
            }
            3 => {
                let to = rng.random_range(0..=bytes.len() - (end - at));
                bytes.copy_within(at..end, to);
            }
            4 => {
                let limit =
                    [0, 1, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX][rng.random_range(0..6)];
                let limit = limit.to_le_bytes();
                bytes[at..end].iter_mut().zip(limit).for_each(|(byte, value)| *byte = value);
            }
            _ => bytes.truncate(at),
        }
    }
}
