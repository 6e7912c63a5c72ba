//! Writing versions: each appears whole under its number, or not at all.

use super::actions::{Commit, Format};
use super::time::{ms_of, now_ms};
use super::{AddFile, Field, FileStats, LOG_FOLDER, Schema, TableMetadata, commit_path};
use crate::lake::{crc, refused};
use crate::map::open_parquet;
use crate::{Error, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How deep hive folders may lie in each other.
const DEEPEST_FOLDERS: usize = 8;

/// What a new table is told of itself, beside what its files tell.
#[derive(Clone, Copy, Debug)]
pub struct NewTable<'a> {
    /// The name of the run that made it, which no other run has: its transactions are those of the application
    /// `octaflow-RUN`.
    pub run: &'a str,
    /// What people call the table: the name of its folder.
    pub name: &'a str,
}

/// Writes version 0 of a table: every Parquet file in `table` and in its hive folders, with transaction 0 of the run.
/// The schema, and the frame, lattice and settings, are those of the files; columns that hive folders tell come last.
///
/// # Errors
/// [`Error::Input`] if there is no Parquet file, if one is damaged or differs in its columns, or if the table has a
/// log; [`Error::Machine`] if something cannot be read or written.
pub fn create(table: &Path, new: &NewTable) -> Result<()> {
    create_of(table, new, &|_| None)
}

/// As [`create`]; `crc32` tells the CRC-32 of the file at a path, where it is known from its writing. Others are read.
pub(in crate::lake) fn create_of(
    table: &Path,
    new: &NewTable,
    crc32: &dyn Fn(&str) -> Option<u32>,
) -> Result<()> {
    let mut metadata: Option<TableMetadata> = None;
    let mut add = Vec::new();
    for path in data_files(table)? {
        let mut file = DataFile::open(table, &path)?;
        file.add.seal(table, crc32(&path))?;
        let own = file.metadata(new);
        match &metadata {
            None => metadata = Some(own),
            Some(first) if first.schema_string != own.schema_string => {
                return Err(Error::input(format!(
                    "{}: its columns differ from those of the files before it; the files of a table should have the \
                     same columns and the same hive folders",
                    table.join(&path).display()
                )));
            }
            Some(_) => {}
        }
        add.push(file.add);
    }
    if metadata.is_none() {
        return Err(Error::input(format!(
            "{} holds no Parquet file; a table needs one, be it without rows",
            table.display()
        )));
    }
    let first = Commit {
        operation: "CREATE TABLE",
        add,
        txn: Some((format!("octaflow-{}", new.run), 0)),
        metadata,
        ..Commit::default()
    };
    if commit(table, 0, &first)? {
        return Ok(());
    }
    Err(Error::input(format!(
        "{} has a log already; a table is created once",
        table.display()
    )))
}

/// Writes one version of a table; false, and nothing is written, if that version is there already.
///
/// The files that it adds must be finished and synced. When this returns, the disk has the version.
///
/// # Errors
/// [`Error::Input`] if the version before it is missing; [`Error::Machine`] if it cannot be written: then it is not
/// there.
pub fn commit(table: &Path, version: u64, commit: &Commit) -> Result<bool> {
    let log = table.join(LOG_FOLDER);
    let target = commit_path(table, version);
    if target.exists() {
        return Ok(false);
    }
    if version == 0 {
        fs::create_dir_all(&log).map_err(|e| refused(&log, "created", &e))?;
    } else if !has_version(&log, version - 1) {
        return Err(Error::input(format!(
            "version {version} of {} cannot be committed: version {} should be there before it",
            table.display(),
            version - 1
        )));
    }
    let staged = staged_path(&log, version);
    let text = commit.lines(now_ms());
    let written = File::create(&staged).and_then(|mut file| {
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&staged);
        return Err(refused(&staged, "written", &error));
    }
    if !take_name(&staged, &target)? {
        return Ok(false);
    }
    sync(&log)?;
    if version == 0 {
        sync(table)?;
    }
    remove_stale(&log, version);
    Ok(true)
}

impl AddFile {
    /// A finished Parquet file of a table, with its length, the CRC-32 of its bytes, its statistics, and the partition values that its hive
    /// folders tell; `path` is relative to the table.
    ///
    /// # Errors
    /// [`Error::Input`] if it is no sound Parquet file of columns that a Delta table can have; [`Error::Machine`] if
    /// it cannot be read.
    pub fn of_file(table: &Path, path: &str) -> Result<AddFile> {
        AddFile::of_sealed_file(table, path, None)
    }

    /// As [`AddFile::of_file`], of a file whose CRC-32 may be known from its writing.
    pub(in crate::lake) fn of_sealed_file(
        table: &Path,
        path: &str,
        crc32: Option<u32>,
    ) -> Result<AddFile> {
        let mut add = DataFile::open(table, path)?.add;
        add.seal(table, crc32)?;
        Ok(add)
    }

    /// Notes the file's CRC-32, which is taken from the file unless it is known.
    fn seal(&mut self, table: &Path, crc32: Option<u32>) -> Result<()> {
        let crc32 = match crc32 {
            Some(crc32) => crc32,
            None => crc::of_file(&table.join(&self.path))?.1,
        };
        self.tag(crc32);
        Ok(())
    }
}

impl TableMetadata {
    /// What a new table of this Parquet file is; `path` is relative to the table.
    ///
    /// # Errors
    /// As [`AddFile::of_file`].
    pub fn of_file(table: &Path, path: &str, new: &NewTable) -> Result<TableMetadata> {
        DataFile::open(table, path).map(|file| file.metadata(new))
    }
}

/// A Parquet file of a table, and what it tells of the table.
struct DataFile {
    add: AddFile,
    schema: Schema,
    partition_columns: Vec<String>,
    configuration: BTreeMap<String, String>,
}

impl DataFile {
    fn open(table: &Path, path: &str) -> Result<Self> {
        let whole = table.join(path);
        let (file, footer) = open_parquet(&whole)?;
        let meta = file.metadata().map_err(|e| refused(&whole, "read", &e))?;
        let modified = meta.modified().map_err(|e| refused(&whole, "read", &e))?;
        let mut schema = Schema::of_parquet(&whole, footer.file_metadata().schema_descr())?;
        let stats = FileStats::of_footer(&schema, &footer);
        let hive = hive_values(path);
        for (name, _) in &hive {
            schema.fields.push(partition_field(name));
        }
        let pairs = footer.file_metadata().key_value_metadata();
        let ours = pairs
            .into_iter()
            .flatten()
            .filter(|pair| pair.key.starts_with("octaflow."));
        Ok(DataFile {
            add: AddFile {
                path: path.to_owned(),
                partition_values: hive.iter().cloned().map(|(k, v)| (k, Some(v))).collect(),
                size: meta.len(),
                modification_time: ms_of(modified),
                data_change: true,
                stats: Some(stats.text()),
                tags: BTreeMap::new(),
                deletion_vector: None,
            },
            schema,
            partition_columns: hive.into_iter().map(|(name, _)| name).collect(),
            configuration: ours
                .map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default()))
                .collect(),
        })
    }

    fn metadata(&self, new: &NewTable) -> TableMetadata {
        TableMetadata {
            id: table_id(new.run, new.name),
            name: Some(new.name.to_owned()),
            format: Format::default(),
            schema_string: self.schema.text(),
            partition_columns: self.partition_columns.clone(),
            configuration: self.configuration.clone(),
            created_time: Some(now_ms()),
        }
    }
}

/// A column that hive folders tell.
pub(in crate::lake) fn partition_field(name: &str) -> Field {
    Field::new(name, partition_type(name), true)
}

/// The type of a column that hive folders tell: the level of detail, a key prefix and a time are numbers.
fn partition_type(name: &str) -> &'static str {
    match name {
        "lod" => "integer",
        "key" | "time" => "long",
        _ => "string",
    }
}

/// The columns that the folders of a path tell, and their values; numbers without leading zeros.
pub(in crate::lake) fn hive_values(path: &str) -> Vec<(String, String)> {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let pairs = folders
        .split('/')
        .filter_map(|folder| folder.split_once('='));
    pairs
        .map(|(name, value)| {
            let number = value.parse::<i64>().ok();
            let number = number.filter(|_| partition_type(name) != "string");
            (
                name.to_owned(),
                number.map_or_else(|| value.to_owned(), |n| n.to_string()),
            )
        })
        .collect()
}

/// The Parquet files in a folder and the folders in it, as sorted paths relative to it. What is called `.…` or `_…`
/// is no data.
///
/// # Errors
/// [`Error::Input`] if folders lie too deep in each other or a name is no UTF-8; [`Error::Machine`] if one cannot be
/// listed.
pub fn data_files(table: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    collect(table, String::new(), DEEPEST_FOLDERS, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(table: &Path, below: String, levels: usize, found: &mut Vec<String>) -> Result<()> {
    let folder = table.join(&below);
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Error::input(format!(
            "{} lies deeper than {DEEPEST_FOLDERS} folders in its table; data files should lie in hive folders",
            folder.display()
        )));
    };
    for entry in fs::read_dir(&folder).map_err(|e| refused(&folder, "listed", &e))? {
        let entry = entry.map_err(|e| refused(&folder, "listed", &e))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(Error::input(format!(
                "{}: its name should be UTF-8",
                path.display()
            )));
        };
        if name.starts_with(['.', '_']) {
            continue;
        }
        let relative = match below.as_str() {
            "" => name,
            _ => format!("{below}/{name}"),
        };
        if path.is_dir() {
            collect(table, relative, levels, found)?;
        } else if relative.ends_with(".parquet") {
            found.push(relative);
        }
    }
    Ok(())
}

/// An id in the form of a UUID (version 8: of the maker's own making) that a run and a table's name give: FNV-1a of
/// 128 bits over both.
pub(super) fn table_id(run: &str, name: &str) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = run.bytes().chain([0]).chain(name.bytes());
    let hash = bytes.fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    let cleared = hash & !(0xf << 76) & !(0b11 << 62);
    let hex = format!("{:032x}", cleared | 8 << 76 | 0b10 << 62);
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// Whether the log has a version, as a commit or in another writer's checkpoint.
fn has_version(log: &Path, version: u64) -> bool {
    let start = format!("{version:020}.");
    log.join(format!("{start}json")).exists()
        || fs::read_dir(log).is_ok_and(|entries| {
            entries.flatten().any(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with(&start) && name.contains(".checkpoint")
            })
        })
}

/// A name in the log for a commit on its way, which no other writer uses and readers pass over.
fn staged_path(log: &Path, version: u64) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    let host: String = host.chars().filter(char::is_ascii_alphanumeric).collect();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    log.join(format!(
        ".{version:020}.json.{host}-{}-{count}.tmp",
        std::process::id()
    ))
}

/// Gives the staged file its name; false, and the staged file is gone, if something has that name.
fn take_name(staged: &Path, target: &Path) -> Result<bool> {
    let taken = match renameat_with(CWD, staged, CWD, target, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            let linked = fs::hard_link(staged, target);
            let _ = fs::remove_file(staged);
            linked
        }
        renamed => renamed.map_err(Into::into),
    };
    match taken {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            let _ = fs::remove_file(staged);
            Ok(false)
        }
        // The winner of a version clears away what others staged for it.
        Err(e) if e.kind() == ErrorKind::NotFound && target.exists() => Ok(false),
        Err(e) => {
            let _ = fs::remove_file(staged);
            Err(refused(target, "created", &e))
        }
    }
}

/// Removes what killed or beaten writers staged for this version or an earlier one.
fn remove_stale(log: &Path, version: u64) {
    for entry in fs::read_dir(log).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let staged = name.to_str().and_then(staged_version);
        if staged.is_some_and(|staged| staged <= version) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The version that a staged commit is for, if the name is one of a staged commit.
pub(in crate::lake) fn staged_version(name: &str) -> Option<u64> {
    let (digits, rest) = name.strip_prefix('.')?.split_once('.')?;
    let is_staged = digits.len() == 20 && rest.starts_with("json.") && rest.ends_with(".tmp");
    is_staged.then(|| digits.parse().ok())?
}

fn sync(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(|e| refused(folder, "synced", &e))
}
