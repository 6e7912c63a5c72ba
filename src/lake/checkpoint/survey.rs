//! What a folder of checkpoints holds, for who looks at it from outside: nothing is locked, removed or gone on with.

use super::manifest::{Manifest, RunRecord};
use super::store::{DRAFT, MANIFEST, RUN, list, number_of, read_manifest};
use crate::Result;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How a record of a run begins.
const SEALED: &[u8] = b"{\"crc32\":\"";

/// How many checkpoints a run keeps whole: those that it may go on from.
const KEPT: usize = 2;

/// What a folder of checkpoints holds.
#[derive(Debug)]
pub(in crate::lake) struct Survey {
    pub record: RunRecord,
    /// The checkpoints that a run may go on from, the newest first.
    pub checkpoints: Vec<Manifest>,
    /// What a killed run has left half written, or a run is writing.
    pub drafts: Vec<PathBuf>,
    /// Files that none of the checkpoints needs.
    pub spare: Vec<PathBuf>,
}

/// True if `folder` looks like a folder of checkpoints, however damaged.
pub(in crate::lake) fn is_folder(folder: &Path) -> bool {
    let mut first = Vec::new();
    let Ok(file) = File::open(folder.join(RUN)) else {
        return false;
    };
    let read = file.take(SEALED.len() as u64).read_to_end(&mut first);
    let numbered = || list(folder).is_ok_and(|all| all.iter().any(|p| number_of(p).is_some()));
    read.is_ok() && (first == SEALED || numbered())
}

/// The number of the checkpoint whose folder `path` is, if it is one: a part of a folder of checkpoints, with a
/// manifest.
pub(in crate::lake) fn number_of_checkpoint(path: &Path) -> Option<u64> {
    let number = number_of(path).filter(|_| path.join(MANIFEST).is_file())?;
    is_folder(path.parent()?).then_some(number)
}

/// Looks into a folder of checkpoints; `only` asks for one of them alone. Manifests are read, their files are not.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) if the run's record or a manifest is damaged;
/// [`Error::Machine`](crate::Error::Machine) if something cannot be read.
pub(in crate::lake) fn survey(folder: &Path, only: Option<u64>) -> Result<Survey> {
    let record = RunRecord::read(&folder.join(RUN))?;
    let mut numbers = Vec::new();
    let mut found = Survey {
        record,
        checkpoints: Vec::new(),
        drafts: Vec::new(),
        spare: Vec::new(),
    };
    let mut files = Vec::new();
    for path in list(folder)? {
        if path.extension().is_some_and(|e| e == &DRAFT[1..]) {
            found.drafts.extend(only.is_none().then_some(path));
        } else if let Some(number) = number_of(&path) {
            if path.join(MANIFEST).is_file() {
                numbers.push(number);
            }
            files_in(&path, &mut files)?;
        }
    }
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.retain(|number| only.is_none_or(|only| only == *number));
    for &number in numbers.iter().take(KEPT) {
        found.checkpoints.push(read_manifest(folder, number)?);
    }
    if only.is_none() {
        let manifests = found.checkpoints.iter();
        let named: BTreeSet<PathBuf> = manifests
            .flat_map(|m| m.files().map(|file| folder.join(&file.path)))
            .collect();
        files.retain(|path| !named.contains(path));
        found.spare = files;
    }
    found.drafts.sort();
    Ok(found)
}

/// Adds the files of tables and containers in the folder of a checkpoint.
fn files_in(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for path in list(folder)? {
        if path.is_dir() {
            files_in(&path, files)?;
        } else if path.file_name() != Some(MANIFEST.as_ref()) {
            files.push(path);
        }
    }
    Ok(())
}
