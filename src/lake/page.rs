//! Pages of a Parquet column chunk, written with the checksums that the format provides for.
//!
//! The page header is the struct `PageHeader` of the format's `parquet.thrift`, in Thrift's compact protocol.

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

/// What the header of a page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of the page's type: [`Head::DATA`] or [`Head::DICTIONARY`].
    pub(super) kind: i32,
    pub(super) plain_bytes: i32,
    pub(super) packed_bytes: i32,
    pub(super) crc: i32,
    pub(super) values: i32,
    pub(super) encoding: i32,
    /// The encodings of the definition and the repetition levels of a data page.
    pub(super) level_encodings: [i32; 2],
}

impl Head {
    pub(super) const DATA: i32 = 0;
    pub(super) const DICTIONARY: i32 = 2;

    /// `PageHeader {1: type, 2: uncompressed, 3: compressed, 4: crc, 5: data page header | 7: dictionary page header}`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut header = Struct::new(out);
        header.int(1, self.kind);
        header.int(2, self.plain_bytes);
        header.int(3, self.packed_bytes);
        header.int(4, self.crc);
        header.field(if self.kind == Head::DATA { 5 } else { 7 }, STRUCT);
        let mut details = Struct::new(header.out);
        details.int(1, self.values);
        details.int(2, self.encoding);
        if self.kind == Head::DATA {
            details.int(3, self.level_encodings[0]);
            details.int(4, self.level_encodings[1]);
        } else {
            // Whether the dictionary is sorted: none of ours need be.
            details.field(3, BOOL_FALSE);
        }
        details.end();
        header.end();
    }
}

fn write_header(out: &mut Vec<u8>, page: &CompressedPage) -> Result<()> {
    let mut head = Head {
        kind: page.page_type() as i32,
        plain_bytes: length(page.uncompressed_size())?,
        packed_bytes: length(page.compressed_size())?,
        crc: crc32fast::hash(page.data()) as i32,
        values: length(page.num_values() as usize)?,
        ..Head::default()
    };
    match page.compressed_page() {
        Page::DataPage {
            encoding,
            def_level_encoding,
            rep_level_encoding,
            ..
        } => {
            head.encoding = *encoding as i32;
            head.level_encodings = [def_level_encoding, rep_level_encoding].map(|e| *e as i32);
        }
        Page::DictionaryPage { encoding, .. } => head.encoding = *encoding as i32,
        Page::DataPageV2 { .. } => {
            return Err(ParquetError::NYI("data pages of version 2".into()));
        }
    }
    head.write(out);
    Ok(())
}

fn length(count: usize) -> Result<i32> {
    i32::try_from(count).map_err(|_| {
        ParquetError::General(format!("a page of {count} exceeds what Parquet allows"))
    })
}

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

    fn end(self) {
        self.out.push(0);
    }
}
