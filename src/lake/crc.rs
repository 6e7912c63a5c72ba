//! The CRC-32 (IEEE 802.3) of whole files: of those that grow as they are written, of others as they are read.

use super::refused;
use crate::Result;
use crc32fast::Hasher;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

const CHUNK_BYTES: usize = 1 << 18;

/// The length of the file at `path` and the CRC-32 of its bytes.
///
/// # Errors
/// [`Error::Machine`](crate::Error::Machine) if it cannot be read.
pub(super) fn of_file(path: &Path) -> Result<(u64, u32)> {
    let (mut hasher, mut bytes) = (Hasher::new(), 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut file = File::open(path).map_err(|e| refused(path, "opened", &e))?;
    loop {
        let read = file
            .read(&mut chunk)
            .map_err(|e| refused(path, "read", &e))?;
        if read == 0 {
            return Ok((bytes, hasher.finalize()));
        }
        hasher.update(&chunk[..read]);
        bytes += read as u64;
    }
}

/// A file on its way, with the CRC-32 of what it has. Its end can be held back, to be changed before it is written.
#[derive(Debug)]
pub(super) struct Checked {
    file: File,
    hasher: Hasher,
    bytes: u64,
    held: Option<Vec<u8>>,
}

impl Checked {
    /// A file that is empty.
    pub(super) fn new(file: File) -> Self {
        Checked {
            file,
            hasher: Hasher::new(),
            bytes: 0,
            held: None,
        }
    }

    /// Holds back what is written from now on, in memory.
    pub(super) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// What is held back.
    pub(super) fn held(&mut self) -> &mut [u8] {
        self.held.as_deref_mut().unwrap_or_default()
    }

    /// Writes what was held back, waits until the disk has the file, and tells its length and its CRC-32.
    pub(super) fn finish(mut self) -> io::Result<(u64, u32)> {
        let held = self.held.take().unwrap_or_default();
        self.write_all(&held)?;
        self.file.sync_all()?;
        Ok((self.bytes, self.hasher.finalize()))
    }
}

impl Write for Checked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(held) = &mut self.held {
            held.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
