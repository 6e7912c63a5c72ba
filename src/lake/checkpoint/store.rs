//! The folder of checkpoints.

use super::manifest::{FileEntry, Manifest, RunRecord, file_entry};
use crate::lake::{fail, refused};
use crate::{Error, Result};
use rustc_hash::FxHashSet;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub(super) const RUN: &str = "run.json";
const LOCK: &str = "lock";
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const DRAFT: &str = ".draft";

/// The folder of checkpoints of one run; see [`super`].
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    record: RunRecord,
    newest: Option<Manifest>,
    /// What the second newest checkpoint is made of.
    kept: FxHashSet<String>,
    /// Held by process 0 for as long as it writes here.
    _lock: Option<File>,
}

impl Checkpoints {
    /// Checks that a run can keep its checkpoints in `folder`: it is absent, empty, or has those of a run that is
    /// complete. Nothing is created or changed.
    ///
    /// # Errors
    /// [`Error::Input`] if it is something else.
    pub fn check_target(folder: &Path) -> Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) if e.kind() == ErrorKind::NotADirectory => {
                return Err(Error::input(format!(
                    "--checkpoint {} is a file; give a folder that is absent or empty",
                    folder.display()
                )));
            }
            Err(e) => return Err(refused(folder, "opened", &e)),
        };
        let mut others = entries.flatten().map(|entry| entry.path());
        let foreign = others.find(|path| !is_ours(path));
        if let Some(foreign) = foreign {
            return Err(Error::input(format!(
                "--checkpoint {} holds {}, which is none of octaflow's checkpoints; give a folder that is absent or empty",
                folder.display(),
                foreign.file_name().unwrap_or_default().to_string_lossy()
            )));
        }
        match RunRecord::read(&folder.join(RUN)) {
            Ok(record) if !record.complete => Err(Error::input(format!(
                "--checkpoint {0} holds a run that is not complete: go on with octaflow resume {0}, or remove the folder",
                folder.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Begins the checkpoints of a new run, in place of those of a complete one. For process 0, before others look.
    ///
    /// # Errors
    /// As [`Checkpoints::check_target`]; [`Error::Machine`] if the folder cannot be written;
    /// [`Error::Input`] if another run is writing there.
    pub fn begin(folder: &Path, record: RunRecord) -> Result<Self> {
        Self::check_target(folder)?;
        fs::create_dir_all(folder).map_err(|e| refused(folder, "created", &e))?;
        let lock = lock(folder)?;
        for entry in list(folder)? {
            if entry.file_name() != Some(LOCK.as_ref()) {
                fail::point();
                remove(&entry)?;
            }
        }
        let checkpoints = Checkpoints {
            folder: folder.to_owned(),
            record,
            newest: None,
            kept: FxHashSet::default(),
            _lock: Some(lock),
        };
        checkpoints.write_record()?;
        Ok(checkpoints)
    }

    /// Opens the checkpoints of a run that is to go on; `leads` for process 0, which is to write there.
    ///
    /// # Errors
    /// [`Error::Input`] if the folder holds no run, if it is damaged, or if another run is writing there;
    /// [`Error::Machine`] if it cannot be read.
    pub fn open(folder: &Path, leads: bool) -> Result<Self> {
        let record = Self::record_of(folder)?;
        let lock = if leads { Some(lock(folder)?) } else { None };
        let mut numbers: Vec<u64> = list(folder)?.iter().filter_map(|p| number_of(p)).collect();
        numbers.sort_unstable();
        let mut whole = numbers.iter().rev().map(|&number| read(folder, number));
        let mut newest = None;
        let mut kept = FxHashSet::default();
        let mut damage = None;
        for found in &mut whole {
            match found {
                Ok(manifest) => {
                    newest = Some(manifest);
                    break;
                }
                Err(error) => damage = damage.or(Some(error)),
            }
        }
        if let (None, Some(damage)) = (&newest, damage) {
            return Err(damage);
        }
        if let Some(Ok(second)) = whole.next() {
            kept = second.files().map(|f| f.path.clone()).collect();
        }
        Ok(Checkpoints {
            folder: folder.to_owned(),
            record,
            newest,
            kept,
            _lock: lock,
        })
    }

    /// The run whose checkpoints `folder` has.
    ///
    /// # Errors
    /// [`Error::Input`] if it has none, or if its record is damaged.
    pub fn record_of(folder: &Path) -> Result<RunRecord> {
        if !folder.join(RUN).is_file() {
            return Err(Error::input(format!(
                "{} holds no checkpoints: it should be a folder that was given to --checkpoint",
                folder.display()
            )));
        }
        RunRecord::read(&folder.join(RUN))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The run that the checkpoints are of.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// The newest whole checkpoint.
    pub fn newest(&self) -> Option<&Manifest> {
        self.newest.as_ref()
    }

    /// The number of the checkpoint that is to be written next.
    pub fn next_number(&self) -> u64 {
        self.newest
            .as_ref()
            .map_or(1, |m| m.number.saturating_add(1))
    }

    /// Removes drafts that a killed run has left, and damaged checkpoints. For process 0, before workers write.
    ///
    /// # Errors
    /// [`Error::Machine`] if something cannot be removed.
    pub fn remove_drafts(&self) -> Result<()> {
        for path in list(&self.folder)? {
            let newer = number_of(&path).is_some_and(|n| n >= self.next_number());
            if newer || path.extension().is_some_and(|e| e == &DRAFT[1..]) {
                fail::point();
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// The folder `name` in the draft of checkpoint `number`, created if it is not there, and its path in the folder
    /// of checkpoints once that is committed.
    ///
    /// # Errors
    /// [`Error::Machine`] if it cannot be created.
    pub fn draft(folder: &Path, number: u64, name: &str) -> Result<(PathBuf, String)> {
        let draft = folder.join(format!("{number:06}{DRAFT}")).join(name);
        fs::create_dir_all(&draft).map_err(|e| refused(&draft, "created", &e))?;
        Ok((draft, format!("{number:06}/{name}")))
    }

    /// The entry of the file `file` of [`Checkpoints::draft`]'s folder, finished and with `rows` rows, as it will stand
    /// in the checkpoint.
    ///
    /// # Errors
    /// [`Error::Machine`] if it cannot be read.
    pub fn entry(
        folder: &Path,
        number: u64,
        name: &str,
        file: &str,
        rows: u64,
    ) -> Result<FileEntry> {
        let (draft, place) = Self::draft(folder, number, name)?;
        let entry = file_entry(&draft, file, rows)?;
        Ok(FileEntry {
            path: format!("{place}/{file}"),
            ..entry
        })
    }

    /// Commits the next checkpoint: its files lie in the draft, finished and synced. What older checkpoints alone
    /// need is removed.
    ///
    /// # Errors
    /// [`Error::Machine`] if something cannot be written; then the checkpoint before stays the newest.
    pub fn commit(&mut self, manifest: Manifest) -> Result<()> {
        let number = manifest.number;
        let draft = self.folder.join(format!("{number:06}{DRAFT}"));
        fs::create_dir_all(&draft).map_err(|e| refused(&draft, "created", &e))?;
        manifest.write(&draft.join(MANIFEST))?;
        for folder in list(&draft)?.iter().filter(|p| p.is_dir()) {
            fail::point();
            sync(folder)?;
        }
        fail::point();
        sync(&draft)?;
        fail::point();
        let whole = self.folder.join(format!("{number:06}"));
        fs::rename(&draft, &whole).map_err(|e| refused(&whole, "committed", &e))?;
        fail::point();
        sync(&self.folder)?;
        let former = self.newest.replace(manifest);
        self.kept = former
            .iter()
            .flat_map(|m| m.files().map(|f| f.path.clone()))
            .collect();
        self.prune(former.map(|m| m.number))
    }

    /// Notes that the run is complete, and removes what it would have gone on from.
    ///
    /// # Errors
    /// [`Error::Machine`] if something cannot be written.
    pub fn complete(&mut self) -> Result<()> {
        self.record.complete = true;
        self.write_record()?;
        Self::tidy(&self.folder)
    }

    /// Removes what a run that is complete has left in `folder` beside its record.
    ///
    /// # Errors
    /// [`Error::Machine`] if something cannot be removed.
    pub fn tidy(folder: &Path) -> Result<()> {
        for path in list(folder)? {
            if path.is_dir() || path.extension().is_some_and(|e| e == &DRAFT[1..]) {
                fail::point();
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes the files that neither the newest manifest nor the second newest names, and manifests before these.
    fn prune(&self, second: Option<u64>) -> Result<()> {
        let newest = self.newest.as_ref().expect("one was committed");
        let named: FxHashSet<&str> = newest
            .files()
            .map(|f| f.path.as_str())
            .chain(self.kept.iter().map(String::as_str))
            .collect();
        for folder in list(&self.folder)? {
            let Some(number) = number_of(&folder) else {
                continue;
            };
            let stays = number == newest.number || Some(number) == second;
            if !stays {
                // Without its manifest a folder is no checkpoint, only a place for files of later ones.
                remove_if_there(&folder.join(MANIFEST))?;
            }
            for inner in list(&folder)?.into_iter().filter(|p| p.is_dir()) {
                for file in list(&inner)? {
                    let path = file.strip_prefix(&self.folder).unwrap_or(&file);
                    if !named.contains(&*path.to_string_lossy()) {
                        fail::point();
                        remove_if_there(&file)?;
                    }
                }
                let _ = fs::remove_dir(&inner);
            }
            let _ = fs::remove_dir(&folder);
        }
        Ok(())
    }

    fn write_record(&self) -> Result<()> {
        let draft = self.folder.join(format!("{RUN}{DRAFT}"));
        let whole = self.folder.join(RUN);
        self.record.write(&draft)?;
        fail::point();
        fs::rename(&draft, &whole).map_err(|e| refused(&whole, "written", &e))?;
        fail::point();
        sync(&self.folder)
    }
}

/// Reads a checkpoint and checks that its files are there and sound.
fn read(folder: &Path, number: u64) -> Result<Manifest> {
    let manifest = read_manifest(folder, number)?;
    manifest.files().try_for_each(|file| file.check(folder))?;
    Ok(manifest)
}

/// Reads what a checkpoint is made of, and checks that it names files of its own.
pub(super) fn read_manifest(folder: &Path, number: u64) -> Result<Manifest> {
    let path = folder.join(format!("{number:06}")).join(MANIFEST);
    let manifest = Manifest::read(&path)?;
    let ours = |file: &FileEntry| {
        let (written, ..) = file.place()?;
        let plain = Path::new(&file.path)
            .components()
            .all(|c| matches!(c, std::path::Component::Normal(_)));
        (plain && written <= number).then_some(())
    };
    if manifest.number != number || !manifest.files().all(|f| ours(f).is_some()) {
        return Err(Error::input(format!(
            "{} names files that are none of its own: it should be as octaflow wrote it",
            path.display()
        )));
    }
    Ok(manifest)
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|e| refused(&path, "opened", &e))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::input(format!(
            "{} is in use by another run; wait for its end or give another folder",
            folder.display()
        ))),
        // Where the file system knows no locks, nobody can be kept out.
        _ => Ok(file),
    }
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    let stem = name.strip_suffix(DRAFT).unwrap_or(name);
    stem == RUN || name == LOCK || stem.len() >= 6 && stem.bytes().all(|c| c.is_ascii_digit())
}

/// The number of the checkpoint whose folder `path` is.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    (path.is_dir() && name.len() >= 6).then(|| name.parse().ok())?
}

pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|e| refused(folder, "listed", &e))?;
    let paths = entries.map(|entry| entry.map(|e| e.path()));
    paths
        .collect::<std::io::Result<_>>()
        .map_err(|e| refused(folder, "listed", &e))
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.map_err(|e| refused(path, "removed", &e))
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(refused(path, "removed", &e)),
        _ => Ok(()),
    }
}

fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|e| refused(path, "synced", &e))
}
