//! A look at the page headers of a Parquet file before any page is decoded.
//!
//! The decoder allocates by what a page's header says: a few bytes can claim gigabytes. So the headers of the wanted
//! columns are read first (the Thrift compact protocol, of which only structs of numbers matter here), and pages
//! that no writer makes are refused.

use super::parquet::damaged;
use crate::Result;
use crate::map::input::read_error;
use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// The most bytes that a page may decompress to; writers aim at 1 MiB.
const LARGEST_PAGE_BYTES: i64 = 256 << 20;

/// The most bytes of a page whose values share prefixes, which may expand each to the length of the page.
const LARGEST_PREFIX_PAGE_BYTES: i64 = 64 << 10;

/// How Parquet numbers the encoding DELTA_BYTE_ARRAY.
const DELTA_BYTE_ARRAY: i64 = 7;

/// Checks the pages of the root columns at `places`.
///
/// # Errors
/// [`crate::Error::Input`] if a page is too large, or its header is not sound.
pub(super) fn check_pages(
    name: &str,
    file: &File,
    file_bytes: u64,
    metadata: &ParquetMetaData,
    places: &[Option<usize>],
) -> Result<()> {
    let schema = metadata.file_metadata().schema_descr();
    let mut reader = BufReader::with_capacity(1 << 12, file);
    for group in metadata.row_groups() {
        for (leaf, column) in group.columns().iter().enumerate() {
            if leaf >= schema.num_columns() {
                return Err(damaged(
                    name,
                    "a row group has more columns than the schema",
                ));
            }
            if places.contains(&Some(schema.get_column_root_idx(leaf))) {
                check_column(name, &mut reader, file_bytes, column)?;
            }
        }
    }
    Ok(())
}

fn check_column(
    name: &str,
    reader: &mut BufReader<&File>,
    file_bytes: u64,
    column: &ColumnChunkMetaData,
) -> Result<()> {
    let start = column
        .dictionary_page_offset()
        .unwrap_or(column.data_page_offset());
    let end = start.checked_add(column.compressed_size());
    let (Ok(mut at), Some(Ok(end))) = (u64::try_from(start), end.map(u64::try_from)) else {
        return Err(damaged(name, "a column has a negative place"));
    };
    if at > end || end > file_bytes {
        return Err(damaged(name, "a column lies outside the file"));
    }
    while at < end {
        let io = |e: std::io::Error| read_error(name, &e);
        reader.seek(SeekFrom::Start(at)).map_err(io)?;
        let mut header = Compact {
            bytes: reader.by_ref().take(end - at),
        };
        let page = header
            .page()
            .ok_or_else(|| damaged(name, "a page's header is malformed"))?;
        let header_bytes = end - at - header.bytes.limit();
        at += header_bytes;
        let room = (end - at) as i64;
        if !(0..=room).contains(&page.compressed_bytes) {
            return Err(damaged(name, "a page reaches beyond its column"));
        }
        check_page(name, &page)?;
        if matches!(column.compression(), Compression::GZIP(_)) {
            check_gzip(name, reader, &page)?;
        }
        at += page.compressed_bytes as u64;
    }
    Ok(())
}

fn check_page(name: &str, page: &Page) -> Result<()> {
    if !(0..=LARGEST_PAGE_BYTES).contains(&page.plain_bytes) {
        let what = format!(
            "a page of {} bytes is larger than the {LARGEST_PAGE_BYTES} that are allowed",
            page.plain_bytes
        );
        return Err(damaged(name, &what));
    }
    // A plain value other than a boolean takes 4 bytes or more, and no number or text is a boolean.
    if page
        .dictionary_values
        .is_some_and(|n| !(0..=page.plain_bytes / 4).contains(&n))
    {
        return Err(damaged(
            name,
            "a dictionary has more values than its page can hold",
        ));
    }
    if page.encoding == Some(DELTA_BYTE_ARRAY) && page.plain_bytes > LARGEST_PREFIX_PAGE_BYTES {
        let what = format!(
            "a page of text with shared prefixes has more than {LARGEST_PREFIX_PAGE_BYTES} bytes: \
             write the column with a dictionary"
        );
        return Err(damaged(name, &what));
    }
    Ok(())
}

/// Inflates a page without keeping it: this codec's decoder alone does not stop at the size in the header.
fn check_gzip(name: &str, reader: &mut BufReader<&File>, page: &Page) -> Result<()> {
    let raw = page.level_bytes;
    if raw > page.compressed_bytes {
        return Err(damaged(name, "a page's levels are longer than the page"));
    }
    let io = |e: std::io::Error| read_error(name, &e);
    reader.seek_relative(raw).map_err(io)?;
    let packed = reader.by_ref().take((page.compressed_bytes - raw) as u64);
    let most = page.plain_bytes as u64;
    let mut plain = MultiGzDecoder::new(packed).take(most + 1);
    // Damage is left to the decoder to report; only its size matters here.
    let inflated = std::io::copy(&mut plain, &mut std::io::sink()).unwrap_or(0);
    if inflated > most {
        return Err(damaged(
            name,
            "a page inflates to more bytes than its header says",
        ));
    }
    Ok(())
}

/// What matters of a page's header.
#[derive(Debug, Default, PartialEq)]
struct Page {
    plain_bytes: i64,
    compressed_bytes: i64,
    dictionary_values: Option<i64>,
    encoding: Option<i64>,
    /// How many bytes of levels stand uncompressed before the values.
    level_bytes: i64,
}

/// A reader of the Thrift compact protocol.
struct Compact<R> {
    bytes: R,
}

/// The wire types of the protocol that matter by name.
const STOP: u8 = 0;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I64: u8 = 6;
const STRUCT: u8 = 12;

impl<R: Read> Compact<R> {
    /// A page header, or `None` if it is malformed.
    fn page(&mut self) -> Option<Page> {
        let mut page = Page::default();
        let (mut plain, mut compressed) = (false, false);
        let mut id = 0;
        loop {
            let kind = self.field(&mut id)?;
            match (id, kind) {
                (_, STOP) => break,
                (2, I16..=I64) => (plain, page.plain_bytes) = (true, self.integer()?),
                (3, I16..=I64) => (compressed, page.compressed_bytes) = (true, self.integer()?),
                (5 | 7 | 8, STRUCT) => self.kind_header(id, &mut page)?,
                _ => self.skip(kind, 0)?,
            }
        }
        (plain && compressed).then_some(page)
    }

    /// The part of a header that is particular to data pages (5), dictionary pages (7) or data pages v2 (8).
    fn kind_header(&mut self, page_kind: i64, page: &mut Page) -> Option<()> {
        let mut id = 0;
        loop {
            let kind = self.field(&mut id)?;
            match (page_kind, id, kind) {
                (_, _, STOP) => return Some(()),
                (7, 1, I16..=I64) => page.dictionary_values = Some(self.integer()?),
                (5, 2, I16..=I64) | (8, 4, I16..=I64) => page.encoding = Some(self.integer()?),
                (8, 5 | 6, I16..=I64) => {
                    let levels = self.integer()?;
                    page.level_bytes = page
                        .level_bytes
                        .checked_add(levels)
                        .filter(|_| levels >= 0)?;
                }
                _ => self.skip(kind, 0)?,
            }
        }
    }

    /// The next field's wire type; `id` becomes its number.
    fn field(&mut self, id: &mut i64) -> Option<u8> {
        let head = self.byte()?;
        let (step, kind) = (head >> 4, head & 0xf);
        if kind != STOP {
            *id = if step == 0 {
                self.integer()?
            } else {
                id.checked_add(i64::from(step))?
            };
        }
        Some(kind)
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        match kind {
            // Booleans live in the field's head.
            1 | 2 => {}
            BYTE => drop(self.byte()?),
            I16..=I64 => drop(self.unsigned()?),
            7 => self.skip_bytes(8)?,
            8 => {
                let n = self.unsigned()?;
                self.skip_bytes(n)?;
            }
            STRUCT if depth < 8 => {
                let mut id = 0;
                loop {
                    match self.field(&mut id)? {
                        STOP => break,
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
            }
            // Lists, sets and maps have no place in a page's header.
            _ => return None,
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.bytes.read_exact(&mut byte).ok()?;
        Some(byte[0])
    }

    fn skip_bytes(&mut self, n: u64) -> Option<()> {
        let skipped = std::io::copy(&mut self.bytes.by_ref().take(n), &mut std::io::sink()).ok()?;
        (skipped == n).then_some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A signed number: zigzag.
    fn integer(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}
