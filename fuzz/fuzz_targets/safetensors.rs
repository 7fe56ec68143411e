#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(ravine_fuzz::safetensors(bytes)));
