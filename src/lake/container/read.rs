//! Reading a container: its structure when it is opened, its rows a segment at a time.

use super::digest::{BLANK, DIGITS};
use super::layout::Layout;
use super::source::{Place, Source, unsound};
use super::{ContainerMeta, FieldType, FieldValues, SEGMENT_BRICKS, Segment, brick_of_id};
use crate::brick::BrickId;
use crate::lake::refused;
use crate::{Error, Result};
use arrow::buffer::MutableBuffer;
use arrow::datatypes::SchemaRef;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
