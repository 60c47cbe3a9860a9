//! Hands bytes to [`ingest_fuzz::pairs`]; decides nothing.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ingest_fuzz::pairs(data));
