//! `.3dmap` maps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octaflow::map::ReadOptions;
use octaflow_fuzz::{answers, files::with_file, seeds};

fuzz_target!(init: seeds::plant(seeds::movingai), |bytes: &[u8]| {
    with_file("3dmap", bytes, |path| {
        answers::map(path, ReadOptions::default());
    });
});
