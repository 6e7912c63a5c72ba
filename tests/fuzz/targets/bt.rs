//! `.bt` maps, with unknown voxels blocked and open.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octaflow::map::{ReadOptions, Unknown};
use octaflow_fuzz::{answers, files::with_file, seeds};

fuzz_target!(init: seeds::plant(seeds::bt), |bytes: &[u8]| {
    with_file("bt", bytes, |path| {
        let [blocked, open] = [Unknown::Blocked, Unknown::Open].map(|unknown| {
            answers::map(path, ReadOptions { unknown, ..ReadOptions::default() })
        });
        if let (Some(blocked), Some(open)) = (blocked, open) {
            assert!(blocked.open <= open.open && blocked.cells <= open.cells);
        }
    });
});
