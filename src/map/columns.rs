//! Tables: rows of named columns from CSV, newline-delimited JSON and Parquet files, one row at a time.
//!
//! A reader names the columns it wants; their order in the file is free and other columns are ignored. A value is
//! taken as the number or text that it is, converted only where nothing is lost.

pub(crate) mod compact;
mod csv;
mod footer;
pub(crate) mod guard;
mod header;
mod lengths;
mod ndjson;
mod pages;
mod parquet;
mod stretch;
mod survey;

pub(crate) use parquet::{check_all_pages, damaged, guarded, key_values, open_footer};
pub(crate) use parquet::{decode_parquet, open_parquet, open_parquet_whole};
pub(crate) use survey::survey;

use super::input::{Share, extension, misnamed, shown};
use crate::{Error, Result};
use std::io::Read;
use std::path::Path;

/// The most bytes that one row of a CSV or JSON file may take.
const LONGEST_ROW_BYTES: u64 = 1 << 20;

/// A value as it stands in the file.
enum Field<'a> {
    /// Null, or nothing between two commas.
    Missing,
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    /// Text of a column or member that is text.
    Text(&'a [u8]),
    /// Text that may stand for a number: a CSV field, never empty.
    Untyped(&'a [u8]),
    /// A value of a kind that is neither number nor text, and the kind's name.
    Other(&'static str),
}

enum Source {
    Csv(csv::CsvRows),
    Ndjson(ndjson::NdjsonRows),
    Parquet(parquet::ParquetRows),
}

/// The rows of a table.
pub(crate) struct Rows {
    file: String,
    wanted: Vec<String>,
    source: Source,
    number: u64,
}

impl Rows {
    /// Opens a `.csv`, `.parquet`, `.json`, `.ndjson` or `.jsonl` file for the columns `wanted`, which other methods
    /// name by their place in it.
    ///
    /// # Errors
    /// [`Error::Input`] if the extension is another, the header cannot be read, or a wanted column comes twice or is
    /// of a type that is neither number nor text.
    pub(crate) fn open(path: &Path, wanted: &[&str]) -> Result<Self> {
        Rows::open_share(path, wanted, Share::WHOLE)
    }

    /// As [`Rows::open`], for one reader's share of the rows: the row groups of a Parquet file, the lines of a text.
    /// A CSV file in which anything is quoted cannot be cut: share 0 has all of it.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub(crate) fn open_share(path: &Path, wanted: &[&str], share: Share) -> Result<Self> {
        let mut file = path.display().to_string();
        let (opened, bytes) = match extension(path).as_str() {
            "csv" | "parquet" | "json" | "ndjson" | "jsonl" => super::input::open(path)?,
            _ => return Err(no_table(path)),
        };
        let mut number = 0;
        let source = match extension(path).as_str() {
            "csv" => {
                let text = stretch::of_csv(&mut file, opened, bytes, share)?;
                Source::Csv(csv::CsvRows::new(&file, text, wanted)?)
            }
            "parquet" => {
                let rows = parquet::ParquetRows::new(&file, opened, bytes, wanted, share)?;
                number = rows.rows_before();
                Source::Parquet(rows)
            }
            _ => {
                let text = stretch::of_lines(&mut file, opened, 0, bytes, share)?;
                Source::Ndjson(ndjson::NdjsonRows::new(text, wanted))
            }
        };
        let mut rows = Rows::over(file, source, wanted);
        rows.number = number;
        Ok(rows)
    }

    /// The rows of a CSV table that comes from `reader`, called `name` in messages.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub(crate) fn from_csv(
        name: &str,
        reader: Box<dyn Read + Send>,
        wanted: &[&str],
    ) -> Result<Self> {
        let source = Source::Csv(csv::CsvRows::new(name, reader, wanted)?);
        Ok(Rows::over(name.to_owned(), source, wanted))
    }

    fn over(file: String, source: Source, wanted: &[&str]) -> Self {
        Rows {
            file,
            wanted: wanted.iter().map(|&name| name.to_owned()).collect(),
            source,
            number: 0,
        }
    }

    /// The table's name in messages.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Whether the table has a wanted column; JSON tables may have any.
    pub(crate) fn has(&self, column: usize) -> bool {
        match &self.source {
            Source::Csv(rows) => rows.header().has(column),
            Source::Ndjson(_) => true,
            Source::Parquet(rows) => rows.header().has(column),
        }
    }

    /// Asserts that the table has wanted columns.
    ///
    /// # Errors
    /// [`Error::Input`] that names the first one missing.
    pub(crate) fn require(&self, columns: &[usize]) -> Result<()> {
        match columns.iter().find(|&&c| !self.has(c)) {
            None => Ok(()),
            Some(&c) => Err(Error::input(format!("{}: {}", self.file, self.lacks(c)))),
        }
    }

    /// That a wanted column is not there.
    #[cold]
    fn lacks(&self, column: usize) -> String {
        let name = &self.wanted[column];
        let found = match &self.source {
            Source::Csv(rows) => rows.header().found(),
            Source::Ndjson(_) => "",
            Source::Parquet(rows) => rows.header().found(),
        };
        format!("the table must have a column \"{name}\"{found}")
    }

    /// How many bytes of the file were read, about.
    pub(crate) fn read_bytes(&self) -> u64 {
        match &self.source {
            Source::Csv(rows) => rows.read_bytes(),
            Source::Ndjson(rows) => rows.read_bytes(),
            Source::Parquet(rows) => rows.read_bytes(self.number),
        }
    }

    /// The next row, or `None` after the last.
    ///
    /// # Errors
    /// [`Error::Input`] if the row is malformed, [`Error::Machine`] if reading fails. No row follows an error.
    #[inline]
    pub(crate) fn next_row(&mut self) -> Result<Option<Row<'_>>> {
        let more = match &mut self.source {
            Source::Csv(rows) => rows.advance(&self.file, self.number + 1),
            Source::Ndjson(rows) => rows.advance(&self.file, self.number + 1),
            Source::Parquet(rows) => rows.advance(&self.file),
        };
        if !more? {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(Row { rows: self }))
    }

    /// The whole number that a malformed row still holds, after [`Rows::next_row`] gave its error.
    pub(crate) fn salvage_integer(&self, column: usize) -> Option<i64> {
        match &self.source {
            Source::Csv(_) => Row { rows: self }.integer(column).ok(),
            // A line that is no object holds nothing, and batches are whole or not there.
            Source::Ndjson(_) | Source::Parquet(_) => None,
        }
    }
}

/// One row of a table.
pub(crate) struct Row<'a> {
    rows: &'a Rows,
}

impl<'a> Row<'a> {
    /// The row's number: the first row of data is 1.
    pub(crate) fn number(&self) -> u64 {
        self.rows.number
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`Error::Input`] if it is missing, or no whole number of 64 bits.
    #[inline]
    pub(crate) fn integer(&self, column: usize) -> Result<i64> {
        let whole = |f: f64| {
            // From 2⁵³ on a float may stand for a neighbour of the number that was meant.
            let inside = f.abs() < 2f64.powi(53);
            (inside && f.fract() == 0.0).then_some(f as i64)
        };
        let value = match self.field(column) {
            Field::Signed(v) => Some(v),
            Field::Unsigned(v) => i64::try_from(v).ok(),
            Field::Float(f) => whole(f),
            Field::Untyped(text) => number_text(text)
                .and_then(|t| t.parse().ok().or_else(|| t.parse().ok().and_then(whole))),
            _ => None,
        };
        value.ok_or_else(|| self.unfit(column, "a whole number of 64 bits"))
    }

    /// A number, which may be infinite or NaN.
    ///
    /// # Errors
    /// [`Error::Input`] if it is missing, or no number that a float of 64 bits holds.
    #[inline]
    pub(crate) fn float(&self, column: usize) -> Result<f64> {
        let value = match self.field(column) {
            Field::Float(f) => Some(f),
            Field::Signed(v) => Some(v as f64).filter(|&f| f as i128 == i128::from(v)),
            Field::Unsigned(v) => Some(v as f64).filter(|&f| f as u128 == u128::from(v)),
            Field::Untyped(text) => number_text(text).and_then(|t| t.parse().ok()),
            _ => None,
        };
        value.ok_or_else(|| self.unfit(column, "a number"))
    }

    /// A number as the nearest float, which may be infinite or NaN; NaN where there is none.
    ///
    /// # Errors
    /// [`Error::Input`] if it is no number.
    #[inline]
    pub(crate) fn float_or_missing(&self, column: usize) -> Result<f64> {
        match self.field(column) {
            Field::Missing => Ok(f64::NAN),
            Field::Signed(v) => Ok(v as f64),
            Field::Unsigned(v) => Ok(v as f64),
            _ => self.float(column),
        }
    }

    /// Three finite numbers.
    ///
    /// # Errors
    /// [`Error::Input`] if one is missing or not finite.
    #[inline]
    pub(crate) fn position(&self, columns: [usize; 3]) -> Result<[f64; 3]> {
        let mut position = [0.0; 3];
        for (value, column) in position.iter_mut().zip(columns) {
            *value = self.float(column)?;
            if !value.is_finite() {
                return Err(self.unfit(column, "a finite number"));
            }
        }
        Ok(position)
    }

    /// A text.
    ///
    /// # Errors
    /// [`Error::Input`] if it is missing, or no text.
    pub(crate) fn text(&self, column: usize) -> Result<&'a [u8]> {
        match self.field(column) {
            Field::Text(text) | Field::Untyped(text) => Ok(text),
            _ => Err(self.unfit(column, "a text")),
        }
    }

    /// The error that this row is wrong in the way `what` says.
    #[cold]
    pub(crate) fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::input(format!("{}, row {}: {what}", self.rows.file, self.number()))
    }

    #[cold]
    fn unfit(&self, column: usize, right: &str) -> Error {
        let name = &self.rows.wanted[column];
        let found = match self.field(column) {
            Field::Missing if !self.rows.has(column) => {
                return self.wrong(self.rows.lacks(column));
            }
            Field::Missing => "missing".to_owned(),
            Field::Signed(v) => v.to_string(),
            Field::Unsigned(v) => v.to_string(),
            Field::Float(v) => v.to_string(),
            Field::Text(text) | Field::Untyped(text) => shown(text),
            Field::Other(kind) => kind.to_owned(),
        };
        self.wrong(format_args!(
            "column \"{name}\" is {found}: it must be {right}"
        ))
    }

    #[inline]
    fn field(&self, column: usize) -> Field<'a> {
        match &self.rows.source {
            Source::Csv(rows) => rows.field(column),
            Source::Ndjson(rows) => rows.field(column),
            Source::Parquet(rows) => rows.field(column),
        }
    }
}

/// Text that a number may be parsed from.
fn number_text(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

/// The error that a file's name is not one of a table.
fn no_table(path: &Path) -> Error {
    misnamed(
        path,
        "the name of a table must end in .csv, .parquet or .json",
    )
}
