//! The parts of a container's file: where they lie, and that they fill it without gaps. No length is trusted before it
//! is held against the file's.

use super::footer::{self, Block, END_BYTES, Footer};
use super::layout::{Layout, rows_of};
use super::{ALIGNMENT, FieldType, MAGIC, SEGMENT_BRICKS};
use crate::lake::refused;
use crate::{Error, Result};
use arrow::ipc;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What stands in front of the description of a part: four bytes of ones, and the description's length.
const PREFIX_BYTES: usize = 8;

/// A description is never longer than this: that of a segment has some kilobytes, that of the schema the settings.
const MAX_HEAD_BYTES: u64 = 16 << 20;

/// Where the body of a segment lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) body: u64,
    pub(super) rows: usize,
}

/// A file whose length is known, from which parts are read.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) file: &'a File,
    pub(super) bytes: u64,
}

impl Source<'_> {
    pub(super) fn read_at(&self, at: u64, bytes: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(bytes, at)
            .map_err(|e| match e.kind() {
                ErrorKind::UnexpectedEof => self.unsound("it ends before its parts do"),
                _ => refused(self.path, "read", &e),
            })
    }

    fn unsound(&self, what: &str) -> Error {
        unsound(self.path, what)
    }

    /// The footer, and where it begins.
    pub(super) fn footer(&self) -> Result<(Footer, u64)> {
        let least = (ALIGNMENT + 2 * PREFIX_BYTES + END_BYTES) as u64;
        if self.bytes < least {
            return Err(self.unsound(&format!("it has {} bytes, too few for one", self.bytes)));
        }
        let mut start = [0; MAGIC.len()];
        self.read_at(0, &mut start)?;
        if &start != MAGIC {
            return Err(self.unsound("it does not begin with ARROW1, as Arrow files do"));
        }
        let mut end = [0; END_BYTES];
        self.read_at(self.bytes - END_BYTES as u64, &mut end)?;
        let length = footer::length(&end, self.bytes).map_err(|e| self.unsound(&e))?;
        let mut bytes = vec![0; length];
        let start = self.bytes - END_BYTES as u64 - length as u64;
        self.read_at(start, &mut bytes)?;
        let footer = footer::parse(&bytes).map_err(|e| self.unsound(&e))?;
        Ok((footer, start))
    }

    /// Where the segments lie, when each follows the one before, the first the schema, and the footer the last.
    pub(super) fn segments(&self, footer: &Footer, footer_at: u64) -> Result<Vec<Place>> {
        let mut at = self.schema(footer, footer_at)?;
        let mut places = Vec::with_capacity(footer.blocks.len());
        for (index, block) in footer.blocks.iter().enumerate() {
            let short = places
                .last()
                .is_some_and(|place: &Place| place.rows < SEGMENT_BRICKS);
            if block.offset != at || short {
                let what = format!("segment {index} does not follow a full one without a gap");
                return Err(self.unsound(&what));
            }
            places.push(self.segment(index, block, &footer.description.fields, footer_at)?);
            at += block.head_bytes + block.body_bytes;
        }
        let mut end = [0; PREFIX_BYTES];
        if at + PREFIX_BYTES as u64 != footer_at {
            return Err(self.unsound("its segments do not end where its footer begins"));
        }
        self.read_at(at, &mut end)?;
        if end != [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0] {
            return Err(self.unsound("the mark behind its last segment is damaged"));
        }
        Ok(places)
    }

    /// Where the schema at the front of the file ends, when it is that of the footer.
    fn schema(&self, footer: &Footer, limit: u64) -> Result<u64> {
        let at = ALIGNMENT as u64;
        let head = self.head(at, limit)?;
        let message = ipc::root_as_message(&head).ok();
        let schema = message.and_then(|message| message.header_as_schema());
        let description = schema.map(|schema| footer::describe(&schema));
        match description {
            Some(Ok(description)) if description == footer.description => {
                Ok(at + (PREFIX_BYTES + head.len()) as u64)
            }
            _ => Err(self.unsound("the schema at its front is not that of its footer")),
        }
    }

    /// Checks the head of segment `index`.
    fn segment(
        &self,
        index: usize,
        block: &Block,
        fields: &[(String, FieldType)],
        limit: u64,
    ) -> Result<Place> {
        let unsound = |what: &str| self.unsound(&format!("in segment {index} {what}"));
        let damaged = || unsound("the head is damaged");
        let head = self.head(block.offset, limit)?;
        if block.head_bytes != (PREFIX_BYTES + head.len()) as u64 {
            return Err(damaged());
        }
        let message = ipc::root_as_message(&head).map_err(|_| damaged())?;
        let batch = message.header_as_record_batch().ok_or_else(damaged)?;
        if message.version() != ipc::MetadataVersion::V5 || batch.compression().is_some() {
            return Err(unsound(
                "the rows are compressed, or not of Arrow's format version 5",
            ));
        }
        let rows = rows_of(batch.length()).ok_or_else(|| {
            let rows = batch.length();
            unsound(&format!(
                "{rows} rows are claimed, but a segment has 1 to {SEGMENT_BRICKS}"
            ))
        })?;
        let layout = Layout::new(fields, rows);
        let body_bytes = layout.body_bytes as u64;
        let body = block.offset + block.head_bytes;
        if message.bodyLength() != body_bytes as i64 || block.body_bytes != body_bytes {
            return Err(unsound("the body is not as long as its rows need"));
        }
        if limit.checked_sub(body).is_none_or(|room| room < body_bytes) {
            return Err(unsound("the body does not lie inside the file"));
        }
        layout.check(&batch).map_err(|e| unsound(&e))?;
        Ok(Place { body, rows })
    }

    /// The description at `at`, which must end before `limit`.
    fn head(&self, at: u64, limit: u64) -> Result<Vec<u8>> {
        let damaged = || self.unsound("a description in it is damaged");
        let room = limit
            .checked_sub(at)
            .and_then(|room| room.checked_sub(PREFIX_BYTES as u64));
        let room = room.ok_or_else(damaged)?;
        let mut prefix = [0; PREFIX_BYTES];
        self.read_at(at, &mut prefix)?;
        let [mark @ .., a, b, c, d] = prefix;
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        if mark != [0xff; 4] || length > room.min(MAX_HEAD_BYTES) {
            return Err(damaged());
        }
        let mut head = vec![0; length as usize];
        self.read_at(at + PREFIX_BYTES as u64, &mut head)?;
        Ok(head)
    }
}

pub(super) fn unsound(path: &Path, what: &str) -> Error {
    Error::input(format!(
        "{} is not a sound container of octaflow: {what}; take it from a copy or write it again",
        path.display()
    ))
}
