//! What a log tells of the rows of a data file, taken from the footer of the file.

use super::Schema;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How many characters of a string stand in the statistics.
const PREFIX_CHARS: usize = 32;

/// Stands behind the prefix of a greatest string that was cut: no character is above it.
const ABOVE_ALL: char = char::MAX;

/// What is known of the rows of a data file: their number and, column by column, the bounds of what is not null and
/// the number of nulls.
///
/// - A column has bounds only if every row group tells them.
/// - Doubles: a NaN counts as greater than every number, so a column that has one is given no greatest value; an
///   infinite bound has no JSON form and is left out. The zeros are equal.
/// - Strings are cut after 32 characters: the least to its prefix, the greatest to its prefix and U+10FFFF.
/// - Booleans, bytes, dates have counts of nulls alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileStats {
    /// How many rows the file has.
    pub num_records: u64,
    /// The least value of each column.
    pub min_values: Map<String, Value>,
    /// The greatest value of each column.
    pub max_values: Map<String, Value>,
    /// How many rows of each column are null.
    pub null_count: Map<String, Value>,
}

impl FileStats {
    /// The JSON text of the format.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("numbers and strings have a JSON form")
    }

    /// Reads the JSON text of the format; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// What the footer of a file of primitive columns tells.
    pub(in crate::lake) fn of_footer(schema: &Schema, footer: &ParquetMetaData) -> Self {
        let mut stats = FileStats {
            num_records: footer.file_metadata().num_rows().max(0) as u64,
            ..FileStats::default()
        };
        for (index, field) in schema.fields.iter().enumerate() {
            let chunks: Vec<_> = (footer.row_groups().iter())
                .filter(|group| group.num_rows() > 0)
                .map(|group| group.column(index))
                .collect();
            let name = || field.name.clone();
            if let Some(nulls) = nulls(&chunks, field.nullable) {
                stats.null_count.insert(name(), nulls.into());
            }
            let Some((least, greatest)) = bounds(&chunks, field.type_name()) else {
                continue;
            };
            stats.min_values.extend(least.json().map(|v| (name(), v)));
            stats
                .max_values
                .extend(greatest.json().map(|v| (name(), v)));
        }
        stats
    }

    /// What is known of the rows of several files together: the sum of their rows.
    pub fn rows_of<'a>(texts: impl Iterator<Item = &'a Option<String>>) -> Option<u64> {
        texts
            .map(|text| Some(FileStats::parse(text.as_deref()?)?.num_records))
            .sum()
    }

    /// The counts of nulls, by column.
    pub fn nulls(&self) -> BTreeMap<&str, u64> {
        let counts = self.null_count.iter();
        counts
            .filter_map(|(name, count)| Some((name.as_str(), count.as_u64()?)))
            .collect()
    }
}

/// How many values of a column are null, if every row group tells it.
fn nulls(chunks: &[&ColumnChunkMetaData], nullable: bool) -> Option<u64> {
    if !nullable {
        return Some(0);
    }
    let counts = chunks.iter().map(|c| c.statistics()?.null_count_opt());
    counts.sum()
}

/// A bound of a column.
#[derive(Clone, Debug, PartialEq)]
enum Bound {
    Whole(i64),
    Real(f64),
    Text(String),
    /// Not to be told, though there is one: the greatest value beside a NaN.
    Untold,
}

impl Bound {
    fn json(self) -> Option<Value> {
        match self {
            Bound::Whole(v) => Some(v.into()),
            Bound::Real(v) => serde_json::Number::from_f64(v).map(Value::Number),
            Bound::Text(v) => Some(v.into()),
            Bound::Untold => None,
        }
    }

    fn order(&self, other: &Bound) -> Ordering {
        match (self, other) {
            (Bound::Whole(a), Bound::Whole(b)) => a.cmp(b),
            (Bound::Real(a), Bound::Real(b)) => a.total_cmp(b),
            (Bound::Text(a), Bound::Text(b)) => a.cmp(b),
            (Bound::Untold, Bound::Untold) => Ordering::Equal,
            (Bound::Untold, _) => Ordering::Greater,
            _ => Ordering::Less,
        }
    }
}

/// The least and the greatest value of a column; `None` if they are not known or all is null.
fn bounds(chunks: &[&ColumnChunkMetaData], kind: &str) -> Option<(Bound, Bound)> {
    let mut all: Option<(Bound, Bound)> = None;
    for chunk in chunks {
        let statistics = chunk.statistics()?;
        if statistics.null_count_opt() == Some(chunk.num_values().max(0) as u64) {
            continue;
        }
        let (least, greatest) = bounds_of_group(statistics, kind)?;
        all = Some(match all {
            None => (least, greatest),
            Some((low, high)) => (
                if least.order(&low).is_lt() {
                    least
                } else {
                    low
                },
                if greatest.order(&high).is_gt() {
                    greatest
                } else {
                    high
                },
            ),
        });
    }
    all
}

fn bounds_of_group(statistics: &Statistics, kind: &str) -> Option<(Bound, Bound)> {
    match (statistics, kind) {
        (Statistics::Int32(s), "integer" | "short" | "byte") => {
            let whole = |v: &i32| Bound::Whole(i64::from(*v));
            Some((whole(s.min_opt()?), whole(s.max_opt()?)))
        }
        (Statistics::Int64(s), "long") => {
            Some((Bound::Whole(*s.min_opt()?), Bound::Whole(*s.max_opt()?)))
        }
        (Statistics::Float(s), "float") => {
            let (least, greatest) = (f64::from(*s.min_opt()?), f64::from(*s.max_opt()?));
            reals(least, greatest, s.nan_count_opt())
        }
        (Statistics::Double(s), "double") => reals(*s.min_opt()?, *s.max_opt()?, s.nan_count_opt()),
        (Statistics::ByteArray(s), "string") if !statistics.is_min_max_deprecated() => {
            let least = std::str::from_utf8(s.min_opt()?.data()).ok()?;
            let greatest = std::str::from_utf8(s.max_opt()?.data()).ok()?;
            Some((
                Bound::Text(least.chars().take(PREFIX_CHARS).collect()),
                Bound::Text(cut_above(greatest)),
            ))
        }
        _ => None,
    }
}

fn reals(least: f64, greatest: f64, nans: Option<u64>) -> Option<(Bound, Bound)> {
    if least.is_nan() {
        return None;
    }
    if greatest.is_nan() || nans.is_some_and(|n| n > 0) {
        return Some((Bound::Real(least), Bound::Untold));
    }
    Some((Bound::Real(least), Bound::Real(greatest)))
}

/// The string, or a short one above all strings that start like it.
fn cut_above(greatest: &str) -> String {
    let mut cut: String = greatest.chars().take(PREFIX_CHARS).collect();
    if cut.len() < greatest.len() {
        cut.push(ABOVE_ALL);
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nan_leaves_the_least_value_alone() {
        let told = |nans| reals(1.0, 2.0, nans).map(|(a, b)| (a.json(), b.json()));
        assert_eq!(told(Some(0)), Some((Some(1.0.into()), Some(2.0.into()))));
        assert_eq!(told(Some(3)), Some((Some(1.0.into()), None)));
        assert_eq!(reals(f64::NAN, f64::NAN, Some(1)), None);
        assert_eq!(Bound::Real(f64::INFINITY).json(), None);
    }

    #[test]
    fn long_strings_are_cut_so_that_they_still_bound() {
        let long = "ä".repeat(40);
        let cut = cut_above(&long);
        assert!(cut > long && cut.chars().count() == 33);
        assert_eq!(cut_above("found"), "found");
    }
}
