//! The columns of a table as its log tells them, held against those of its files.

use super::parquet::{OURS, Parquet};
use super::{RESTORE, fault};
use crate::lake::delta::{Log, Schema, difference, partition_field};
use crate::{Error, Result};
use serde_json::Value;
use std::path::Path;

/// The names of the format's types, beside `decimal(P,S)`.
const TYPES: [&str; 15] = [
    "string",
    "long",
    "integer",
    "short",
    "byte",
    "float",
    "double",
    "boolean",
    "binary",
    "date",
    "timestamp",
    "timestamp_ntz",
    "void",
    "null",
    "variant",
];

/// Checks that the log of a table of octaflow's names the columns that `files` have, in types of the format's.
///
/// # Errors
/// [`Error::Input`] naming the commit and what is wrong in it.
pub(super) fn check(log: &Log, files: &[Parquet]) -> Result<()> {
    if !is_ours(log) {
        return Ok(());
    }
    let source = log.metadata_source();
    let place = log.place_of(source);
    let wrong = |what: &str| {
        Err(fault(
            &place,
            format!("the schema of its metaData {what}; {RESTORE}"),
        ))
    };
    let metadata = log.metadata();
    let (told, schema) = match (
        serde_json::from_str::<Value>(&metadata.schema_string),
        metadata.schema(),
    ) {
        (Ok(told), Ok(schema)) => (told, schema),
        (_, Err(Error::Input(text))) => return Err(fault(&place, format!("{text}; {RESTORE}"))),
        _ => return wrong("is no JSON"),
    };
    for field in &schema.fields {
        if let Some(kind) = unknown_type(&field.kind, 0) {
            let kind: String = kind.chars().take(80).collect();
            return wrong(&format!(
                "gives {:?} the type {kind}, which the format lacks",
                field.name
            ));
        }
    }
    if let Some(column) = (metadata.partition_columns.iter())
        .find(|name| schema.fields.iter().all(|field| field.name != **name))
    {
        return wrong(&format!("lacks the partition column {column:?}"));
    }
    // Files of the commits of octaflow's; others may have fewer columns, or more.
    let own = log
        .files()
        .zip(files)
        .find(|(add, _)| log.source(&add.path).own);
    let Some((add, file)) = own.filter(|_| source.own) else {
        return check_types(&schema, &place, files);
    };
    let mut right = columns_of(file)?;
    let partitions = metadata.partition_columns.iter();
    right
        .fields
        .extend(partitions.map(|name| partition_field(name)));
    if !file.is_untouched() || !add.data_change {
        // Rows that other programs wrote again may be null as far as their columns say.
        for (right, told) in right.fields.iter_mut().zip(&schema.fields) {
            right.nullable = told.nullable;
        }
    }
    let right = serde_json::from_str(&right.text()).unwrap_or_default();
    let other = format!("the file {} has", add.path);
    match difference(&told, &right, &other) {
        Some(what) => wrong(&format!("does not fit: {what}")),
        None => Ok(()),
    }
}

/// True if octaflow wrote the table: it says what the table is, or said so before another program changed it.
pub(super) fn is_ours(log: &Log) -> bool {
    let mut keys = log.metadata().configuration.keys();
    log.metadata_source().own || keys.any(|key| key.starts_with(OURS))
}

/// Checks the types of the columns that a schema of another program's and the files have in common.
fn check_types(schema: &Schema, place: &Path, files: &[Parquet]) -> Result<()> {
    for file in files.iter().filter(|file| file.is_untouched()) {
        for column in columns_of(file)?.fields {
            let told = schema.fields.iter().find(|told| told.name == column.name);
            if let Some(told) = told.filter(|told| told.kind != column.kind) {
                let what = format!(
                    "the schema of its metaData gives {:?} the type {}, where {} has {}; {RESTORE}",
                    column.name,
                    told.type_name(),
                    file.path.display(),
                    column.type_name()
                );
                return Err(fault(place, what));
            }
        }
    }
    Ok(())
}

/// The columns of a file.
pub(super) fn columns_of(file: &Parquet) -> Result<Schema> {
    Schema::of_parquet(&file.path, file.footer().file_metadata().schema_descr())
}

/// The first type in `kind` that the format lacks.
fn unknown_type(kind: &Value, depth: usize) -> Option<String> {
    const DEEPEST: usize = 32;
    let unknown = || Some(kind.to_string());
    if let Some(name) = kind.as_str() {
        let known = TYPES.contains(&name) || is_decimal(name);
        return if known { None } else { unknown() };
    }
    if depth == DEEPEST {
        return unknown();
    }
    let inner = |name| match kind.get(name) {
        Some(inner) => unknown_type(inner, depth + 1),
        None => unknown(),
    };
    match kind.get("type").and_then(Value::as_str) {
        Some("array") => inner("elementType"),
        Some("map") => inner("keyType").or_else(|| inner("valueType")),
        Some("struct") => {
            let fields = kind.get("fields").and_then(Value::as_array);
            let mut types = fields.into_iter().flatten().map(|field| &field["type"]);
            types.find_map(|kind| unknown_type(kind, depth + 1))
        }
        _ => unknown(),
    }
}

/// True for `decimal` and `decimal(10,2)`.
fn is_decimal(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("decimal") else {
        return false;
    };
    let numbers = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')'));
    let numbers = numbers.and_then(|n| n.split_once(','));
    rest.is_empty()
        || numbers.is_some_and(|(p, s)| [p, s].iter().all(|n| n.trim().parse::<u8>().is_ok()))
}
