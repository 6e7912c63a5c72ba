//! Where the columns of a segment lie: all of it follows from the fields and the number of rows.

use super::{ALIGNMENT, FieldType, SEGMENT_BRICKS};
use crate::brick::BRICK_CELLS;
use arrow::ipc;
use std::ops::Range;

/// The bytes of each column in the body of a segment.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) id: Range<usize>,
    pub(super) lists: Vec<Range<usize>>,
    pub(super) checksum: Range<usize>,
    pub(super) body_bytes: usize,
}

impl Layout {
    pub(super) fn new(fields: &[(String, FieldType)], rows: usize) -> Self {
        let mut at = 0;
        let mut column = |bytes: usize| {
            let range = at..at + bytes;
            at += bytes.next_multiple_of(ALIGNMENT);
            range
        };
        Layout {
            rows,
            id: column(8 * rows),
            lists: fields
                .iter()
                .map(|(_, field)| column(field.list_bytes() * rows))
                .collect(),
            checksum: column(4 * rows),
            body_bytes: at,
        }
    }

    /// The bytes of the list of row `row` of field `field`.
    pub(super) fn list(&self, field: usize, row: usize) -> Range<usize> {
        let column = &self.lists[field];
        let bytes = column.len() / self.rows;
        column.start + row * bytes..column.start + (row + 1) * bytes
    }

    /// Checks that the head of a record batch lays the columns out exactly so.
    pub(super) fn check(&self, batch: &ipc::RecordBatch) -> Result<(), String> {
        let rows = self.rows as i64;
        let fields = self.lists.len();
        let lists = (0..fields).flat_map(|_| [rows, rows * BRICK_CELLS as i64]);
        let lengths = std::iter::once(rows).chain(lists).chain([rows]);
        let nodes = batch.nodes().into_iter().flatten();
        if !nodes
            .map(|node| (node.length(), node.null_count()))
            .eq(lengths.map(|n| (n, 0)))
        {
            return Err("the columns are not of the lengths that the rows need".to_owned());
        }
        // A column of numbers is its validity, which is empty, and its values; a list has an empty validity more.
        let empty = None;
        let lists = self
            .lists
            .iter()
            .flat_map(|list| [empty, empty, Some(list)]);
        let wanted = [empty, Some(&self.id)]
            .into_iter()
            .chain(lists)
            .chain([empty, Some(&self.checksum)]);
        let buffers = batch.buffers().into_iter().flatten();
        let same = buffers
            .map(Some)
            .chain([None])
            .zip(wanted.map(Some).chain([None]));
        let mut seen = 0;
        for pair in same {
            seen += 1;
            let as_wanted = match pair {
                (Some(buffer), Some(None)) => buffer.length() == 0,
                (Some(buffer), Some(Some(range))) => {
                    buffer.offset() == range.start as i64 && buffer.length() == range.len() as i64
                }
                (None, None) => true,
                _ => false,
            };
            if !as_wanted {
                return Err("the columns do not lie where the fields and rows put them".to_owned());
            }
        }
        if seen != 5 + 3 * fields {
            return Err("the columns do not lie where the fields and rows put them".to_owned());
        }
        Ok(())
    }
}

/// The number of rows of a segment, if a segment may have as many.
pub(super) fn rows_of(length: i64) -> Option<usize> {
    let rows = usize::try_from(length).ok()?;
    (1..=SEGMENT_BRICKS).contains(&rows).then_some(rows)
}
