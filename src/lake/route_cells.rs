//! The rows of `route_cells/`: one a cell of a route.

use super::{Column, GROUP_ROWS, Packing, Part, TableWriter, Values, Written};
use crate::Result;
use crate::lattice::{Cell, Frame, Index64, distance_m};

/// Writes one Parquet file of `route_cells/` for one worker: `query, seq, cell, lx, ly, lz, cost_so_far`, sorted by
/// `query` and `seq`. It keeps one row group in memory (about 5 MB), however long the routes.
pub struct RouteCellWriter {
    table: TableWriter,
    cell_size_m: f64,
    lod: u8,
    query: Vec<i64>,
    seq: Vec<i32>,
    cell: Vec<i64>,
    lattice: [Vec<i32>; 3],
    cost_so_far: Vec<f64>,
    last: Option<i64>,
}

impl RouteCellWriter {
    /// Creates the file; `settings` become key-value metadata beside the frame and the lattice.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
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
            Column::new("cost_so_far", Packing::DoubleDictionary),
        ];
        Ok(RouteCellWriter {
            table: TableWriter::create(part, &schema, &[0, 1], frame, settings)?,
            cell_size_m: frame.cell_size_m(),
            lod: frame.lod(),
            query: Vec::new(),
            seq: Vec::new(),
            cell: Vec::new(),
            lattice: Default::default(),
            cost_so_far: Vec::new(),
            last: None,
        })
    }

    /// Writes the route of a query: its cells from start to goal, each with the ticks from the start to it. Queries
    /// come in strictly ascending order.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    ///
    /// # Panics
    /// If a cell has a coordinate outside 0…65535, where no map has cells.
    pub fn write_route(&mut self, query: i64, cells: &[(Cell, u32)]) -> Result<()> {
        debug_assert!(self.last < Some(query), "queries come in order");
        self.last = Some(query);
        for (seq, &(cell, ticks)) in (0..).zip(cells) {
            let bits = Index64::of_cell(cell).expect("a route's cells are cells of the map");
            self.query.push(query);
            self.seq.push(seq);
            self.cell.push(bits.with_lod(self.lod).as_i64());
            for (axis, unit) in self.lattice.iter_mut().zip(cell.xyz()) {
                axis.push(unit);
            }
            self.cost_so_far.push(distance_m(ticks, self.cell_size_m));
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
            Values::Double(&self.cost_so_far),
        ])?;
        self.query.clear();
        self.seq.clear();
        self.cell.clear();
        self.lattice.iter_mut().for_each(Vec::clear);
        self.cost_so_far.clear();
        Ok(())
    }
}
