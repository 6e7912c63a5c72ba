//! Points in records of a fixed layout: where each number of a record lies, and how blocks of records become points.

use super::{Batches, Points};
use crate::map::input::{self, read_error};
use crate::{Error, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// About how many bytes of records are read and decoded at once: they stay in a core's cache.
pub(super) const BLOCK_BYTES: usize = 1 << 17;

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// Those bits of a byte.
    Bits(u8),
}

impl Kind {
    /// How many bytes it takes.
    pub(super) fn bytes(self) -> usize {
        match self {
            Kind::I8 | Kind::U8 | Kind::Bits(_) => 1,
            Kind::I16 | Kind::U16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }
}

/// A number in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// Its first byte in the record.
    pub(super) at: usize,
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
}

impl Number {
    /// A number stored in little-endian order.
    pub(super) fn little(at: usize, kind: Kind) -> Self {
        Number {
            at,
            kind,
            big_endian: false,
        }
    }

    /// Gives the number of each record of `records` to `put`.
    fn each(self, records: &[u8], record_bytes: usize, put: impl FnMut(f64)) {
        let (raw, n) = (records, record_bytes);
        match self.kind {
            Kind::I8 => self.of(raw, n, |b| f64::from(i8::from_le_bytes(b)), put),
            Kind::U8 => self.of(raw, n, |[b]: [u8; 1]| f64::from(b), put),
            Kind::Bits(mask) => self.of(raw, n, |[b]: [u8; 1]| f64::from(b & mask), put),
            Kind::I16 => self.of(raw, n, |b| f64::from(i16::from_le_bytes(b)), put),
            Kind::U16 => self.of(raw, n, |b| f64::from(u16::from_le_bytes(b)), put),
            Kind::I32 => self.of(raw, n, |b| f64::from(i32::from_le_bytes(b)), put),
            Kind::U32 => self.of(raw, n, |b| f64::from(u32::from_le_bytes(b)), put),
            Kind::I64 => self.of(raw, n, |b| i64::from_le_bytes(b) as f64, put),
            Kind::U64 => self.of(raw, n, |b| u64::from_le_bytes(b) as f64, put),
            Kind::F32 => self.of(raw, n, |b| f64::from(f32::from_le_bytes(b)), put),
            Kind::F64 => self.of(raw, n, f64::from_le_bytes, put),
        }
    }

    #[inline]
    fn of<const N: usize>(
        self,
        records: &[u8],
        record_bytes: usize,
        make: impl Fn([u8; N]) -> f64,
        mut put: impl FnMut(f64),
    ) {
        for record in records.chunks_exact(record_bytes) {
            let mut bytes = [0; N];
            bytes.copy_from_slice(&record[self.at..self.at + N]);
            if self.big_endian {
                bytes.reverse();
            }
            put(make(bytes));
        }
    }
}

/// What becomes of a point with a coordinate that is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFinite {
    /// It is an error, which calls a point by this name.
    Refused(&'static str),
    /// It is no point: the format marks so what was not measured.
    Dropped,
}

/// How records become points.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    /// The file's name in messages.
    pub(super) file: String,
    pub(super) record_bytes: usize,
    pub(super) position: [Number; 3],
    /// The factor and the summand by which a stored coordinate becomes one in units of the file.
    pub(super) steps: Option<[(f64, f64); 3]>,
    pub(super) attributes: Vec<Number>,
    pub(super) not_finite: NotFinite,
}

impl Decoder {
    /// Leaves the attributes `chosen` alone, by their places.
    pub(super) fn choose(&mut self, chosen: &[usize]) {
        self.attributes = chosen.iter().map(|&n| self.attributes[n]).collect();
    }

    /// Adds the points of `records`, the first of which is number `first` of the file, from 0 on.
    fn decode(&self, first: u64, records: &[u8], points: &mut Points) -> Result<()> {
        let before = points.len();
        let n = records.len() / self.record_bytes;
        points.xyz.resize(before + n, [0.0; 3]);
        for (axis, number) in self.position.into_iter().enumerate() {
            let mut places = points.xyz[before..].iter_mut();
            let put = |value| {
                if let Some(xyz) = places.next() {
                    xyz[axis] = value;
                }
            };
            match self.steps.map(|steps| steps[axis]) {
                None => number.each(records, self.record_bytes, put),
                Some((factor, summand)) => {
                    let mut put = put;
                    number.each(records, self.record_bytes, |v| put(v * factor + summand));
                }
            }
        }
        for (number, values) in self.attributes.iter().zip(&mut points.attributes) {
            values.reserve(n);
            number.each(records, self.record_bytes, |value| values.push(value));
        }
        self.check(first, before, points)
    }

    /// Looks for coordinates that are not finite.
    fn check(&self, first: u64, before: usize, points: &mut Points) -> Result<()> {
        let finite = |xyz: &[f64; 3]| xyz.iter().all(|c| c.is_finite());
        let Some(bad) = points.xyz[before..].iter().position(|xyz| !finite(xyz)) else {
            return Ok(());
        };
        let NotFinite::Refused(what) = self.not_finite else {
            drop_points(points, before, |xyz| !finite(xyz));
            return Ok(());
        };
        let [x, y, z] = points.xyz[before + bad];
        Err(Error::input(format!(
            "{}, {what} {}: its position is ({x}, {y}, {z}); each coordinate must be a finite number",
            self.file,
            first + bad as u64 + 1
        )))
    }
}

/// Takes the points away, from number `from` on, whose position is `bad`.
fn drop_points(points: &mut Points, from: usize, bad: impl Fn(&[f64; 3]) -> bool) {
    let mut kept = from;
    for n in from..points.len() {
        if !bad(&points.xyz[n]) {
            points.xyz.swap(kept, n);
            for values in &mut points.attributes {
                values.swap(kept, n);
            }
            kept += 1;
        }
    }
    points.xyz.truncate(kept);
    for values in &mut points.attributes {
        values.truncate(kept);
    }
}

/// Records, block by block.
pub(super) trait Blocks: Send {
    /// The next records, at least one and at most `at_most`, and the number of the first; `None` at the end.
    fn next_block(&mut self, at_most: usize) -> Result<Option<(u64, &[u8])>>;
}

/// Points from blocks of records.
pub(super) struct Decoded {
    pub(super) blocks: Box<dyn Blocks>,
    pub(super) decoder: Decoder,
}

impl Batches for Decoded {
    fn next_batch(&mut self, points: &mut Points, at_most: usize) -> Result<bool> {
        while points.len() < at_most
            && let Some((first, records)) = self.blocks.next_block(at_most - points.len())?
        {
            self.decoder.decode(first, records, points)?;
        }
        Ok(!points.is_empty())
    }
}

/// Records that lie in a file one after the other.
pub(super) struct Stored {
    name: String,
    file: File,
    record_bytes: usize,
    /// The records yet to come.
    left: Range<u64>,
    buffer: Vec<u8>,
}

impl Stored {
    /// The records `range` of those that begin at byte `start` of a file. The caller has held them against its
    /// length.
    pub(super) fn open(
        path: &Path,
        start: u64,
        record_bytes: usize,
        range: Range<u64>,
    ) -> Result<Self> {
        let name = path.display().to_string();
        let (mut file, _) = input::open(path)?;
        file.seek(SeekFrom::Start(start + range.start * record_bytes as u64))
            .map_err(|e| read_error(&name, &e))?;
        Ok(Stored {
            name,
            file,
            record_bytes,
            left: range,
            buffer: Vec::new(),
        })
    }
}

impl Blocks for Stored {
    fn next_block(&mut self, at_most: usize) -> Result<Option<(u64, &[u8])>> {
        let first = self.left.start;
        let n = block_records(self.record_bytes, at_most, self.left.end - first);
        if n == 0 {
            return Ok(None);
        }
        self.buffer.resize(n * self.record_bytes, 0);
        self.file
            .read_exact(&mut self.buffer)
            .map_err(|e| match e.kind() {
                std::io::ErrorKind::UnexpectedEof => ended(&self.name, self.left.end),
                _ => read_error(&self.name, &e),
            })?;
        self.left.start += n as u64;
        Ok(Some((first, &self.buffer)))
    }
}

/// How many records a block takes, of those that are asked for and those that are left.
pub(super) fn block_records(record_bytes: usize, at_most: usize, left: u64) -> usize {
    let fitting = (BLOCK_BYTES / record_bytes).max(1).min(at_most);
    left.min(fitting as u64) as usize
}

/// The error for a file that ends before its last record.
pub(super) fn ended(file: &str, records: u64) -> Error {
    Error::input(format!(
        "{file}: the file ends before the last of its {records} points: it is truncated"
    ))
}

/// Holds the length of a file against the records that its header tells of.
pub(super) fn check_length(
    file: &str,
    start: u64,
    records: u64,
    record_bytes: usize,
    file_bytes: u64,
) -> Result<()> {
    let end = records
        .checked_mul(record_bytes as u64)
        .and_then(|bytes| bytes.checked_add(start));
    if end.is_some_and(|end| end <= file_bytes) {
        return Ok(());
    }
    Err(Error::input(format!(
        "{file}: the file has {file_bytes} bytes, but {records} points of {record_bytes} bytes from byte {start} on \
         need more: it is truncated or damaged"
    )))
}
