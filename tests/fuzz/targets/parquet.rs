//! Parquet files as cells, positions and updates.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octaflow_fuzz::{answers, seeds};

fuzz_target!(init: seeds::plant(seeds::parquet), |bytes: &[u8]| {
    answers::tables("parquet", bytes);
});
