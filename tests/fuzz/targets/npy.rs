//! `.npy` maps, with the axes either way round.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octaflow::map::{Axes, ReadOptions};
use octaflow_fuzz::{answers, files::with_file, seeds};

fuzz_target!(init: seeds::plant(seeds::npy), |bytes: &[u8]| {
    with_file("npy", bytes, |path| {
        let [xyz, zyx] = [Axes::Xyz, Axes::Zyx].map(|axes| {
            answers::map(path, ReadOptions { axes, ..ReadOptions::default() })
        });
        // Transposing moves cells and leaves their number.
        if let (Some(xyz), Some(zyx)) = (xyz, zyx) {
            assert_eq!((xyz.cells, xyz.open), (zyx.cells, zyx.open));
        }
    });
});
