//! The box of a map's open cells: what a picture has to show.

use crate::brick::{BRICK_CELLS, BRICK_UNITS, BrickId, Costs, Local};
use crate::lattice::Cell;
use serde::{Deserialize, Serialize};

/// The box of open cells, in lattice units, both corners included; where no cell is open its low lies above its high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The least coordinates.
    pub low: [i32; 3],
    /// The greatest ones.
    pub high: [i32; 3],
}

impl Span {
    /// The box of no cell.
    pub const NONE: Span = Span {
        low: [i32::MAX; 3],
        high: [i32::MIN; 3],
    };

    /// Grows to the open cells of a brick, given the costs of its cells by [`Local`]. A brick that lies within costs a
    /// few comparisons.
    pub fn add(&mut self, brick: BrickId, costs: &Costs) {
        let corner = brick.xyz().map(|c| c * BRICK_UNITS);
        let holds =
            |a: usize| self.low[a] <= corner[a] && corner[a] + BRICK_UNITS - 1 <= self.high[a];
        if (0..3).all(holds) {
            return;
        }
        let open = (0..BRICK_CELLS).filter(|&index| costs[index] > 0);
        for units in open.filter_map(Local::new).map(Local::units) {
            for a in 0..3 {
                self.low[a] = self.low[a].min(corner[a] + units[a]);
                self.high[a] = self.high[a].max(corner[a] + units[a]);
            }
        }
    }

    /// An even cell in the middle of the box; the lattice's first cell if there is no open one.
    pub fn centre(&self) -> Cell {
        let [x, y, z] = std::array::from_fn(|a| (self.low[a] + self.high[a]) / 4 * 2);
        Cell::new(x, y, z).expect("even coordinates")
    }

    /// The box of the cells of both.
    pub fn merge(&mut self, other: &Span) {
        for a in 0..3 {
            self.low[a] = self.low[a].min(other.low[a]);
            self.high[a] = self.high[a].max(other.high[a]);
        }
    }
}
