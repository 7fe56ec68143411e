//! Files that nobody would write: every truncation, and random damage with a fixed seed. No reader panics, and none takes more memory than its
//! documentation says. The same is fuzzed, in `fuzz/`.

#[path = "../../../../fuzz/src/damage.rs"]
mod damage;
#[path = "../../../../fuzz/src/reader.rs"]
mod reader;
#[path = "../../../../fuzz/src/tensors.rs"]
mod tensors;

use reader::Reader;

/// The files of these readers below the tests and the fuzzer's corpus, and their names.
fn files() -> Vec<(Reader, Vec<u8>, String)> {
    let folders = [
        "tests/data",
        "tests/data/numpy",
        "../../fuzz/corpus/npy",
        "../../fuzz/corpus/npz",
        "../../fuzz/corpus/safetensors",
    ];
    damage::files(env!("CARGO_MANIFEST_DIR"), &folders, |end| match end {
        "npy" => Some(tensors::NPY),
        "npz" => Some(tensors::NPZ),
        "safetensors" => Some(tensors::SAFETENSORS),
        _ => None,
    })
}

#[test]
fn what_lies_in_the_folders_is_read_or_refused() {
    let files = files();
    let read = files.iter().filter(|(reader, bytes, name)| reader.check(bytes, name)).count();
    assert!(read >= 20 && files.len() - read >= 15, "{read} of {}", files.len());
}

#[test]
fn every_truncation_is_refused() {
    for (reader, bytes, name) in files() {
        for len in (0..bytes.len().min(3000)).chain(bytes.len().saturating_sub(100)..bytes.len()) {
            assert!(!reader.check(&bytes[..len], &format!("{name} cut to {len}")), "{name} cut to {len}");
        }
    }
}

#[test]
fn random_damage_does_no_harm() {
    let (tried, refused) = damage::harm(&files(), 200);
    assert!(refused > tried / 2, "{refused} of {tried}");
}
