//! Cells that have changed since their brick was written, as a table.

use super::super::batches::Batches;
use super::super::{Column, GROUP_ROWS, Packing, TableWriter, Values, Written};
use crate::lattice::{Cell, Frame, Index64};
use crate::{Error, Result};
use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, UInt64Type};
use std::path::Path;

/// A cell of a field as a checkpoint keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedCell {
    /// The cell.
    pub cell: Cell,
    /// Its stored cost.
    pub cost: u16,
    /// Its distance in ticks.
    pub ticks: u32,
    /// Its label; without meaning where labels are not kept.
    pub label: u32,
}

/// Writes such a table: `cell` INT64, `stored_cost`, `ticks` and `label` INT32 (the bits of unsigned numbers), sorted by
/// cell.
pub struct SavedCellWriter {
    table: TableWriter,
    cells: Vec<i64>,
    numbers: [Vec<i32>; 3],
}

impl SavedCellWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// [`Error::Machine`] naming it if it cannot be created.
    pub fn create(path: &Path, frame: &Frame, settings: &[(String, String)]) -> Result<Self> {
        let columns = [
            Column::new("cell", Packing::Int64Delta),
            Column::new("stored_cost", Packing::Int32Dictionary),
            Column::new("ticks", Packing::Int32Delta),
            Column::new("label", Packing::Int32Dictionary),
        ];
        Ok(SavedCellWriter {
            table: TableWriter::create(path, &columns, &[0], frame, settings)?,
            cells: Vec::new(),
            numbers: Default::default(),
        })
    }

    /// Adds a cell, whose Index64 is above that of the cell before.
    ///
    /// # Errors
    /// [`Error::Machine`] naming the file if it cannot be written.
    pub fn push(&mut self, saved: &SavedCell) -> Result<()> {
        let id = Index64::of_cell(saved.cell).map_err(|e| Error::input(e.to_string()))?;
        self.cells.push(id.as_i64());
        let numbers = [u32::from(saved.cost), saved.ticks, saved.label];
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number as i32);
        }
        if self.cells.len() == GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let [costs, ticks, labels] = &self.numbers;
        self.table.write_group(&[
            Values::Int64(&self.cells),
            Values::Int32(costs),
            Values::Int32(ticks),
            Values::Int32(labels),
        ])?;
        self.cells.clear();
        self.numbers.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    /// Writes what waits and the footer, and waits until the disk has the file.
    ///
    /// # Errors
    /// As [`SavedCellWriter::push`].
    pub fn finish(mut self) -> Result<Written> {
        if !self.cells.is_empty() {
            self.write_group()?;
        }
        self.table.finish()
    }
}

/// Calls `each` with the cells of such a table.
///
/// # Errors
/// [`Error::Input`] if it is damaged or another table; what `each` fails with.
pub fn read_cells(path: &Path, mut each: impl FnMut(SavedCell) -> Result<()>) -> Result<()> {
    let foreign = || {
        Error::input(format!(
            "{} is no table of cells of a checkpoint: it should be as octaflow wrote it",
            path.display()
        ))
    };
    let columns = ["cell", "stored_cost", "ticks", "label"];
    for batch in Batches::open(path)?.project(&columns)? {
        let batch = batch?;
        let cells = batch.column(0).as_primitive_opt::<UInt64Type>();
        let number = |at: usize| batch.column(at).as_primitive_opt::<Int32Type>();
        let (Some(cells), Some(costs), Some(ticks), Some(labels)) =
            (cells, number(1), number(2), number(3))
        else {
            return Err(foreign());
        };
        for row in 0..cells.len() {
            let id = Index64::try_from(cells.value(row)).map_err(|_| foreign())?;
            each(SavedCell {
                cell: id.cell(),
                cost: u16::try_from(costs.value(row)).map_err(|_| foreign())?,
                ticks: ticks.value(row) as u32,
                label: labels.value(row) as u32,
            })?;
        }
    }
    Ok(())
}
