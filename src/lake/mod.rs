//! Results as Parquet, published whole or not at all.
//!
//! ```text
//! FieldWriter, Route…Writer ─┐ rows, a group at a time
//!                            ├────────────────────────► TableWriter ─► pages with checksums ─► part-00000.parquet
//! ChangeWriter ──────────────┘ merged from sorted runs                                                 │
//!                                            Stage: .NAME.octaflow-RUN/result/field/ ◄─────────────────┘
//!                                              │ publish: sync, then exchange with DIR
//!                                              ▼
//!                                             DIR/field/part-00000.parquet, DIR/summary.json
//! ```
//!
//! - A [`Stage`] is the folder beside DIR in which a run's files grow; publishing exchanges it with DIR in one
//!   rename, so that a reader finds the former result or the new one.
//! - A [`FieldWriter`] writes the rows of `field/`, a [`ChangeWriter`] those of `field_changes/`, each one file a
//!   worker, in memory that does not depend on the number of rows.
//! - A [`RouteWriter`] writes the rows of `routes/`, a [`RouteCellWriter`] those of `route_cells/` and
//!   `smooth_cells/`, a [`RouteChangeWriter`] those of `routes_changes/`: all come in order, so that none sorts.
//! - A [`StateWriter`] writes the rows of `state/` or of `snapshots/`.
//! - A [`GhostWriter`] writes the rows of `ghosts/`, an [`OwnedWriter`] those of `owned/`.
//! - A [`container`] holds bricks as they lie in memory, a row a brick.
//! - Every folder of a result is a Delta table ([`delta`]) of one version, and plain Parquet beside; [`compact()`] merges
//!   small files of such a table.
//! - [`batches`] read tables and containers as Arrow record batches.
//! - An [`audit`] tells what lies at a path, and whether it is sound.
//! - A [`CellWriter`] writes the rows of `cells/`, a [`TallyWriter`] those of `tallies/`.
//! - A [`TableWriter`] is what all stand on: any table of numbers and words, a row group at a time.
//!
//! # Reading `cell` as the unsigned Index64
//! `cell` holds the 64 bits of the Index64 as a signed integer, which every reader knows. The top bit of an Index64
//! is 1, so every `cell` is negative and its order is that of the Index64. The unsigned number again:
//!
//! ```sql
//! SELECT (cell::HUGEINT + 18446744073709551616)::UBIGINT AS index64 FROM 'DIR/field/*.parquet'; -- DuckDB
//! ```
//! In Polars it is `pl.col("cell").reinterpret(signed=False)`, in numpy `a.view("uint64")`.

pub mod audit;
pub mod batches;
mod cells;
mod changes;
pub mod checkpoint;
mod compact;
pub mod container;
mod crc;
pub mod delta;
pub(crate) mod fail;
mod field;
mod former;
mod ghosts;
mod lease;
mod live;
mod order;
mod page;
mod part;
mod places;
mod route_cells;
mod route_changes;
mod routes;
mod rows;
mod runs;
mod stage;
mod state;
mod table;
mod tables;
mod tallies;
mod writer;

pub use cells::{CELLS, CellRow, CellWriter, FIXED_COLUMNS, level_folder};
pub use changes::{Change, ChangeWriter, DEFAULT_BUDGET_ROWS};
pub use compact::{CompactOptions, Compacted, Step, compact, tables_in};
pub use field::FieldWriter;
pub use former::{MARKER, SUMMARY};
pub use ghosts::{GhostRow, GhostWriter, OwnedWriter};
pub use live::{LiveFile, LiveTable};
pub use part::{Hive, PART_BYTES, Part};
pub use route_cells::RouteCellWriter;
pub use route_changes::{RouteChange, RouteChangeWriter};
pub use routes::{RouteRow, RouteWriter};
pub use rows::FieldColumns;
pub use stage::Stage;
pub use state::StateWriter;
pub use table::{Column, GROUP_ROWS, Packing, Values, part_name};
pub use tallies::{TALLIES, TallyRow, TallySum, TallyWriter};
pub use writer::TableWriter;

use crate::Error;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a writer left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How many rows the files have.
    pub rows: u64,
    /// How long the files are; 0 if there is no file, since a part without rows is kept for worker 0 only.
    pub bytes: u64,
    /// The files.
    pub files: Vec<WrittenFile>,
}

/// A finished file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// Where it lies, relative to the table's folder or, where a result is meant, to that.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// The CRC-32 (IEEE 802.3) of its bytes, computed while they were written.
    pub crc32: u32,
}

/// Gives a finished file a second name, or copies it where the two lie on different file systems.
///
/// # Errors
/// [`Error::Machine`] naming the second name if it cannot be had.
pub fn link(from: &Path, to: &Path) -> crate::Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(|e| refused(folder, "created", &e))?;
    }
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(_) => std::fs::copy(from, to)
            .and_then(|_| std::fs::File::open(to)?.sync_all())
            .map_err(|e| refused(to, "written", &e)),
    }
}

/// The machine's refusal to do `what` with `path`.
fn refused(path: &Path, what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::machine(format!(
        "{} could not be {what}: {error}; it must lie where this user may write and where there is room",
        path.display()
    ))
}
