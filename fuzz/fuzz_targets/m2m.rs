//! `cargo +nightly fuzz run m2m`
#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::m2m(input));
