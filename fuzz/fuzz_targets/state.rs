#![no_main]

use ravine_autograd::StateDict;

// What a checkpoint holds, once its checksum has been found right.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drop(bincode::serde::decode_from_slice::<StateDict, _>(bytes, bincode::config::standard()));
});
