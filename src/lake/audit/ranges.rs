//! What the values of a column lie between, held against what footers and logs say of it.

use super::rules::whole_numbers;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type};
use parquet::file::statistics::Statistics;
use serde_json::Value;

/// How many bytes of a text are kept: more than writers put into statistics.
const KEPT_BYTES: usize = 256;

/// How far a number in JSON may lie beside the one that was written, as a share of it: readers of JSON round.
const ROUNDING: f64 = 1e-15;

/// The values of a column so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Range {
    whole: Option<[i64; 2]>,
    real: Option<[f64; 2]>,
    text: Option<[Text; 2]>,
    /// Whether the numbers are of 32 bits.
    narrow: bool,
    nans: bool,
    nulls: u64,
    rows: u64,
}

/// The start of a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Text {
    start: String,
    /// Whether more follows, of which nothing is known.
    cut: bool,
}

impl Text {
    fn of(text: &str) -> Self {
        let mut end = text.len().min(KEPT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Text {
            start: text[..end].to_owned(),
            cut: end < text.len(),
        }
    }
}

impl Range {
    /// Adds the values of a column.
    pub fn take(&mut self, column: &ArrayRef) {
        self.nulls += column.null_count() as u64;
        self.rows += column.len() as u64;
        if let Some(values) = whole_numbers(column) {
            values.into_iter().for_each(|value| self.add_whole(value));
        } else if let Some(values) = column.as_primitive_opt::<Float64Type>() {
            values.iter().flatten().for_each(|v| self.add_real(v));
        } else if let Some(values) = column.as_primitive_opt::<Float32Type>() {
            self.narrow = true;
            let values = values.iter().flatten();
            values.for_each(|value| self.add_real(value.into()));
        } else if let Some(values) = column.as_string_opt::<i32>() {
            let values = || values.iter().flatten();
            if let (Some(least), Some(most)) = (values().min(), values().max()) {
                self.add_texts([Text::of(least), Text::of(most)]);
            }
        }
    }

    /// Adds the values of the same column in other rows.
    pub fn merge(&mut self, other: Range) {
        other
            .whole
            .into_iter()
            .flatten()
            .for_each(|v| self.add_whole(v));
        other
            .real
            .into_iter()
            .flatten()
            .for_each(|v| self.add_real(v));
        if let Some(texts) = other.text {
            self.add_texts(texts);
        }
        self.narrow |= other.narrow;
        self.nans |= other.nans;
        self.nulls += other.nulls;
        self.rows += other.rows;
    }

    fn add_whole(&mut self, value: i64) {
        let [least, most] = self.whole.get_or_insert([value; 2]);
        *least = value.min(*least);
        *most = value.max(*most);
    }

    fn add_real(&mut self, value: f64) {
        self.nans |= value.is_nan();
        let [least, most] = self.real.get_or_insert([value; 2]);
        *least = value.min(*least);
        *most = value.max(*most);
    }

    fn add_texts(&mut self, [low, high]: [Text; 2]) {
        let Some([least, most]) = &mut self.text else {
            self.text = Some([low, high]);
            return;
        };
        if low < *least {
            *least = low;
        }
        if high > *most {
            *most = high;
        }
    }

    /// What the statistics of the footer say that is not so.
    pub fn disagrees(&self, statistics: &Statistics) -> Option<String> {
        let (told, found) = match statistics {
            Statistics::Int32(s) => (
                pair(s.min_opt(), s.max_opt()),
                self.whole.map(|r| r.map(|v| v as f64)),
            ),
            Statistics::Int64(s) => {
                let told = s.min_opt().copied().zip(s.max_opt().copied());
                let found = self.whole.map(|[least, most]| (least, most));
                return (told.is_some() && told != found)
                    .then(|| format!("lies in {told:?}, but its values lie in {found:?}"));
            }
            Statistics::Double(s) => (pair(s.min_opt(), s.max_opt()), self.real),
            Statistics::Float(s) => (pair(s.min_opt(), s.max_opt()), self.real),
            _ => (None, None),
        };
        if told.is_some() && told != found {
            return Some(format!("lies in {told:?}, but its values lie in {found:?}"));
        }
        let nulls = statistics.null_count_opt()?;
        (nulls != self.nulls).then(|| format!("has {nulls} nulls, but it has {}", self.nulls))
    }

    /// Whether `told`, of a log, is not the least of the values, or with `most` not the greatest; what is right, then.
    /// Bounds that are not `tight` may lie outside.
    pub fn bound_is_wrong(&self, told: &Value, most: bool, tight: bool) -> Option<String> {
        let end = usize::from(most);
        match told {
            Value::Number(told) => {
                if let (Some(found), Some(told)) = (self.whole, told.as_i64()) {
                    let outside = if most {
                        told > found[1]
                    } else {
                        told < found[0]
                    };
                    let right = told == found[end] || !tight && outside;
                    return (!right).then(|| found[end].to_string());
                }
                let (found, told) = (self.real?[end], told.as_f64()?);
                let same = match self.narrow {
                    true => told as f32 == found as f32,
                    false => (told - found).abs() <= found.abs() * ROUNDING,
                };
                let outside = if most { told > found } else { told < found };
                // Writers differ in what they make of NaN.
                let right = same || found.is_nan() || outside && (!tight || self.nans);
                (!right).then(|| found.to_string())
            }
            Value::String(told) => {
                // Texts may be cut: the least to a start of it, the greatest to something above it.
                let found = &self.text.as_ref()?[end];
                let start = found.start.as_str();
                let right = match most {
                    false if tight => {
                        start.starts_with(told) || found.cut && told.starts_with(start)
                    }
                    false => told.as_str() <= start || found.cut && told.starts_with(start),
                    true => told.as_str() >= start,
                };
                (!right).then(|| format!("{start:?}"))
            }
            _ => None,
        }
    }

    /// Whether `told`, of a log, is not the number of nulls; what is right, then. Where bounds are not `tight`, only
    /// "none" and "all" are told for sure.
    pub fn nulls_are_wrong(&self, told: &Value, tight: bool) -> Option<String> {
        let told = told.as_u64()?;
        let sure = tight || told == 0 || told == self.rows;
        (sure && told != self.nulls).then(|| self.nulls.to_string())
    }
}

fn pair<T: Copy + Into<f64>>(least: Option<&T>, most: Option<&T>) -> Option<[f64; 2]> {
    Some([(*least?).into(), (*most?).into()])
}
