//! Small files of a table merged into few, sorted as they were.
//!
//! ```text
//! .NAME.octaflow-RUN/result/   1 merged files   2 hard links of all that stays, the log too   3 one more commit
//!        │ 4 synced   5 exchanged with NAME in one rename   6 the former folder removed
//!        ▼
//!       NAME/
//! ```
//!
//! A reader of plain Parquet takes whatever files are in the folder, a reader of Delta what the log says: for both to
//! find every row once at any moment, the files and the log must change at once. So the new state of the table is
//! built beside it and takes its place in one rename.
//!
//! # Invariants
//! - Killed before step 5, the table is as it was; after it, as it shall be. What is left beside is removed by the
//!   next compaction of the same table.
//! - Rows change neither in number nor in value; within a partition, merged files do not overlap and their rows are
//!   in the order that the files say they are sorted by.
//! - The old files leave the disk with the former folder, and so do those that earlier versions had: reading as of
//!   such a version is refused by name. With `keep` they stay, and the folder must be read as a Delta table.
//! - A version that another program commits meanwhile is not lost: the exchange is undone, and the compaction fails.

mod columns;
mod merge;
mod plan;
mod tree;

use super::delta::{AddFile, Commit, LOG_FOLDER, Log, commit};
use super::{Stage, refused};
use crate::{Error, Result};
use merge::Output;
use plan::{Merge, Plan};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How many files are read at once; more are merged in passes.
const FAN_IN: usize = 64;

/// How a table is to be compacted.
#[derive(Clone, Copy, Debug)]
pub struct CompactOptions {
    /// Files shorter than this are merged, into files of about this length.
    pub target_bytes: u64,
    /// Whether the files of former versions stay on the disk.
    pub keep: bool,
}

/// What a compaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// The newest version now.
    pub version: u64,
    /// How many files were merged.
    pub merged: u64,
    /// How many files they became.
    pub written: u64,
    /// How many rows these hold.
    pub rows: u64,
    /// How many files the table has now.
    pub files: u64,
    /// How many bytes its files had before.
    pub bytes_before: u64,
    /// How many bytes its files have now.
    pub bytes_after: u64,
    /// How many files of former versions left the disk.
    pub dropped: u64,
}

impl Compacted {
    /// True if the table was found as it should be.
    pub fn nothing_done(&self) -> bool {
        self.merged == 0 && self.dropped == 0
    }
}

/// A step of a compaction that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The merged files are written.
    Merged,
    /// The stage holds all that stays.
    Linked,
    /// The stage's log has the new version.
    Committed,
    /// The disk has the stage.
    Synced,
    /// The stage and the table have changed places.
    Exchanged,
    /// The former folder is gone.
    Removed,
}

/// Compacts a table; `run` is a name that no other run has ever had, and `after` is told of each step, to stop by an
/// error where a test wants it.
///
/// # Errors
/// [`Error::Input`] if `table` is no Delta table that octaflow can read and write, or a file of it is gone, damaged or
/// not sorted as it says; [`Error::Machine`] if something cannot be read or written, or another program committed
/// meanwhile. The table is as it was then, unless the error is one of removing what it was.
pub fn compact(
    table: &Path,
    run: &str,
    options: &CompactOptions,
    after: &mut dyn FnMut(Step) -> Result<()>,
) -> Result<Compacted> {
    let log = Log::read(table, None)?;
    log.check_writable()?;
    log.sound_files()?;
    let mut stage = Stage::open(table, run, 0)?;
    let mut plan = Plan::of(&log, options.target_bytes, options.keep);
    plan.dropped.retain(|path| table.join(path).exists());
    let mut compacted = Compacted {
        version: log.version(),
        files: log.files().len() as u64,
        bytes_before: log.bytes(),
        bytes_after: log.bytes(),
        ..Compacted::default()
    };
    if plan.merges.is_empty() && plan.dropped.is_empty() {
        return Ok(compacted);
    }
    let result = stage.result();
    let version = log.version() + 1;
    let mut next = Commit {
        operation: "OPTIMIZE",
        remove: plan.merged().map(|file| file.path.clone()).collect(),
        ..Commit::default()
    };
    for merge in &plan.merges {
        let first = next.add.len();
        next.add.extend(write_merged(
            table, &result, version, first, merge, options,
        )?);
    }
    after(Step::Merged)?;
    tree::link(table, &result, &plan.dropped)?;
    after(Step::Linked)?;
    if !next.add.is_empty() {
        if !commit(&result, version, &next)? {
            return Err(overtaken(table));
        }
        compacted.version = version;
    }
    after(Step::Committed)?;
    stage.sync_result()?;
    after(Step::Synced)?;
    exchange(&mut stage, table, log.version(), &plan.dropped)?;
    after(Step::Exchanged)?;
    std::fs::remove_dir_all(&result).map_err(|e| refused(&result, "removed", &e))?;
    after(Step::Removed)?;
    let merged_bytes: u64 = plan.merged().map(|file| file.size).sum();
    let added_bytes: u64 = next.add.iter().map(|file| file.size).sum();
    compacted.merged = next.remove.len() as u64;
    compacted.written = next.add.len() as u64;
    compacted.rows =
        super::delta::FileStats::rows_of(next.add.iter().map(|f| &f.stats)).unwrap_or(0);
    compacted.files = compacted.files + compacted.written - compacted.merged;
    compacted.bytes_after = compacted.bytes_before - merged_bytes + added_bytes;
    compacted.dropped = plan.dropped.len() as u64;
    Ok(compacted)
}

/// Lets stage and table change places, unless a version was committed since the table was read.
fn exchange(
    stage: &mut Stage,
    table: &Path,
    version: u64,
    dropped: &BTreeSet<String>,
) -> Result<()> {
    let overtaken_at = |folder: &Path| Log::newest_version(folder).map(|newest| newest != version);
    if overtaken_at(table)? {
        return Err(overtaken(table));
    }
    stage.exchange()?;
    let former = stage.result();
    // Who committed between that look and the exchange committed to what is now the former folder.
    if overtaken_at(&former)? {
        stage.exchange()?;
        return Err(overtaken(table));
    }
    // What others wrote meanwhile and have yet to commit goes along.
    tree::link(&former, table, dropped)
}

fn overtaken(table: &Path) -> Error {
    Error::machine(format!(
        "{} was changed by another program meanwhile; it is as that one left it and should be compacted again",
        table.display()
    ))
}

/// Writes the merged files of a partition into the stage.
fn write_merged(
    table: &Path,
    result: &Path,
    version: u64,
    first: usize,
    merge: &Merge,
    options: &CompactOptions,
) -> Result<Vec<AddFile>> {
    let folder = result.join(&merge.folder);
    std::fs::create_dir_all(&folder).map_err(|e| refused(&folder, "created", &e))?;
    let mut runs: Vec<PathBuf> = merge.files.iter().map(|f| table.join(&f.path)).collect();
    let mut passes = Passes::new(result);
    while runs.len() > FAN_IN {
        runs = passes.merge(&runs)?;
    }
    let mut number = first;
    let mut next_path = || {
        number += 1;
        folder.join(format!("compact-{version:05}-{number:05}.parquet"))
    };
    let mut output = Output {
        next_path: &mut next_path,
        target_bytes: options.target_bytes,
    };
    let written = merge::merge(&runs, &mut output)?;
    passes.clear()?;
    let added = written.iter().map(|merged| {
        let name = merged
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let path = format!("{}{name}", merge.folder);
        let mut file = AddFile::of_sealed_file(result, &path, Some(merged.crc32))?;
        file.partition_values.clone_from(&merge.partition);
        file.data_change = false;
        Ok(file)
    });
    added.collect()
}

/// Runs of more files than are read at once, merged in passes before the last one.
struct Passes {
    folder: PathBuf,
    count: u64,
}

impl Passes {
    fn new(result: &Path) -> Self {
        Passes {
            folder: result.with_file_name("runs"),
            count: 0,
        }
    }

    fn merge(&mut self, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
        std::fs::create_dir_all(&self.folder).map_err(|e| refused(&self.folder, "created", &e))?;
        let mut runs = Vec::new();
        for few in paths.chunks(FAN_IN) {
            let mut next_path = || {
                self.count += 1;
                self.folder.join(format!("run-{}.parquet", self.count))
            };
            let mut output = Output {
                next_path: &mut next_path,
                target_bytes: u64::MAX,
            };
            let written = merge::merge(few, &mut output)?;
            runs.extend(written.into_iter().map(|merged| merged.path));
            // What an earlier pass wrote has been read.
            for path in few.iter().filter(|path| path.starts_with(&self.folder)) {
                std::fs::remove_file(path).map_err(|e| refused(path, "removed", &e))?;
            }
        }
        Ok(runs)
    }

    fn clear(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(refused(&self.folder, "removed", &e))
            }
            _ => Ok(()),
        }
    }
}

/// The Delta table that `path` is, or those that it holds right below it, as a result does, by path.
///
/// # Errors
/// [`Error::Input`] if there is none; [`Error::Machine`] if a folder cannot be listed.
pub fn tables_in(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    tree::find_tables(path, 1, &mut found)?;
    found.sort();
    if found.is_empty() {
        return Err(Error::input(format!(
            "{} is no Delta table and holds none; a folder with {LOG_FOLDER}, or a result, should be named",
            path.display()
        )));
    }
    Ok(found)
}
