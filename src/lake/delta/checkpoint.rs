//! Checkpoints of other writers: the state of a table at a version as one Parquet file, a row an action.

use super::actions::Action;
use crate::map::{decode_parquet, open_parquet_whole, told};
use crate::{Error, Result};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value};
use std::path::Path;

/// How many bytes of text the actions may hold for each byte of the file: what dictionaries and compression make of
/// alike paths stays far below.
const MOST_TEXT_A_BYTE: u64 = 2000;

/// How many bytes of text any file may hold.
const ALLOWED_TEXT_BYTES: u64 = 16 << 20;

/// Reads the actions of a checkpoint's file.
///
/// # Errors
/// [`Error::Input`] if the file is damaged or a row is no action; [`Error::Machine`] if it cannot be read.
pub(super) fn read(path: &Path, apply: &mut dyn FnMut(Action)) -> Result<()> {
    let (file, _) = open_parquet_whole(path)?;
    let bytes = file.metadata().map_or(0, |meta| meta.len());
    let mut left = bytes
        .saturating_mul(MOST_TEXT_A_BYTE)
        .max(ALLOWED_TEXT_BYTES);
    let reader = decode_parquet(path, || SerializedFileReader::new(file))?;
    let mut rows = decode_parquet(path, || reader.get_row_iter(None))?;
    let mut number = 0_u64;
    while let Some(row) = decode_parquet(path, || rows.next().transpose())? {
        number += 1;
        let wrong = |what: &str| {
            Error::input(format!(
                "{} row {number}: it should be an action of a table's log, but {}",
                path.display(),
                told(what)
            ))
        };
        let value = members(&row, &mut left).ok_or_else(|| wrong("its text is too large"))?;
        apply(serde_json::from_value(value).map_err(|e| wrong(&e.to_string()))?);
    }
    Ok(())
}

/// A row as JSON; `None` when its text exceeds what is left.
fn members(row: &Row, left: &mut u64) -> Option<Value> {
    let members = row.get_column_iter().map(|(name, field)| {
        let value = value(field, left)?;
        Some((name.clone(), value))
    });
    members.collect::<Option<Map<_, _>>>().map(Value::Object)
}

fn value(field: &Field, left: &mut u64) -> Option<Value> {
    Some(match field {
        Field::Bool(v) => (*v).into(),
        Field::Int(v) => (*v).into(),
        Field::Long(v) => (*v).into(),
        Field::Str(text) => Value::String(taken(text, left)?),
        Field::Group(row) => members(row, left)?,
        Field::ListInternal(list) => {
            let items = list.elements().iter().map(|item| value(item, left));
            Value::Array(items.collect::<Option<_>>()?)
        }
        Field::MapInternal(map) => {
            let entries = map.entries().iter().map(|(key, item)| match key {
                Field::Str(key) => Some((taken(key, left)?, value(item, left)?)),
                _ => None,
            });
            Value::Object(entries.collect::<Option<_>>()?)
        }
        _ => Value::Null,
    })
}

fn taken(text: &str, left: &mut u64) -> Option<String> {
    *left = left.checked_sub(text.len() as u64)?;
    Some(text.to_owned())
}
