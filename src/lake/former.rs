//! What a folder must look like to be taken for a former result, which the next run may replace.

use super::delta::{self, LOG_FOLDER};
use super::refused;
use crate::lattice::Header;
use crate::{Error, Result};
use std::fs::DirEntry;
use std::path::Path;

/// The file with the summary of a run.
pub const SUMMARY: &str = "summary.json";

/// The key of the summary that says which version of octaflow wrote the folder.
pub const MARKER: &str = "octaflow";

/// The columns that hive folders of a result may tell.
const HIVE_COLUMNS: [&str; 3] = ["lod", "key", "time"];

/// The folders that a result may hold, each a table.
pub(super) const FOLDERS: [&str; 12] = [
    "cells",
    "tallies",
    "field",
    "field_changes",
    "routes",
    "route_cells",
    "smooth_cells",
    "routes_changes",
    "ghosts",
    "owned",
    "state",
    "snapshots",
];

/// The folders of tables without times or steps of their own.
pub(super) const FOLDERS_OF_A_MOMENT: [&str; 7] = [
    "field",
    "routes",
    "route_cells",
    "smooth_cells",
    "ghosts",
    "owned",
    "state",
];

/// Checks that `dir`, an existing folder, is empty or a former result.
///
/// # Errors
/// [`Error::Input`] naming the first other thing found, [`Error::Machine`] if the folder cannot be read.
pub(super) fn check(dir: &Path) -> Result<()> {
    let mut summary = false;
    let mut empty = true;
    for entry in entries(dir)? {
        empty = false;
        let name = entry.file_name();
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
        match name.to_str() {
            Some(SUMMARY) if !is_dir => summary = true,
            // What a killed compaction left beside its table goes with the former result.
            Some(name) if is_dir && is_stage(name) => {}
            Some(name) if is_dir && FOLDERS.contains(&name) => check_table(dir, &entry.path())?,
            _ => return Err(foreign(dir, &entry.path())),
        }
    }
    if empty || (summary && is_marked(&dir.join(SUMMARY))) {
        return Ok(());
    }
    Err(Error::input(format!(
        "--out {} has no {SUMMARY} of octaflow; give a folder that is absent, empty or a former result",
        dir.display()
    )))
}

/// Checks that a folder holds nothing but a table: its log, its parts, and hive folders of parts.
fn check_table(dir: &Path, table: &Path) -> Result<()> {
    for entry in entries(table)? {
        let name = entry.file_name();
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
        match name.to_str() {
            Some(LOG_FOLDER) if is_dir => check_log(dir, &entry.path())?,
            Some(name) if is_dir && is_hive_folder(name) => check_table(dir, &entry.path())?,
            Some(name) if is_part(name) && entry.file_type().is_ok_and(|t| t.is_file()) => {}
            _ => return Err(foreign(dir, &entry.path())),
        }
    }
    Ok(())
}

/// Checks that a log holds nothing but commits, or what a killed writer staged for one.
fn check_log(dir: &Path, log: &Path) -> Result<()> {
    for entry in entries(log)? {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let is_commit = name
            .strip_suffix(".json")
            .is_some_and(|v| v.len() == 20 && is_number(v));
        let is_ours = is_commit || delta::staged_version(name).is_some();
        if !is_ours || !entry.file_type().is_ok_and(|t| t.is_file()) {
            return Err(foreign(dir, &entry.path()));
        }
    }
    Ok(())
}

/// `.field.octaflow-RUN`, the stage of a compaction.
fn is_stage(name: &str) -> bool {
    let table = name
        .strip_prefix('.')
        .and_then(|n| n.split_once(".octaflow-"));
    table.is_some_and(|(table, _)| FOLDERS.contains(&table))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `part-00012.parquet`, and `compact-00001-00003.parquet` where parts were merged.
fn is_part(name: &str) -> bool {
    let number = name
        .strip_prefix("part-")
        .or(name.strip_prefix("compact-"))
        .and_then(|n| n.strip_suffix(".parquet"));
    number.is_some_and(|number| {
        let (worker, rest) = number.split_once('-').unwrap_or((number, "0"));
        worker.len() >= 5 && is_number(worker) && is_number(rest)
    })
}

/// `lod=15`, `key=12`, `time=-3`.
fn is_hive_folder(name: &str) -> bool {
    name.split_once('=')
        .is_some_and(|(column, value)| match column {
            "lod" => value.parse().is_ok_and(|lod: u8| lod <= Header::CELL.lod),
            _ => {
                HIVE_COLUMNS.contains(&column)
                    && is_number(value.strip_prefix('-').unwrap_or(value))
            }
        })
}

fn entries(dir: &Path) -> Result<Vec<DirEntry>> {
    std::fs::read_dir(dir)
        .and_then(Iterator::collect)
        .map_err(|e| refused(dir, "listed", &e))
}

fn foreign(dir: &Path, found: &Path) -> Error {
    Error::input(format!(
        "--out {} holds {}, which octaflow did not write; give a folder that is absent, empty or a former result",
        dir.display(),
        found.strip_prefix(dir).unwrap_or(found).display()
    ))
}

fn is_marked(summary: &Path) -> bool {
    std::fs::read(summary)
        .ok()
        .and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok())
        .is_some_and(|value| value.get(MARKER).is_some())
}

/// The summary with the marker in front, unless it has one.
///
/// # Errors
/// [`Error::Input`] if it is not a JSON object.
pub(super) fn mark(summary_json: &str) -> Result<String> {
    let text = summary_json.trim();
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
        .map_err(|e| Error::input(format!("{SUMMARY} must be a JSON object: {e}")))?;
    if object.contains_key(MARKER) {
        return Ok(format!("{text}\n"));
    }
    let version = env!("CARGO_PKG_VERSION");
    let rest = text[1..].trim_start();
    let comma = if object.is_empty() { "" } else { "," };
    Ok(format!("{{\"{MARKER}\":\"{version}\"{comma}{rest}\n"))
}
