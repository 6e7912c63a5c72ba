//! What is in a file or a folder of octaflow's, and whether it is sound.
//!
//! ```text
//! PATH ─► find: containers, tables of Parquet files, octaindex3d streams, maps
//!           ├─► describe: what their headers and footers say ─► Description
//!           └─► check: every page, segment and row, on all cores ─► Sound, or the first fault
//! ```
//!
//! Nothing that is found is trusted: files are read through the checks of the map readers (see
//! [`map`](crate::map)) and of the [`container`](super::container) module, in memory that does not depend on
//! how many rows they claim.

mod agree;
mod check;
mod columns;
mod describe;
mod entries;
mod find;
mod log;
mod pages;
mod parquet;
mod ranges;
mod rows;
mod rules;
mod saved;
mod schema;
mod unique;

pub use check::{Sound, verify};
pub use columns::ColumnSummary;
pub use describe::{Description, Extent, FrameSummary, SavedRun, inspect};

pub(super) use find::find;
pub(super) use parquet::Parquet;

use crate::Error;
use std::path::Path;

/// What to do with a damaged file.
const RESTORE: &str = "restore the file from a copy, or compute the result anew";

/// The error that something is wrong with what lies at `path`.
pub(super) fn fault(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::input(format!("{}: {what}", path.display()))
}
