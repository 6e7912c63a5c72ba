//! A look at how many lengths a page of text claims before they are decoded.
//!
//! In the encoding DELTA_LENGTH_BYTE_ARRAY the lengths of all texts stand before the texts: the size of a block, its
//! number of parts, how many lengths there are, and the first one (all unsigned varints but the last), then the
//! differences. The decoder makes room for as many lengths as stand there, and equal ones take no bytes.

use super::compact::Compact;
use super::parquet::damaged;
use crate::Result;
use crate::map::input::read_error;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use std::fs::File;
use std::sync::Arc;

/// The most lengths in a page: writers put less than 10⁶ rows in one.
const MOST_LENGTHS: u64 = 1 << 22;

/// Checks the pages of a column of text; those of other encodings are left to the decoder.
///
/// # Errors
/// [`crate::Error::Input`] if a page has more lengths than values, or than any writer puts in one.
pub(super) fn check_lengths(
    name: &str,
    file: &File,
    column: &ColumnChunkMetaData,
    rows: i64,
) -> Result<()> {
    let wrong = |e: ParquetError| damaged(name, &e.to_string());
    let file = file.try_clone().map_err(|e| read_error(name, &e))?;
    let rows = usize::try_from(rows)
        .map_err(|_| damaged(name, "a row group has a negative number of rows"))?;
    let mut pages = SerializedPageReader::new(Arc::new(file), column, rows, None).map_err(wrong)?;
    let nullable = column.column_descr().max_def_level() > 0;
    while let Some(page) = pages.get_next_page().map_err(wrong)? {
        if page.encoding() != Encoding::DELTA_LENGTH_BYTE_ARRAY {
            continue;
        }
        let most = u64::from(page.num_values()).min(MOST_LENGTHS);
        match lengths(&page, nullable) {
            Some(n) if n <= most => {}
            Some(n) => {
                let what = format!("a page of text claims {n} lengths where {most} are allowed");
                return Err(damaged(name, &what));
            }
            None => return Err(damaged(name, "the lengths of a page of text are malformed")),
        }
    }
    Ok(())
}

/// How many lengths a page claims.
fn lengths(page: &Page, nullable: bool) -> Option<u64> {
    let buffer = page.buffer();
    let level_bytes = match page {
        Page::DataPageV2 {
            def_levels_byte_len,
            rep_levels_byte_len,
            ..
        } => u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len),
        Page::DataPage {
            def_level_encoding: Encoding::RLE,
            ..
        } if nullable => 4 + u64::from(u32::from_le_bytes(*buffer.first_chunk()?)),
        Page::DataPage { .. } if !nullable => 0,
        _ => return None,
    };
    let mut values = Compact {
        bytes: buffer.get(usize::try_from(level_bytes).ok()?..)?,
    };
    let (_block, _parts) = (values.unsigned()?, values.unsigned()?);
    values.unsigned()
}
