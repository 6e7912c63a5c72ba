//! Tables as Delta tables: a folder of Parquet files and, in `_delta_log/`, the commits that say which files it has.
//!
//! ```text
//! field/part-00000.parquet                      rows, readable as plain Parquet
//! field/lod=15/key=5/ part-00000.parquet        the same with hive folders
//! field/_delta_log/00000000000000000000.json    version 0: an action a line (protocol, metaData, txn, add, …)
//! field/_delta_log/00000000000000000001.json    version 1: what was added and removed since
//! ```
//!
//! - [`create`] writes version 0 of a folder of finished Parquet files, [`commit`] any later version.
//! - [`Log::read`] replays the commits (and another writer's checkpoint, where commits are gone) up to a version or
//!   a time: the files alive, the schema, the newest transaction of each application.
//!
//! Source of the format: the Delta transaction log protocol of delta-io/delta (PROTOCOL.md). Written is reader
//! version 1 with writer version 2, the least that every reader knows; read is whatever a reader of version 1 may
//! read, and of later versions the tables that make no use of what they allow.
//!
//! # Invariants
//! - A version exists whole or not at all: it is staged under a hidden name, synced, and takes its own name only if
//!   nothing has it. Of two writers of one version exactly one wins.
//! - A path of a log is relative and stays inside the table; anything else is refused before a file is opened.

mod actions;
mod checkpoint;
mod commit;
mod listing;
mod log;
mod own;
pub(in crate::lake) mod path;
mod schema;
mod stats;
mod time;

pub use actions::{AddFile, Commit, TableMetadata};
pub(super) use commit::staged_version;
pub use commit::{NewTable, commit, create, data_files};
pub(super) use commit::{create_of, hive_values, partition_field};
pub use log::Log;
pub(super) use own::{difference, is_comparable};
pub use schema::{Field, Schema};
pub use stats::FileStats;
pub use time::AsOf;

use std::path::{Path, PathBuf};

/// The folder of a table that holds its log.
pub const LOG_FOLDER: &str = "_delta_log";

/// True if `folder` is a Delta table: it has a log.
pub fn is_table(folder: &Path) -> bool {
    folder.join(LOG_FOLDER).is_dir()
}

/// Where the commit of a version stands.
fn commit_path(table: &Path, version: u64) -> PathBuf {
    table.join(LOG_FOLDER).join(format!("{version:020}.json"))
}
