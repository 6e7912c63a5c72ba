//! Rows of newline-delimited JSON: one object a line.

use super::{Field, LONGEST_ROW_BYTES};
use crate::map::input::{read_error, shown, told};
use crate::{Error, Result};
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader, Read};

/// The rows of a JSON file; never more than one buffer ahead of the row that was asked for.
pub(super) struct NdjsonRows {
    reader: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    read_bytes: u64,
    wanted: Vec<String>,
    values: Vec<Value>,
}

impl NdjsonRows {
    pub(super) fn new(inner: Box<dyn Read + Send>, wanted: &[&str]) -> Self {
        NdjsonRows {
            reader: BufReader::with_capacity(1 << 16, inner),
            line: Vec::new(),
            read_bytes: 0,
            wanted: wanted.iter().map(|&name| name.to_owned()).collect(),
            values: vec![Value::Null; wanted.len()],
        }
    }

    pub(super) fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// Goes on to the next row, which messages call by its `number`; false at the end.
    pub(super) fn advance(&mut self, file: &str, number: u64) -> Result<bool> {
        let Some(mut object) = self.next_object(file, number)? else {
            return Ok(false);
        };
        for (value, name) in self.values.iter_mut().zip(&self.wanted) {
            *value = object.remove(name).unwrap_or(Value::Null);
        }
        Ok(true)
    }

    /// The object of the next line that is not blank, which messages call row `number`; `None` at the end.
    pub(super) fn next_object(
        &mut self,
        file: &str,
        number: u64,
    ) -> Result<Option<Map<String, Value>>> {
        loop {
            if !self.read_line(file, number)? {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let line = self.line.trim_ascii();
        serde_json::from_slice(line).map(Some).map_err(|e| {
            let what = told(&e.to_string());
            // Where that is within the line helps nobody.
            let what = what.split(" at line ").next().unwrap_or_default();
            Error::input(format!(
                "{file}, row {number}: {} must be one JSON object on a line of its own: {what}",
                shown(line)
            ))
        })
    }

    pub(super) fn field(&self, column: usize) -> Field<'_> {
        match &self.values[column] {
            Value::Null => Field::Missing,
            Value::String(text) => Field::Text(text.as_bytes()),
            Value::Bool(_) => Field::Other("a boolean"),
            Value::Array(_) => Field::Other("an array"),
            Value::Object(_) => Field::Other("an object"),
            Value::Number(number) => number
                .as_i64()
                .map(Field::Signed)
                .or_else(|| number.as_u64().map(Field::Unsigned))
                .or_else(|| number.as_f64().map(Field::Float))
                .unwrap_or(Field::Other("a number too large")),
        }
    }

    fn read_line(&mut self, file: &str, number: u64) -> Result<bool> {
        self.line.clear();
        let n = (&mut self.reader)
            .take(LONGEST_ROW_BYTES)
            .read_until(b'\n', &mut self.line)
            .map_err(|e| read_error(file, &e))?;
        self.read_bytes += n as u64;
        if n as u64 == LONGEST_ROW_BYTES && self.line.last() != Some(&b'\n') {
            return Err(Error::input(format!(
                "{file}, row {number}: it must not be longer than {LONGEST_ROW_BYTES} bytes"
            )));
        }
        Ok(n > 0)
    }
}
