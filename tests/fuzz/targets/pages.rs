//! Parquet files that are sound but for their pages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octaflow_fuzz::{answers, crafted, seeds};

fuzz_target!(init: seeds::plant(seeds::pages), |bytes: &[u8]| {
    answers::tables("parquet", &crafted::parquet_file(bytes));
});
