#![no_main]

use ravine_fuzz::state::STATE;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(STATE.check(bytes, "a state")));
