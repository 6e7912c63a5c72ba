//! Pages of a Parquet column chunk, written with the checksums that the format provides for.
//!
//! The page header is the struct `PageHeader` of the format's `parquet.thrift`, in Thrift's compact protocol.

use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::errors::{ParquetError, Result};

/// Collects the pages of one column chunk in memory, each behind a header that carries its CRC-32.
pub(super) struct ChunkPages<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> ChunkPages<'a> {
    /// Pages that are appended to `bytes`, which must be empty: offsets count from its start.
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Self {
        debug_assert!(bytes.is_empty(), "a chunk starts at offset 0");
        ChunkPages { bytes }
    }
}

impl PageWriter for ChunkPages<'_> {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        let start = self.bytes.len();
        write_header(self.bytes, &page)?;
        let header_bytes = self.bytes.len() - start;
        self.bytes.extend_from_slice(page.data());

        let mut spec = PageWriteSpec::new();
        spec.page_type = page.page_type();
        spec.uncompressed_size = page.uncompressed_size() + header_bytes;
        spec.compressed_size = page.compressed_size() + header_bytes;
        spec.num_values = page.num_values();
        spec.offset = start as u64;
        spec.bytes_written = (self.bytes.len() - start) as u64;
        Ok(spec)
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// `PageHeader {1: type, 2: uncompressed, 3: compressed, 4: crc, 5: data page header | 7: dictionary page header}`.
fn write_header(out: &mut Vec<u8>, page: &CompressedPage) -> Result<()> {
    let crc = crc32fast::hash(page.data()) as i32;
    let mut header = Struct::new(out);
    header.int(1, page.page_type() as i32);
    header.int(2, length(page.uncompressed_size())?);
    header.int(3, length(page.compressed_size())?);
    header.int(4, crc);
    match page.compressed_page() {
        Page::DataPage {
            encoding,
            def_level_encoding,
            rep_level_encoding,
            ..
        } => {
            header.field(5, STRUCT);
            let mut data = Struct::new(header.out);
            data.int(1, length(page.num_values() as usize)?);
            for (id, encoding) in [
                (2, encoding),
                (3, def_level_encoding),
                (4, rep_level_encoding),
            ] {
                data.encoding(id, *encoding);
            }
            data.end();
        }
        Page::DictionaryPage {
            encoding,
            is_sorted,
            ..
        } => {
            header.field(7, STRUCT);
            let mut dictionary = Struct::new(header.out);
            dictionary.int(1, length(page.num_values() as usize)?);
            dictionary.encoding(2, *encoding);
            dictionary.bool(3, *is_sorted);
            dictionary.end();
        }
        Page::DataPageV2 { .. } => {
            return Err(ParquetError::NYI("data pages of version 2".into()));
        }
    }
    header.end();
    Ok(())
}

fn length(count: usize) -> Result<i32> {
    i32::try_from(count).map_err(|_| {
        ParquetError::General(format!("a page of {count} exceeds what Parquet allows"))
    })
}

const BOOL_TRUE: u8 = 1;
const BOOL_FALSE: u8 = 2;
const I32: u8 = 5;
const STRUCT: u8 = 12;

/// A struct in Thrift's compact protocol: fields by ascending id, each behind a byte of (id difference, type).
struct Struct<'a> {
    out: &'a mut Vec<u8>,
    last_id: u8,
}

impl<'a> Struct<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Struct { out, last_id: 0 }
    }

    fn field(&mut self, id: u8, kind: u8) {
        self.out.push((id - self.last_id) << 4 | kind);
        self.last_id = id;
    }

    fn int(&mut self, id: u8, value: i32) {
        self.field(id, I32);
        let mut rest = (value << 1 ^ value >> 31) as u32;
        while rest > 0x7f {
            self.out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.out.push(rest as u8);
    }

    fn encoding(&mut self, id: u8, encoding: Encoding) {
        self.int(id, encoding as i32);
    }

    fn bool(&mut self, id: u8, value: bool) {
        self.field(id, if value { BOOL_TRUE } else { BOOL_FALSE });
    }

    fn end(self) {
        self.out.push(0);
    }
}
