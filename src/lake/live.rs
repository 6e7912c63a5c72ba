//! What a run publishes while it goes on: the rows of a table of changes up to its newest checkpoint.
//!
//! Each time, a folder with all files of the table so far (as second names, nothing is copied) and its log with one
//! commit more is laid beside DIR and changes places with it in one rename. So whoever reads DIR, through the log or
//! through `*.parquet`, finds whole epochs. What DIR was stays aside for a while, as somebody may just have begun to list
//! it, and of a folder that is being removed a listing tells a part. A commit names the run and the number of its checkpoint: one that stands in
//! the log already is not made again.

use super::delta::{self, AddFile, Commit, Log, NewTable, TableMetadata};
use super::stage::Stage;
use super::{SUMMARY, fail, former, link, refused};
use crate::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long what DIR was stays aside: far longer than a listing of a folder takes.
const LISTING: Duration = Duration::from_secs(2);

/// How many former states of DIR stay aside at most. They share their files, so they take little room.
const MOST_ASIDE: usize = 64;

/// How long the end of a run waits for listings that have begun.
const LAST_LISTING: Duration = Duration::from_millis(100);

/// A file of a table that grows.
#[derive(Clone, Debug)]
pub struct LiveFile {
    /// Where it lies.
    pub from: PathBuf,
    /// Its path in the table.
    pub path: String,
    /// The number of the checkpoint that it belongs to.
    pub number: u64,
    /// The CRC-32 of its bytes.
    pub crc32: u32,
}

/// A table that a run adds to.
#[derive(Clone, Copy, Debug)]
pub struct LiveTable<'a> {
    /// The run's name, the same when it goes on after a kill.
    pub run: &'a str,
    /// The folder in the result.
    pub name: &'a str,
    /// All its files so far.
    pub files: &'a [LiveFile],
}

impl Stage {
    /// Publishes a table as it stands at a checkpoint, with a summary that says that the run goes on. What DIR was is
    /// replaced whole. For process 0.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if DIR now holds something else;
    /// [`Error::Machine`](crate::Error::Machine) if something cannot be written. DIR is as it was then.
    pub fn publish_so_far(&mut self, table: &LiveTable, summary_json: &str) -> Result<()> {
        let next = self.beside("next");
        if next.exists() {
            fs::remove_dir_all(&next).map_err(|e| refused(&next, "removed", &e))?;
        }
        let folder = next.join(table.name);
        self.lay(table, &folder)?;
        let summary = next.join(SUMMARY);
        let text = former::mark(summary_json)?;
        fs::write(&summary, text).map_err(|e| refused(&summary, "written", &e))?;
        fail::point();
        self.put_in_place(&next)?;
        fail::point();
        self.set_aside(&next)
    }

    /// Sets aside what DIR was, if it was anything, and removes what was set aside long ago.
    fn set_aside(&mut self, former: &Path) -> Result<()> {
        let (now, number) = (Instant::now(), self.replaced.back().map_or(0, |r| r.1));
        if former.exists() {
            let aside = self.aside(number + 1);
            fs::rename(former, &aside).map_err(|e| refused(former, "moved", &e))?;
            self.replaced.push_back((now, number + 1));
        }
        while let Some(&(since, number)) = self.replaced.front()
            && (now - since > LISTING || self.replaced.len() > MOST_ASIDE)
        {
            let aside = self.aside(number);
            fs::remove_dir_all(&aside).map_err(|e| refused(&aside, "removed", &e))?;
            self.replaced.pop_front();
        }
        Ok(())
    }

    fn aside(&self, number: u64) -> PathBuf {
        self.beside(&format!("replaced-{number}"))
    }

    /// Before all that was set aside is removed: gives those time who may still list it.
    pub(super) fn wait_for_listings(&self) {
        if !self.replaced.is_empty() {
            std::thread::sleep(LAST_LISTING);
        }
    }

    /// Lays the table with its log into the result that will be published in the end, so that the log goes on.
    ///
    /// # Errors
    /// As [`Stage::publish_so_far`].
    pub fn continue_log(&self, table: &LiveTable) -> Result<()> {
        let folder = self.folder(table.name)?;
        self.lay(table, &folder)
    }

    /// Lays out a table in `folder`: its files, the commits that DIR has of it, and those that it has not.
    fn lay(&self, table: &LiveTable, folder: &Path) -> Result<()> {
        let app = format!("octaflow-{}", table.run);
        let published = self.target().join(table.name);
        let log = folder.join(delta::LOG_FOLDER);
        fs::create_dir_all(&log).map_err(|e| refused(&log, "created", &e))?;
        let mut done = None;
        let mut version = 0;
        if delta::is_table(&published) {
            let former = Log::read(&published, None)?;
            done = former.transaction(&app).map(|number| number as u64);
            if done.is_some() {
                version = former.version() + 1;
                copy_log(&published.join(delta::LOG_FOLDER), &log)?;
            }
        }
        for file in table.files {
            let to = folder.join(&file.path);
            if !to.exists() {
                link(&file.from, &to)?;
            }
        }
        let mut numbers: Vec<u64> = table.files.iter().map(|f| f.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers.into_iter().filter(|&n| done.is_none_or(|d| n > d)) {
            let files = table.files.iter().filter(|f| f.number == number);
            let add: Result<Vec<AddFile>> = files
                .clone()
                .map(|f| AddFile::of_sealed_file(folder, &f.path, Some(f.crc32)))
                .collect();
            let new = NewTable {
                run: table.run,
                name: table.name,
            };
            let metadata = match (version, files.clone().next()) {
                (0, Some(first)) => Some(TableMetadata::of_file(folder, &first.path, &new)?),
                _ => None,
            };
            let commit = Commit {
                operation: if version == 0 {
                    "CREATE TABLE"
                } else {
                    "WRITE"
                },
                add: add?,
                txn: Some((app.clone(), number as i64)),
                metadata,
                ..Commit::default()
            };
            fail::point();
            delta::commit(folder, version, &commit)?;
            version += 1;
        }
        Ok(())
    }
}

/// Gives the commits of a log a second name in another.
fn copy_log(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).map_err(|e| refused(from, "listed", &e))? {
        let path = entry.map_err(|e| refused(from, "listed", &e))?.path();
        if path.extension().is_some_and(|e| e == "json")
            && let Some(name) = path.file_name()
        {
            link(&path, &to.join(name))?;
        }
    }
    Ok(())
}
