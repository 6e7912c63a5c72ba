//! A stream of frames: where they lie, and what they hold.
//!
//! All numbers are big-endian. Version 1 is a header of 16 bytes (`OCTA3D\0\0`, version, flags, number of frames u32,
//! two zeros), a head of 16 bytes a frame, and the frames. Version 2 is a header of 32 bytes (`OCTA3D2\0`, version,
//! flags, six zeros, the stream's number u64, where the first frame lies u64), the frames, each behind its head and, if
//! bit 0 of the flags is set, before a SHA-256 of what it holds; then a table of 32 bytes a frame (place u64, plain
//! and packed length u32, codec, graph, level, tier, number u64, four zeros), and 32 bytes at the end: where the table
//! begins, its length, its number of entries, the flags. Tables of former checkpoints may stand between frames. A head
//! is the codec, its version, the graph, a zero, the plain and the packed length and the CRC-32 of the packed frame.
//! (octaindex3d calls it CRC-32C, but computes that of zlib.)

use super::{codec, sha256};
use crate::map::input::{open, read_error};
use crate::{Error, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC_1: &[u8; 8] = b"OCTA3D\0\0";
const MAGIC_2: &[u8; 8] = b"OCTA3D2\0";

/// What octaindex3d allows in a container.
const MOST_FRAMES: u64 = 100_000;
const MOST_PACKED_BYTES: u32 = 64 << 20;
const MOST_PLAIN_BYTES: u32 = 256 << 20;

const HEAD_1_BYTES: u64 = 16;
const HEAD_2_BYTES: u64 = 32;
const FRAME_HEAD_BYTES: u64 = 16;
const ENTRY_BYTES: u64 = 32;
const SHA_BYTES: u64 = 32;

/// A container of octaindex3d whose heads have been read.
#[derive(Debug)]
pub(crate) struct Stream {
    name: String,
    file: File,
    bytes: u64,
    version: u8,
    frames: Vec<Frame>,
}

/// Where a frame lies, and what its head says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    at: u64,
    pub codec: u8,
    pub plain_bytes: u32,
    pub packed_bytes: u32,
    crc: u32,
    pub hashed: bool,
}

impl Frame {
    /// Where the packed frame ends.
    pub fn end(&self) -> u64 {
        self.at + u64::from(self.packed_bytes)
    }

    fn of_head(head: [u8; FRAME_HEAD_BYTES as usize], at: u64) -> Self {
        Frame {
            at,
            codec: head[0],
            plain_bytes: u32_at(&head, 4),
            packed_bytes: u32_at(&head, 8),
            crc: u32_at(&head, 12),
            hashed: false,
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

impl Stream {
    /// Reads the heads of the container at `path`.
    ///
    /// # Errors
    /// [`Error::Input`] if it is no whole container of octaindex3d; [`Error::Machine`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, bytes) = open(path)?;
        let mut stream = Stream {
            name: path.display().to_string(),
            file,
            bytes,
            version: 0,
            frames: Vec::new(),
        };
        let magic: [u8; 8] = stream.read(0)?;
        match &magic {
            MAGIC_1 => stream.read_heads_1()?,
            MAGIC_2 => stream.read_heads_2()?,
            _ => {
                return Err(
                    stream.unsound("it does not begin with OCTA3D, as octaindex3d's containers do")
                );
            }
        }
        Ok(stream)
    }

    /// The version of the container's format, 1 or 2.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// How long the file is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The heads of the frames.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Hands every frame to `frame`, its number and what it holds, unpacked, when its checksums have been found to be
    /// right.
    ///
    /// # Errors
    /// [`Error::Input`] naming the frame that is damaged, and those of `frame`.
    pub fn for_each(&self, mut frame: impl FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        for (index, head) in self.frames.iter().enumerate() {
            let wrong = |what: &str| self.unsound(&format!("frame {index}: {what}"));
            let mut packed = vec![0; head.packed_bytes as usize];
            self.read_into(head.at, &mut packed)?;
            let crc = crc32fast::hash(&packed);
            if crc != head.crc {
                let what = format!("its checksum is {crc:08x} and should be {:08x}", head.crc);
                return Err(wrong(&what));
            }
            let plain = codec::unpack(head.codec, packed, head.plain_bytes as usize)
                .map_err(|e| wrong(&e))?;
            if head.hashed {
                let stored: [u8; SHA_BYTES as usize] = self.read(head.end())?;
                if sha256::digest(&plain) != stored {
                    return Err(wrong("its SHA-256 is not the one that is stored behind it"));
                }
            }
            frame(index, &plain)?;
        }
        Ok(())
    }

    fn read_heads_1(&mut self) -> Result<()> {
        let head: [u8; HEAD_1_BYTES as usize] = self.read(0)?;
        self.version = 1;
        self.check_version(head[8], &head[14..16])?;
        let frames = u64::from(u32_at(&head, 10));
        let mut at = HEAD_1_BYTES + frames * FRAME_HEAD_BYTES;
        if frames > MOST_FRAMES || at > self.bytes {
            let what = format!(
                "it claims {frames} frames, which it has no room for, or more than {MOST_FRAMES}"
            );
            return Err(self.unsound(&what));
        }
        for index in 0..frames {
            let frame = Frame::of_head(self.read(HEAD_1_BYTES + index * FRAME_HEAD_BYTES)?, at);
            self.check_frame(index, &frame, self.bytes)?;
            at = frame.end();
            self.frames.push(frame);
        }
        if at != self.bytes {
            let what = format!("it has {} bytes and should have {at}", self.bytes);
            return Err(self.unsound(&what));
        }
        Ok(())
    }

    fn read_heads_2(&mut self) -> Result<()> {
        let head: [u8; HEAD_2_BYTES as usize] = self.read(0)?;
        self.version = 2;
        self.check_version(head[8], &head[10..16])?;
        if u64_at(&head, 24) != HEAD_2_BYTES {
            return Err(self.unsound("its first frame does not lie behind its header"));
        }
        // A stream without frames ends behind its header.
        if self.bytes == HEAD_2_BYTES {
            return Ok(());
        }
        let end_at = self.bytes.saturating_sub(ENTRY_BYTES);
        let end: [u8; ENTRY_BYTES as usize] = self.read(end_at)?;
        let (table_at, entries) = (u64_at(&end, 0), u64_at(&end, 16));
        let table_bytes = entries.checked_mul(ENTRY_BYTES);
        let sound = table_bytes == Some(u64_at(&end, 8))
            && table_bytes.and_then(|bytes| bytes.checked_add(table_at)) == Some(end_at)
            && u64_at(&end, 24) == u64::from(head[9])
            && table_at >= HEAD_2_BYTES;
        if !sound {
            return Err(self.unsound(
                "it does not end in the table of its frames, as a stream does that was finished",
            ));
        }
        for index in 0..entries {
            let entry: [u8; ENTRY_BYTES as usize] = self.read(table_at + index * ENTRY_BYTES)?;
            self.read_frame_2(index, &entry, table_at)?;
        }
        self.check_gaps(table_at, head[9] & 1 != 0)
    }

    /// Reads the head of a frame and holds it against its entry in the table.
    fn read_frame_2(
        &mut self,
        index: u64,
        entry: &[u8; ENTRY_BYTES as usize],
        limit: u64,
    ) -> Result<()> {
        let at = u64_at(entry, 0);
        let behind = self.frames.last().map_or(HEAD_2_BYTES, Frame::end);
        if at < behind || at > limit.saturating_sub(FRAME_HEAD_BYTES) || u64_at(entry, 20) != index
        {
            let what =
                format!("entry {index} of its table does not name the frame behind the one before");
            return Err(self.unsound(&what));
        }
        let frame = Frame::of_head(self.read(at)?, at + FRAME_HEAD_BYTES);
        let told = (u32_at(entry, 8), u32_at(entry, 12), entry[16]);
        if told != (frame.plain_bytes, frame.packed_bytes, frame.codec) {
            let what =
                format!("the head of frame {index} is not what entry {index} of its table says");
            return Err(self.unsound(&what));
        }
        self.check_frame(index, &frame, limit)?;
        self.frames.push(frame);
        Ok(())
    }

    /// Tells from what lies between frames which of them carry a SHA-256: the flag alone does not say so, since
    /// octaindex3d sets it even where it was built without. Beside it there may be the table of a checkpoint, which
    /// has an entry for each frame so far, and its end.
    fn check_gaps(&mut self, table_at: u64, flagged: bool) -> Result<()> {
        for index in 0..self.frames.len() {
            let next = self
                .frames
                .get(index + 1)
                .map_or(table_at, |next| next.at - FRAME_HEAD_BYTES);
            let gap = next - self.frames[index].end();
            let checkpoint = ENTRY_BYTES * (index as u64 + 2);
            let hashed = gap == SHA_BYTES || gap == SHA_BYTES + checkpoint;
            if !(gap == 0 || gap == checkpoint || hashed && flagged) {
                let what = format!("{gap} bytes behind frame {index} are no part of it");
                return Err(self.unsound(&what));
            }
            self.frames[index].hashed = hashed;
        }
        Ok(())
    }

    fn check_version(&self, version: u8, zeros: &[u8]) -> Result<()> {
        if version != self.version || zeros.iter().any(|&byte| byte != 0) {
            let what = format!("its header is not one of version {}", self.version);
            return Err(self.unsound(&what));
        }
        Ok(())
    }

    fn check_frame(&self, index: u64, frame: &Frame, limit: u64) -> Result<()> {
        let wrong = |what: String| Err(self.unsound(&format!("frame {index}: {what}")));
        if frame.end() > limit {
            return wrong(format!(
                "its {} bytes reach beyond the end of the file",
                frame.packed_bytes
            ));
        }
        if frame.packed_bytes > MOST_PACKED_BYTES || frame.plain_bytes > MOST_PLAIN_BYTES {
            let (packed, plain) = (frame.packed_bytes, frame.plain_bytes);
            return wrong(format!(
                "it claims {packed} bytes, {plain} unpacked, where {MOST_PACKED_BYTES} and {MOST_PLAIN_BYTES} are allowed"
            ));
        }
        match codec::name(frame.codec) {
            Some(_) => Ok(()),
            None => wrong(format!(
                "its codec {} is none that octaindex3d has",
                frame.codec
            )),
        }
    }

    fn read<const N: usize>(&self, at: u64) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_into(at, &mut bytes)?;
        Ok(bytes)
    }

    fn read_into(&self, at: u64, bytes: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(bytes, at)
            .map_err(|e| match e.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    self.unsound("it ends too early: it is cut short")
                }
                _ => read_error(&self.name, &e),
            })
    }

    fn unsound(&self, what: &str) -> Error {
        Error::input(format!(
            "{}: it is no sound container of octaindex3d: {what}",
            self.name
        ))
    }
}

/// The name of the codec of a frame.
pub(crate) fn codec_name(frame: &Frame) -> &'static str {
    codec::name(frame.codec).expect("codecs are checked when a stream is opened")
}
