//! Chunks of compressed records: each is decompressed by itself, so that readers share a file chunk by chunk.
//!
//! After the offset of the chunk table (8 bytes) come the chunks, then the table with the bytes of each chunk and,
//! where chunks vary in size, its points. The decoder of records is the crate `laz`; what it would allocate by a
//! chunk's word is held against the chunk's length before.

use super::damaged;
use super::header::{Header, read_at, u32_at, u64_at};
use crate::Result;
use crate::map::columns::guard::guarded;
use crate::map::input::{self, Share, told};
use crate::map::limit::Budget;
use crate::points::records::{Blocks, block_records};
use laz::laszip::ChunkTable;
use laz::record::{
    LayeredPointRecordDecompressor, RecordDecompressor, SequentialPointRecordDecompressor,
};
use laz::{DecompressionSelection, LazItemType, LazVlr};
use std::fs::File;
use std::io::{Cursor, Seek, SeekFrom};
use std::path::Path;

/// The most points that a file may pack into a byte. Points that are all alike take nearly nothing, but a chunk takes
/// some hundred bytes: with the usual 50,000 points a chunk no file reaches this, while a header can claim anything.
const MOST_POINTS_A_BYTE: u64 = 1 << 10;

/// A chunk of points.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    /// The number of its first point.
    first: u64,
    points: u64,
    start: u64,
    bytes: u64,
}

/// How the records of a file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Point by point, all in one.
    Whole,
    /// Point by point, in chunks.
    Chunked,
    /// In chunks, and in each by layers of what belongs together.
    Layered,
}

/// The chunks of a file.
pub(super) struct Chunks {
    manner: Manner,
    vlr: LazVlr,
    record_bytes: usize,
    chunks: Vec<Chunk>,
    budget: Budget,
}

impl Chunks {
    /// Reads the description of the compression and the chunk table.
    pub(super) fn read(
        name: &str,
        file: &mut File,
        file_bytes: u64,
        header: &Header,
        mut budget: Budget,
    ) -> Result<Self> {
        let payload = header
            .laszip
            .as_deref()
            .ok_or_else(|| damaged(name, "its points are compressed, but no record says how"))?;
        let vlr = LazVlr::read_from(payload)
            .map_err(|e| damaged(name, &format!("its compression: {}", told(&e.to_string()))))?;
        // The description begins with its manner; the crate keeps that to itself.
        let manner = match payload.first() {
            Some(1) => Manner::Whole,
            Some(2) => Manner::Chunked,
            Some(3) => Manner::Layered,
            _ => {
                return Err(damaged(
                    name,
                    "its points are compressed in no known manner",
                ));
            }
        };
        check_items(name, &vlr, manner, header)?;
        if header.points / MOST_POINTS_A_BYTE > file_bytes {
            let what = format!(
                "{file_bytes} bytes cannot hold the {} points that it claims",
                header.points
            );
            return Err(damaged(name, &what));
        }
        let chunks = if header.points == 0 {
            Vec::new()
        } else if manner == Manner::Whole {
            vec![Chunk {
                first: 0,
                points: header.points,
                start: header.data_start,
                bytes: file_bytes - header.data_start,
            }]
        } else {
            read_table(name, file, file_bytes, header, &vlr)?
        };
        // Each reader holds one chunk at a time.
        let longest = chunks.iter().map(|chunk| chunk.bytes).max();
        budget.charge(longest.unwrap_or_default(), 2)?;
        Ok(Chunks {
            manner,
            vlr,
            record_bytes: header.record_bytes,
            chunks,
            budget,
        })
    }

    /// The records of a share of the chunks, of which the attributes `names` are needed.
    pub(super) fn share(self, path: &Path, share: Share, names: &[&str]) -> Result<Records> {
        let range = share.of(self.chunks.len() as u64);
        let mut chunks = self.chunks;
        chunks.truncate(range.end as usize);
        chunks.drain(..range.start as usize);
        chunks.reverse();
        Ok(Records {
            name: path.display().to_string(),
            file: input::open(path)?.0,
            manner: self.manner,
            layers: layers(&self.vlr),
            vlr: self.vlr,
            record_bytes: self.record_bytes,
            selection: selection(names),
            chunks,
            current: None,
            buffer: Vec::new(),
            _budget: self.budget,
        })
    }
}

/// Holds the items of which compressed records consist against the point format.
fn check_items(name: &str, vlr: &LazVlr, manner: Manner, header: &Header) -> Result<()> {
    let (format, found) = (header.format, vlr.items());
    let sizes: usize = found.iter().map(|item| usize::from(item.size())).sum();
    let kinds = expected(format);
    let extra = found.len().checked_sub(kinds.len());
    let same = |(item, kind): (&laz::LazItem, &(LazItemType, u16))| {
        item.item_type() == kind.0 && item.size() == kind.1
    };
    let bytes_last = found.last().is_some_and(|item| match item.item_type() {
        LazItemType::Byte(n) => format < 6 && n > 0,
        LazItemType::Byte14(n) => format >= 6 && n > 0,
        _ => false,
    });
    let versions = if format < 6 { 1..=2 } else { 3..=4 };
    let sound = found.iter().zip(&kinds).all(same)
        && (extra == Some(0) || extra == Some(1) && bytes_last)
        && found.iter().all(|item| versions.contains(&item.version()))
        && sizes == header.record_bytes
        && (manner == Manner::Layered) == (format >= 6);
    if sound {
        return Ok(());
    }
    let what = format!(
        "its compression is not that of records of point format {format} with {} bytes",
        header.record_bytes
    );
    Err(damaged(name, &what))
}

/// The items of a point format, without extra bytes, and their sizes.
fn expected(format: u8) -> Vec<(LazItemType, u16)> {
    use LazItemType::{
        GpsTime, Point10, Point14, RGB12, RGB14, RGBNIR14, WavePacket13, WavePacket14,
    };
    let (point, time, colour) = ((Point10, 20), (GpsTime, 8), (RGB12, 6));
    let (wave, modern) = ((WavePacket13, 29), (Point14, 30));
    match format {
        0 => vec![point],
        1 => vec![point, time],
        2 => vec![point, colour],
        3 => vec![point, time, colour],
        4 => vec![point, time, wave],
        5 => vec![point, time, colour, wave],
        6 => vec![modern],
        7 => vec![modern, (RGB14, 6)],
        8 => vec![modern, (RGBNIR14, 8)],
        9 => vec![modern, (WavePacket14, 29)],
        _ => vec![modern, (RGBNIR14, 8), (WavePacket14, 29)],
    }
}

/// How many layers a layered chunk has.
fn layers(vlr: &LazVlr) -> usize {
    let of = |item: &laz::LazItem| match item.item_type() {
        LazItemType::Point14 => 9,
        LazItemType::RGB14 | LazItemType::WavePacket14 => 1,
        LazItemType::RGBNIR14 => 2,
        LazItemType::Byte14(n) => usize::from(n),
        _ => 0,
    };
    vlr.items().iter().map(of).sum()
}

/// The layers to decompress for the attributes `names` and the position.
fn selection(names: &[&str]) -> DecompressionSelection {
    let mut selection = DecompressionSelection::xy_returns_channel().decompress_z();
    for name in names {
        selection = match *name {
            "intensity" => selection.decompress_intensity(),
            "classification" => selection.decompress_classification(),
            "gps_time" => selection.decompress_gps_time(),
            "red" | "green" | "blue" => selection.decompress_rgb(),
            _ => selection,
        };
    }
    selection
}

/// Reads the chunk table.
fn read_table(
    name: &str,
    file: &mut File,
    file_bytes: u64,
    header: &Header,
    vlr: &LazVlr,
) -> Result<Vec<Chunk>> {
    let first = header.data_start + 8;
    let inside = |at: u64| (first..file_bytes.saturating_sub(7)).contains(&at);
    let mut word = [0; 8];
    read_at(name, file, header.data_start, &mut word)?;
    let mut table_start = u64_at(&word, 0);
    if !inside(table_start) {
        // What cannot seek back writes the offset at the file's end.
        read_at(name, file, file_bytes.saturating_sub(8), &mut word)?;
        table_start = u64_at(&word, 0);
    }
    if !inside(table_start) {
        return Err(damaged(
            name,
            "its table of chunks is missing: it is truncated",
        ));
    }
    read_at(name, file, table_start, &mut word)?;
    let count = u64::from(u32_at(&word, 4));
    // A chunk begins with a whole record.
    if count > (table_start - first) / header.record_bytes as u64 {
        let what = format!("{count} chunks do not fit into it");
        return Err(damaged(name, &what));
    }
    let table = guarded(|| {
        file.seek(SeekFrom::Start(table_start))?;
        ChunkTable::read(
            &mut std::io::BufReader::new(&mut *file),
            vlr.uses_variable_size_chunks(),
        )
    })
    .ok_or_else(|| damaged(name, "its table of chunks cannot be decoded"))?
    .map_err(|e| {
        damaged(
            name,
            &format!("its table of chunks: {}", told(&e.to_string())),
        )
    })?;
    let variable = vlr.uses_variable_size_chunks();
    place_chunks(&table, variable, vlr.chunk_size(), header, table_start)
        .ok_or_else(|| damaged(name, "its chunks do not hold the points that it claims"))
}

/// Where the chunks lie, or `None` if they do not fit in before the table or do not hold all points.
fn place_chunks(
    table: &ChunkTable,
    variable: bool,
    chunk_size: u32,
    header: &Header,
    table_start: u64,
) -> Option<Vec<Chunk>> {
    let mut start = header.data_start + 8;
    let mut first = 0;
    let mut chunks = Vec::new();
    for entry in table {
        let bytes = entry.byte_count;
        let claimed = match variable {
            true => entry.point_count,
            false => u64::from(chunk_size),
        };
        let points = claimed.min(header.points - first);
        let end = start.checked_add(bytes).filter(|&end| end <= table_start)?;
        if points > 0 {
            chunks.push(Chunk {
                first,
                points,
                start,
                bytes,
            });
        }
        (start, first) = (end, first + points);
    }
    (first == header.points).then_some(chunks)
}

type Decompressor = Box<dyn RecordDecompressor<Cursor<Vec<u8>>> + Send + Sync>;

/// The records of some chunks.
pub(super) struct Records {
    name: String,
    file: File,
    manner: Manner,
    vlr: LazVlr,
    layers: usize,
    record_bytes: usize,
    selection: DecompressionSelection,
    /// The chunks yet to come, the next one last.
    chunks: Vec<Chunk>,
    /// The decompressor of the chunk at hand, the number of the next point and how many are left.
    current: Option<(Decompressor, u64, u64)>,
    buffer: Vec<u8>,
    _budget: Budget,
}

impl Records {
    /// Reads the next chunk; false at the end.
    fn next_chunk(&mut self) -> Result<bool> {
        self.current = None;
        let Some(chunk) = self.chunks.pop() else {
            return Ok(false);
        };
        let mut bytes = vec![0; chunk.bytes as usize];
        read_at(&self.name, &mut self.file, chunk.start, &mut bytes)?;
        let layered = self.manner == Manner::Layered;
        if layered && !self.layers_fit(&bytes) {
            let what = format!(
                "the chunk at byte {} is shorter than its layers",
                chunk.start
            );
            return Err(damaged(&self.name, &what));
        }
        let input = Cursor::new(bytes);
        let mut decompressor: Decompressor = match layered {
            true => Box::new(LayeredPointRecordDecompressor::new(input)),
            false => Box::new(SequentialPointRecordDecompressor::new(input)),
        };
        decompressor
            .set_fields_from(self.vlr.items())
            .map_err(|e| damaged(&self.name, &told(&e.to_string())))?;
        decompressor.set_selection(self.selection);
        self.current = Some((decompressor, chunk.first, chunk.points));
        Ok(true)
    }

    /// Whether the layers of a chunk have the room that they claim: a whole record, the count of points, the sizes
    /// of the layers, and the layers.
    fn layers_fit(&self, chunk: &[u8]) -> bool {
        let sizes = self.record_bytes + 4;
        let start = sizes + 4 * self.layers;
        let Some(words) = chunk.get(sizes..start) else {
            return false;
        };
        let (words, _) = words.as_chunks::<4>();
        let all: u64 = words
            .iter()
            .map(|word| u64::from(u32::from_le_bytes(*word)))
            .sum();
        all <= (chunk.len() - start) as u64
    }
}

impl Blocks for Records {
    fn next_block(&mut self, at_most: usize) -> Result<Option<(u64, &[u8])>> {
        while self.current.as_ref().is_none_or(|&(_, _, left)| left == 0) {
            if !self.next_chunk()? {
                return Ok(None);
            }
        }
        let Some((decompressor, next, left)) = &mut self.current else {
            return Ok(None);
        };
        let first = *next;
        let n = block_records(self.record_bytes, at_most, *left);
        self.buffer.resize(n * self.record_bytes, 0);
        let (buffer, record_bytes) = (&mut self.buffer, self.record_bytes);
        let decoded = guarded(|| {
            buffer
                .chunks_exact_mut(record_bytes)
                .try_for_each(|record| decompressor.decompress_next(record))
        });
        if !matches!(decoded, Some(Ok(()))) {
            let what = format!("the points from {} on cannot be decompressed", first + 1);
            return Err(damaged(&self.name, &what));
        }
        (*next, *left) = (first + n as u64, *left - n as u64);
        Ok(Some((first, &self.buffer)))
    }
}
