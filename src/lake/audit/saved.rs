//! Folders of checkpoints: told by their manifests, and checked file by file.

use super::check::{in_parallel, verify_container, verify_table};
use super::describe::{Description, SavedRun};
use super::find::{Saved, Table};
use super::{RESTORE, Sound, fault};
use crate::lake::checkpoint::{CELLS, FileEntry, Survey, survey};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Checks the checkpoints that a run may go on from: each manifest, the length and the CRC-32 of every file that it
/// names, and what is in them.
///
/// # Errors
/// [`Error::Input`] naming the first fault.
pub(super) fn verify(saved: &Saved, sound: &mut Sound) -> Result<()> {
    let Survey {
        checkpoints,
        drafts,
        spare,
        ..
    } = survey(&saved.folder, saved.only)?;
    let folder = &saved.folder;
    let mut files: BTreeMap<&str, &FileEntry> = BTreeMap::new();
    for manifest in &checkpoints {
        manifest.frame()?;
        for file in manifest.files() {
            let other = files.insert(&file.path, file);
            if other.is_some_and(|other| (other.bytes, other.crc32) != (file.bytes, file.crc32)) {
                let what = "two checkpoints say different lengths or checksums of it";
                return Err(fault(
                    &folder.join(&file.path),
                    format!("{what}; {RESTORE}"),
                ));
            }
        }
    }
    let entries: Vec<&FileEntry> = files.into_values().collect();
    in_parallel(&entries, |file| {
        let path = folder.join(&file.path);
        if !path.exists() {
            let what = "it is missing, but a checkpoint names it; restore it from a copy, or begin the run anew";
            return Err(fault(&path, what));
        }
        file.check(folder).map_err(|error| match error {
            Error::Input(text) => Error::input(format!(
                "{text}; restore the file from a copy, or begin the run anew"
            )),
            other => other,
        })
    })?;
    let mut tables: BTreeMap<(u64, &str), Vec<PathBuf>> = BTreeMap::new();
    for file in &entries {
        let path = folder.join(&file.path);
        match file.place() {
            Some((.., file)) if file.ends_with(".arrow") => verify_container(&path, sound)?,
            Some((number, name, _)) => tables.entry((number, name)).or_default().push(path),
            None => {}
        }
    }
    for ((number, name), files) in tables {
        let table = Table {
            path: folder.join(format!("{number:06}")).join(name),
            // Cells that are saved are not those of a result.
            name: if name == CELLS { "" } else { name }.to_owned(),
            files,
            log: None,
        };
        verify_table(&table, sound)?;
    }
    let records = checkpoints.len() as u64 + 1;
    sound.files += records;
    let manifests = checkpoints.iter().map(|m| saved.manifest(m.number));
    for path in manifests.chain([saved.record()]) {
        sound.bytes += std::fs::metadata(path).map_or(0, |meta| meta.len());
    }
    for path in &drafts {
        let what =
            "passed over: a checkpoint on its way, which a run is writing or a killed one left";
        sound.notes.push(format!("{}: {what}", path.display()));
    }
    if let Some(first) = spare.first() {
        sound.notes.push(format!(
            "{}: passed over, with {} more: files that no checkpoint needs which the run could go on from",
            first.display(),
            spare.len() - 1
        ));
    }
    Ok(())
}

/// Tells what the manifests say.
///
/// # Errors
/// [`Error::Input`] if one is damaged.
pub(super) fn describe(saved: &Saved) -> Result<Description> {
    let found = survey(&saved.folder, saved.only)?;
    let newest = found.checkpoints.first();
    let mut files: BTreeMap<&str, u64> = BTreeMap::new();
    for file in found.checkpoints.iter().flat_map(|m| m.files()) {
        files.insert(&file.path, file.bytes);
    }
    let frame = newest.map(|manifest| manifest.frame()).transpose()?;
    let record = &found.record;
    Ok(Description {
        path: saved.path().display().to_string(),
        kind: "checkpoints",
        files: files.len() as u64,
        bytes: files.values().sum(),
        bricks: newest.map(|manifest| manifest.bricks),
        frame: frame.map(Into::into),
        lod: newest.map(|manifest| manifest.lod),
        saved: Some(SavedRun {
            command: record.args.first().cloned().unwrap_or_default(),
            octaflow: record.octaflow.clone(),
            complete: record.complete,
            checkpoints: found.checkpoints.iter().map(|m| m.number).collect(),
            epochs: newest.map_or(0, |manifest| manifest.epochs),
            time: newest.map(|manifest| manifest.time),
            drafts: found.drafts.len() as u64,
        }),
        ..Description::default()
    })
}

impl Saved {
    fn record(&self) -> PathBuf {
        self.folder.join("run.json")
    }

    fn manifest(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:06}/manifest.json"))
    }

    /// What was named.
    fn path(&self) -> PathBuf {
        match self.only {
            Some(number) => self.folder.join(format!("{number:06}")),
            None => Path::new(&self.folder).to_owned(),
        }
    }
}
