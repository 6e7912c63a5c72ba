//! Writing a container, a segment at a time.

use super::digest::{BLANK, Digesting, digits, row_checksum};
use super::{
    ALIGNMENT, ContainerMeta, FieldType, FieldValues, SEGMENT_BRICKS, WHOLE_KEY, footer,
    id_of_brick,
};
use crate::brick::{BRICK_CELLS, BrickId};
use crate::lake::refused;
use crate::{Error, Result};
use arrow::array::{
    ArrayRef, FixedSizeListArray, PrimitiveArray, RecordBatch, UInt32Array, UInt64Array,
};
use arrow::buffer::{Buffer, MutableBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, SchemaRef, UInt16Type, UInt32Type,
};
use arrow::error::ArrowError;
use arrow::ipc::MetadataVersion;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use std::fs::File;
use std::io::BufWriter;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a [`ContainerWriter`] left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerWritten {
    /// How many bricks the file holds.
    pub bricks: u64,
    /// How long the file is.
    pub bytes: u64,
    /// The checksum of the whole file.
    pub checksum: u32,
}

/// Writes one container, a row a brick; it keeps one segment in memory.
pub struct ContainerWriter {
    path: PathBuf,
    file: FileWriter<BufWriter<Digesting<File>>>,
    schema: SchemaRef,
    fields: Vec<FieldType>,
    /// The rows that wait for a full segment, column by column.
    ids: Vec<u64>,
    lists: Vec<MutableBuffer>,
    checksums: Vec<u32>,
    last: Option<BrickId>,
    bricks: u64,
}

impl ContainerWriter {
    /// Creates the file at `path` (or empties it) with the given fields.
    ///
    /// # Errors
    /// [`Error::Input`] if the fields are none or more than [`MAX_FIELDS`](super::MAX_FIELDS), a name is not made of up to 64 ASCII letters,
    /// digits and underscores or not the only one of its kind, or a setting is given twice; [`Error::Machine`]
    /// naming the file if it cannot be created.
    pub fn create(path: &Path, meta: &ContainerMeta, fields: &[(&str, FieldType)]) -> Result<Self> {
        let named: Vec<(String, FieldType)> = fields
            .iter()
            .map(|(name, field)| ((*name).to_owned(), *field))
            .collect();
        let schema = meta
            .schema(&named)
            .map_err(|e| Error::input(format!("{} cannot be a container: {e}", path.display())))?;
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .map_err(|e| refused(path, "created", &e))?;
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)
            .expect("an alignment that Arrow knows");
        let file = BufWriter::new(Digesting::new(file));
        let mut file = FileWriter::try_new_with_options(file, &schema, options)
            .map_err(|e| unwritable(path, e))?;
        let blank = std::str::from_utf8(&BLANK).expect("digits are ASCII");
        file.write_metadata(WHOLE_KEY, blank);
        let room = |field: &FieldType| MutableBuffer::new(SEGMENT_BRICKS * field.list_bytes());
        let fields: Vec<FieldType> = fields.iter().map(|(_, field)| *field).collect();
        Ok(ContainerWriter {
            path: path.to_owned(),
            file,
            schema: Arc::new(schema),
            lists: fields.iter().map(room).collect(),
            fields,
            ids: Vec::with_capacity(SEGMENT_BRICKS),
            checksums: Vec::with_capacity(SEGMENT_BRICKS),
            last: None,
            bricks: 0,
        })
    }

    /// Adds the row of one brick: the values of every field, in the order of the fields.
    ///
    /// # Errors
    /// [`Error::Machine`] naming the file if it cannot be written.
    ///
    /// # Panics
    /// If the bricks do not come in strictly ascending order, or the values do not match the fields in number and
    /// type, 1024 each.
    pub fn push(&mut self, id: BrickId, values: &[FieldValues]) -> Result<()> {
        assert!(self.last < Some(id), "bricks come in ascending order");
        assert_eq!(
            values.len(),
            self.fields.len(),
            "one list of values a field"
        );
        self.last = Some(id);
        let id = id_of_brick(id);
        for ((list, field), values) in self.lists.iter_mut().zip(&self.fields).zip(values) {
            let bytes = values.as_bytes();
            assert_eq!(values.field_type(), *field, "values of the field's type");
            assert_eq!(bytes.len(), field.list_bytes(), "a value for every cell");
            list.extend_from_slice(bytes);
        }
        self.ids.push(id);
        self.checksums.push(row_checksum(id, values));
        self.bricks += 1;
        if self.ids.len() == SEGMENT_BRICKS {
            self.write_segment()?;
        }
        Ok(())
    }

    /// Writes what waits, the footer and the checksum, and waits until the disk has the file.
    ///
    /// # Errors
    /// [`Error::Machine`] naming the file if it cannot be written.
    pub fn finish(mut self) -> Result<ContainerWritten> {
        if !self.ids.is_empty() {
            self.write_segment()?;
        }
        let path = self.path;
        self.file.flush().map_err(|e| unwritable(&path, e))?;
        self.file.get_mut().get_mut().remember();
        let buffered = self.file.into_inner().map_err(|e| unwritable(&path, e))?;
        let digesting = buffered
            .into_inner()
            .map_err(|e| refused(&path, "written", e.error()))?;
        let (file, checksum, bytes, tail) = digesting.into_parts();
        let place = footer::place_of_checksum(&tail).expect("the footer that was just written");
        file.write_all_at(&digits(checksum), bytes - tail.len() as u64 + place as u64)
            .map_err(|e| refused(&path, "written", &e))?;
        file.sync_all().map_err(|e| refused(&path, "synced", &e))?;
        Ok(ContainerWritten {
            bricks: self.bricks,
            bytes,
            checksum,
        })
    }

    /// Writes the rows that wait. The memory that they lie in is lent to Arrow, and comes back empty.
    fn write_segment(&mut self) -> Result<()> {
        let ids = Buffer::from_vec(std::mem::take(&mut self.ids));
        let checksums = Buffer::from_vec(std::mem::take(&mut self.checksums));
        let lists: Vec<Buffer> = self
            .lists
            .iter_mut()
            .map(|list| std::mem::take(list).into())
            .collect();

        let batch = batch(&self.schema, &self.fields, &ids, &lists, &checksums);
        self.file
            .write(&batch)
            .map_err(|e| unwritable(&self.path, e))?;
        drop(batch);

        self.ids = emptied(ids.into_vec());
        self.checksums = emptied(checksums.into_vec());
        for (list, lent) in self.lists.iter_mut().zip(lists) {
            *list = lent.into_mutable().unwrap_or_default();
            list.clear();
        }
        Ok(())
    }
}

/// A record batch over buffers that hold whole rows.
pub(super) fn batch(
    schema: &SchemaRef,
    fields: &[FieldType],
    ids: &Buffer,
    lists: &[Buffer],
    checksums: &Buffer,
) -> RecordBatch {
    let ids = UInt64Array::new(ScalarBuffer::from(ids.clone()), None);
    let checksums = UInt32Array::new(ScalarBuffer::from(checksums.clone()), None);
    let columns = fields
        .iter()
        .zip(lists)
        .enumerate()
        .map(|(at, (field, values))| {
            let values: ArrayRef = match field {
                FieldType::U16 => numbers::<UInt16Type>(values),
                FieldType::U32 => numbers::<UInt32Type>(values),
                FieldType::F32 => numbers::<Float32Type>(values),
                FieldType::F64 => numbers::<Float64Type>(values),
            };
            let DataType::FixedSizeList(item, _) = schema.field(at + 1).data_type() else {
                unreachable!("the fields of a container are lists");
            };
            Arc::new(FixedSizeListArray::new(
                item.clone(),
                BRICK_CELLS as i32,
                values,
                None,
            )) as ArrayRef
        });
    let columns = std::iter::once(Arc::new(ids) as ArrayRef)
        .chain(columns)
        .chain([Arc::new(checksums) as ArrayRef]);
    RecordBatch::try_new(schema.clone(), columns.collect()).expect("columns as the schema has them")
}

fn numbers<T: ArrowPrimitiveType>(values: &Buffer) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(
        ScalarBuffer::from(values.clone()),
        None,
    ))
}

/// The room of a vector that came back, or of a new one.
fn emptied<T>(vector: std::result::Result<Vec<T>, Buffer>) -> Vec<T> {
    let mut vector = vector.unwrap_or_default();
    vector.clear();
    vector
}

fn unwritable(path: &Path, error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, cause) => refused(path, "written", &cause),
        other => refused(path, "written", &other),
    }
}
