//! Files as streams of bytes, with their names for messages and a report of progress.

use super::Progress;
use crate::{Error, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

/// How many bytes are read at once, and how often progress is reported.
const CHUNK_BYTES: usize = 1 << 18;

/// The extension of a file's name in lower case, or nothing.
pub(crate) fn extension(path: &Path) -> String {
    path.extension()
        .map(|e| e.to_string_lossy().to_lowercase())
        .unwrap_or_default()
}

/// The error that the end of a file's name is none that can be read; `right` says which can.
pub(crate) fn misnamed(path: &Path, right: &str) -> Error {
    let file = path.display();
    match extension(path).as_str() {
        "gz" | "bz2" | "xz" | "zst" | "zip" | "7z" => {
            Error::input(format!("{file}: it is packed; unpack it first: {right}"))
        }
        _ => Error::input(format!("{file}: {right}")),
    }
}

/// Opens a file for reading, and tells its length in bytes (0 for what has none, such as a pipe).
///
/// # Errors
/// [`Error::Input`] if there is no such file or it is a directory, [`Error::Machine`] if it may not be read.
pub(crate) fn open(path: &Path) -> Result<(File, u64)> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|e| read_error(&name, &e))?;
    let metadata = file.metadata().map_err(|e| read_error(&name, &e))?;
    if metadata.is_dir() {
        return Err(Error::input(format!(
            "{name}: it is a directory; name a file"
        )));
    }
    Ok((file, metadata.len()))
}

/// The error for a file that could not be opened or read.
pub(crate) fn read_error(name: &str, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::input(format!("{name}: there is no such file")),
        ErrorKind::IsADirectory => Error::input(format!("{name}: it is a directory; name a file")),
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
            Error::input(format!("{name}: {error}"))
        }
        _ => Error::machine(format!("{name}: it cannot be read: {error}")),
    }
}

/// A stretch of a file's bytes as it may stand in a message: short, printable, quoted.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
    let dots = if bytes.len() > LONGEST { "…" } else { "" };
    format!("\"{}{dots}\"", text.escape_debug())
}

/// What a decoder says of a file, as it may stand in a message: such words may repeat any length of the file.
pub(crate) fn told(words: &str) -> String {
    const LONGEST: usize = 240;
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut text: String = words.chars().take(LONGEST).map(printable).collect();
    if words.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

/// The bytes of a file, one after another, through one buffer.
pub(crate) struct Bytes<'a> {
    name: String,
    file: Box<dyn Read + 'a>,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    read_bytes: u64,
    total_bytes: u64,
    progress: Option<Progress<'a>>,
    failure: Option<Error>,
}

impl<'a> Bytes<'a> {
    pub(crate) fn open(path: &Path, progress: Option<Progress<'a>>) -> Result<Self> {
        let (file, total_bytes) = open(path)?;
        let name = path.display().to_string();
        Ok(Bytes::over(name, Box::new(file), total_bytes, progress))
    }

    /// The bytes that `file` gives, of which there are `total_bytes`, or 0 if that is not known.
    pub(crate) fn over(
        name: String,
        file: Box<dyn Read + 'a>,
        total_bytes: u64,
        progress: Option<Progress<'a>>,
    ) -> Self {
        let chunk_bytes = match total_bytes {
            0 => CHUNK_BYTES,
            n => n.min(CHUNK_BYTES as u64) as usize,
        };
        Bytes {
            name,
            file,
            // A small file needs no large buffer; what tells no length may be long.
            buffer: vec![0; chunk_bytes].into(),
            at: 0,
            end: 0,
            read_bytes: 0,
            total_bytes,
            progress,
            failure: None,
        }
    }

    /// The file's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long the file is; 0 for what has no length.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// How many bytes were taken.
    pub(crate) fn taken_bytes(&self) -> u64 {
        self.read_bytes - (self.end - self.at) as u64
    }

    /// The next byte, or `None` at the end or where reading failed: see [`Bytes::check`].
    #[inline]
    pub(crate) fn next_byte(&mut self) -> Option<u8> {
        if self.at == self.end && !self.refill() {
            return None;
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Some(byte)
    }

    /// The byte that [`Bytes::next_byte`] would give.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        if self.at == self.end && !self.refill() {
            return None;
        }
        Some(self.buffer[self.at])
    }

    /// Fills `out`.
    ///
    /// # Errors
    /// [`Error::Input`] if the file ends before that.
    #[inline]
    pub(crate) fn take_exact(&mut self, out: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while done < out.len() {
            if self.at == self.end && !self.refill() {
                self.check()?;
                return Err(Error::input(format!(
                    "{}: the file ends too early, after {} bytes: it is truncated",
                    self.name, self.read_bytes
                )));
            }
            let n = (out.len() - done).min(self.end - self.at);
            out[done..done + n].copy_from_slice(&self.buffer[self.at..self.at + n]);
            self.at += n;
            done += n;
        }
        Ok(())
    }

    /// Tells whether `None` meant the end of the file.
    ///
    /// # Errors
    /// The failure to read, if there was one.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Reads the next chunk; false at the end of the file or after a failure.
    #[cold]
    fn refill(&mut self) -> bool {
        if self.failure.is_some() {
            return false;
        }
        let n = loop {
            match self.file.read(&mut self.buffer) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.at = 0;
        self.end = *n.as_ref().unwrap_or(&0);
        self.read_bytes += self.end as u64;
        if let Err(e) = n {
            self.failure = Some(read_error(&self.name, &e));
        }
        if let Some(progress) = self.progress {
            progress(self.read_bytes, self.total_bytes.max(self.read_bytes));
        }
        self.end > 0
    }
}

/// The part of a file that one of several readers takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Which reader, from 0 on; less than `peers`.
    pub(crate) index: usize,
    /// How many readers there are; at least 1.
    pub(crate) peers: usize,
}

impl Share {
    /// The only reader's.
    pub(crate) const WHOLE: Share = Share { index: 0, peers: 1 };

    /// This reader's stretch of `count` things: the stretches of all readers follow one another and differ by one
    /// at most.
    pub(crate) fn of(self, count: u64) -> Range<u64> {
        let cut = |n: usize| (u128::from(count) * n as u128 / self.peers as u128) as u64;
        cut(self.index)..cut(self.index + 1)
    }
}
