#![no_main]

use ravine_fuzz::tensors::SAFETENSORS;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(SAFETENSORS.check(bytes, "a file")));
