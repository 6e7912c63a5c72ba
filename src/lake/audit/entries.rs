//! What a log says of each file of the table, held against the file and its rows.
//!
//! What octaflow adds to a table it adds in one form: every file with its CRC-32 and with the statistics that its footer
//! gives. Files that other programs add to the same table need have neither; but what they say must hold of the rows.

use super::parquet::Parquet;
use super::ranges::Range;
use super::schema::{columns_of, is_ours};
use super::{RESTORE, fault};
use crate::Result;
use crate::lake::delta::path::percent_decoded;
use crate::lake::delta::{AddFile, FileStats, Log, difference, hive_values, is_comparable};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The folder of rows whose partition value is null.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// How long other programs' statistics may be to be compared: so much, and so much more a column.
const LONGEST_BYTES: usize = 1 << 20;
const COLUMN_BYTES: usize = 1 << 12;

/// What the rows of a file turned out to be.
#[derive(Clone, Debug, Default)]
pub(super) struct FileRows {
    lod: Option<u8>,
    ranges: Vec<Range>,
}

impl FileRows {
    /// Adds a row group: the level of its cells, and the values of its columns.
    pub fn add(&mut self, lod: Option<u8>, ranges: Vec<Range>) {
        self.lod = self.lod.or(lod);
        if self.ranges.is_empty() {
            self.ranges = ranges;
            return;
        }
        for (range, more) in self.ranges.iter_mut().zip(ranges) {
            range.merge(more);
        }
    }
}

/// Checks what `log` says of `files`, which are its files in its order, with their `rows`.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) naming the commit, the file, and what is wrong.
pub(super) fn check(log: &Log, files: &[Parquet], rows: &[FileRows]) -> Result<()> {
    let table_is_ours = is_ours(log);
    for ((add, file), rows) in log.files().zip(files).zip(rows) {
        let entry = Entry {
            log,
            add,
            file,
            rows,
        };
        if table_is_ours {
            entry.check_partition()?;
        }
        if log.source(&add.path).own {
            entry.check_own()?;
        }
        if table_is_ours || file.is_ours() {
            entry.check_statistics()?;
        }
    }
    Ok(())
}

/// What a log says of one file.
struct Entry<'a> {
    log: &'a Log,
    add: &'a AddFile,
    file: &'a Parquet,
    rows: &'a FileRows,
}

impl Entry<'_> {
    /// The fault `what`, which goes on from the file's name.
    fn wrong<T>(&self, what: &str) -> Result<T> {
        let place: PathBuf = self.log.place_of(self.log.source(&self.add.path));
        Err(fault(
            &place,
            format!("of {} {what}; {RESTORE}", self.add.path),
        ))
    }

    /// Checks that each partition column has a value, that of the folders of the path, and that of the rows.
    fn check_partition(&self) -> Result<()> {
        let columns = &self.log.metadata().partition_columns;
        let values = &self.add.partition_values;
        if let Some(column) = columns.iter().find(|column| !values.contains_key(*column)) {
            return self.wrong(&format!(
                "it tells no value of the partition column {column:?}"
            ));
        }
        if let Some(column) = values.keys().find(|column| !columns.contains(column)) {
            return self.wrong(&format!(
                "it tells a value of {column:?}, which is no partition column of the table"
            ));
        }
        let folders: BTreeMap<String, String> = hive_values(&self.add.path).into_iter().collect();
        for (column, value) in values {
            let value = value.as_deref().filter(|value| !value.is_empty());
            let right = match folders.get(column) {
                Some(folder) if folder == NULL_FOLDER => None,
                Some(folder) => Some(percent_decoded(folder).unwrap_or(folder.clone())),
                None => value.map(str::to_owned),
            };
            if value != right.as_deref() && value != folders.get(column).map(String::as_str) {
                let right = right.unwrap_or("null".to_owned());
                let value = value.unwrap_or("null");
                return self.wrong(&format!(
                    "it says that {column} is {value:?}, where the folder says {right:?}"
                ));
            }
            if column == "lod"
                && let (Some(value), Some(lod)) = (value, self.rows.lod)
                && value != lod.to_string()
            {
                return self.wrong(&format!(
                    "it says that lod is {value:?}, where the rows are of {lod}"
                ));
            }
        }
        Ok(())
    }

    /// Checks what octaflow says of every file that it adds.
    fn check_own(&self) -> Result<()> {
        if self.add.crc32().is_none() {
            return self.wrong(
                "it tells no CRC-32 (tags: octaflow.crc32), as octaflow does of each file that it writes",
            );
        }
        let Some(text) = &self.add.stats else {
            return self
                .wrong("it tells no statistics, as octaflow does of each file that it writes");
        };
        let right = FileStats::of_footer(&columns_of(self.file)?, self.file.footer()).text();
        if !is_comparable(text.len(), right.len()) {
            return self.wrong(&format!(
                "the statistics have {} bytes, where the footer gives {}",
                text.len(),
                right.len()
            ));
        }
        let (Ok(told), Ok(right)) = (
            serde_json::from_str::<Value>(text),
            serde_json::from_str::<Value>(&right),
        ) else {
            return self.wrong("the statistics are no JSON");
        };
        match difference(&told, &right, "the footer has") {
            Some(what) => self.wrong(&format!("the statistics do not fit: {what}")),
            None => Ok(()),
        }
    }

    /// Checks that statistics, as far as they are there, hold of the rows.
    fn check_statistics(&self) -> Result<()> {
        let Some(text) = &self.add.stats else {
            return Ok(());
        };
        if text.len() > LONGEST_BYTES + COLUMN_BYTES * self.rows.ranges.len() {
            // Of nested columns, which are not compared.
            return Ok(());
        }
        let Ok(told) = serde_json::from_str::<Value>(text) else {
            return self.wrong("the statistics are no JSON");
        };
        let tight = told.get("tightBounds").and_then(Value::as_bool);
        let tight = tight.unwrap_or(true);
        let rows = self.file.rows();
        if let Some(records) = told.get("numRecords").filter(|n| n.as_u64() != Some(rows)) {
            return self.wrong(&format!(
                "numRecords is {records}, where the file has {rows} rows"
            ));
        }
        for (name, range) in self.file.names().zip(&self.rows.ranges) {
            let of = |member: &str| told.get(member)?.get(name);
            let bound = |member: &'static str, most: bool| {
                let bound = of(member)?;
                Some((member, bound, range.bound_is_wrong(bound, most, tight)?))
            };
            let nulls = || {
                let nulls = of("nullCount")?;
                Some(("nullCount", nulls, range.nulls_are_wrong(nulls, tight)?))
            };
            let wrong = bound("minValues", false).or_else(|| bound("maxValues", true));
            if let Some((member, value, right)) = wrong.or_else(nulls) {
                let value: String = value.to_string().chars().take(80).collect();
                return self.wrong(&format!(
                    "the statistics do not fit: {member}.{name} is {value} where the rows have {right}"
                ));
            }
        }
        Ok(())
    }
}
