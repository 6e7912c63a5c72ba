//! Reading a container: its structure when it is opened, its rows a segment at a time.

use super::digest::{BLANK, DIGITS};
use super::footer::{self, Block, END_BYTES, Footer};
use super::layout::{Layout, rows_of};
use super::{
    ALIGNMENT, ContainerMeta, FieldType, FieldValues, MAGIC, SEGMENT_BRICKS, Segment, brick_of_id,
};
use crate::brick::BrickId;
use crate::lake::refused;
use crate::{Error, Result};
use arrow::buffer::MutableBuffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands in front of the description of a part: four bytes of ones, and the description's length.
const PREFIX_BYTES: usize = 8;

/// A description is never longer than this: that of a segment has some kilobytes, that of the schema the settings.
const MAX_HEAD_BYTES: u64 = 16 << 20;

/// How much of the file is read at a time for the checksum of the whole.
const CHUNK_BYTES: usize = 1 << 20;

/// A container whose structure has been checked: where its segments lie, and what their columns are. Rows are read
/// and checked a segment at a time, by any number of threads.
#[derive(Debug)]
pub struct Container {
    path: PathBuf,
    file: File,
    bytes: u64,
    meta: ContainerMeta,
    fields: Arc<[(String, FieldType)]>,
    schema: SchemaRef,
    segments: Vec<Place>,
    bricks: u64,
    checksum: u32,
    /// Where the digits of the checksum stand in the file.
    checksum_at: u64,
}

/// Where the body of a segment lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    body: u64,
    rows: usize,
}

impl Container {
    /// Opens the container at `path` and checks its structure: that its parts fill the file without gaps, and each
    /// segment is laid out as the fields and its rows demand. Nothing larger than the file's own parts is
    /// allocated.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file and what is wrong if it is missing or not a container of octaflow, whole;
    /// [`Error::Machine`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let path = path.display();
                return Err(Error::input(format!(
                    "{path} is not there; name a container of octaflow"
                )));
            }
            Err(e) => return Err(refused(path, "opened", &e)),
        };
        let meta = file.metadata().map_err(|e| refused(path, "read", &e))?;
        if !meta.is_file() {
            return Err(unsound(path, "it is not a regular file"));
        }
        let source = Source {
            path,
            file: &file,
            bytes: meta.len(),
        };
        let (footer, start) = source.footer()?;
        let segments = source.segments(&footer, start)?;
        let description = footer.description;
        let schema =
            (description.meta.schema(&description.fields)).map_err(|e| unsound(path, &e))?;
        Ok(Container {
            path: path.to_owned(),
            bytes: meta.len(),
            file,
            schema: Arc::new(schema),
            meta: description.meta,
            fields: description.fields.into(),
            bricks: segments.iter().map(|segment| segment.rows as u64).sum(),
            segments,
            checksum: footer.checksum,
            checksum_at: start + footer.checksum_at as u64,
        })
    }

    /// What the container says about its bricks.
    pub fn meta(&self) -> &ContainerMeta {
        &self.meta
    }

    /// The names and types of the fields.
    pub fn fields(&self) -> &[(String, FieldType)] {
        &self.fields
    }

    /// How many bricks it holds.
    pub fn bricks(&self) -> u64 {
        self.bricks
    }

    /// How many segments it has.
    pub fn segments_len(&self) -> usize {
        self.segments.len()
    }

    /// How long the file is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The checksum of the whole file, as the file says.
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// The Arrow schema of the record batches of [`Segment::to_batch`].
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Reads segment `index` and checks every row of it: checksum, id, and order.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file, the segment and the row if a row is damaged; [`Error::Machine`] if the file
    /// cannot be read.
    ///
    /// # Panics
    /// If there are not as many segments.
    pub fn segment(&self, index: usize) -> Result<Segment> {
        self.read(index, None, MutableBuffer::default())
    }

    /// The bricks of segment `index`, from its column of ids alone: that they ascend is checked, the rows' checksums are
    /// not.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file, the segment and the row if an id is damaged; [`Error::Machine`] if the file
    /// cannot be read.
    ///
    /// # Panics
    /// If there are not as many segments.
    pub fn ids(&self, index: usize) -> Result<Vec<BrickId>> {
        let place = self.segments[index];
        let mut bytes = vec![0; 8 * place.rows];
        self.source().read_at(place.body, &mut bytes)?;
        let ids = bytes.as_chunks::<8>().0.iter();
        let ids = ids.map(|&id| brick_of_id(u64::from_le_bytes(id)));
        let ids: Vec<BrickId> = ids.collect::<Option<_>>().unwrap_or_default();
        match ids.is_sorted_by(|a, b| a < b) && ids.len() == place.rows {
            true => Ok(ids),
            false => Err(unsound(
                &self.path,
                &format!("the ids of segment {index} are not those of ascending bricks"),
            )),
        }
    }

    /// The segments from first to last, each checked as [`Container::segment`] does, and that the ids ascend from one to the
    /// next.
    pub fn segments(&self) -> impl Iterator<Item = Result<Segment>> {
        let mut last = None;
        (0..self.segments.len()).map(move |index| {
            let segment = self.read(index, last, MutableBuffer::default())?;
            last = segment.last();
            Ok(segment)
        })
    }

    /// Hands every row to `row`, a brick and the values of its fields, from first to last, when its segment has been
    /// checked. It keeps one segment in memory.
    ///
    /// # Errors
    /// As [`Container::segment`], and those of `row`.
    pub fn for_each(
        &self,
        mut row: impl FnMut(BrickId, &[FieldValues]) -> Result<()>,
    ) -> Result<()> {
        let (mut last, mut memory) = (None, MutableBuffer::default());
        for index in 0..self.segments.len() {
            let segment = self.read(index, last, memory)?;
            let mut values = Vec::with_capacity(self.fields.len());
            for at in 0..segment.bricks() {
                segment.fill(at, &mut values);
                row(segment.brick(at), &values)?;
            }
            last = segment.last();
            drop(values);
            memory = segment.into_body().into_mutable().unwrap_or_default();
        }
        Ok(())
    }

    /// Reads the whole file and checks its checksum, which covers every byte.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file if the checksum is not the one that the footer says; [`Error::Machine`] if the file
    /// cannot be read.
    pub fn verify_whole(&self) -> Result<()> {
        let source = self.source();
        let mut hasher = crc32fast::Hasher::new();
        let mut chunk = vec![0; CHUNK_BYTES.min(self.bytes as usize)];
        let digits = self.checksum_at..self.checksum_at + DIGITS as u64;
        let mut at = 0;
        while at < self.bytes {
            let bytes = (self.bytes - at).min(chunk.len() as u64) as usize;
            let chunk = &mut chunk[..bytes];
            source.read_at(at, chunk)?;
            for (digit, place) in BLANK.iter().zip(digits.clone()) {
                if (at..at + bytes as u64).contains(&place) {
                    chunk[(place - at) as usize] = *digit;
                }
            }
            hasher.update(chunk);
            at += bytes as u64;
        }
        let checksum = hasher.finalize();
        if checksum == self.checksum {
            return Ok(());
        }
        let what = format!(
            "the checksum of the whole file is {checksum:08x} and should be {:08x}",
            self.checksum
        );
        Err(unsound(&self.path, &what))
    }

    fn source(&self) -> Source<'_> {
        Source {
            path: &self.path,
            file: &self.file,
            bytes: self.bytes,
        }
    }

    /// Reads segment `index` into `memory` and checks its rows, of which the first comes behind `last`.
    fn read(&self, index: usize, last: Option<BrickId>, memory: MutableBuffer) -> Result<Segment> {
        let place = self.segments[index];
        let layout = Layout::new(&self.fields, place.rows);
        let mut body = memory;
        body.resize(layout.body_bytes, 0);
        self.source().read_at(place.body, body.as_slice_mut())?;
        let (schema, fields) = (self.schema.clone(), self.fields.clone());
        Segment::check(schema, fields, layout, body.into(), last).map_err(|(row, what)| {
            let brick = index * SEGMENT_BRICKS + row;
            unsound(
                &self.path,
                &format!("segment {index}, row {row} (brick {brick} of the file): {what}"),
            )
        })
    }
}

/// A file whose length is known, from which parts are read.
struct Source<'a> {
    path: &'a Path,
    file: &'a File,
    bytes: u64,
}

impl Source<'_> {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> Result<()> {
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
    fn footer(&self) -> Result<(Footer, u64)> {
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
    fn segments(&self, footer: &Footer, footer_at: u64) -> Result<Vec<Place>> {
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

fn unsound(path: &Path, what: &str) -> Error {
    Error::input(format!(
        "{} is not a sound container of octaflow: {what}; take it from a copy or write it again",
        path.display()
    ))
}
