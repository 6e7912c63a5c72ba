//! The checksums of a container: of a row, and of the whole file.

use super::FieldValues;
use crc32fast::Hasher;
use std::io::{self, Write};

/// How many hexadecimal digits the checksum of the whole file has.
pub(super) const DIGITS: usize = 8;

/// What the checksum of the whole file is computed with, where its own digits stand.
pub(super) const BLANK: [u8; DIGITS] = *b"00000000";

/// The checksum of a row: CRC-32 of the id and the lists from left to right.
pub(super) fn row_checksum(id: u64, values: &[FieldValues]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&id.to_le_bytes());
    values
        .iter()
        .for_each(|list| hasher.update(list.as_bytes()));
    hasher.finalize()
}

/// The digits of the checksum of the whole file.
pub(super) fn digits(checksum: u32) -> [u8; DIGITS] {
    let text = format!("{checksum:08x}");
    text.into_bytes()
        .try_into()
        .expect("32 bits are eight digits")
}

/// The checksum that eight digits, lower case, stand for.
pub(super) fn of_digits(text: &str) -> Option<u32> {
    let checksum = u32::from_str_radix(text, 16).ok()?;
    (digits(checksum) == text.as_bytes()).then_some(checksum)
}

/// Passes on what is written, and takes its checksum on the way.
pub(super) struct Digesting<W> {
    inner: W,
    hasher: Hasher,
    bytes: u64,
    /// What was written since [`Digesting::remember`].
    tail: Option<Vec<u8>>,
}

impl<W> Digesting<W> {
    pub(super) fn new(inner: W) -> Self {
        Digesting {
            inner,
            hasher: Hasher::new(),
            bytes: 0,
            tail: None,
        }
    }

    /// Keeps a copy of all that is written from now on.
    pub(super) fn remember(&mut self) {
        self.tail = Some(Vec::new());
    }

    /// What it wrote to, the checksum, how many bytes were written, and the last of them.
    pub(super) fn into_parts(self) -> (W, u32, u64, Vec<u8>) {
        let tail = self.tail.unwrap_or_default();
        (self.inner, self.hasher.finalize(), self.bytes, tail)
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        if let Some(tail) = &mut self.tail {
            tail.extend_from_slice(&bytes[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
