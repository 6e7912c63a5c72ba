//! Compressed points: two lengths, then the columns of all fields one after the other, compressed by LZF.

use super::header::{Field, Header};
use super::lzf::{MOST_BYTES_A_BYTE, decompress};
use crate::map::input::{self, read_error};
use crate::map::limit::Budget;
use crate::points::records::{Blocks, block_records};
use crate::{Error, Result};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// The points of a compressed file, decompressed as a whole.
pub(super) struct Columns {
    columns: Vec<u8>,
    /// Where each field's column begins, and how many bytes a point has in it.
    fields: Vec<(usize, usize)>,
    record_bytes: usize,
    next: u64,
    points: u64,
    buffer: Vec<u8>,
}

impl Columns {
    pub(super) fn open(path: &Path, header: &Header, mut budget: Budget) -> Result<Self> {
        let name = path.display().to_string();
        let damaged = |what: String| Error::input(format!("{name}: {what}: the file is damaged"));
        let (mut file, file_bytes) = input::open(path)?;
        let mut read = |at: u64, out: &mut [u8]| {
            file.seek(SeekFrom::Start(at))
                .and_then(|_| file.read_exact(out))
                .map_err(|e| match e.kind() {
                    ErrorKind::UnexpectedEof => {
                        Error::input(format!("{name}: the file ends too early: it is truncated"))
                    }
                    _ => read_error(&name, &e),
                })
        };
        let mut sizes = [0; 8];
        read(header.bytes, &mut sizes)?;
        let [compressed, whole] = [&sizes[..4], &sizes[4..]].map(|word| {
            let bytes = word.try_into().expect("a word has four bytes");
            u64::from(u32::from_le_bytes(bytes))
        });
        let record_bytes = header.record_bytes();
        if header.points.checked_mul(record_bytes as u64) != Some(whole) {
            return Err(damaged(format!(
                "it has {whole} bytes of data where {} points of {record_bytes} bytes are claimed",
                header.points
            )));
        }
        let left = file_bytes.saturating_sub(header.bytes + 8);
        if compressed > left || whole > compressed.saturating_mul(MOST_BYTES_A_BYTE) {
            return Err(damaged(format!(
                "it claims {whole} bytes compressed into {compressed}, of which it has {left}"
            )));
        }
        budget.charge(1, compressed + whole)?;
        let mut packed = vec![0; compressed as usize];
        read(header.bytes + 8, &mut packed)?;
        let columns = decompress(&packed, whole as usize)
            .ok_or_else(|| damaged("its points cannot be decompressed".into()))?;
        let mut start = 0;
        let place = |field: &Field| {
            let bytes = field.bytes();
            start += bytes * header.points as usize;
            (start - bytes * header.points as usize, bytes)
        };
        Ok(Columns {
            fields: header.fields.iter().map(place).collect(),
            columns,
            record_bytes,
            next: 0,
            points: header.points,
            buffer: Vec::new(),
        })
    }
}

impl Blocks for Columns {
    fn next_block(&mut self, at_most: usize) -> Result<Option<(u64, &[u8])>> {
        let first = self.next;
        let n = block_records(self.record_bytes, at_most, self.points - first);
        if n == 0 {
            return Ok(None);
        }
        self.buffer.resize(n * self.record_bytes, 0);
        let mut at = 0;
        for &(start, bytes) in &self.fields {
            if bytes == 0 {
                continue;
            }
            let column = &self.columns[start + first as usize * bytes..];
            for (record, value) in self
                .buffer
                .chunks_exact_mut(self.record_bytes)
                .zip(column.chunks_exact(bytes))
            {
                record[at..at + bytes].copy_from_slice(value);
            }
            at += bytes;
        }
        self.next += n as u64;
        Ok(Some((first, &self.buffer)))
    }
}
