//! What the values of octaflow's columns may be, column by column.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type,
};

/// What a value of a column may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// A whole number from the first to the second.
    Whole(i64, i64),
    /// −1 or 1.
    Sign,
    /// A finite number.
    Finite,
    /// A finite number that is not negative.
    Length,
    /// As `Length`, or null.
    LengthOrNull,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// The rule of a column by its name, if octaflow has one of that name.
pub(super) fn rule_of(column: &str) -> Option<Rule> {
    const MOST: i64 = i64::MAX;
    Some(match column {
        "cell" | "time" | "query" => Rule::Whole(i64::MIN, MOST),
        "lx" | "ly" | "lz" => Rule::Whole(0, 65535),
        "points" | "source" | "part" | "owner" | "seq" | "cells" | "step" | "brick_visits"
        | "micros" => Rule::Whole(0, MOST),
        "ring" => Rule::Whole(1, 60),
        "next" => Rule::Whole(-1, 13),
        "diff" => Rule::Sign,
        "value" => Rule::Finite,
        "distance" | "cost_so_far" => Rule::Length,
        "cost" | "lower_bound" | "smooth_length" => Rule::LengthOrNull,
        "status" => Rule::Word(&["found", "unreachable", "invalid"]),
        _ => return None,
    })
}

impl Rule {
    /// What is right, in words.
    pub(super) fn right(self) -> String {
        match self {
            Rule::Whole(i64::MIN, _) => "a whole number".to_owned(),
            Rule::Whole(least, i64::MAX) => format!("a whole number from {least} on"),
            Rule::Whole(least, most) => format!("a whole number in {least}…{most}"),
            Rule::Sign => "1 or −1".to_owned(),
            Rule::Finite => "a finite number".to_owned(),
            Rule::Length => "a finite number, not negative".to_owned(),
            Rule::LengthOrNull => "null or a finite number, not negative".to_owned(),
            Rule::Word(words) => format!("one of {}", words.join(", ")),
        }
    }

    /// The first row of a column that breaks the rule, and what it holds; a column of another type breaks it in its
    /// first.
    pub(super) fn broken(self, column: &ArrayRef) -> Option<(usize, String)> {
        if self != Rule::LengthOrNull
            && let Some(nulls) = column.nulls().filter(|nulls| nulls.null_count() > 0)
        {
            let row = nulls.iter().position(|valid| !valid)?;
            return Some((row, "null".to_owned()));
        }
        let real = |allowed: &dyn Fn(f64) -> bool| {
            if let Some(values) = column.as_primitive_opt::<Float32Type>() {
                let wrong =
                    |&row: &usize| !values.is_null(row) && !allowed(f64::from(values.value(row)));
                let row = (0..values.len()).find(wrong);
                return Some(row.map(|row| (row, values.value(row).to_string())));
            }
            let values = column.as_primitive_opt::<Float64Type>()?;
            let row =
                (0..values.len()).find(|&row| !values.is_null(row) && !allowed(values.value(row)));
            Some(row.map(|row| (row, values.value(row).to_string())))
        };
        let found = match self {
            Rule::Whole(least, most) => whole_broken(column, |v| (least..=most).contains(&v)),
            Rule::Sign => whole_broken(column, |v| v == 1 || v == -1),
            Rule::Finite => real(&f64::is_finite),
            Rule::Length | Rule::LengthOrNull => real(&|v| v.is_finite() && v >= 0.0),
            Rule::Word(words) => column.as_string_opt::<i32>().map(|values| {
                let row = (0..values.len()).find(|&row| !words.contains(&values.value(row)))?;
                Some((row, format!("{:?}", values.value(row))))
            }),
        };
        found.unwrap_or_else(|| Some((0, format!("of type {}", column.data_type()))))
    }
}

/// The first value that is not allowed; `None` if the column does not hold whole numbers.
fn whole_broken(
    column: &ArrayRef,
    allowed: impl Fn(i64) -> bool,
) -> Option<Option<(usize, String)>> {
    macro_rules! first {
        ($kind:ty) => {{
            let values = column.as_primitive::<$kind>().values();
            let row = values.iter().position(|&v| !allowed(i64::from(v)));
            Some(row.map(|row| (row, values[row].to_string())))
        }};
    }
    match column.data_type() {
        DataType::Int8 => first!(Int8Type),
        DataType::Int16 => first!(Int16Type),
        DataType::Int32 => first!(Int32Type),
        DataType::Int64 => first!(Int64Type),
        DataType::UInt8 => first!(UInt8Type),
        DataType::UInt16 => first!(UInt16Type),
        DataType::UInt32 => first!(UInt32Type),
        _ => None,
    }
}

/// The values of a column of whole numbers.
pub(super) fn whole_numbers(column: &ArrayRef) -> Option<Vec<i64>> {
    macro_rules! all {
        ($kind:ty) => {
            Some(
                column
                    .as_primitive::<$kind>()
                    .values()
                    .iter()
                    .map(|&v| i64::from(v))
                    .collect(),
            )
        };
    }
    if column.null_count() > 0 {
        return None;
    }
    match column.data_type() {
        DataType::Int8 => all!(Int8Type),
        DataType::Int16 => all!(Int16Type),
        DataType::Int32 => all!(Int32Type),
        DataType::Int64 => all!(Int64Type),
        DataType::UInt8 => all!(UInt8Type),
        DataType::UInt16 => all!(UInt16Type),
        DataType::UInt32 => all!(UInt32Type),
        _ => None,
    }
}
