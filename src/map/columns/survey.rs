//! Which columns of a table hold numbers.

use super::{csv, ndjson, no_table, number_text, parquet};
use crate::Result;
use crate::map::input::{extension, open};
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::path::Path;

/// How many rows are looked at where the file does not tell the types of its columns.
const SAMPLE_ROWS: u64 = 256;

/// What a look at a table tells.
pub(crate) struct Survey {
    /// The columns of numbers, in the file's order, or by name in a JSON table: those whose values in the first
    /// rows are numbers or missing, and not all missing. A name that comes twice is none.
    pub(crate) numeric: Vec<String>,
    /// How many rows there are, where the file tells.
    pub(crate) rows: Option<u64>,
}

/// Looks at the header of a table, and at its first rows where that does not tell the types.
///
/// # Errors
/// As [`super::Rows::open`].
pub(crate) fn survey(path: &Path) -> Result<Survey> {
    let (opened, bytes) = open(path)?;
    let file = path.display().to_string();
    let mut rows = None;
    let numeric = match extension(path).as_str() {
        "csv" => of_csv(&file, csv::CsvRows::new(&file, Box::new(opened), &[])?)?,
        "parquet" => {
            let (columns, count) = parquet::numeric(&file, &opened, bytes)?;
            rows = Some(count);
            columns
        }
        "json" | "ndjson" | "jsonl" => {
            of_json(&file, ndjson::NdjsonRows::new(Box::new(opened), &[]))?
        }
        _ => return Err(no_table(path)),
    };
    Ok(Survey {
        numeric: without_doubles(numeric),
        rows,
    })
}

/// What the values of a column were so far.
#[derive(Clone, Copy, Default)]
struct Seen {
    numbers: bool,
    others: bool,
}

impl Seen {
    fn numeric(self) -> bool {
        self.numbers && !self.others
    }
}

fn of_csv(file: &str, mut rows: csv::CsvRows) -> Result<Vec<String>> {
    // A name that is no text can be asked for by nobody.
    let names: Vec<Option<String>> = rows
        .fields()
        .map(|name| std::str::from_utf8(name).ok().map(str::to_owned))
        .collect();
    let mut seen = vec![Seen::default(); names.len()];
    for row in 1..=SAMPLE_ROWS {
        if !rows.advance(file, row)? {
            break;
        }
        for (seen, field) in seen.iter_mut().zip(rows.fields()) {
            if !field.is_empty() {
                let number = number_text(field).is_some_and(|t| t.parse::<f64>().is_ok());
                seen.numbers |= number;
                seen.others |= !number;
            }
        }
    }
    let numeric = names
        .into_iter()
        .zip(seen)
        .filter(|(_, seen)| seen.numeric());
    Ok(numeric.filter_map(|(name, _)| name).collect())
}

fn of_json(file: &str, mut rows: ndjson::NdjsonRows) -> Result<Vec<String>> {
    let mut members: std::collections::BTreeMap<String, Seen> = Default::default();
    for row in 1..=SAMPLE_ROWS {
        let Some(object) = rows.next_object(file, row)? else {
            break;
        };
        for (name, value) in object {
            let seen = members.entry(name).or_default();
            seen.numbers |= value.is_number();
            seen.others |= !value.is_number() && value != Value::Null;
        }
    }
    let numeric = members.into_iter().filter(|(_, seen)| seen.numeric());
    Ok(numeric.map(|(name, _)| name).collect())
}

fn without_doubles(mut names: Vec<String>) -> Vec<String> {
    let mut counts: FxHashMap<String, u32> = FxHashMap::default();
    for name in &names {
        *counts.entry(name.clone()).or_default() += 1;
    }
    names.retain(|name| counts[name] == 1);
    names
}
