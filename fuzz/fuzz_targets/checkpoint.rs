#![no_main]

use ravine_fuzz::state::CHECKPOINT;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(CHECKPOINT.check(bytes, "a checkpoint")));
