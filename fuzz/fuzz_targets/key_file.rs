//! Any bytes at all for the property `key_file`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| vertex_backup::properties::key_file(bytes));
