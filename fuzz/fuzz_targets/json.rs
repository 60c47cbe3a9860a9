//! Hands bytes to [`ingest_fuzz::json`]; decides nothing.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ingest_fuzz::json(data));
