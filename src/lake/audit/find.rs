//! What lies at a path: told by the first bytes of a file, or by its name.

use super::{fault, log};
use crate::lake::checkpoint::{CELLS, is_folder as is_checkpoints, number_of_checkpoint};
use crate::lake::delta::Log;
use crate::lake::refused;
use crate::map::input::extension;
use crate::{Error, Result};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What was found at a path.
#[derive(Debug, Default)]
pub(in crate::lake) struct Found {
    /// Whether the path is a folder.
    pub folder: bool,
    pub tables: Vec<Table>,
    pub containers: Vec<PathBuf>,
    /// Streams in octaindex3d's containers.
    pub streams: Vec<PathBuf>,
    pub maps: Vec<PathBuf>,
    pub saved: Vec<Saved>,
    /// The summary of a run, if the path is a result.
    pub summary: Option<serde_json::Value>,
}

/// The Parquet files of one table: those of its folder and of the folders `key=value` in it.
#[derive(Debug)]
pub(in crate::lake) struct Table {
    /// The folder, or the file itself if it stands alone.
    pub path: PathBuf,
    /// The name of the folder: `field`, `routes`, …; empty for a file that stands alone.
    pub name: String,
    pub files: Vec<PathBuf>,
    /// Its log, if it has one.
    pub log: Option<Log>,
}

/// A folder of checkpoints.
#[derive(Debug)]
pub(in crate::lake) struct Saved {
    pub folder: PathBuf,
    /// The number of the only one that was named.
    pub only: Option<u64>,
}

/// The deepest nesting of folders that is followed.
const DEEPEST: usize = 32;

/// The longest summary that is read.
const SUMMARY_BYTES: u64 = 64 << 20;

/// What a file is.
enum Kind {
    Parquet,
    Container,
    Stream,
    Map,
    Other,
}

/// Finds what lies at `path`.
///
/// # Errors
/// [`Error::Input`] if there is nothing that octaflow knows; [`Error::Machine`] if it cannot be read.
pub(in crate::lake) fn find(path: &Path) -> Result<Found> {
    let mut found = Found::default();
    let meta = fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => fault(path, "there is no such file or folder"),
        _ => refused(path, "opened", &e),
    })?;
    if meta.is_dir() {
        found.folder = true;
        found.folder(path, 0)?;
        if is_saved(path) {
            // Cells that are saved are not those of a result.
            let cells = found.tables.iter_mut().filter(|table| table.name == CELLS);
            cells.for_each(|table| table.name.clear());
        }
    } else {
        let alone = |files| Table {
            path: path.to_owned(),
            name: String::new(),
            files,
            log: None,
        };
        let file = path.to_owned();
        match kind(path)? {
            Kind::Parquet => found.tables.push(alone(vec![file])),
            Kind::Container => found.containers.push(file),
            Kind::Stream => found.streams.push(file),
            Kind::Map => found.maps.push(file),
            Kind::Other => {}
        }
    }
    if found.is_empty() {
        return Err(fault(
            path,
            "it holds nothing that octaflow knows: give a result or a table of it, a container, a Parquet file or a map",
        ));
    }
    Ok(found)
}

impl Found {
    fn is_empty(&self) -> bool {
        let files = [&self.containers, &self.streams, &self.maps];
        self.tables.is_empty()
            && self.saved.is_empty()
            && files.iter().all(|files| files.is_empty())
    }

    /// Adds what lies in a folder.
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return Err(fault(
                folder,
                format!("it lies more than {DEEPEST} folders deep"),
            ));
        }
        let whole = folder.canonicalize().unwrap_or(folder.to_owned());
        let only = number_of_checkpoint(&whole);
        if only.is_some() || is_checkpoints(folder) {
            let folder = match only {
                Some(_) => whole.parent().unwrap_or(folder),
                None => folder,
            };
            self.saved.push(Saved {
                folder: folder.to_owned(),
                only,
            });
            return Ok(());
        }
        if let Some((log, files)) = log::read(folder)? {
            self.tables.push(Table {
                path: folder.to_owned(),
                name: name_of(folder),
                files,
                log: Some(log),
            });
            return Ok(());
        }
        let mut parts = Vec::new();
        for (path, is_folder) in entries(folder)? {
            if is_folder {
                match name_of(&path).contains('=') {
                    true => parts_below(&path, &mut parts, depth + 1)?,
                    false => self.folder(&path, depth + 1)?,
                }
                continue;
            }
            if depth == 0 && name_of(&path) == crate::lake::SUMMARY {
                self.summary = Some(summary(&path)?);
                continue;
            }
            match kind(&path)? {
                Kind::Parquet => parts.push(path),
                Kind::Container => self.containers.push(path),
                Kind::Stream => self.streams.push(path),
                Kind::Map | Kind::Other => {}
            }
        }
        if !parts.is_empty() {
            self.tables.push(Table {
                path: folder.to_owned(),
                name: name_of(folder),
                files: parts,
                log: None,
            });
        }
        Ok(())
    }
}

/// True if `path` lies in a folder of checkpoints.
fn is_saved(path: &Path) -> bool {
    let whole = path.canonicalize().unwrap_or(path.to_owned());
    whole.ancestors().skip(1).take(3).any(is_checkpoints)
}

/// Adds the Parquet files of a folder `key=value` and of those in it.
fn parts_below(folder: &Path, parts: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Err(fault(
            folder,
            format!("it lies more than {DEEPEST} folders deep"),
        ));
    }
    for (path, is_folder) in entries(folder)? {
        if is_folder {
            parts_below(&path, parts, depth + 1)?;
        } else if matches!(kind(&path)?, Kind::Parquet) {
            parts.push(path);
        }
    }
    Ok(())
}

/// What is in a folder, sorted by name, each with whether it is a folder; names that begin with `.` or `_` are left
/// out, as readers of tables do.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let listed = |e: std::io::Error| refused(folder, "listed", &e);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(listed)? {
        let path = entry.map_err(listed)?.path();
        let hidden = name_of(&path).starts_with(['.', '_']);
        // What vanishes between two looks was not there, and what is no file or folder is not ours.
        match fs::metadata(&path) {
            Ok(meta) if !hidden && (meta.is_dir() || meta.is_file()) => {
                entries.push((path, meta.is_dir()));
            }
            _ => {}
        }
    }
    entries.sort();
    Ok(entries)
}

fn name_of(path: &Path) -> String {
    let name = path.canonicalize().ok();
    let name = name.as_deref().unwrap_or(path).file_name();
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// What a file is, by its first bytes, else by its name.
fn kind(path: &Path) -> Result<Kind> {
    let mut first = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(8).read_to_end(&mut first))
        .map_err(|e| refused(path, "read", &e))?;
    let by_bytes = match first.as_slice() {
        bytes if bytes.starts_with(b"PAR1") => Some(Kind::Parquet),
        bytes if bytes.starts_with(b"ARROW1") => Some(Kind::Container),
        b"OCTA3D\0\0" | b"OCTA3D2\0" => Some(Kind::Stream),
        _ => None,
    };
    Ok(by_bytes.unwrap_or_else(|| match extension(path).as_str() {
        "parquet" => Kind::Parquet,
        "arrow" => Kind::Container,
        "octa" => Kind::Stream,
        "bt" | "3dmap" | "npy" | "csv" => Kind::Map,
        _ => Kind::Other,
    }))
}

fn summary(path: &Path) -> Result<serde_json::Value> {
    let mut text = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(SUMMARY_BYTES).read_to_end(&mut text))
        .map_err(|e| refused(path, "read", &e))?;
    serde_json::from_slice(&text).map_err(|e| {
        Error::input(format!(
            "{}: it is not the JSON of a summary: {e}",
            path.display()
        ))
    })
}
