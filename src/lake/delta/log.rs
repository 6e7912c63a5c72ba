//! A version of a table, put together from its log.

use super::actions::{Action, Protocol};
use super::checkpoint;
use super::listing::Listing;
use super::own::{self, Source};
use super::time::ms_of;
use super::{AddFile, AsOf, FileStats, LOG_FOLDER, TableMetadata, commit_path, path};
use crate::lake::{crc, refused};
use crate::map::told;
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest line of a commit, in bytes: statistics of thousands of columns fit.
const LONGEST_LINE_BYTES: u64 = 64 << 20;

/// The newest version of the protocol for readers that is known, and the features of it without which a table reads
/// the same, or whose use is seen file by file.
const TABLE_FEATURES_VERSION: i64 = 3;
const READABLE_FEATURES: [&str; 5] = [
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "v2Checkpoint",
    "vacuumProtocolCheck",
];

/// The features of writers that moving rows between files respects by doing nothing.
const WRITABLE_FEATURES: [&str; 2] = ["appendOnly", "invariants"];

/// A version of a Delta table: what it is and which files it has.
#[derive(Clone, Debug)]
pub struct Log {
    table: PathBuf,
    version: u64,
    time_ms: i64,
    metadata: TableMetadata,
    protocol: Protocol,
    files: BTreeMap<String, AddFile>,
    removed: BTreeSet<String>,
    transactions: BTreeMap<String, i64>,
    whole: bool,
    sources: BTreeMap<String, Source>,
    metadata_source: Source,
    odd: Option<String>,
}

impl Log {
    /// Replays the log of `table` up to the newest version, or to the one that `as_of` names.
    ///
    /// Memory goes with the log's own bytes. Nothing but the log is read: whether the files are there is for
    /// [`Log::present_files`].
    ///
    /// # Errors
    /// [`Error::Input`] if there is no such table or version, if the log is damaged (naming file and line), if a path
    /// leaves the table, or if the table uses what octaflow does not read (naming it); [`Error::Machine`] if the log
    /// cannot be read.
    pub fn read(table: &Path, as_of: Option<AsOf>) -> Result<Log> {
        Log::read_as(table, as_of, false)
    }

    /// As [`Log::read`], of the newest version; octaflow's commits are held against the form in which it writes them,
    /// see [`Log::odd`].
    ///
    /// # Errors
    /// As there.
    pub(in crate::lake) fn read_closely(table: &Path) -> Result<Log> {
        Log::read_as(table, None, true)
    }

    fn read_as(table: &Path, as_of: Option<AsOf>, closely: bool) -> Result<Log> {
        let listing = Listing::of(table)?;
        let last = listing.last().expect("a listing has a version");
        let (version, until_ms) = match as_of {
            None => (last, i64::MAX),
            Some(AsOf::Version(version)) if version <= last => (version, i64::MAX),
            Some(AsOf::Version(version)) => {
                return Err(Error::input(format!(
                    "{} has no version {version}: its newest is {last}",
                    table.display()
                )));
            }
            Some(AsOf::TimeMs(ms)) => (last, ms),
        };
        let way = listing.way_to(version)?;
        let mut replay = Replay {
            whole: way.checkpoint.is_none(),
            ..Replay::default()
        };
        if let Some((at, files)) = way.checkpoint {
            for file in files {
                checkpoint::read(file, &mut |action| replay.restore(action))?;
            }
            replay.passed(at, file_time_ms(&files[0])?);
        }
        for version in way.commits {
            let path = listing.commit(version);
            let mut lines = closely.then(Vec::new);
            let actions = read_commit(&path, lines.as_mut())?;
            let told = actions
                .iter()
                .find_map(|a| a.commit_info.as_ref()?.timestamp);
            let time_ms = match told {
                Some(ms) => ms,
                None => file_time_ms(&path)?,
            };
            if time_ms > until_ms {
                break;
            }
            let source = Source {
                version: Some(version),
                own: own::is_own(&actions),
            };
            if source.own
                && replay.odd.is_none()
                && let Some(what) = lines.and_then(|lines| own::oddity(&actions, &lines))
            {
                replay.odd = Some(format!("{} {what}", path.display()));
            }
            replay.apply(actions, source);
            replay.passed(version, time_ms);
        }
        replay.finish(table, until_ms)
    }

    /// The number of the newest version of a table, whatever it holds.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no such table; [`Error::Machine`] if its log cannot be listed.
    pub fn newest_version(table: &Path) -> Result<u64> {
        Ok(Listing::of(table)?.last().expect("a listing has a version"))
    }

    /// The folder of the table.
    pub fn table(&self) -> &Path {
        &self.table
    }

    /// The number of this version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When this version was committed, in milliseconds since 1970: as its commit says, or else the time of the
    /// commit's file.
    pub fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// What the table is.
    pub fn metadata(&self) -> &TableMetadata {
        &self.metadata
    }

    /// The files of this version, by path.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &AddFile> {
        self.files.values()
    }

    /// The file of this version at a path relative to the table.
    pub fn file(&self, path: &str) -> Option<&AddFile> {
        self.files.get(path)
    }

    /// The paths of files that versions before this one had and this one has not; they may be gone.
    pub fn removed_files(&self) -> impl ExactSizeIterator<Item = &str> {
        self.removed.iter().map(String::as_str)
    }

    /// True if every commit from version 0 on was read: none was folded into a checkpoint, which forgets removed files.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Where the action is from that added the file at a path.
    pub(in crate::lake) fn source(&self, path: &str) -> Source {
        self.sources.get(path).copied().unwrap_or_default()
    }

    /// Where the action is from that says what the table is.
    pub(in crate::lake) fn metadata_source(&self) -> Source {
        self.metadata_source
    }

    /// The file with a commit, or the folder of the log for what another writer's checkpoint says.
    pub(in crate::lake) fn place_of(&self, source: Source) -> PathBuf {
        match source.version {
            Some(version) => commit_path(&self.table, version),
            None => self.table.join(LOG_FOLDER),
        }
    }

    /// The first line of a commit of octaflow's that is not as octaflow writes it, if the log was read closely.
    pub(in crate::lake) fn odd(&self) -> Option<&str> {
        self.odd.as_deref()
    }

    /// The newest transaction of an application that this version or one before it published.
    pub fn transaction(&self, application: &str) -> Option<i64> {
        self.transactions.get(application).copied()
    }

    /// The newest transaction of every application.
    pub fn transactions(&self) -> &BTreeMap<String, i64> {
        &self.transactions
    }

    /// How many rows the files have together, if the log tells it of each.
    pub fn rows(&self) -> Option<u64> {
        FileStats::rows_of(self.files().map(|file| &file.stats))
    }

    /// How many bytes the files have together.
    pub fn bytes(&self) -> u64 {
        self.files()
            .map(|file| file.size)
            .fold(0, u64::saturating_add)
    }

    /// Where the files of this version lie.
    ///
    /// # Errors
    /// [`Error::Input`] if one is gone or has another length, as when the table was compacted since.
    pub fn present_files(&self) -> Result<Vec<PathBuf>> {
        self.files().map(|file| self.present(file)).collect()
    }

    /// Where the files of this version lie, each of which has the bytes that its writer told the CRC-32 of, if it did.
    ///
    /// # Errors
    /// As [`Log::present_files`]; [`Error::Input`] naming a file that is damaged.
    pub fn sound_files(&self) -> Result<Vec<PathBuf>> {
        self.files().map(|file| self.sound(file)).collect()
    }

    /// Where a file of this version lies, as [`Log::sound_files`].
    ///
    /// # Errors
    /// As there.
    pub fn sound(&self, file: &AddFile) -> Result<PathBuf> {
        let place = self.present(file)?;
        match file.crc32() {
            Some(Ok(told)) => {
                let (_, found) = crc::of_file(&place)?;
                if found != told {
                    return Err(Error::input(format!(
                        "{} is damaged: its CRC-32 is {found:08x} and should be {told:08x}, as its table's log says; \
                         restore it from a copy, or compute it anew",
                        place.display()
                    )));
                }
                Ok(place)
            }
            _ => Ok(place),
        }
    }

    fn present(&self, file: &AddFile) -> Result<PathBuf> {
        let place = self.table.join(&file.path);
        let (table, version) = (self.table.display(), self.version);
        match std::fs::metadata(&place) {
            Ok(meta) if meta.is_file() && meta.len() == file.size => Ok(place),
            Ok(meta) => Err(Error::input(format!(
                "version {version} of {table} should have {} bytes in {}, but {} are there",
                file.size,
                file.path,
                meta.len()
            ))),
            Err(e) if path::names_nothing(&e) => Err(Error::input(format!(
                "version {version} of {table} cannot be read: its file {} is gone, as happens to versions before a \
                 compaction that did not --keep them; a newer version should be named",
                file.path
            ))),
            Err(e) => Err(refused(&place, "opened", &e)),
        }
    }

    /// Asserts that octaflow may write the next version, one that moves rows and changes none.
    ///
    /// # Errors
    /// [`Error::Input`] naming what the table demands of its writers.
    pub fn check_writable(&self) -> Result<()> {
        let protocol = &self.protocol;
        let unknown = match protocol.min_writer_version {
            ..=4 => None,
            7 => (protocol.writer_features.iter().flatten())
                .find(|feature| !WRITABLE_FEATURES.contains(&feature.as_str()))
                .map(|feature| format!("knows {:?}", told(feature))),
            version => Some(format!("knows version {version} of the protocol")),
        };
        match unknown {
            None => Ok(()),
            Some(what) => Err(Error::input(format!(
                "{} wants a writer that {what}, which octaflow does not; another program should change this table",
                self.table.display()
            ))),
        }
    }
}

/// A log while it is replayed.
#[derive(Default)]
struct Replay {
    at: Option<(u64, i64)>,
    metadata: Option<TableMetadata>,
    protocol: Option<Protocol>,
    files: BTreeMap<String, AddFile>,
    removed: BTreeSet<String>,
    transactions: BTreeMap<String, i64>,
    whole: bool,
    sources: BTreeMap<String, Source>,
    metadata_source: Source,
    odd: Option<String>,
}

impl Replay {
    /// Applies an action of a checkpoint: what it calls removed are files that once were there, none of those that it
    /// adds.
    fn restore(&mut self, mut action: Action) {
        let removed = action.remove.take().map(|remove| remove.path);
        self.removed
            .extend(removed.filter(|path| !self.files.contains_key(path)));
        self.apply(vec![action], Source::default());
    }

    /// Applies the actions of one version, whose order means nothing: what is removed goes before what is added.
    fn apply(&mut self, actions: Vec<Action>, source: Source) {
        for remove in actions.iter().filter_map(|a| a.remove.as_ref()) {
            self.files.remove(&remove.path);
            self.sources.remove(&remove.path);
            self.removed.insert(remove.path.clone());
        }
        for action in actions {
            if let Some(add) = action.add {
                self.removed.remove(&add.path);
                self.sources.insert(add.path.clone(), source);
                self.files.insert(add.path.clone(), add);
            }
            if let Some(txn) = action.txn {
                self.transactions.insert(txn.app_id, txn.version);
            }
            if action.meta_data.is_some() {
                self.metadata = action.meta_data;
                self.metadata_source = source;
            }
            self.protocol = action.protocol.or(self.protocol.take());
        }
    }

    /// Notes that a version has been applied. Times never fall: one below the version before it counts as that one's.
    fn passed(&mut self, version: u64, time_ms: i64) {
        let before = self.at.map_or(i64::MIN, |(_, ms)| ms);
        self.at = Some((version, time_ms.max(before)));
    }

    fn finish(self, table: &Path, until_ms: i64) -> Result<Log> {
        let name = table.display();
        let lacking = |what: &str| {
            Error::input(format!(
                "{name}: its log lacks {what}, which version 0 should have"
            ))
        };
        let (version, time_ms) = self.at.filter(|&(_, ms)| ms <= until_ms).ok_or_else(|| {
            Error::input(format!(
                "{name} has no version of that time: all that can be read are younger"
            ))
        })?;
        let log = Log {
            table: table.to_owned(),
            version,
            time_ms,
            metadata: self
                .metadata
                .ok_or_else(|| lacking("the action metaData"))?,
            protocol: self
                .protocol
                .ok_or_else(|| lacking("the action protocol"))?,
            files: self.files,
            removed: self.removed,
            transactions: self.transactions,
            whole: self.whole,
            sources: self.sources,
            metadata_source: self.metadata_source,
            odd: self.odd,
        };
        match unreadable(&log) {
            None => Ok(log),
            Some(what) => Err(Error::input(format!(
                "{name} {what}, which octaflow does not read; the table should be written anew without"
            ))),
        }
    }
}

/// What a table uses that is not read.
fn unreadable(log: &Log) -> Option<String> {
    let (protocol, metadata) = (&log.protocol, &log.metadata);
    if protocol.min_reader_version > TABLE_FEATURES_VERSION {
        let version = protocol.min_reader_version;
        return Some(format!("needs version {version} of the reader's protocol"));
    }
    let features = protocol.reader_features.iter().flatten();
    if let Some(feature) = features
        .filter(|_| protocol.min_reader_version == TABLE_FEATURES_VERSION)
        .find(|feature| !READABLE_FEATURES.contains(&feature.as_str()))
    {
        return Some(format!("uses the feature {:?}", told(feature)));
    }
    let mapping = metadata.configuration.get("delta.columnMapping.mode");
    if mapping.is_some_and(|mode| mode != "none") {
        return Some("maps its columns' names (delta.columnMapping.mode)".to_owned());
    }
    if metadata.format.provider != "parquet" {
        return Some(format!(
            "holds files of the format {:?}",
            told(&metadata.format.provider)
        ));
    }
    let marked = log.files().find(|file| file.deletion_vector.is_some())?;
    Some(format!(
        "deletes rows of {} by a deletion vector",
        told(&marked.path)
    ))
}

/// The actions of a commit, line by line; `lines`, if it is there, is given the text of each.
fn read_commit(path: &Path, mut lines: Option<&mut Vec<Vec<u8>>>) -> Result<Vec<Action>> {
    let unreadable = |e: &dyn std::fmt::Display| refused(path, "read", e);
    let file = File::open(path).map_err(|e| unreadable(&e))?;
    let mut reader = BufReader::new(file);
    let mut actions = Vec::new();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let mut limited = reader.by_ref().take(LONGEST_LINE_BYTES);
        let read = limited.read_until(b'\n', &mut line);
        if read.map_err(|e| unreadable(&e))? == 0 {
            break;
        }
        let malformed = |what: &str| {
            Error::input(format!(
                "{} line {number}: it should be one action as JSON, but {}",
                path.display(),
                told(what)
            ))
        };
        if line.len() as u64 == LONGEST_LINE_BYTES && !line.ends_with(b"\n") {
            return Err(malformed("it is longer than 64 MiB"));
        }
        let text = line.trim_ascii();
        if !text.is_empty() {
            let action = serde_json::from_slice(text);
            actions.push(action.map_err(|e: serde_json::Error| malformed(&e.to_string()))?);
            if let Some(lines) = &mut lines {
                lines.push(text.to_vec());
            }
        }
    }
    if actions.is_empty() {
        return Err(Error::input(format!(
            "{} holds no action: a commit should have at least one, a line each; the file should be restored from a copy",
            path.display()
        )));
    }
    Ok(actions)
}

fn file_time_ms(path: &Path) -> Result<i64> {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified());
    Ok(ms_of(modified.map_err(|e| refused(path, "read", &e))?))
}
