//! The log of a Delta table: which files its newest version lists.
//!
//! A commit is a file `_delta_log/%020d.json`, an action a line; `add` and `remove` name a file by its path below the
//! table's folder, percent-encoded. Only whole logs are read, from version 0 on: a log that was folded into a
//! checkpoint of its own begins later and is refused.

use super::fault;
use crate::Result;
use crate::lake::delta::path;
use crate::lake::refused;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The longest line of a commit that is read: an action with its statistics has some kilobytes.
const LONGEST_LINE_BYTES: u64 = 16 << 20;

/// What the newest version of a table lists.
pub(super) struct Listed {
    pub version: u64,
    pub files: Vec<PathBuf>,
}

/// A line of a commit, as far as it lists files.
#[derive(Deserialize)]
struct Action {
    add: Option<Add>,
    remove: Option<Remove>,
}

#[derive(Deserialize)]
struct Add {
    path: String,
    size: u64,
}

#[derive(Deserialize)]
struct Remove {
    path: String,
}

/// The files of the table in `folder`, each of which is there with the size that the log says; `None` if the folder
/// has no log.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) naming the commit or the file that is missing or damaged.
pub(super) fn read(folder: &Path) -> Result<Option<Listed>> {
    let log = folder.join("_delta_log");
    if !log.is_dir() {
        return Ok(None);
    }
    let mut sizes = BTreeMap::new();
    let mut version = 0;
    while commit(&log.join(format!("{version:020}.json")), &mut sizes)? {
        version += 1;
    }
    if version == 0 {
        return Err(fault(
            &log,
            "it has no commit 00000000000000000000.json: the log must be whole",
        ));
    }
    let mut files = Vec::with_capacity(sizes.len());
    for (name, size) in sizes {
        files.push(present(folder, &name, size, version - 1)?);
    }
    Ok(Some(Listed {
        version: version - 1,
        files,
    }))
}

/// Applies a commit to the files and their sizes; false if there is no such commit.
fn commit(path: &Path, sizes: &mut BTreeMap<String, u64>) -> Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(refused(path, "opened", &e)),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = reader
            .by_ref()
            .take(LONGEST_LINE_BYTES)
            .read_until(b'\n', &mut line);
        if read.map_err(|e| refused(path, "read", &e))? == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let action: Action = serde_json::from_slice(&line).map_err(|e| {
            fault(
                path,
                format!("line {number} is no action of a Delta log: {e}"),
            )
        })?;
        if let Some(remove) = action.remove {
            sizes.remove(&remove.path);
        }
        if let Some(add) = action.add {
            sizes.insert(add.path, add.size);
        }
    }
    Ok(true)
}

/// The path of a listed file, when it is there with its size.
fn present(folder: &Path, name: &str, size: u64, version: u64) -> Result<PathBuf> {
    let relative = path::decode(name).map_err(|why| {
        fault(
            folder,
            format!("version {version} of its log lists a file that may not be opened: {why}"),
        )
    })?;
    let path = folder.join(relative);
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() && meta.len() == size => Ok(path),
        Ok(meta) => {
            let what = format!(
                "it has {} bytes and should have the {size} that the table's log says",
                meta.len()
            );
            Err(fault(&path, what))
        }
        Err(e) if path::names_nothing(&e) => Err(fault(
            &path,
            format!("it is missing, but version {version} of the table's log lists it"),
        )),
        Err(e) => Err(refused(&path, "opened", &e)),
    }
}
