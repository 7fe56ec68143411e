#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(ravine_data::Idx::read_from(bytes, "x.idx")));
