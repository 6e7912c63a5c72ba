//! A map in memory: the costs of the bricks that exist.

use super::{BrickId, Costs};
use crate::lattice::Frame;

/// A sparse map of cells: what every reader makes and every dataflow starts from.
///
/// Invariant: `bricks` ascend strictly by id, and `open` counts their costs above 0.
#[derive(Clone, Debug)]
pub struct CellMap {
    /// Where the cells lie in the world.
    pub frame: Frame,
    /// The bricks that hold an open cell, ascending by id, with the stored cost of each of their cells.
    pub bricks: Vec<(BrickId, Box<Costs>)>,
    /// How many cells the map defines, open or blocked.
    pub cells: u64,
    /// How many cells have a cost above 0.
    pub open: u64,
    /// The least and the greatest voxel of the box of a map of voxels; `None` for a table of cells.
    pub voxels: Option<[[u32; 3]; 2]>,
}

impl CellMap {
    /// The costs of a brick, or `None` if no cell of it is open.
    pub fn costs(&self, brick: BrickId) -> Option<&Costs> {
        let at = self.bricks.binary_search_by_key(&brick, |(id, _)| *id);
        at.ok().map(|at| &*self.bricks[at].1)
    }
}
