//! Checkpoints with a valid checksum but inconsistent contents. They are read or refused within their limit of memory, and a run that is
//! resumed from one that could be read completes or returns an error. The same is fuzzed, in `fuzz/`.

mod common;
#[path = "../../../fuzz/src/damage.rs"]
mod damage;
#[path = "../../../fuzz/src/reader.rs"]
mod reader;
#[path = "../../../fuzz/src/state.rs"]
mod state;

use std::fs;

use common::small;
use ravine_train::{Checkpoint, Trainer};
use reader::{MIB, Reader};

/// The checkpoints of all versions, the fuzzer's corpus, and their names.
fn files() -> Vec<(Reader, Vec<u8>, String)> {
    let folders = ["tests/data", "../../fuzz/corpus/checkpoint", "../../fuzz/corpus/state"];
    damage::files(env!("CARGO_MANIFEST_DIR"), &folders, |end| match end {
        "ravine" => Some(state::CHECKPOINT),
        "bin" => Some(state::STATE),
        _ => None,
    })
}

/// A checkpoint of the current version, with an entry in every list.
fn full() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    small(Trainer::new().folder(folder.path()).max_steps(3)).unwrap();
    let mut checkpoint = Checkpoint::load(folder.path().join("last.ravine")).unwrap();
    assert!(!checkpoint.history.is_empty() && !checkpoint.trace.is_empty());
    checkpoint.optimizer.metrics = vec![0.5; 3];
    let file = folder.path().join("full.ravine");
    checkpoint.save(&file).unwrap();
    fs::read(file).unwrap()
}

#[test]
fn what_lies_in_the_folders_is_read_or_refused() {
    let files = files();
    let read = files.iter().filter(|(reader, bytes, name)| reader.check(bytes, name)).count();
    assert!(read >= 5 && files.len() - read >= 5, "{read} of {}", files.len());
}

#[test]
fn cuts_and_random_damage_do_no_harm() {
    let files = files();
    for (reader, bytes, name) in &files {
        for len in 0..bytes.len().min(600) {
            assert!(!reader.check(&bytes[..len], &format!("{name} cut to {len}")), "{name} cut to {len}");
        }
    }
    let (tried, refused) = damage::harm(&files, 200);
    assert!(refused > tried / 3, "{refused} of {tried}");
}

/// The bytes of a checkpoint with a number in the place of one byte, which is how each length and each small count of `full` is written.
fn with_number(whole: &[u8], at: usize, number: u64) -> Vec<u8> {
    state::sealed(&[&whole[..at], &[253], &number.to_le_bytes(), &whole[at + 1..]].concat())
}

#[test]
fn no_length_is_believed() {
    let whole = full();
    let mut lies = 0;
    for at in 24..whole.len() {
        for length in [1 << 16, 1 << 24, 1 << 40, 1 << 60, u64::MAX] {
            let bytes = with_number(&whole, at, length);
            state::CHECKPOINT.check(&bytes, &format!("{length} at {at}"));
            let lie = format!("x: contents: length: found {length}, expected at most the ");
            let said = Checkpoint::from_bytes(bytes, "x").map_err(|error| error.to_string());
            lies += usize::from(said.is_err_and(|said| said.starts_with(&lie)));
        }
    }
    assert_eq!(lies, 5 * 40, "lists, texts, shapes, values");
}

#[test]
fn runs_go_on_from_what_could_be_read_or_say_why_not() {
    const RESUMED: Reader = Reader { read: resumed, factor: 1000, besides: 16 * MIB };

    fn resumed(bytes: &[u8]) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("last.ravine"), state::sealed(bytes)).unwrap();
        let trainer = Trainer::new().folder(folder.path()).resume(true).report(true).keep_best(2);
        small(trainer).map(drop).map_err(|error| error.to_string())
    }

    let mut files = files();
    files.retain(|(_, _, name)| name.ends_with(".ravine"));
    files.push((RESUMED, full(), "a full one".into()));
    files.iter_mut().for_each(|(reader, ..)| *reader = RESUMED);
    let (tried, refused) = damage::harm(&files, 25);
    assert!(refused < tried, "{refused} of {tried}");

    // Numbers as large as a counter may be, or larger.
    let whole = full();
    let (mut counters, mut too_large) = (0, 0);
    for at in 24..whole.len() {
        let counted = |number| with_number(&whole, at, number);
        counters += usize::from(RESUMED.check(&counted(1 << 53), &format!("a counter at {at}")));
        let said = Checkpoint::from_bytes(counted((1 << 53) + 1), "x").map_err(|error| error.to_string());
        let expected = "found 9007199254740993, expected at most 9007199254740992";
        too_large += usize::from(said.is_err_and(|said| said.ends_with(expected)));
    }
    // Samples, epochs, updates, and steps: so many steps can be read, but the run is to end before.
    assert_eq!((counters, too_large), (12, 13));
}
