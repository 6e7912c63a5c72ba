//! The rows of `cells/`: one a cell that something is known of, at one level of detail.

use super::places::{Places, corner};
use super::{Column, GROUP_ROWS, Packing, Part, TableWriter, Values, Written};
use crate::Result;
use crate::brick::{BrickId, Local};
use crate::lattice::{Frame, UNIT_COST};

/// The folder of all levels.
pub const CELLS: &str = "cells";

/// The columns that every table of cells has; those of attributes follow them.
pub const FIXED_COLUMNS: [&str; 6] = ["cell", "lx", "ly", "lz", "cost", "points"];

/// The folder of the cells at level of detail `lod`: `cells/lod=15`.
pub fn level_folder(lod: u8) -> String {
    format!("{CELLS}/lod={lod}")
}

/// What is known of a cell.
#[derive(Clone, Copy, Debug)]
pub struct CellRow<'a> {
    /// Its place in its brick.
    pub local: Local,
    /// Its stored cost; 0 is blocked.
    pub cost: u16,
    /// How many points lie in it.
    pub points: u64,
    /// The mean of each attribute; `None` where no point has a value.
    pub means: &'a [Option<f64>],
}

/// Writes one Parquet file of `cells/` for one worker: `cell, lx, ly, lz, cost, points` and a mean for each attribute,
/// sorted by `cell`. It keeps one row group in memory (about 6 MB, and 1 MB an attribute).
pub struct CellWriter {
    table: TableWriter,
    places: Places,
    cost: Vec<f64>,
    points: Vec<i64>,
    means: Vec<Vec<Option<f64>>>,
    last: Option<i64>,
}

impl CellWriter {
    /// Creates the file, with a column for each name in `attributes`; `settings` become key-value metadata beside the
    /// frame and the lattice.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        frame: &Frame,
        attributes: &[String],
        settings: &[(String, String)],
    ) -> Result<Self> {
        let mut schema = Places::COLUMNS.to_vec();
        schema.push(Column::new(FIXED_COLUMNS[4], Packing::DoubleDictionary));
        schema.push(Column::new(FIXED_COLUMNS[5], Packing::Int64Dictionary));
        let means = attributes.iter().cloned();
        schema.extend(means.map(|name| Column::named(name, Packing::OptionalDouble)));
        Ok(CellWriter {
            table: TableWriter::create(part, &schema, &[0], frame, settings)?,
            places: Places::new(frame),
            cost: Vec::new(),
            points: Vec::new(),
            means: vec![Vec::new(); attributes.len()],
            last: None,
        })
    }

    /// Writes a cell.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    ///
    /// # Panics
    /// If cells do not come in strictly ascending order of `cell`, or a row has not as many means as there are
    /// attributes.
    pub fn write(&mut self, brick: BrickId, row: &CellRow) -> Result<()> {
        let bits = brick.index64(row.local).as_i64();
        assert!(self.last < Some(bits), "cells come in ascending order");
        assert_eq!(row.means.len(), self.means.len(), "a mean an attribute");
        self.last = Some(bits);
        self.places.push(brick, corner(brick), row.local);
        self.cost.push(f64::from(row.cost) / f64::from(UNIT_COST));
        self.points.push(row.points as i64);
        for (column, mean) in self.means.iter_mut().zip(row.means) {
            column.push(*mean);
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
        columns.push(Values::Double(&self.cost));
        columns.push(Values::Int64(&self.points));
        columns.extend(self.means.iter().map(|mean| Values::OptionalDouble(mean)));
        self.table.write_group(&columns)?;
        self.places.clear();
        self.cost.clear();
        self.points.clear();
        self.means.iter_mut().for_each(Vec::clear);
        Ok(())
    }
}
