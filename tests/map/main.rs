//! The readers of maps, positions and updates: what they read, and what they refuse.

#[path = "../map_support/mod.rs"]
mod map_support;
#[path = "../map_support/parquet_files.rs"]
mod parquet_files;
#[path = "../map_support/parquet_parts.rs"]
mod parquet_parts;

use map_support::{OpenCells, open_cells};
use octaflow::map::{ReadOptions, read_map};
use proptest::prelude::*;
use std::path::Path;

mod bombs;
mod damaged;
mod hostile;
mod readers;
mod tables;

/// Reads a map and holds it against how many cells it should define and which are open; one without an open cell is refused.
fn check(
    path: &Path,
    options: &ReadOptions,
    cells: u64,
    open: OpenCells,
) -> Result<(), TestCaseError> {
    match read_map(path, options) {
        Ok(map) => {
            prop_assert_eq!(map.cells, cells);
            prop_assert_eq!(open_cells(&map), open);
        }
        Err(e) => prop_assert!(open.is_empty(), "{}", e),
    }
    Ok(())
}
