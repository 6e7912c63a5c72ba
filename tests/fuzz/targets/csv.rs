//! CSV as cells, positions and updates, from files and streams.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octaflow_fuzz::{answers, seeds};

fuzz_target!(init: seeds::plant(seeds::csv), |bytes: &[u8]| {
    answers::tables("csv", bytes);
});
