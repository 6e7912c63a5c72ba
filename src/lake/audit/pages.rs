//! The pages of a row group: that each is what its checksum says, and what its header says.
//!
//! A checksum covers what a page holds and not its header. So a header of ours must be, byte for byte, the one that
//! the writer makes of what it says, and what it says is held against the page and the column.

use super::parquet::Parquet;
use super::{RESTORE, fault};
use crate::lake::page::Head;
use crate::lake::refused;
use crate::map::columns::compact::{Compact, I16, I64, LIST, STOP, STRUCT};
use crate::map::input::told;
use crate::{Error, Result};
use parquet::basic::{Encoding, Type};
use parquet::file::metadata::ColumnChunkMetaData;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

/// The wire type of 32-bit numbers.
const I32: u8 = I64 - 1;

/// A header of ours is not longer than this, nor are most of others.
const HEAD_BYTES: usize = 64;

/// The longest header of other writers that is read: it may hold the least and the greatest text of a page.
const FOREIGN_HEAD_BYTES: usize = 1 << 20;

const CHUNK_BYTES: usize = 1 << 16;

/// Checks every page of row group `group`.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) naming the first page that is damaged.
pub(super) fn check(parquet: &Parquet, file: &File, group: usize) -> Result<()> {
    for column in parquet.footer().row_group(group).columns() {
        let chunk = Chunk {
            parquet,
            file,
            group,
            column,
        };
        chunk.check()?;
    }
    Ok(())
}

/// The pages of one column in one row group.
struct Chunk<'a> {
    parquet: &'a Parquet,
    file: &'a File,
    group: usize,
    column: &'a ColumnChunkMetaData,
}

impl Chunk<'_> {
    fn check(&self) -> Result<()> {
        let (start, length) = self.column.byte_range();
        let end = start.saturating_add(length).min(self.parquet.bytes);
        let (mut at, mut values, mut places) = (start, 0, Vec::new());
        for page in 0.. {
            if at >= end {
                break;
            }
            let (head, page_end) = self
                .page(at, end, page == 0)?
                .map_err(|what| self.wrong(&format!(", page {page}"), &what))?;
            if head.kind == Head::DATA {
                places.push([at as i64, (page_end - at) as i64, values]);
                values += i64::from(head.values);
            }
            at = page_end;
        }
        if !self.parquet.is_untouched() {
            return Ok(());
        }
        if values != self.column.num_values() {
            let counted = self.column.num_values();
            let what = format!(
                "the pages hold {values} values and should hold the {counted} of the footer"
            );
            return Err(self.wrong("", &what));
        }
        match indexed(self.parquet, self.file, self.column)? {
            Some(told) if told != places => {
                Err(self.wrong("", "its index of pages does not name them where they lie"))
            }
            _ => Ok(()),
        }
    }

    /// The head of the page at `at`, and where it ends, or what is wrong with it.
    fn page(
        &self,
        at: u64,
        end: u64,
        first: bool,
    ) -> Result<std::result::Result<(AnyHead, u64), String>> {
        let io = |e: std::io::Error| refused(&self.parquet.path, "read", &e);
        let mut found = None;
        for most in [HEAD_BYTES, FOREIGN_HEAD_BYTES] {
            let mut bytes = vec![0; most.min((end - at) as usize)];
            self.file.read_exact_at(&mut bytes, at).map_err(io)?;
            found = read_head(&bytes).map(|(head, length)| (head, bytes[..length].to_vec()));
            if found.is_some() || self.parquet.is_untouched() {
                break;
            }
        }
        let Some((head, bytes)) = found else {
            return Ok(Err("its header is malformed".to_owned()));
        };
        let data_at = at + bytes.len() as u64;
        if head.packed_bytes < 0 || head.packed_bytes as u64 > end - data_at {
            return Ok(Err("it reaches beyond its column".to_owned()));
        }
        if self.parquet.is_untouched()
            && let Err(what) = check_head(&head, &bytes, first, self.column)
        {
            return Ok(Err(what));
        }
        if let Some(stored) = head.crc {
            let found = checksum(self.file, data_at, head.packed_bytes as u64).map_err(io)?;
            if found != stored as u32 {
                return Ok(Err(format!(
                    "its checksum is {found:08x} and should be {stored:08x}"
                )));
            }
        }
        let page_end = data_at + head.packed_bytes as u64;
        Ok(Ok((head, page_end)))
    }

    fn wrong(&self, page: &str, what: &str) -> Error {
        let (group, column) = (self.group, self.column.column_path().string());
        let column = told(&column);
        fault(
            &self.parquet.path,
            format!("row group {group}, column {column}{page}: {what}; {RESTORE}"),
        )
    }
}

/// What matters of a page header, of ours or of others.
#[derive(Default)]
struct AnyHead {
    kind: i32,
    plain_bytes: i32,
    packed_bytes: i32,
    crc: Option<i32>,
    values: i32,
    encoding: i32,
    level_encodings: [i32; 2],
}

/// Reads the header at the front of `bytes`, and tells its length.
fn read_head(bytes: &[u8]) -> Option<(AnyHead, usize)> {
    let mut reader = Compact { bytes };
    let mut head = AnyHead::default();
    let mut id = 0;
    loop {
        match (reader.field(&mut id)?, id) {
            (STOP, _) => break,
            (I16..=I64, 1) => head.kind = narrow(reader.integer()?)?,
            (I16..=I64, 2) => head.plain_bytes = narrow(reader.integer()?)?,
            (I16..=I64, 3) => head.packed_bytes = narrow(reader.integer()?)?,
            (I16..=I64, 4) => head.crc = Some(narrow(reader.integer()?)?),
            (STRUCT, 5 | 7) => read_details(&mut reader, &mut head)?,
            (kind, _) => reader.skip(kind, 0)?,
        }
    }
    let length = bytes.len() - reader.bytes.len();
    Some((head, length))
}

fn read_details(reader: &mut Compact<impl Read>, head: &mut AnyHead) -> Option<()> {
    let mut id = 0;
    loop {
        match (reader.field(&mut id)?, id) {
            (STOP, _) => return Some(()),
            (I16..=I64, 1) => head.values = narrow(reader.integer()?)?,
            (I16..=I64, 2) => head.encoding = narrow(reader.integer()?)?,
            (I16..=I64, 3) => head.level_encodings[0] = narrow(reader.integer()?)?,
            (I16..=I64, 4) => head.level_encodings[1] = narrow(reader.integer()?)?,
            (kind, _) => reader.skip(kind, 0)?,
        }
    }
}

fn narrow(value: i64) -> Option<i32> {
    i32::try_from(value).ok()
}

/// Checks a header of ours, whose bytes are `bytes`.
fn check_head(
    head: &AnyHead,
    bytes: &[u8],
    first: bool,
    column: &ColumnChunkMetaData,
) -> std::result::Result<(), String> {
    let Some(crc) = head.crc else {
        return Err("it has no checksum, as every page of octaflow has".to_owned());
    };
    let canonical = Head {
        kind: head.kind,
        plain_bytes: head.plain_bytes,
        packed_bytes: head.packed_bytes,
        crc,
        values: head.values,
        encoding: head.encoding,
        level_encodings: head.level_encodings,
    };
    let mut written = Vec::with_capacity(HEAD_BYTES);
    canonical.write(&mut written);
    if written != bytes {
        return Err("its header is not laid out as octaflow does".to_owned());
    }
    let dictionary = column.dictionary_page_offset().is_some();
    let kind = if first && dictionary {
        Head::DICTIONARY
    } else {
        Head::DATA
    };
    let numbers = [
        Encoding::PLAIN,
        Encoding::RLE_DICTIONARY,
        Encoding::DELTA_BINARY_PACKED,
    ];
    let width = match column.column_type() {
        Type::INT32 | Type::FLOAT => 4,
        Type::INT64 | Type::DOUBLE => 8,
        _ => 0,
    };
    let sound = head.kind == kind
        && head.values >= 0
        && match kind {
            Head::DICTIONARY => {
                let fits =
                    width == 0 || i64::from(head.values) * width == i64::from(head.plain_bytes);
                head.encoding == Encoding::PLAIN as i32 && fits
            }
            _ => {
                numbers
                    .iter()
                    .any(|encoding| *encoding as i32 == head.encoding)
                    && head.level_encodings == [Encoding::RLE as i32; 2]
            }
        };
    match sound {
        true => Ok(()),
        false => Err("its header does not say what a page of this column is".to_owned()),
    }
}

fn checksum(file: &File, start: u64, bytes: u64) -> std::io::Result<u32> {
    let mut hasher = crc32fast::Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES.min(bytes as usize)];
    let (mut at, end) = (start, start + bytes);
    while at < end {
        let length = (end - at).min(chunk.len() as u64) as usize;
        file.read_exact_at(&mut chunk[..length], at)?;
        hasher.update(&chunk[..length]);
        at += length as u64;
    }
    Ok(hasher.finalize())
}

/// Where the index of a column's data pages says that they lie: place, length and first row of each; `None` if there is
/// no index. One that cannot be read names none.
///
/// `OffsetIndex {1: list of PageLocation {1: offset, 2: compressed_page_size, 3: first_row_index}}` of the format's
/// `parquet.thrift`.
fn indexed(
    parquet: &Parquet,
    file: &File,
    column: &ColumnChunkMetaData,
) -> Result<Option<Vec<[i64; 3]>>> {
    let (Some(at), Some(length)) = (column.offset_index_offset(), column.offset_index_length())
    else {
        return Ok(None);
    };
    let place = u64::try_from(at).ok().zip(u64::try_from(length).ok());
    let Some((at, length)) =
        place.filter(|(at, length)| at.saturating_add(*length) <= parquet.bytes)
    else {
        return Ok(Some(Vec::new()));
    };
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, at)
        .map_err(|e| refused(&parquet.path, "read", &e))?;
    Ok(Some(read_locations(&bytes).unwrap_or_default()))
}

fn read_locations(bytes: &[u8]) -> Option<Vec<[i64; 3]>> {
    let mut reader = Compact { bytes };
    let mut locations = Vec::new();
    let mut id = 0;
    loop {
        match (reader.field(&mut id)?, id) {
            (STOP, _) => return reader.bytes.is_empty().then_some(locations),
            (LIST, 1) => {
                let (elements, kind) = reader.list()?;
                for _ in 0..elements {
                    locations.push(read_location(&mut reader).filter(|_| kind == STRUCT)?);
                }
            }
            (kind, _) => reader.skip(kind, 0)?,
        }
    }
}

fn read_location(reader: &mut Compact<impl Read>) -> Option<[i64; 3]> {
    let mut location = [0; 3];
    let mut id = 0;
    loop {
        match (reader.field(&mut id)?, id) {
            (STOP, _) => return Some(location),
            (I64, 1 | 3) | (I32, 2) => location[id as usize - 1] = reader.integer()?,
            _ => return None,
        }
    }
}
