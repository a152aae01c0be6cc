//! Any bytes at all for the property `drive_answers`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| vertex_backup::properties::drive_answers(bytes));
