//! What a folder must look like to be taken for a former result, which the next run may replace.

use super::refused;
use crate::{Error, Result};
use std::fs::DirEntry;
use std::path::Path;

/// The file with the summary of a run.
pub const SUMMARY: &str = "summary.json";

/// The key of the summary that says which version of octaflow wrote the folder.
pub const MARKER: &str = "octaflow";

/// The folders that a result may hold, each with nothing but parts, or folders `lod=…` of parts.
pub(super) const FOLDERS: [&str; 11] = [
    "cells",
    "tallies",
    "field",
    "field_changes",
    "routes",
    "route_cells",
    "routes_changes",
    "ghosts",
    "owned",
    "state",
    "snapshots",
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
            Some(name) if is_dir && FOLDERS.contains(&name) => check_parts(dir, &entry.path())?,
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

fn check_parts(dir: &Path, folder: &Path) -> Result<()> {
    for entry in entries(folder)? {
        let name = entry.file_name();
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
        if is_dir && name.to_str().is_some_and(is_level) {
            check_parts(dir, &entry.path())?;
            continue;
        }
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix("part-")?.strip_suffix(".parquet"));
        let is_part = number.is_some_and(|n| n.len() >= 5 && n.bytes().all(|b| b.is_ascii_digit()));
        if !is_part || !entry.file_type().is_ok_and(|t| t.is_file()) {
            return Err(foreign(dir, &entry.path()));
        }
    }
    Ok(())
}

/// True for the name of a folder of one level of detail: `lod=0` to `lod=15`.
fn is_level(name: &str) -> bool {
    let lod = name.strip_prefix("lod=").and_then(|l| l.parse().ok());
    lod.is_some_and(|lod: u8| lod <= 15)
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
