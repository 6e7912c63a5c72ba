//! What a log folder holds, and which of it makes up a version.

use super::{LOG_FOLDER, commit_path};
use crate::lake::refused;
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The versions in a log folder.
pub(super) struct Listing {
    table: PathBuf,
    commits: BTreeSet<u64>,
    /// The readable checkpoints that are whole, and their files.
    checkpoints: BTreeMap<u64, Vec<PathBuf>>,
    /// Versions whose checkpoint is of a kind that is not read.
    others: BTreeSet<u64>,
}

/// What makes up a version.
pub(super) struct Way<'a> {
    /// A checkpoint to start with, and its files.
    pub checkpoint: Option<(u64, &'a [PathBuf])>,
    /// The commits to replay after it.
    pub commits: RangeInclusive<u64>,
}

/// A checkpoint's part: its number of all.
type Part = (u32, u32);

enum Entry {
    Commit(u64),
    Checkpoint(u64, Part),
    OtherCheckpoint(u64),
}

impl Entry {
    /// What a name in a log folder stands for, if it is a name of the format's.
    fn of(name: &str) -> Option<Entry> {
        let digits = name.get(..20).filter(|d| is_digits(d))?;
        let version: u64 = digits.parse().ok()?;
        i64::try_from(version).ok()?;
        let rest = &name[20..];
        if rest == ".json" {
            return Some(Entry::Commit(version));
        }
        let kind = rest.strip_prefix(".checkpoint.")?;
        if kind == "parquet" {
            return Some(Entry::Checkpoint(version, (1, 1)));
        }
        let part = kind.strip_suffix(".parquet").and_then(|numbers| {
            let (part, of) = numbers.split_once('.')?;
            let both = is_digits(part) && is_digits(of);
            Some((part.parse().ok()?, of.parse().ok()?)).filter(|_| both)
        });
        Some(match part {
            Some(part) => Entry::Checkpoint(version, part),
            None => Entry::OtherCheckpoint(version),
        })
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

impl Listing {
    /// Lists the log of a table.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no log or it has no version; [`Error::Machine`] if it cannot be listed.
    pub(super) fn of(table: &Path) -> Result<Self> {
        let log = table.join(LOG_FOLDER);
        if !log.is_dir() {
            return Err(Error::input(format!(
                "{} is no Delta table: it should have a folder {LOG_FOLDER}",
                table.display()
            )));
        }
        let mut listing = Listing {
            table: table.to_owned(),
            commits: BTreeSet::new(),
            checkpoints: BTreeMap::new(),
            others: BTreeSet::new(),
        };
        let mut parts: BTreeMap<(u64, u32), BTreeMap<u32, PathBuf>> = BTreeMap::new();
        for entry in std::fs::read_dir(&log).map_err(|e| refused(&log, "listed", &e))? {
            let entry = entry.map_err(|e| refused(&log, "listed", &e))?;
            match entry.file_name().to_str().and_then(Entry::of) {
                Some(Entry::Commit(version)) => {
                    listing.commits.insert(version);
                }
                Some(Entry::Checkpoint(version, (part, of))) => {
                    let of = parts.entry((version, of)).or_default();
                    of.insert(part, entry.path());
                }
                Some(Entry::OtherCheckpoint(version)) => {
                    listing.others.insert(version);
                }
                None => {}
            }
        }
        for ((version, of), files) in parts {
            let whole =
                files.len() as u64 == u64::from(of) && files.keys().all(|&p| p >= 1 && p <= of);
            if whole {
                let files = files.into_values().collect();
                listing.checkpoints.entry(version).or_insert(files);
            }
        }
        if listing.last().is_none() {
            return Err(Error::input(format!(
                "{} holds no version: it should have 00000000000000000000.json",
                log.display()
            )));
        }
        Ok(listing)
    }

    /// The newest version.
    pub(super) fn last(&self) -> Option<u64> {
        let checkpoint = self.checkpoints.keys().next_back();
        self.commits.iter().next_back().max(checkpoint).copied()
    }

    /// The file of a commit.
    pub(super) fn commit(&self, version: u64) -> PathBuf {
        commit_path(&self.table, version)
    }

    /// What to replay up to `version`: all commits if they are there, else the newest checkpoint and those after it.
    ///
    /// # Errors
    /// [`Error::Input`] naming the commit that is missing.
    pub(super) fn way_to(&self, version: u64) -> Result<Way<'_>> {
        let gap = |from: u64| (from..=version).rev().find(|v| !self.commits.contains(v));
        let Some(missing) = gap(0) else {
            return Ok(Way {
                checkpoint: None,
                commits: 0..=version,
            });
        };
        let checkpoint = self.checkpoints.range(missing..=version).next_back();
        if let Some((&start, files)) = checkpoint {
            return Ok(Way {
                checkpoint: Some((start, files)),
                commits: start + 1..=version,
            });
        }
        let table = self.table.display();
        let newer = self.checkpoints.keys().next();
        if let Some(newer) = newer.filter(|&&newer| newer > version) {
            return Err(Error::input(format!(
                "version {version} of {table} cannot be read any more: its log starts at version {newer}"
            )));
        }
        if let Some(other) = self.others.range(missing..=version).next() {
            return Err(Error::input(format!(
                "{table}: version {other} has a checkpoint of the format's second kind, which octaflow does not \
                 read; a classic one, or all commits from 0 on, should be there"
            )));
        }
        Err(Error::input(format!(
            "{table}: version {missing} is missing from its log, without which version {version} cannot be known; the file {missing:020}.json \
             should be restored from a copy"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let kind = |name: &str| match Entry::of(name) {
            Some(Entry::Commit(v)) => format!("commit {v}"),
            Some(Entry::Checkpoint(v, (part, of))) => format!("checkpoint {v} {part}/{of}"),
            Some(Entry::OtherCheckpoint(v)) => format!("other {v}"),
            None => "nothing".to_owned(),
        };
        let digits = "00000000000000000012";
        for (name, expected) in [
            (format!("{digits}.json"), "commit 12"),
            (format!("{digits}.checkpoint.parquet"), "checkpoint 12 1/1"),
            (
                format!("{digits}.checkpoint.0000000002.0000000003.parquet"),
                "checkpoint 12 2/3",
            ),
            (
                format!("{digits}.checkpoint.80a083e8-7026-4e79.json"),
                "other 12",
            ),
            (format!("{digits}.crc"), "nothing"),
            (format!(".{digits}.json.host-1-2.tmp"), "nothing"),
            ("99999999999999999999.json".to_owned(), "nothing"),
            ("_last_checkpoint".to_owned(), "nothing"),
            ("äöüäöüäöüäöüäöü.json".to_owned(), "nothing"),
        ] {
            assert_eq!(kind(&name), expected, "{name}");
        }
    }
}
