#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zenoh_pinned_fuzz_properties::check("model_file", input));
