#![no_main]

use ravine_fuzz::tensors::NPZ;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(NPZ.check(bytes, "a file")));
