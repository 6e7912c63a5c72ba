//! The rows of `ghosts/`, one for each part and cell that it needs, and of `owned/`, one for each open cell.

use super::places::{Places, corner};
use super::{Column, GROUP_ROWS, Packing, Part, TableWriter, Values, Written};
use crate::Result;
use crate::brick::{BrickId, Local};
use crate::lattice::Frame;

/// A ghost in a brick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GhostRow {
    /// The part that needs it.
    pub part: u32,
    /// The part that owns it.
    pub owner: u32,
    /// Its place in the brick.
    pub local: Local,
    /// How many steps away it is.
    pub ring: u32,
}

/// Writes one Parquet file of `ghosts/` for one worker: `part, owner, cell, lx, ly, lz, ring`, sorted by `cell`, then
/// `part`. It keeps one row group in memory (about 4 MB).
pub struct GhostWriter {
    table: TableWriter,
    places: Places,
    part: Vec<i32>,
    owner: Vec<i32>,
    ring: Vec<i32>,
}

impl GhostWriter {
    /// Creates the file; `settings` become key-value metadata beside the frame and the lattice.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        frame: &Frame,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let mut schema = vec![
            Column::new("part", Packing::Int32Dictionary),
            Column::new("owner", Packing::Int32Dictionary),
        ];
        schema.extend(Places::COLUMNS);
        schema.push(Column::new("ring", Packing::Int32Dictionary));
        Ok(GhostWriter {
            table: TableWriter::create(part, &schema, &[2, 0], frame, settings)?,
            places: Places::new(frame),
            part: Vec::new(),
            owner: Vec::new(),
            ring: Vec::new(),
        })
    }

    /// Writes the ghosts in a brick, which come in the order of the cells, then of the parts that need them. Bricks
    /// come in ascending order.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn write_brick(
        &mut self,
        brick: BrickId,
        ghosts: impl IntoIterator<Item = GhostRow>,
    ) -> Result<()> {
        let corner = corner(brick);
        for ghost in ghosts {
            self.places.push_ascending(brick, corner, ghost.local);
            self.part.push(ghost.part as i32);
            self.owner.push(ghost.owner as i32);
            self.ring.push(ghost.ring as i32);
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
        let [cell, x, y, z] = self.places.values();
        let (part, owner) = (Values::Int32(&self.part), Values::Int32(&self.owner));
        let ring = Values::Int32(&self.ring);
        self.table
            .write_group(&[part, owner, cell, x, y, z, ring])?;
        self.places.clear();
        self.part.clear();
        self.owner.clear();
        self.ring.clear();
        Ok(())
    }
}

/// Writes one Parquet file of `owned/` for one worker: `part, cell, lx, ly, lz`, sorted by `cell`. It keeps one row group
/// in memory (about 3 MB).
pub struct OwnedWriter {
    table: TableWriter,
    places: Places,
    part: Vec<i32>,
}

impl OwnedWriter {
    /// Creates the file; `settings` become key-value metadata beside the frame and the lattice.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        frame: &Frame,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let mut schema = vec![Column::new("part", Packing::Int32Dictionary)];
        schema.extend(Places::COLUMNS);
        Ok(OwnedWriter {
            table: TableWriter::create(part, &schema, &[1], frame, settings)?,
            places: Places::new(frame),
            part: Vec::new(),
        })
    }

    /// Writes the cells of a brick that a part owns, which come in the order of their identifiers. Bricks come in
    /// ascending order.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn write_brick(
        &mut self,
        brick: BrickId,
        part: u32,
        cells: impl IntoIterator<Item = Local>,
    ) -> Result<()> {
        let corner = corner(brick);
        for local in cells {
            self.places.push_ascending(brick, corner, local);
            self.part.push(part as i32);
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
        let [cell, x, y, z] = self.places.values();
        self.table
            .write_group(&[Values::Int32(&self.part), cell, x, y, z])?;
        self.places.clear();
        self.part.clear();
        Ok(())
    }
}
