#![no_main]

use ravine_fuzz::data::IDX;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(IDX.check(bytes, "a file")));
