//! The actions of a commit that octaflow writes and reads.

use super::{Schema, path};
use crate::{Error, Result};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The protocol that is written: what the reader must know at least.
pub(super) const READER_VERSION: i64 = 1;
/// The protocol that is written: what the next writer must know at least.
pub(super) const WRITER_VERSION: i64 = 2;

/// A data file that a version of a table has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddFile {
    /// Where it lies, relative to the table; `/` separates, nothing is percent-encoded here.
    #[serde(with = "path")]
    pub path: String,
    /// The value of each partition column for all rows of the file, as text; `None` is null.
    #[serde(default, deserialize_with = "or_default")]
    pub partition_values: BTreeMap<String, Option<String>>,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written, in milliseconds since 1970.
    pub modification_time: i64,
    /// False if its rows were in the table before, in files that the same commit removes.
    #[serde(default, deserialize_with = "or_default")]
    pub data_change: bool,
    /// What is known of its rows, as the JSON text of the format: see [`FileStats`](super::FileStats).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<String>,
    /// What its writer says of the file itself; octaflow the CRC-32 of its bytes, as [`AddFile::crc32`] reads it.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub tags: BTreeMap<String, Option<String>>,
    /// Whether some of its rows are deleted by a vector beside it, which octaflow does not read.
    #[serde(default, rename = "deletionVector", skip_serializing)]
    pub(super) deletion_vector: Option<Ignored>,
}

/// The tag with the CRC-32 of a file's bytes, in eight hexadecimal digits.
const CRC32: &str = "octaflow.crc32";

impl AddFile {
    /// The CRC-32 (IEEE 802.3) of the file's bytes, if its writer told it: a tag that cannot be read is the fault
    /// `Err`, its text.
    pub fn crc32(&self) -> Option<std::result::Result<u32, &str>> {
        let text = self.tags.get(CRC32)?.as_deref().unwrap_or_default();
        let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u32::from_str_radix(text, 16).ok().filter(|_| digits);
        Some(number.ok_or(text))
    }

    /// Tells the CRC-32 of the file's bytes.
    pub(super) fn tag(&mut self, crc32: u32) {
        let text = format!("{crc32:08x}");
        self.tags.insert(CRC32.to_owned(), Some(text));
    }
}

/// A value, or its default where null stands: columns of checkpoints hold nulls where JSON has nothing.
fn or_default<'de, D, T>(from: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A value that is there, whatever it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Ignored)
    }
}

/// What a table is: its schema, its partition columns, its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableMetadata {
    /// The table's own id, in the form of a UUID.
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub(super) format: Format,
    /// The schema as the JSON text of the format; [`TableMetadata::schema`] reads it.
    pub schema_string: String,
    /// The columns that no data file holds, since the folder of the file tells them.
    #[serde(default, deserialize_with = "or_default")]
    pub partition_columns: Vec<String>,
    /// Frame, lattice version and settings of the run, and whatever other writers keep here.
    #[serde(default, deserialize_with = "or_default")]
    pub configuration: BTreeMap<String, String>,
    /// When it was made, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_time: Option<i64>,
}

impl TableMetadata {
    /// The columns of the table.
    ///
    /// # Errors
    /// [`Error::Input`] if the text of the schema is none.
    pub fn schema(&self) -> Result<Schema> {
        Schema::parse(&self.schema_string)
            .map_err(|e| Error::input(format!("the schema of table {} is malformed: {e}", self.id)))
    }
}

/// How the data files are encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Format {
    pub provider: String,
    #[serde(default, deserialize_with = "or_default")]
    options: BTreeMap<String, String>,
}

impl Default for Format {
    fn default() -> Self {
        Format {
            provider: "parquet".to_owned(),
            options: BTreeMap::new(),
        }
    }
}

/// What one version changes.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// What was done, in a word or two as other writers use them: `CREATE TABLE`, `WRITE`, `OPTIMIZE`.
    pub operation: &'static str,
    /// The files that the table gains.
    pub add: Vec<AddFile>,
    /// The paths of the files that it loses. Their rows count as moved, not as deleted, if files are added and none
    /// of them changes data.
    pub remove: Vec<String>,
    /// The application and its transaction that this version publishes: a restarted application looks for it with
    /// [`Log::transaction`](super::Log::transaction), and never publishes it twice.
    pub txn: Option<(String, i64)>,
    /// What the table is, for its first version or to change it.
    pub metadata: Option<TableMetadata>,
}

impl Commit {
    /// The actions as a log has them, one a line.
    pub(super) fn lines(&self, now_ms: i64) -> String {
        let actions = self.actions(now_ms);
        actions.iter().map(|action| format!("{action}\n")).collect()
    }

    /// The actions in the order of their lines.
    pub(super) fn actions(&self, now_ms: i64) -> Vec<Value> {
        let mut lines = Vec::with_capacity(self.add.len() + self.remove.len() + 4);
        lines.push(json!({"commitInfo": {
            "timestamp": now_ms,
            "operation": self.operation,
            "operationParameters": {},
            "engineInfo": concat!("octaflow/", env!("CARGO_PKG_VERSION")),
        }}));
        if let Some(metadata) = &self.metadata {
            lines.push(json!({"protocol": {
                "minReaderVersion": READER_VERSION,
                "minWriterVersion": WRITER_VERSION,
            }}));
            lines.push(json!({"metaData": metadata}));
        }
        if let Some((application, version)) = &self.txn {
            lines.push(json!({"txn": {
                "appId": application,
                "version": version,
                "lastUpdated": now_ms,
            }}));
        }
        let moved = !self.add.is_empty() && self.add.iter().all(|add| !add.data_change);
        lines.extend(self.remove.iter().map(|gone| {
            json!({"remove": {
                "path": path::encode(gone),
                "deletionTimestamp": now_ms,
                "dataChange": !moved,
            }})
        }));
        lines.extend(self.add.iter().map(|add| json!({"add": add})));
        lines
    }
}

/// One line of a log, of which at most one member is there.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action {
    pub protocol: Option<Protocol>,
    pub meta_data: Option<TableMetadata>,
    pub add: Option<AddFile>,
    pub remove: Option<RemoveFile>,
    pub txn: Option<Transaction>,
    pub commit_info: Option<CommitInfo>,
}

/// What readers and writers of the table must know.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub min_reader_version: i64,
    pub min_writer_version: i64,
    #[serde(default)]
    pub reader_features: Option<Vec<String>>,
    #[serde(default)]
    pub writer_features: Option<Vec<String>>,
}

/// A file that a version no longer has.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RemoveFile {
    #[serde(with = "path")]
    pub path: String,
}

/// The newest transaction of an application.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transaction {
    pub app_id: String,
    pub version: i64,
}

/// What a writer tells of its commit.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CommitInfo {
    #[serde(default)]
    pub timestamp: Option<i64>,
    /// The program; other writers may put anything here.
    #[serde(default, rename = "engineInfo")]
    pub engine_info: Option<Value>,
}
