//! ZIP archives as far as NumPy writes them: the central directory at the end, entries stored or deflated, with the
//! 64-bit sizes of large ones.

use crate::map::input::{self, read_error};
use crate::{Error, Result};
use crc32fast::Hasher;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

/// The most bytes that deflate can pack into one.
const MOST_BYTES_A_BYTE: u64 = 1032;

/// How long the record at the archive's end is, without its comment, and the comment at most.
const END_BYTES: u64 = 22;
const LONGEST_COMMENT_BYTES: u64 = 65_535;

/// A size or an offset for which the 64-bit one stands elsewhere.
const ELSEWHERE: u64 = 0xffff_ffff;

/// A file in an archive.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) whole_bytes: u64,
    packed_bytes: u64,
    deflated: bool,
    crc: u32,
    /// Where its own header begins.
    start: u64,
}

/// An archive whose directory has been read.
pub(super) struct Archive {
    path: PathBuf,
    name: String,
    entries: Vec<Entry>,
    directory_bytes: u64,
}

impl Archive {
    /// Reads the directory.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let (mut file, file_bytes) = input::open(path)?;
        let (start, length) = find_directory(&name, &mut file, file_bytes)?;
        let mut raw = vec![0; length as usize];
        read_at(&name, &mut file, start, &mut raw)?;
        let mut entries = Vec::new();
        let mut rest = &raw[..];
        while !rest.is_empty() {
            let (entry, after) =
                parse_entry(rest).ok_or_else(|| damaged(&name, "its directory is malformed"))?;
            entries.push(entry);
            rest = after;
        }
        Ok(Archive {
            path: path.to_owned(),
            name,
            entries,
            directory_bytes: length,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// About how much memory the directory takes.
    pub(super) fn memory_bytes(&self) -> u64 {
        2 * self.directory_bytes + (self.entries.len() * size_of::<Entry>()) as u64
    }

    /// The bytes of an entry; the last of them are not given unless all have the checksum that the directory tells.
    pub(super) fn open_entry(&self, entry: &Entry) -> Result<Checked> {
        let (mut file, file_bytes) = input::open(&self.path)?;
        let mut head = [0; 30];
        read_at(&self.name, &mut file, entry.start, &mut head)?;
        let names = u64::from(u16_at(&head, 26)) + u64::from(u16_at(&head, 28));
        let start = entry.start + head.len() as u64 + names;
        let fits = start
            .checked_add(entry.packed_bytes)
            .is_some_and(|end| end <= file_bytes);
        let most = match entry.deflated {
            true => entry.packed_bytes.saturating_mul(MOST_BYTES_A_BYTE),
            false => entry.packed_bytes,
        };
        if &head[..4] != b"PK\x03\x04" || !fits || entry.whole_bytes > most {
            return Err(damaged(
                &self.name,
                "an entry does not lie where its directory says",
            ));
        }
        file.seek(SeekFrom::Start(start))
            .map_err(|e| read_error(&self.name, &e))?;
        let packed = file.take(entry.packed_bytes);
        let inner = match entry.deflated {
            true => Inner::Deflated(DeflateDecoder::new(packed)),
            false => Inner::Stored(packed),
        };
        Ok(Checked {
            inner,
            hasher: Hasher::new(),
            left: entry.whole_bytes,
            crc: entry.crc,
        })
    }
}

/// Where the directory begins and how long it is.
fn find_directory(name: &str, file: &mut File, file_bytes: u64) -> Result<(u64, u64)> {
    let tail_bytes = file_bytes.min(END_BYTES + LONGEST_COMMENT_BYTES);
    let tail_start = file_bytes - tail_bytes;
    let mut tail = vec![0; tail_bytes as usize];
    read_at(name, file, tail_start, &mut tail)?;
    let at = tail
        .windows(END_BYTES as usize)
        .rposition(|window| window.starts_with(b"PK\x05\x06"))
        .ok_or_else(|| damaged(name, "its directory is missing: it is truncated"))?;
    let mut length = u64::from(u32_at(&tail, at + 12));
    let mut start = u64::from(u32_at(&tail, at + 16));
    if (start == ELSEWHERE || length == ELSEWHERE) && at >= 20 {
        // The locator of the 64-bit record stands right before.
        let locator = &tail[at - 20..at];
        let mut record = [0; 56];
        read_at(name, file, u64_at(locator, 8), &mut record)?;
        if !locator.starts_with(b"PK\x06\x07") || !record.starts_with(b"PK\x06\x06") {
            return Err(damaged(name, "its directory of 64 bits is missing"));
        }
        (length, start) = (u64_at(&record, 40), u64_at(&record, 48));
    }
    let end = start.checked_add(length);
    if end.is_none_or(|end| end > tail_start + at as u64) {
        return Err(damaged(name, "its directory does not lie in it"));
    }
    Ok((start, length))
}

/// Reads one entry of the directory, and what follows it.
fn parse_entry(raw: &[u8]) -> Option<(Entry, &[u8])> {
    let head = raw.get(..46)?;
    let part = |at| usize::from(u16_at(head, at));
    let (name_bytes, extra_bytes, comment_bytes) = (part(28), part(30), part(32));
    let rest = &raw[46..];
    let (name, rest) = rest.split_at_checked(name_bytes)?;
    let (extra, rest) = rest.split_at_checked(extra_bytes)?;
    let (_, rest) = rest.split_at_checked(comment_bytes)?;
    let encrypted = u16_at(head, 8) & 1 == 1;
    let deflated = match u16_at(head, 10) {
        0 => false,
        8 => true,
        _ => return None,
    };
    let mut sizes = [u32_at(head, 24), u32_at(head, 20), u32_at(head, 42)].map(u64::from);
    let mut wide = wide_fields(extra);
    for size in &mut sizes {
        if *size == ELSEWHERE {
            let (word, after) = wide.split_first_chunk::<8>()?;
            (*size, wide) = (u64::from_le_bytes(*word), after);
        }
    }
    let [whole_bytes, packed_bytes, start] = sizes;
    if !head.starts_with(b"PK\x01\x02") || encrypted {
        return None;
    }
    let entry = Entry {
        name: String::from_utf8_lossy(name).into_owned(),
        whole_bytes,
        packed_bytes,
        deflated,
        crc: u32_at(head, 16),
        start,
    };
    Some((entry, rest))
}

/// The extra field of 64-bit sizes, or nothing.
fn wide_fields(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let (kind, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(field) = extra.get(4..4 + length) else {
            break;
        };
        if kind == 1 {
            return field;
        }
        extra = &extra[4 + length..];
    }
    &[]
}

enum Inner {
    Stored(Take<File>),
    Deflated(DeflateDecoder<Take<File>>),
}

/// The bytes of an entry, held against its length and its checksum.
pub(super) struct Checked {
    inner: Inner,
    hasher: Hasher,
    left: u64,
    crc: u32,
}

impl Read for Checked {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let broken = |what: &str| Err(std::io::Error::new(ErrorKind::InvalidData, what));
        // One byte more than there may be tells when there are too many.
        let wanted = out.len().min(self.left.saturating_add(1) as usize);
        let n = match &mut self.inner {
            Inner::Stored(bytes) => bytes.read(&mut out[..wanted])?,
            Inner::Deflated(bytes) => bytes.read(&mut out[..wanted])?,
        };
        let Some(left) = self.left.checked_sub(n as u64) else {
            return broken("it has more bytes than the archive's directory says: it is damaged");
        };
        if n == 0 && left > 0 && wanted > 0 {
            return broken("it has fewer bytes than the archive's directory says: it is damaged");
        }
        self.hasher.update(&out[..n]);
        self.left = left;
        if n > 0 && left == 0 && self.hasher.clone().finalize() != self.crc {
            return broken("its checksum is wrong: it is damaged");
        }
        Ok(n)
    }
}

fn read_at(name: &str, file: &mut File, at: u64, out: &mut [u8]) -> Result<()> {
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.read_exact(out))
        .map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput => {
                damaged(name, "its directory leads beyond its end")
            }
            _ => read_error(name, &e),
        })
}

fn u16_at(raw: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([raw[at], raw[at + 1]])
}

fn u32_at(raw: &[u8], at: usize) -> u32 {
    u32::from(u16_at(raw, at)) | u32::from(u16_at(raw, at + 2)) << 16
}

fn u64_at(raw: &[u8], at: usize) -> u64 {
    u64::from(u32_at(raw, at)) | u64::from(u32_at(raw, at + 4)) << 32
}

fn damaged(file: &str, what: &str) -> Error {
    Error::input(format!("{file}: it is no sound .npz archive: {what}"))
}
