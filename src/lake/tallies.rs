//! The rows of `tallies/`: what the costs and means of `cells/` were computed from, exactly.

use super::places::{Places, corner};
use super::{Column, GROUP_ROWS, Packing, Part, TableWriter, Values, Written};
use crate::Result;
use crate::brick::{BrickId, Local};
use crate::lattice::Frame;

/// The folder.
pub const TALLIES: &str = "tallies";

/// The exact sum of an attribute's values in a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TallySum {
    /// How many values there are.
    pub values: i64,
    /// Their sum in units of 2⁻³², of which these are the bits above the lower 64.
    pub high: i64,
    /// The lower 64 bits of the sum, as a signed integer of the same bits.
    pub low: i64,
}

/// What was counted in a cell.
#[derive(Clone, Copy, Debug)]
pub struct TallyRow<'a> {
    /// Its place in its brick.
    pub local: Local,
    /// How many points lie in it.
    pub points: i64,
    /// 1 if a ray has passed through it, otherwise 0.
    pub seen: i32,
    /// The stored cost that a map or a terrain gave it, −1 without.
    pub given: i32,
    /// The sum of each attribute.
    pub sums: &'a [TallySum],
}

/// Writes one Parquet file of `tallies/` for one worker: `cell, lx, ly, lz, points, seen, given` and for attribute n
/// `values_n, high_n, low_n`, sorted by `cell`. It keeps one row group in memory (about 6 MB, and 3 MB an attribute).
pub struct TallyWriter {
    table: TableWriter,
    places: Places,
    points: Vec<i64>,
    seen: Vec<i32>,
    given: Vec<i32>,
    sums: Vec<[Vec<i64>; 3]>,
}

impl TallyWriter {
    /// Creates the file, with three columns for each of `attributes`; `settings` become key-value metadata beside
    /// the frame and the lattice.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        frame: &Frame,
        attributes: usize,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let mut schema = Places::COLUMNS.to_vec();
        schema.extend([
            Column::new("points", Packing::Int64Dictionary),
            Column::new("seen", Packing::Int8Dictionary),
            Column::new("given", Packing::Int32Dictionary),
        ]);
        for n in 0..attributes {
            schema.extend(
                Self::sum_columns(n).map(|name| Column::named(name, Packing::Int64Dictionary)),
            );
        }
        Ok(TallyWriter {
            table: TableWriter::create(part, &schema, &[0], frame, settings)?,
            places: Places::new(frame),
            points: Vec::new(),
            seen: Vec::new(),
            given: Vec::new(),
            sums: vec![Default::default(); attributes],
        })
    }

    /// The names of the columns of attribute `n`: how many values, and the two halves of their sum.
    pub fn sum_columns(n: usize) -> [String; 3] {
        ["values", "high", "low"].map(|part| format!("{part}_{n}"))
    }

    /// Writes a cell; cells come in strictly ascending order of `cell`.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn write(&mut self, brick: BrickId, row: &TallyRow) -> Result<()> {
        self.places.push_ascending(brick, corner(brick), row.local);
        self.points.push(row.points);
        self.seen.push(row.seen);
        self.given.push(row.given);
        for ([values, high, low], sum) in self.sums.iter_mut().zip(row.sums) {
            values.push(sum.values);
            high.push(sum.high);
            low.push(sum.low);
        }
        if self.places.len() == GROUP_ROWS {
            self.write_group()?;
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
        let mut columns = self.places.values().to_vec();
        columns.push(Values::Int64(&self.points));
        columns.push(Values::Int32(&self.seen));
        columns.push(Values::Int32(&self.given));
        columns.extend(self.sums.as_flattened().iter().map(|c| Values::Int64(c)));
        self.table.write_group(&columns)?;
        self.places.clear();
        self.points.clear();
        self.seen.clear();
        self.given.clear();
        self.sums.as_flattened_mut().iter_mut().for_each(Vec::clear);
        Ok(())
    }
}
