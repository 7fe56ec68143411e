#![no_main]

use ravine_fuzz::data::CSV;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(CSV.check(bytes, "a file")));
