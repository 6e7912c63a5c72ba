//! Newline-delimited JSON as positions and updates.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octaflow_fuzz::{answers, seeds};

fuzz_target!(init: seeds::plant(seeds::json), |bytes: &[u8]| {
    answers::tables("json", bytes);
});
