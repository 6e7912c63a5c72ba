//! The addresses of a cluster.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octaflow::cluster::addresses;
use octaflow_fuzz::{answers, files::with_file, seeds};
use std::collections::HashSet;

fuzz_target!(init: seeds::plant(seeds::hostfile), |bytes: &[u8]| {
    with_file("hosts", bytes, |path| {
        for processes in [0, 1, 3] {
            match addresses(processes, Some(path)) {
                Ok(found) => {
                    assert_eq!(found.len(), processes);
                    assert!(found.iter().all(|address| address.contains(':')));
                    assert_eq!(found.iter().collect::<HashSet<_>>().len(), processes);
                }
                Err(error) => answers::hold_error(&error),
            }
        }
    });
});
