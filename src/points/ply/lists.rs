//! Binary elements with lists, which have no fixed length.

use super::header::{Element, Property};
use crate::map::input::{self, read_error};
use crate::points::records::{Blocks, Kind, block_records, ended};
use crate::{Error, Result};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// Skips the elements that lie from byte `start` on; where the next one begins.
pub(super) fn skip_elements(
    file: &str,
    reader: &mut BufReader<File>,
    start: u64,
    elements: &[Element],
    big_endian: bool,
) -> Result<u64> {
    seek(file, reader, start)?;
    let mut at = start;
    for element in elements {
        let truncated = || {
            Error::input(format!(
                "{file}: the file ends before the last of its {} elements \"{}\"",
                element.count,
                crate::map::input::told(&element.name)
            ))
        };
        if element.has_lists() {
            for _ in 0..element.count {
                for property in &element.properties {
                    let bytes = property_bytes(file, reader, property, big_endian, &truncated)?;
                    at = at.checked_add(bytes).ok_or_else(truncated)?;
                }
            }
        } else {
            at = element
                .count
                .checked_mul(element.scalar_bytes() as u64)
                .and_then(|bytes| at.checked_add(bytes))
                .ok_or_else(truncated)?;
            seek(file, reader, at)?;
        }
    }
    Ok(at)
}

/// Skips one property, and tells how many bytes it takes.
fn property_bytes(
    file: &str,
    reader: &mut BufReader<File>,
    property: &Property,
    big_endian: bool,
    truncated: &dyn Fn() -> Error,
) -> Result<u64> {
    let (head, count) = match property.list {
        None => (0, 1),
        Some(kind) => (
            kind.bytes() as u64,
            read_length(file, reader, kind, big_endian, truncated)?,
        ),
    };
    let bytes = count
        .checked_mul(property.kind.bytes() as u64)
        .and_then(|bytes| i64::try_from(bytes).ok())
        .ok_or_else(truncated)?;
    reader.seek_relative(bytes).map_err(|_| truncated())?;
    Ok(head + bytes as u64)
}

/// Reads the length of a list.
fn read_length(
    file: &str,
    reader: &mut impl Read,
    kind: Kind,
    big_endian: bool,
    truncated: &dyn Fn() -> Error,
) -> Result<u64> {
    let mut word = [0; 8];
    let n = kind.bytes();
    reader
        .read_exact(&mut word[..n])
        .map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => truncated(),
            _ => read_error(file, &e),
        })?;
    if big_endian {
        word[..n].reverse();
    }
    let length = u64::from_le_bytes(word);
    let signed = matches!(kind, Kind::I8 | Kind::I16 | Kind::I32 | Kind::I64);
    if signed && length >> (8 * n - 1) & 1 == 1 {
        return Err(Error::input(format!(
            "{file}: a list has a negative length: the file is damaged"
        )));
    }
    Ok(length)
}

fn seek(file: &str, reader: &mut BufReader<File>, to: u64) -> Result<()> {
    // No file is so long that a seek beyond its end could matter: the next read finds nothing.
    reader
        .seek(SeekFrom::Start(to.min(i64::MAX as u64)))
        .map(|_| ())
        .map_err(|e| read_error(file, &e))
}

/// The vertices of a binary file, of which the scalars are kept.
pub(super) struct Listed {
    name: String,
    reader: BufReader<File>,
    properties: Vec<Property>,
    record_bytes: usize,
    next: u64,
    records: u64,
    big_endian: bool,
    buffer: Vec<u8>,
}

impl Listed {
    pub(super) fn open(
        path: &Path,
        start: u64,
        properties: Vec<Property>,
        records: u64,
        big_endian: bool,
    ) -> Result<Self> {
        let name = path.display().to_string();
        let mut reader = BufReader::with_capacity(1 << 17, input::open(path)?.0);
        seek(&name, &mut reader, start)?;
        let scalars = properties.iter().filter(|p| p.list.is_none());
        Ok(Listed {
            record_bytes: scalars.map(|p| p.kind.bytes()).sum(),
            name,
            reader,
            properties,
            next: 0,
            records,
            big_endian,
            buffer: Vec::new(),
        })
    }

    fn read_record(&mut self) -> Result<()> {
        for property in &self.properties {
            let truncated = || ended(&self.name, self.records);
            if property.list.is_some() {
                property_bytes(
                    &self.name,
                    &mut self.reader,
                    property,
                    self.big_endian,
                    &truncated,
                )?;
                continue;
            }
            let at = self.buffer.len();
            self.buffer.resize(at + property.kind.bytes(), 0);
            self.reader
                .read_exact(&mut self.buffer[at..])
                .map_err(|e| match e.kind() {
                    ErrorKind::UnexpectedEof => truncated(),
                    _ => read_error(&self.name, &e),
                })?;
        }
        Ok(())
    }
}

impl Blocks for Listed {
    fn next_block(&mut self, at_most: usize) -> Result<Option<(u64, &[u8])>> {
        let first = self.next;
        let n = block_records(self.record_bytes, at_most, self.records - first);
        if n == 0 {
            return Ok(None);
        }
        self.buffer.clear();
        for _ in 0..n {
            self.read_record()?;
        }
        self.next += n as u64;
        Ok(Some((first, &self.buffer)))
    }
}
