//! Rows of CSV: comma-separated, with a header, quotes as in RFC 4180, blanks around values ignored.

use super::header::Header;
use super::{Field, LONGEST_ROW_BYTES};
use crate::map::input::read_error;
use crate::{Error, Result};
use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The rows of a CSV file; never more than one buffer ahead of the row that was asked for.
pub(super) struct CsvRows {
    reader: Reader<Guarded>,
    since_row: Arc<AtomicU64>,
    record: ByteRecord,
    columns: usize,
    header: Header,
}

impl CsvRows {
    pub(super) fn new(file: &str, inner: Box<dyn Read + Send>, wanted: &[&str]) -> Result<Self> {
        let since_row = Arc::new(AtomicU64::new(0));
        let guarded = Guarded {
            inner,
            since_row: Arc::clone(&since_row),
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(guarded);
        let mut rows = CsvRows {
            reader,
            since_row,
            record: ByteRecord::new(),
            columns: 0,
            header: Header::default(),
        };
        if !rows.read_record(file)? {
            return Err(Error::input(format!(
                "{file}: the table is empty; its first line must name its columns"
            )));
        }
        rows.columns = rows.record.len();
        let names = rows.record.iter().map(<[u8]>::trim_ascii);
        rows.header = Header::new(file, wanted, names)?;
        if let (1, Some(line)) = (rows.columns, rows.record.get(0)) {
            rows.header.look_for_separators(line);
        }
        Ok(rows)
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn read_bytes(&self) -> u64 {
        self.reader.position().byte()
    }

    /// The fields of the row at hand, or of the header before the first row, without the blanks around them.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        self.record.iter().map(<[u8]>::trim_ascii)
    }

    /// Goes on to the next row, which messages call by its `number`; false at the end.
    pub(super) fn advance(&mut self, file: &str, number: u64) -> Result<bool> {
        if !self.read_record(file)? {
            return Ok(false);
        }
        let (fields, columns) = (self.record.len(), self.columns);
        if fields != columns {
            return Err(Error::input(format!(
                "{file}, row {number}: the row has {fields} fields where the header has {columns}"
            )));
        }
        // A number or a word is of one line: one that is not begins with a quote that nobody has closed.
        let broken = |place: &usize| self.record.get(*place).is_some_and(|f| f.contains(&b'\n'));
        if self.record.as_slice().contains(&b'\n') && self.header.places().any(|p| broken(&p)) {
            return Err(Error::input(format!(
                "{file}, row {number}: a value runs over the end of its line: a quote is not closed"
            )));
        }
        Ok(true)
    }

    #[inline]
    pub(super) fn field(&self, column: usize) -> Field<'_> {
        let bytes = self
            .header
            .place(column)
            .and_then(|place| self.record.get(place));
        match bytes.map(<[u8]>::trim_ascii) {
            None | Some([]) => Field::Missing,
            Some(text) => Field::Untyped(text),
        }
    }

    fn read_record(&mut self, file: &str) -> Result<bool> {
        self.since_row.store(0, Relaxed);
        self.reader
            .read_byte_record(&mut self.record)
            .map_err(|e| match e.kind() {
                ErrorKind::Io(io) => read_error(file, io),
                _ => Error::input(format!("{file}: {e}")),
            })
    }
}

/// A reader that fails when a row does not end: one quote, or no line break, must not fill the memory.
struct Guarded {
    inner: Box<dyn Read + Send>,
    since_row: Arc<AtomicU64>,
}

impl Read for Guarded {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(out)?;
        if self.since_row.fetch_add(n as u64, Relaxed) > LONGEST_ROW_BYTES {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!("a row must not be longer than {LONGEST_ROW_BYTES} bytes"),
            ));
        }
        Ok(n)
    }
}
