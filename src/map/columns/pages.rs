//! A look at the page headers of a Parquet file before any page is decoded.
//!
//! The decoder allocates by what a page's header says: a few bytes can claim gigabytes. So the headers of the wanted
//! columns are read first, and pages that no writer makes are refused.

use super::compact::{Compact, I16, I64, STOP, STRUCT};
use super::lengths::check_lengths;
use super::parquet::{damaged, guarded};
use crate::Result;
use crate::map::input::read_error;
use flate2::read::MultiGzDecoder;
use parquet::basic::{Compression, Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// The most bytes that a page may decompress to; writers aim at 1 MiB.
const LARGEST_PAGE_BYTES: i64 = 256 << 20;

/// The most bytes that the largest pages of all wanted columns may take together: the decoder holds one of each.
const LARGEST_PAGES_BYTES: i64 = 1 << 30;

/// The most bytes of a dictionary of text. The rows of a batch hold the dictionary of each of their row groups.
const LARGEST_TEXT_DICTIONARY_BYTES: i64 = 64 << 10;

/// The most bytes of a page of text: so many, and so many more a value. The rows of a batch hold each of their pages.
const TEXT_PAGE_BYTES: i64 = 16 << 10;
const TEXT_VALUE_BYTES: i64 = 1 << 10;

/// How Parquet numbers two encodings of text.
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;

/// How much text a page may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextLimit {
    /// Little: rows are kept in batches that share the pages.
    Short,
    /// As much as of any other type: rows are taken one at a time, or the text is the matter.
    Long,
}

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
    text: TextLimit,
) -> Result<()> {
    let schema = metadata.file_metadata().schema_descr();
    let mut reader = BufReader::with_capacity(1 << 12, file);
    let mut largest = vec![Largest::default(); schema.num_columns()];
    for group in metadata.row_groups() {
        for (leaf, column) in group.columns().iter().enumerate() {
            if leaf >= schema.num_columns() {
                return Err(damaged(
                    name,
                    "a row group has more columns than the schema",
                ));
            }
            if places.contains(&Some(schema.get_column_root_idx(leaf))) {
                let largest = &mut largest[leaf];
                if check_column(name, &mut reader, file_bytes, column, text, largest)? {
                    guarded(name, || check_lengths(name, file, column, group.num_rows()))?;
                }
            }
        }
    }
    let together: i64 = largest
        .iter()
        .map(|l| l.data_bytes + l.dictionary_bytes)
        .sum();
    if together > LARGEST_PAGES_BYTES {
        let what = format!(
            "the largest pages of its columns take {together} bytes together where {LARGEST_PAGES_BYTES} are allowed"
        );
        return Err(damaged(name, &what));
    }
    Ok(())
}

/// The sizes of a column's largest pages.
#[derive(Clone, Default)]
struct Largest {
    data_bytes: i64,
    dictionary_bytes: i64,
}

/// Checks the headers of a column's pages; true if the lengths in one are yet to be checked.
fn check_column(
    name: &str,
    reader: &mut BufReader<&File>,
    file_bytes: u64,
    column: &ColumnChunkMetaData,
    text: TextLimit,
    largest: &mut Largest,
) -> Result<bool> {
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
    let mut has_lengths = false;
    while at < end {
        let io = |e: std::io::Error| read_error(name, &e);
        reader.seek(SeekFrom::Start(at)).map_err(io)?;
        let mut header = Compact {
            bytes: reader.by_ref().take(end - at),
        };
        let page =
            Page::read(&mut header).ok_or_else(|| damaged(name, "a page's header is malformed"))?;
        let header_bytes = end - at - header.bytes.limit();
        at += header_bytes;
        let room = (end - at) as i64;
        if !(0..=room).contains(&page.compressed_bytes) {
            return Err(damaged(name, "a page reaches beyond its column"));
        }
        let limited = text == TextLimit::Short && column.column_type() == Type::BYTE_ARRAY;
        check_page(name, &page, limited)?;
        has_lengths |= page.encoding == DELTA_LENGTH_BYTE_ARRAY;
        let most = match page.is_dictionary {
            true => &mut largest.dictionary_bytes,
            false => &mut largest.data_bytes,
        };
        *most = page.plain_bytes.max(*most);
        if matches!(column.compression(), Compression::GZIP(_)) {
            check_gzip(name, reader, &page)?;
        }
        at += page.compressed_bytes as u64;
    }
    Ok(has_lengths)
}

fn check_page(name: &str, page: &Page, is_short_text: bool) -> Result<()> {
    if !(0..=LARGEST_PAGE_BYTES).contains(&page.plain_bytes) {
        let what = format!(
            "a page of {} bytes is larger than the {LARGEST_PAGE_BYTES} that are allowed",
            page.plain_bytes
        );
        return Err(damaged(name, &what));
    }
    // A plain value other than a boolean takes 4 bytes or more, and no number or text is a boolean.
    if page.is_dictionary && page.values > page.plain_bytes / 4 {
        return Err(damaged(
            name,
            "a dictionary has more values than its page can hold",
        ));
    }
    if page.encoding == DELTA_BYTE_ARRAY {
        // Each value may repeat all of the one before, and the contents say how many there are.
        let what =
            "text is encoded by the prefixes that it shares: write the column with a dictionary";
        return Err(damaged(name, what));
    }
    let most = match page.is_dictionary {
        true => LARGEST_TEXT_DICTIONARY_BYTES,
        false => TEXT_PAGE_BYTES + TEXT_VALUE_BYTES * page.values,
    };
    if is_short_text && page.plain_bytes > most {
        let what = format!(
            "a page of text has {} bytes where {most} are allowed",
            page.plain_bytes
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
#[derive(Debug, Default)]
struct Page {
    plain_bytes: i64,
    compressed_bytes: i64,
    is_dictionary: bool,
    values: i64,
    /// The encoding of the values of a data page.
    encoding: i64,
    /// How many bytes of levels stand uncompressed before the values.
    level_bytes: i64,
}

impl Page {
    /// Reads a page header; `None` if it is malformed.
    fn read(header: &mut Compact<impl Read>) -> Option<Self> {
        let mut page = Page::default();
        let (mut plain, mut compressed, mut detailed) = (false, false, false);
        let mut id = 0;
        loop {
            let kind = header.field(&mut id)?;
            match (id, kind) {
                (_, STOP) => break,
                (2, I16..=I64) => (plain, page.plain_bytes) = (true, header.integer()?),
                (3, I16..=I64) => (compressed, page.compressed_bytes) = (true, header.integer()?),
                (5 | 7 | 8, STRUCT) if !detailed => {
                    detailed = true;
                    page.read_details(id, header)?;
                }
                (2 | 3 | 5 | 7 | 8, _) => return None,
                _ => header.skip(kind, 0)?,
            }
        }
        (plain && compressed).then_some(page)
    }

    /// Reads the part of a header that is particular to data pages (5), dictionary pages (7) or data pages v2 (8).
    fn read_details(&mut self, page_kind: i64, header: &mut Compact<impl Read>) -> Option<()> {
        self.is_dictionary = page_kind == 7;
        let mut id = 0;
        loop {
            let kind = header.field(&mut id)?;
            match (page_kind, id, kind) {
                (_, _, STOP) => return Some(()),
                (_, 1, I16..=I64) => self.values = header.count()?,
                (5, 2, I16..=I64) | (8, 4, I16..=I64) => {
                    self.encoding = header.count()?;
                }
                (8, 5 | 6, I16..=I64) => self.level_bytes += header.count()?,
                (_, 1, _) | (5, 2, _) | (8, 4..=6, _) => return None,
                _ => header.skip(kind, 0)?,
            }
        }
    }
}
