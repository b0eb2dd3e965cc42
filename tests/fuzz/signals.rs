#![no_main]

mod exercise;

libfuzzer_sys::fuzz_target!(|response: &[u8]| exercise::signals(response));
