//! The rows of `route_cells/`, one a cell of a route, and of `smooth_cells/`, one a cell in which a line pulled tight bends.

use super::{Column, GROUP_ROWS, Packing, Part, TableWriter, Values, Written};
use crate::Result;
use crate::lattice::{Cell, Frame, Index64, distance_m};
use crate::search::length_units;

/// Writes one Parquet file of `route_cells/` for one worker: `query, seq, cell, lx, ly, lz, cost_so_far`, sorted by
/// `query` and `seq`; or one of `smooth_cells/`, whose last column is `length_so_far`. It keeps one row group in memory
/// (about 5 MB), however long the routes.
pub struct RouteCellWriter {
    table: TableWriter,
    cell_size_m: f64,
    lod: u8,
    query: Vec<i64>,
    seq: Vec<i32>,
    cell: Vec<i64>,
    lattice: [Vec<i32>; 3],
    so_far_m: Vec<f64>,
    last: Option<i64>,
}

impl RouteCellWriter {
    /// Creates a file of `route_cells/`; `settings` become key-value metadata beside the frame and the lattice.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        frame: &Frame,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let so_far = Column::new("cost_so_far", Packing::DoubleDictionary);
        RouteCellWriter::of(part.into(), so_far, frame, settings)
    }

    /// Creates a file of `smooth_cells/`, as [`RouteCellWriter::create`] does one of `route_cells/`.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create_smooth(
        part: impl Into<Part>,
        frame: &Frame,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let so_far = Column::new("length_so_far", Packing::DoubleDictionary);
        RouteCellWriter::of(part.into(), so_far, frame, settings)
    }

    fn of(
        part: Part,
        so_far: Column,
        frame: &Frame,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let schema = [
            Column::new("query", Packing::Int64Delta),
            Column::new("seq", Packing::Int32Delta),
            Column::new("cell", Packing::Int64Delta),
            Column::new("lx", Packing::Int32Delta),
            Column::new("ly", Packing::Int32Delta),
            Column::new("lz", Packing::Int32Delta),
            so_far,
        ];
        Ok(RouteCellWriter {
            table: TableWriter::create(part, &schema, &[0, 1], frame, settings)?,
            cell_size_m: frame.cell_size_m(),
            lod: frame.lod(),
            query: Vec::new(),
            seq: Vec::new(),
            cell: Vec::new(),
            lattice: Default::default(),
            so_far_m: Vec::new(),
            last: None,
        })
    }

    /// Writes the route of a query: its cells from start to goal, each with the ticks from the start to it. Queries
    /// come in strictly ascending order, here and below.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    ///
    /// # Panics
    /// If a cell has a coordinate outside 0…65535, where no map has cells.
    pub fn write_route(&mut self, query: i64, cells: &[(Cell, u32)]) -> Result<()> {
        let cell_size_m = self.cell_size_m;
        let cells = cells.iter();
        self.write(query, cells.map(|c| (c.0, distance_m(c.1, cell_size_m))))
    }

    /// Writes the line that the route of a query becomes pulled tight: the cells in which it begins, bends and ends.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    ///
    /// # Panics
    /// If a cell has a coordinate outside 0…65535, where no map has cells.
    pub fn write_line(&mut self, query: i64, bends: &[Cell]) -> Result<()> {
        let cell_size_m = self.cell_size_m;
        let mut units = 0.0;
        let cells = bends.iter().enumerate().map(|(n, &cell)| {
            units += length_units(&bends[n.saturating_sub(1)..=n]);
            (cell, units * cell_size_m / 2.0)
        });
        self.write(query, cells)
    }

    fn write(&mut self, query: i64, cells: impl Iterator<Item = (Cell, f64)>) -> Result<()> {
        debug_assert!(self.last < Some(query), "queries come in order");
        self.last = Some(query);
        for (seq, (cell, so_far_m)) in (0..).zip(cells) {
            let bits = Index64::of_cell(cell).expect("a route's cells are cells of the map");
            self.query.push(query);
            self.seq.push(seq);
            self.cell.push(bits.with_lod(self.lod).as_i64());
            for (axis, unit) in self.lattice.iter_mut().zip(cell.xyz()) {
                axis.push(unit);
            }
            self.so_far_m.push(so_far_m);
            if self.query.len() == GROUP_ROWS {
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
        if !self.query.is_empty() {
            self.write_group()?;
        }
        self.table.finish()
    }

    fn write_group(&mut self) -> Result<()> {
        let [x, y, z] = self.lattice.each_ref().map(|axis| Values::Int32(axis));
        self.table.write_group(&[
            Values::Int64(&self.query),
            Values::Int32(&self.seq),
            Values::Int64(&self.cell),
            x,
            y,
            z,
            Values::Double(&self.so_far_m),
        ])?;
        self.query.clear();
        self.seq.clear();
        self.cell.clear();
        self.lattice.iter_mut().for_each(Vec::clear);
        self.so_far_m.clear();
        Ok(())
    }
}
