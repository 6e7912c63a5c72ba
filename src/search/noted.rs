//! Costs that are looked up one by one, and which those were.

use super::CostLookup;
use super::answer::Reads;
use super::bricks::{Bricks, Held};
use crate::brick::{BRICK_CELLS, BRICK_UNITS, BrickId, Costs, Local};
use crate::lattice::Cell;
use rustc_hash::FxHashMap;

/// Looks costs up and notes which.
pub(super) struct Noted<'a> {
    bricks: &'a Bricks,
    index: FxHashMap<BrickId, usize>,
    list: Vec<Looked<'a>>,
    /// The brick coordinates of the last cell, and where it is in the list.
    last: ([i32; 3], usize),
}

/// A brick that was looked into.
struct Looked<'a> {
    brick: BrickId,
    costs: &'a Costs,
    /// The cost of all cells, if they are known to have the same: then their costs need not be read.
    uniform: Option<u16>,
    /// A bit for each cell that was looked up.
    cells: [u64; 16],
}

impl<'a> Noted<'a> {
    pub fn new(bricks: &'a Bricks) -> Self {
        Noted {
            bricks,
            index: FxHashMap::default(),
            list: Vec::new(),
            last: ([-1; 3], 0),
        }
    }

    /// Where costs are looked up.
    pub fn bricks(&self) -> &'a Bricks {
        self.bricks
    }

    /// What was looked up.
    pub fn reads(self) -> Reads {
        Reads::new(self.into_noted().collect())
    }

    /// What was looked up, by bricks in no order.
    pub fn into_noted(self) -> impl Iterator<Item = (BrickId, [u64; 16])> {
        self.list.into_iter().map(|l| (l.brick, l.cells))
    }

    /// Has all cells of a brick count as looked up.
    ///
    /// # Errors
    /// The brick, if its costs have not arrived.
    pub fn note_all(&mut self, brick: BrickId) -> Result<(), BrickId> {
        let at = self.find(brick)?;
        self.list[at].cells = [!0; 16];
        Ok(())
    }

    fn find(&mut self, brick: BrickId) -> Result<usize, BrickId> {
        if let Some(&at) = self.index.get(&brick) {
            return Ok(at);
        }
        let (costs, uniform) = match self.bricks.held(brick) {
            Held::Here(costs, span) => (costs, span.uniform()),
            Held::Absent => (&[0; BRICK_CELLS], Some(0)),
            Held::Elsewhere => return Err(brick),
        };
        let at = self.list.len();
        self.list.push(Looked {
            brick,
            costs,
            uniform,
            cells: [0; 16],
        });
        self.index.insert(brick, at);
        Ok(at)
    }

    /// The stored cost of the cell with these coordinates; 0 for one that is blocked or not in the map.
    ///
    /// # Errors
    /// The brick, if its costs have not arrived.
    #[inline]
    pub fn cost_at(&mut self, xyz: [i32; 3]) -> Result<u16, BrickId> {
        let corner = xyz.map(|c| c.div_euclid(BRICK_UNITS));
        if corner != self.last.0 {
            let [x, y, z] = corner;
            let Some(brick) = BrickId::new(x, y, z) else {
                return Ok(0);
            };
            self.last = (corner, self.find(brick)?);
        }
        let looked = &mut self.list[self.last.1];
        let [x, y, z] = xyz.map(|c| c & (BRICK_UNITS - 1));
        let place = Local::of_units(x, y, z).index();
        looked.cells[place >> 6] |= 1 << (place & 63);
        Ok(looked.uniform.unwrap_or_else(|| looked.costs[place]))
    }
}

impl CostLookup for Noted<'_> {
    fn cost(&mut self, cell: Cell) -> Result<u16, BrickId> {
        self.cost_at(cell.xyz())
    }
}
