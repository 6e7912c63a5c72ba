//! The folders of a table, linked file by file.

use crate::lake::delta::{is_table, staged_version};
use crate::lake::refused;
use crate::{Error, Result};
use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// How deep folders are followed.
const DEEPEST: usize = 16;

/// Links every file in `from` to the same place in `to`, but those in `dropped` (by their paths relative to `from`),
/// those that are there, and what writers have staged for a commit.
pub(super) fn link(from: &Path, to: &Path, dropped: &BTreeSet<String>) -> Result<()> {
    link_folder(from, to, "", dropped, DEEPEST)
}

fn link_folder(
    from: &Path,
    to: &Path,
    below: &str,
    dropped: &BTreeSet<String>,
    levels: usize,
) -> Result<()> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Error::input(format!(
            "{} lies deeper than {DEEPEST} folders in its table",
            from.display()
        )));
    };
    for entry in entries(from)? {
        let name = entry.file_name();
        let path = entry.path();
        let text = name.to_string_lossy();
        let relative = format!("{below}{text}");
        let kind = entry
            .file_type()
            .map_err(|e| refused(&path, "opened", &e))?;
        let target = to.join(&name);
        if kind.is_dir() {
            // A hive folder all of whose files go is not made again.
            link_folder(&path, &target, &format!("{relative}/"), dropped, levels)?;
        } else if !dropped.contains(&relative) && staged_version(&text).is_none() {
            fs::create_dir_all(to).map_err(|e| refused(to, "created", &e))?;
            link_file(&path, &target)?;
        }
    }
    Ok(())
}

fn link_file(path: &Path, target: &Path) -> Result<()> {
    match fs::hard_link(path, target) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Someone else's staged file may go at any time.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        linked => linked.map_err(|e| refused(target, "linked", &e)),
    }
}

/// Finds the tables in a folder: itself, or those in the folders below.
pub(super) fn find_tables(folder: &Path, levels: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if is_table(folder) {
        found.push(folder.to_owned());
        return Ok(());
    }
    let Some(levels) = levels.checked_sub(1) else {
        return Ok(());
    };
    for entry in entries(folder)? {
        let hidden = entry.file_name().to_string_lossy().starts_with(['.', '_']);
        if !hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find_tables(&entry.path(), levels, found)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect);
    listed.map_err(|e| match e.kind() {
        ErrorKind::NotFound => {
            Error::input(format!("{}: there is no such folder", folder.display()))
        }
        ErrorKind::NotADirectory => Error::input(format!(
            "{} is a file; a folder that is a table, or holds tables, should be named",
            folder.display()
        )),
        _ => refused(folder, "listed", &e),
    })
}
