//! The rows of `field_changes/`: the differential collection behind the field, consolidated within each time.

use super::rows::Rows;
use super::runs::{Merge, Record, Sorter};
use super::{Column, FieldColumns, GROUP_ROWS, Packing, Part, TableWriter, Values, Written};
use crate::Result;
use crate::brick::{BrickId, Local};
use crate::lattice::Frame;

/// How many changes a [`ChangeWriter`] should hold in memory before it sorts on disk: 32 bytes each, and half as
/// much again while sorting.
pub const DEFAULT_BUDGET_ROWS: usize = 1 << 20;

/// One change of the field: a row that appears or vanishes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The brick of the cell.
    pub brick: BrickId,
    /// The place of the cell in its brick.
    pub local: Local,
    /// The time of the epoch.
    pub time: i64,
    /// +1 if the row appears, −1 if it vanishes.
    pub diff: i32,
    /// The row's distance in ticks.
    pub ticks: u32,
    /// The row's source index; without meaning if the column is not written.
    pub source: u32,
    /// The row's step towards the source; without meaning if the column is not written.
    pub next: i8,
}

/// Writes one Parquet file of `field_changes/` for one worker: `time`, `diff` and the columns of `field/`, sorted by
/// cell, time and diff, in bounded memory whatever the number of changes.
///
/// Changes may come in any order; epoch by epoch, and by cell within an epoch, is the fastest. Rows that are the
/// same in every column that is written have their diffs added, and go if the sum is 0.
pub struct ChangeWriter {
    columns: FieldColumns,
    sorter: Sorter,
    out: Output,
}

impl ChangeWriter {
    /// Creates the file; `settings` become key-value metadata. Beyond `budget_rows` changes (see
    /// [`DEFAULT_BUDGET_ROWS`]) sorted runs go to nameless files in the file's folder.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        frame: &Frame,
        columns: FieldColumns,
        settings: &[(String, String)],
        budget_rows: usize,
    ) -> Result<Self> {
        let part = part.into();
        let time = Column::new("time", Packing::Int64Dictionary);
        let diff = Column::new("diff", Packing::Int32Dictionary);
        let schema = [&[time, diff][..], &Rows::schema(columns)].concat();
        let by_cell_time_diff = [2, 0, 1];
        Ok(ChangeWriter {
            columns,
            sorter: Sorter::new(&part.path, budget_rows),
            out: Output {
                table: TableWriter::create(part, &schema, &by_cell_time_diff, frame, settings)?,
                time: Vec::with_capacity(GROUP_ROWS),
                diff: Vec::with_capacity(GROUP_ROWS),
                rows: Rows::new(columns, frame),
            },
        })
    }

    /// Takes a change.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file of a run that cannot be written.
    pub fn push(&mut self, change: Change) -> Result<()> {
        self.sorter.push(Record {
            cell: change
                .brick
                .index64(change.local)
                .with_lod(self.out.rows.lod())
                .as_i64(),
            time: change.time,
            ticks: change.ticks,
            source: if self.columns.source {
                change.source
            } else {
                0
            },
            next: if self.columns.next { change.next } else { 0 },
            diff: change.diff,
        })
    }

    /// Sorts and consolidates the changes, writes them and the footer, and waits until the disk has the file. A file
    /// without rows is kept only as the part of worker 0.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file that cannot be written or read.
    pub fn finish(self) -> Result<Written> {
        let mut changes = Consolidated::new(self.sorter.finish()?)?;
        let mut out = self.out;
        while changes.next_moment()? {
            changes
                .moment
                .iter()
                .try_for_each(|record| out.push(record))?;
        }
        out.finish()
    }
}

/// The rows on their way to the file.
struct Output {
    table: TableWriter,
    time: Vec<i64>,
    diff: Vec<i32>,
    rows: Rows,
}

impl Output {
    fn push(&mut self, record: &Record) -> Result<()> {
        self.time.push(record.time);
        self.diff.push(record.diff);
        self.rows
            .push(record.cell, record.ticks, record.source, record.next);
        if self.rows.len() == GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let mut values = vec![Values::Int64(&self.time), Values::Int32(&self.diff)];
        values.extend(self.rows.values(self.rows.len()));
        self.table.write_group(&values)?;
        self.time.clear();
        self.diff.clear();
        self.rows.forget(self.rows.len());
        Ok(())
    }

    fn finish(mut self) -> Result<Written> {
        if self.rows.len() > 0 {
            self.write_group()?;
        }
        self.table.finish()
    }
}

/// Walks sorted records, one cell at one time after the other.
struct Consolidated {
    records: Merge,
    ahead: Option<Record>,
    /// What happens to one cell at one time: distinct rows with diffs other than 0, by ascending diff.
    moment: Vec<Record>,
}

impl Consolidated {
    fn new(mut records: Merge) -> Result<Self> {
        Ok(Consolidated {
            ahead: records.next()?,
            records,
            moment: Vec::new(),
        })
    }

    /// Fills `moment` with what follows; false at the end. A moment may be empty.
    fn next_moment(&mut self) -> Result<bool> {
        self.moment.clear();
        let Some(first) = self.ahead else {
            return Ok(false);
        };
        while let Some(record) = self.ahead
            && (record.cell, record.time) == (first.cell, first.time)
        {
            match self.moment.last_mut() {
                Some(last) if last.same_row(&record) => last.diff += record.diff,
                _ => self.moment.push(record),
            }
            self.ahead = self.records.next()?;
        }
        self.moment.retain(|record| record.diff != 0);
        self.moment.sort_by_key(|record| record.diff);
        Ok(true)
    }
}
