//! One segment of a container in memory, its rows checked.

use super::digest::row_checksum;
use super::layout::Layout;
use super::write::batch;
use super::{FieldType, FieldValues, brick_of_id};
use crate::brick::BrickId;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

/// The bricks of one segment: their ids ascend, and their checksums were found to be right.
#[derive(Clone, Debug)]
pub struct Segment {
    pub(super) schema: SchemaRef,
    pub(super) fields: Arc<[(String, FieldType)]>,
    layout: Layout,
    body: Buffer,
}

impl Segment {
    /// A segment over its body, or the row that is damaged and how.
    pub(super) fn check(
        schema: SchemaRef,
        fields: Arc<[(String, FieldType)]>,
        layout: Layout,
        body: Buffer,
        mut last: Option<BrickId>,
    ) -> Result<Self, (usize, String)> {
        let segment = Segment {
            schema,
            fields,
            layout,
            body,
        };
        let mut values = Vec::with_capacity(segment.fields.len());
        for (row, (&id, &stored)) in segment.ids().iter().zip(segment.checksums()).enumerate() {
            segment.fill(row, &mut values);
            let checksum = row_checksum(id, &values);
            if checksum != stored {
                let what = format!("its checksum is {checksum:08x} and should be {stored:08x}");
                return Err((row, what));
            }
            let Some(brick) = brick_of_id(id) else {
                let what = format!("its id {id} is not the Index64 of the first cell of a brick");
                return Err((row, what));
            };
            if last >= Some(brick) {
                let what = format!("its id {id} does not come behind that of the row before");
                return Err((row, what));
            }
            last = Some(brick);
        }
        Ok(segment)
    }

    /// How many bricks it holds.
    pub fn bricks(&self) -> usize {
        self.layout.rows
    }

    /// The brick of row `row`.
    ///
    /// # Panics
    /// If there are not as many rows.
    pub fn brick(&self, row: usize) -> BrickId {
        brick_of_id(self.ids()[row]).expect("ids are checked when a segment is read")
    }

    /// The values of field `field` in row `row`, where they lie.
    ///
    /// # Panics
    /// If there are not as many fields or rows.
    pub fn values(&self, row: usize, field: usize) -> FieldValues<'_> {
        let bytes = &self.body[self.layout.list(field, row)];
        FieldValues::of_bytes(self.fields[field].1, bytes)
    }

    /// The rows from first to last: each brick with the values of every field.
    pub fn rows(&self) -> impl Iterator<Item = (BrickId, Vec<FieldValues<'_>>)> {
        (0..self.bricks()).map(|row| {
            let mut values = Vec::with_capacity(self.fields.len());
            self.fill(row, &mut values);
            (self.brick(row), values)
        })
    }

    /// The segment as a record batch with the columns of the file, over the same memory.
    pub fn to_batch(&self) -> RecordBatch {
        let part =
            |range: &std::ops::Range<usize>| self.body.slice_with_length(range.start, range.len());
        let fields: Vec<FieldType> = self.fields.iter().map(|(_, field)| *field).collect();
        let lists: Vec<Buffer> = self.layout.lists.iter().map(part).collect();
        let (ids, checksums) = (part(&self.layout.id), part(&self.layout.checksum));
        batch(&self.schema, &fields, &ids, &lists, &checksums)
    }

    /// Puts the values of a row into `values`.
    pub(super) fn fill<'a>(&'a self, row: usize, values: &mut Vec<FieldValues<'a>>) {
        values.clear();
        values.extend((0..self.fields.len()).map(|field| self.values(row, field)));
    }

    /// The brick of the last row.
    pub(super) fn last(&self) -> Option<BrickId> {
        self.ids().last().and_then(|&id| brick_of_id(id))
    }

    /// The memory that the segment lies in, for the next one, if nobody else holds it.
    pub(super) fn into_body(self) -> Buffer {
        self.body
    }

    fn ids(&self) -> &[u64] {
        bytemuck::cast_slice(&self.body[self.layout.id.clone()])
    }

    fn checksums(&self) -> &[u32] {
        bytemuck::cast_slice(&self.body[self.layout.checksum.clone()])
    }
}
