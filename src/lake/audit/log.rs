//! The log of a Delta table held against the folder: that what it lists is there, and that it lists what is there.

use super::{RESTORE, fault};
use crate::Result;
use crate::lake::crc;
use crate::lake::delta::path::names_nothing;
use crate::lake::delta::{AddFile, Log, data_files, is_table};
use crate::lake::refused;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How many folders up a table is looked for around a file.
const LEVELS_UP: usize = 8;

/// The newest version of the table in `folder`, and where its files lie, each of which is there with the length that the
/// log says; `None` if the folder has no log.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) naming the commit or the file that is missing or damaged.
pub(super) fn read(folder: &Path) -> Result<Option<(Log, Vec<PathBuf>)>> {
    if !is_table(folder) {
        return Ok(None);
    }
    let log = Log::read_closely(folder)?;
    let files = log.files().map(|file| present(&log, file));
    let files = files.collect::<Result<_>>()?;
    Ok(Some((log, files)))
}

/// The path of a listed file, when it is there with its length.
fn present(log: &Log, file: &AddFile) -> Result<PathBuf> {
    let path = log.table().join(&file.path);
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() && meta.len() == file.size => Ok(path),
        Ok(meta) => {
            let what = format!(
                "it has {} bytes and should have the {} that the table's log says; {RESTORE}",
                meta.len(),
                file.size
            );
            Err(fault(&path, what))
        }
        Err(e) if names_nothing(&e) => {
            let version = log.version();
            let what = format!(
                "it is missing, but version {version} of the table's log lists it; {RESTORE}"
            );
            Err(fault(&path, what))
        }
        Err(e) => Err(refused(&path, "opened", &e)),
    }
}

/// Checks that every data file in the table's folders is one that the log knows, or once knew. A log that begins with
/// another writer's checkpoint has forgotten what was removed long ago: of such a table any file may be there.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) naming the first file that no commit names.
pub(super) fn check_unnamed(log: &Log) -> Result<()> {
    if !log.is_whole() {
        return Ok(());
    }
    let removed: BTreeSet<&str> = log.removed_files().collect();
    let stray = data_files(log.table())?
        .into_iter()
        .find(|path| log.file(path).is_none() && !removed.contains(path.as_str()));
    match stray {
        None => Ok(()),
        Some(path) => Err(fault(
            &log.table().join(path),
            format!(
                "no commit of the table's log names it, whose newest version is {}: a newer commit is missing, or the \
                 file does not belong here; restore the commit from a copy, or move the file away",
                log.version()
            ),
        )),
    }
}

/// The CRC-32 that logs tell of data files.
#[derive(Debug, Default)]
pub(super) struct Checksums(BTreeMap<PathBuf, std::result::Result<u32, String>>);

impl Checksums {
    /// Those of the files of `log`.
    pub fn of(log: &Log) -> Self {
        let told = log.files().filter_map(|file| {
            let crc32 = file.crc32()?.map_err(str::to_owned);
            Some((log.table().join(&file.path), crc32))
        });
        Checksums(told.collect())
    }

    /// Those of files that are looked at without their table, but lie in one whose log can be read.
    pub fn around(files: &[PathBuf]) -> Self {
        let whole = files.first().and_then(|file| file.canonicalize().ok());
        let mut above = whole.iter().flat_map(|file| file.ancestors()).skip(1);
        let table = above.by_ref().take(LEVELS_UP).find(|f| is_table(f));
        let Some(log) = table.and_then(|table| Log::read(table, None).ok()) else {
            return Checksums::default();
        };
        let mut told = Checksums::of(&log);
        let named = files.iter().filter_map(|file| {
            let crc32 = told.0.remove(&file.canonicalize().ok()?)?;
            Some((file.clone(), crc32))
        });
        Checksums(named.collect())
    }

    /// Checks the bytes of a file, if its CRC-32 is told.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the file has another.
    pub fn check(&self, path: &Path) -> Result<()> {
        let Some(told) = self.0.get(path) else {
            return Ok(());
        };
        let (_, found) = crc::of_file(path)?;
        let right = match told {
            Ok(told) if *told == found => return Ok(()),
            Ok(told) => format!("{told:08x}"),
            Err(text) => format!("{text:?}, which is none"),
        };
        let what = format!(
            "its CRC-32 is {found:08x} where the table's log says {right}: it was damaged or changed; {RESTORE}"
        );
        Err(fault(path, what))
    }
}
