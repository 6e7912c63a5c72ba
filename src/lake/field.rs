//! The rows of `field/`: one a reached cell.

use super::rows::Rows;
use super::{FieldColumns, GROUP_ROWS, Part, TableWriter, Written};
use crate::Result;
use crate::brick::{BRICK_CELLS, BrickId};
use crate::lattice::Frame;

/// Writes one Parquet file of `field/` for one worker: the columns `cell, lx, ly, lz, distance` and, as asked,
/// `source` and `next`, sorted by `cell`. It keeps one row group in memory (about 4 MB).
pub struct FieldWriter {
    table: TableWriter,
    rows: Rows,
    last: Option<BrickId>,
}

impl FieldWriter {
    /// Creates the file; `settings` become key-value metadata beside the frame and the lattice.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        frame: &Frame,
        columns: FieldColumns,
        settings: &[(String, String)],
    ) -> Result<Self> {
        Ok(FieldWriter {
            table: TableWriter::create(part, &Rows::schema(columns), &[0], frame, settings)?,
            rows: Rows::new(columns, frame),
            last: None,
        })
    }

    /// Writes one row for each cell of a brick whose `ticks` are not [`UNREACHED`](crate::lattice::UNREACHED);
    /// `ticks`, `source` (source indices) and `next` (indices of steps) are indexed by place in the brick.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    ///
    /// # Panics
    /// If the bricks do not come in strictly ascending order, or `source` and `next` are not given exactly when
    /// their columns are.
    pub fn write_brick(
        &mut self,
        brick: BrickId,
        ticks: &[u32; BRICK_CELLS],
        source: Option<&[u32; BRICK_CELLS]>,
        next: Option<&[i8; BRICK_CELLS]>,
    ) -> Result<()> {
        assert!(self.last < Some(brick), "bricks come in ascending order");
        self.last = Some(brick);
        self.rows.push_brick(brick, ticks, source, next);
        if self.rows.len() >= GROUP_ROWS {
            self.write_rows(GROUP_ROWS)?;
        }
        Ok(())
    }

    /// Writes what waits and the footer, and waits until the disk has the file. A file without rows is kept only as
    /// the part of worker 0.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn finish(mut self) -> Result<Written> {
        if self.rows.len() > 0 {
            self.write_rows(self.rows.len())?;
        }
        self.table.finish()
    }

    fn write_rows(&mut self, rows: usize) -> Result<()> {
        self.table.write_group(&self.rows.values(rows))?;
        self.rows.forget(rows);
        Ok(())
    }
}
