//! Hands bytes to [`ingest_fuzz::table`]; decides nothing.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ingest_fuzz::table(data));
