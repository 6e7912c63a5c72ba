//! The rows of `state/` and of `snapshots/`: the value of each open cell, at the end and at steps on the way.

use super::places::{Places, corner};
use super::{Column, GROUP_ROWS, Packing, Part, TableWriter, Values, Written};
use crate::Result;
use crate::brick::{BRICK_CELLS, BrickId, LOCAL_BY_INDEX};
use crate::lattice::Frame;

/// Writes one Parquet file of `state/` for one worker: `cell, lx, ly, lz, value`, sorted by `cell`; or, with steps, of
/// `snapshots/`: `step` before these, sorted by `step` and `cell`. It keeps one row group in memory (about 5 MB).
pub struct StateWriter {
    table: TableWriter,
    step: Option<Vec<i64>>,
    places: Places,
    value: Vec<f64>,
    last: Option<(u64, BrickId)>,
}

impl StateWriter {
    /// Creates the file, with the column `step` if `steps`; `settings` become key-value metadata beside the frame and
    /// the lattice.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        frame: &Frame,
        steps: bool,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let mut schema = Places::COLUMNS.to_vec();
        schema.push(Column::new("value", Packing::DoubleDictionary));
        let mut sorted = vec![0];
        if steps {
            schema.insert(0, Column::new("step", Packing::Int64Dictionary));
            sorted.push(1);
        }
        Ok(StateWriter {
            table: TableWriter::create(part, &schema, &sorted, frame, settings)?,
            step: steps.then(Vec::new),
            places: Places::new(frame),
            value: Vec::new(),
            last: None,
        })
    }

    /// Writes a brick's values at a step, each with its place in the brick.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    ///
    /// # Panics
    /// If steps and, within a step, bricks do not come in ascending order.
    pub fn write_brick(
        &mut self,
        step: u64,
        brick: BrickId,
        values: impl IntoIterator<Item = (usize, f64)>,
    ) -> Result<()> {
        assert!(
            self.last < Some((step, brick)),
            "bricks come in ascending order"
        );
        self.last = Some((step, brick));
        let corner = corner(brick);
        let mut dense = [None; BRICK_CELLS];
        for (place, value) in values {
            dense[place] = Some(value);
        }
        for local in LOCAL_BY_INDEX {
            let Some(value) = dense[local.index()] else {
                continue;
            };
            if let Some(steps) = &mut self.step {
                steps.push(step as i64);
            }
            self.places.push(brick, corner, local);
            self.value.push(value);
            if self.places.len() == GROUP_ROWS {
                self.write_group()?;
            }
        }
        Ok(())
    }

    /// Writes what waits and the footer, and waits until the disk has the file. A file without rows is kept only as
    /// the part of worker 0.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn finish(mut self) -> Result<Written> {
        if self.places.len() > 0 {
            self.write_group()?;
        }
        self.table.finish()
    }

    fn write_group(&mut self) -> Result<()> {
        let mut columns = Vec::with_capacity(6);
        columns.extend(self.step.as_deref().map(Values::Int64));
        columns.extend(self.places.values());
        columns.push(Values::Double(&self.value));
        self.table.write_group(&columns)?;
        self.step.iter_mut().for_each(Vec::clear);
        self.places.clear();
        self.value.clear();
        Ok(())
    }
}
