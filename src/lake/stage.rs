//! Where a run's files grow until they are published whole.

use super::{SUMMARY, WrittenFile, former, lease, refused, tables};
use crate::{Error, Result};
use rustix::fs::{Access, CWD, RenameFlags, access, renameat_with};
use rustix::io::Errno;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A folder `.NAME.octaflow-RUN` beside the target DIR, the same for every process of a run.
///
/// ```text
/// .NAME.octaflow-RUN/result/…       what becomes DIR
/// .NAME.octaflow-RUN/host-HOSTNAME  locked by every process of the run on that host, as long as it lives
/// ```
///
/// Invariant: nothing under DIR changes before [`Stage::publish`], and then all of it in one rename. Process 0
/// removes the stage when it is dropped, published or not; what a killed run left is removed by the next run that
/// opens a stage for the same DIR on the same host, and only if no process holds its lock.
#[derive(Debug)]
pub struct Stage {
    target: PathBuf,
    folder: PathBuf,
    run: String,
    leads: bool,
    published: bool,
    /// Parents of DIR that did not exist before, the deepest first.
    new_parents: Vec<PathBuf>,
    /// The CRC-32 of files of the result, from their writing.
    checksums: BTreeMap<String, u32>,
    /// What DIR was while the run went on: since when it is set aside, and its number there.
    pub(super) replaced: VecDeque<(Instant, u64)>,
    _lock: File,
}

impl Stage {
    /// Checks that a result can be published as `dir`: it is absent, empty or a former result, and what is beside it
    /// can be written. Nothing is created or changed.
    ///
    /// # Errors
    /// [`Error::Input`] if `dir` is something else, naming what was found; [`Error::Machine`] if the folder that
    /// holds it cannot be written.
    pub fn check_target(dir: &Path) -> Result<()> {
        match fs::metadata(dir) {
            Ok(meta) if meta.is_dir() => {
                let target = fs::canonicalize(dir).map_err(|e| refused(dir, "opened", &e))?;
                let Some(parent) = target.parent().filter(|_| !is_mount_point(&target)) else {
                    return Err(Error::input(format!(
                        "--out {} is the root of a file system and cannot be replaced; give a folder inside it",
                        dir.display()
                    )));
                };
                former::check(dir)?;
                check_writable(parent)
            }
            Ok(_) => Err(not_a_folder(dir, dir)),
            Err(e) if e.kind() == ErrorKind::NotFound && !is_link(dir) => check_absent(dir),
            Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::input(format!(
                "--out {} is a link to nothing; give a folder that is absent, empty or a former result",
                dir.display()
            ))),
            Err(e) if e.kind() == ErrorKind::NotADirectory => check_absent(dir),
            Err(e) => Err(refused(dir, "opened", &e)),
        }
    }

    /// Opens the stage of run `run` for the target `dir`, creating it and missing parents of `dir`; every process of
    /// the run calls this with the same `run`, a name that no other run has ever had. Process 0 also removes the
    /// stages of runs that were killed, publishes, and cleans up.
    ///
    /// # Errors
    /// [`Error::Input`] if `run` has a character other than ASCII letters, digits, `-` and `_`, or `dir` has no
    /// name; [`Error::Machine`] if a folder cannot be created.
    pub fn open(dir: &Path, run: &str, process: usize) -> Result<Stage> {
        if !is_run_name(run) {
            return Err(Error::input(format!(
                "the run's name {run:?} must be ASCII letters, digits, - and _"
            )));
        }
        let new_parents = missing_parents(dir);
        let target = resolve(dir)?;
        let prefix = stage_prefix(&target);
        let folder = target.with_file_name(format!("{prefix}{run}"));
        let lock = lease::enter(&folder)?;
        let stage = Stage {
            target,
            folder,
            run: run.to_owned(),
            leads: process == 0,
            published: false,
            new_parents,
            checksums: BTreeMap::new(),
            replaced: VecDeque::new(),
            _lock: lock,
        };
        if stage.leads {
            stage.remove_stale(&prefix);
        }
        Ok(stage)
    }

    /// The folder `name` of the result (`field`, `field_changes`, `cells/lod=15`, …), created if it is not there.
    ///
    /// # Errors
    /// [`Error::Machine`] if it cannot be created.
    ///
    /// # Panics
    /// If a result has no folder of that name.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        assert!(
            former::FOLDERS.contains(&name.split('/').next().unwrap_or_default()),
            "{name} is a folder of results"
        );
        let folder = self.result().join(name);
        fs::create_dir_all(&folder).map_err(|e| refused(&folder, "created", &e))?;
        Ok(folder)
    }

    /// Checks that process 0 sees every file that the workers of all processes report, each with its path inside the
    /// result (`field/part-00000.parquet`), and notes their CRC-32 for the logs.
    ///
    /// # Errors
    /// [`Error::Machine`] naming a file that is missing or has another length, as happens when the processes do not
    /// share the file system.
    pub fn verify(&mut self, files: &[WrittenFile]) -> Result<()> {
        for file in files {
            let path = self.result().join(&file.path);
            let seen = fs::metadata(&path).map(|meta| meta.len());
            if !matches!(seen, Ok(len) if len == file.bytes) {
                return Err(Error::machine(format!(
                    "{} should have {} bytes but {}; --out must lie on a file system that all processes share",
                    path.display(),
                    file.bytes,
                    seen.map_or_else(|e| e.to_string(), |len| format!("has {len}")),
                )));
            }
            self.checksums.insert(file.path.clone(), file.crc32);
        }
        Ok(())
    }

    /// Publishes the result, with `summary_json` (an object) as its `summary.json`: process 0 calls this when every
    /// file of every process is finished. Each folder becomes a Delta table of one version; all is synced, then becomes DIR in one rename: a former result and the new
    /// one change places, and the former one is removed. If DIR was the current folder, a shell there still shows
    /// the removed one until `cd .`.
    ///
    /// Where the file system cannot exchange two folders, the former result is moved aside first, and DIR is absent
    /// for the moment between two renames.
    ///
    /// # Errors
    /// [`Error::Input`] if DIR now holds something else, or the summary is not a JSON object; [`Error::Machine`] if
    /// something cannot be written. DIR is as it was then.
    pub fn publish(mut self, summary_json: &str) -> Result<()> {
        assert!(self.leads, "process 0 publishes");
        let summary = self.result().join(SUMMARY);
        let text = former::mark(summary_json)?;
        File::create(&summary)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|e| refused(&summary, "written", &e))?;
        tables::create_logs(&self.result(), &self.run, &self.checksums)?;
        self.put_in_place(&self.result())?;
        self.published = true;
        Ok(())
    }

    /// Puts the result, a table that has its log, in the place of the table that is DIR: they change places in
    /// one rename, which a second call undoes. What was DIR is [`Stage::result`] then, until the stage is dropped.
    ///
    /// # Errors
    /// [`Error::Machine`] if something cannot be written or the file system cannot exchange two folders. DIR is as it
    /// was then.
    pub(super) fn exchange(&mut self) -> Result<()> {
        let (result, target) = (self.result(), &self.target);
        renameat_with(CWD, &result, CWD, target, RenameFlags::EXCHANGE)
            .map_err(|e| refused(target, "exchanged", &e))?;
        self.published = !self.published;
        sync(self.target.parent().unwrap_or(&self.target))
    }

    /// Waits until the disk has the result.
    pub(super) fn sync_result(&self) -> Result<()> {
        sync_tree(&self.result())
    }

    /// Moves the files of the tables that hold one moment into a hive folder of its time, `time=T`; tables with times or
    /// steps of their own stay as they are. Process 0 calls this when every file of every process is finished.
    ///
    /// # Errors
    /// [`Error::Machine`] if something cannot be moved.
    pub fn divide_by_time(&mut self, time: i64) -> Result<()> {
        tables::divide_by_time(&self.result(), time, &mut self.checksums)
    }

    /// Where the result grows; after [`Stage::exchange`], where the former one is.
    pub(super) fn result(&self) -> PathBuf {
        self.folder.join("result")
    }

    /// A folder beside the result in the stage.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What becomes the result: DIR.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Has a folder that is whole become DIR, in one rename; a former result is there afterwards. The disk has both.
    pub(super) fn put_in_place(&self, whole: &Path) -> Result<()> {
        sync_tree(whole)?;
        self.replace_target(whole, &former::check)?;
        sync(self.target.parent().unwrap_or(&self.target))
    }

    fn replace_target(&self, result: &Path, check: &dyn Fn(&Path) -> Result<()>) -> Result<()> {
        let target = &self.target;
        let rename = |flags| renameat_with(CWD, result, CWD, target, flags);
        let mut renamed = rename(RenameFlags::NOREPLACE);
        if renamed == Err(Errno::EXIST) {
            check(target)?;
            renamed = rename(RenameFlags::EXCHANGE);
        }
        match renamed {
            Ok(()) => Ok(()),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                if target.exists() {
                    check(target)?;
                }
                replace_in_two_steps(result, target, &self.folder.join("former"))
                    .map_err(|e| refused(target, "replaced", &e))
            }
            Err(e) => Err(refused(target, "replaced", &e)),
        }
    }

    /// Removes the stages of the same target whose processes, all of this host, no longer live. A stage that cannot
    /// be removed is in nobody's way.
    fn remove_stale(&self, prefix: &str) {
        let beside = self
            .target
            .parent()
            .and_then(|parent| fs::read_dir(parent).ok());
        for entry in beside.into_iter().flatten().flatten() {
            let ours = entry.path() == self.folder;
            let name = entry.file_name();
            let run = name.to_str().and_then(|name| name.strip_prefix(prefix));
            if run.is_some_and(is_run_name) && !ours {
                let _ = lease::remove_if_dead(&entry.path());
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.leads {
            self.wait_for_listings();
            let _ = fs::remove_dir_all(&self.folder);
            if !self.published {
                self.new_parents
                    .iter()
                    .all(|parent| fs::remove_dir(parent).is_ok());
            }
        }
    }
}

fn is_run_name(run: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    !run.is_empty() && run.bytes().all(plain)
}

/// The start of the names of all stages of `target`.
fn stage_prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.octaflow-")
}

fn not_a_folder(dir: &Path, found: &Path) -> Error {
    Error::input(format!(
        "--out {} needs a folder, but {} is a file; give a folder that is absent, empty or a former result",
        dir.display(),
        found.display()
    ))
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}

/// Checks that an absent `dir` could be created.
fn check_absent(dir: &Path) -> Result<()> {
    name_of(dir)?;
    for ancestor in dir.ancestors().skip(1) {
        let ancestor = or_current(ancestor);
        match fs::metadata(ancestor) {
            Ok(meta) if meta.is_dir() => return check_writable(ancestor),
            Ok(_) => return Err(not_a_folder(dir, ancestor)),
            Err(_) => continue,
        }
    }
    Err(refused(
        dir,
        "created",
        &io::Error::from(ErrorKind::NotFound),
    ))
}

fn check_writable(folder: &Path) -> Result<()> {
    access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|e| refused(folder, "written to", &e))
}

/// True if `folder` is where a file system is mounted: it can neither be renamed nor replaced.
fn is_mount_point(folder: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};
        if let Ok(stat) = statx(CWD, folder, AtFlags::empty(), StatxFlags::BASIC_STATS)
            && stat
                .stx_attributes_mask
                .contains(StatxAttributes::MOUNT_ROOT)
        {
            return stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
        }
    }
    let device = |path: &Path| fs::metadata(path).map(|meta| meta.dev()).ok();
    folder
        .parent()
        .is_none_or(|parent| device(parent) != device(folder))
}

fn or_current(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    }
}

fn name_of(dir: &Path) -> Result<&std::ffi::OsStr> {
    dir.file_name().ok_or_else(|| {
        Error::input(format!(
            "--out {} must end in the name of a folder or exist",
            dir.display()
        ))
    })
}

/// The parents of `dir` that do not exist, the deepest first.
fn missing_parents(dir: &Path) -> Vec<PathBuf> {
    dir.ancestors()
        .skip(1)
        .take_while(|parent| !or_current(parent).exists())
        .map(Path::to_owned)
        .collect()
}

/// The target free of links, `.` and `..`; missing parents are created.
fn resolve(dir: &Path) -> Result<PathBuf> {
    if let Ok(target) = fs::canonicalize(dir) {
        return Ok(target);
    }
    let name = name_of(dir)?;
    let parent = or_current(dir.parent().unwrap_or(dir));
    fs::create_dir_all(parent)
        .and_then(|()| fs::canonicalize(parent))
        .map(|parent| parent.join(name))
        .map_err(|e| refused(parent, "created", &e))
}

fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|e| refused(path, "synced", &e))
}

/// Waits until the disk has every file and folder under `folder`, and the folder itself.
fn sync_tree(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(|e| refused(folder, "listed", &e))? {
        let path = entry.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            sync(&path)?;
        }
    }
    sync(folder)
}

/// Moves what is at `target`, if anything, to `aside`, and `result` to `target`; undoes the first if the second fails.
fn replace_in_two_steps(result: &Path, target: &Path, aside: &Path) -> io::Result<()> {
    match fs::rename(target, aside) {
        Ok(()) => fs::rename(result, target).inspect_err(|_| {
            let _ = fs::rename(aside, target);
        }),
        Err(e) if e.kind() == ErrorKind::NotFound => fs::rename(result, target),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_replace_or_leave_all_as_it_was() {
        let base = std::env::temp_dir().join(format!("octaflow-two-steps-{}", std::process::id()));
        let path = |name: &str| base.join(name);
        for name in ["result", "target"] {
            fs::create_dir_all(path(name)).unwrap();
            fs::write(path(name).join("who"), name).unwrap();
        }
        let who = || fs::read_to_string(path("target").join("who")).unwrap();

        replace_in_two_steps(&path("missing"), &path("target"), &path("aside")).unwrap_err();
        assert_eq!(who(), "target");
        replace_in_two_steps(&path("result"), &path("target"), &path("aside")).unwrap();
        assert_eq!(who(), "result");
        replace_in_two_steps(&path("aside"), &path("absent"), &path("unused")).unwrap();
        assert!(path("absent").join("who").exists());
        fs::remove_dir_all(base).unwrap();
    }
}
