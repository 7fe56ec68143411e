#![no_main]

use ravine_fuzz::tensors::NPY;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(NPY.check(bytes, "a file")));
