//! Bytes that nobody would write, of which no more is known than that they give a value or an error, and take no more memory than they may. The
//! same is fuzzed, in `fuzz/`.

#[path = "../../../../fuzz/src/damage.rs"]
mod damage;
#[path = "../../../../fuzz/src/data.rs"]
mod data;
#[path = "../../../../fuzz/src/reader.rs"]
mod reader;

use reader::Reader;

/// The fuzzer's corpus: readers, bytes and names.
fn files() -> Vec<(Reader, Vec<u8>, String)> {
    let folders = ["../../fuzz/corpus/idx", "../../fuzz/corpus/csv"];
    damage::files(env!("CARGO_MANIFEST_DIR"), &folders, |end| match end {
        "idx" => Some(data::IDX),
        "csv" => Some(data::CSV),
        _ => None,
    })
}

#[test]
fn what_lies_in_the_folders_is_read_or_refused() {
    let files = files();
    let read = files.iter().filter(|(reader, bytes, name)| reader.check(bytes, name)).count();
    assert!(read >= 3 && files.len() - read >= 3, "{read} of {}", files.len());
}

#[test]
fn cuts_and_random_damage_do_no_harm() {
    let files = files();
    for (reader, bytes, name) in &files {
        for len in 0..bytes.len().min(3000) {
            reader.check(&bytes[..len], &format!("{name} cut to {len}"));
        }
    }
    let (tried, refused) = damage::harm(&files, 200);
    assert!(refused > tried / 2, "{refused} of {tried}");
}
