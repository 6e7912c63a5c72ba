//! Distances inside one brick, by the same sweeps as the field's.

use super::kernel::relax;
use super::shell::{Rows, SUM_WORDS};
use super::tile::{Ticks, Tile};
use crate::brick::{BRICK_CELLS, Costs, Local};
use crate::lattice::UNREACHED;

/// Computes distances inside bricks, one after the other.
pub struct Within {
    tile: Box<Tile>,
    ticks: Box<Ticks>,
}

/// The shell of a brick around which nothing is open.
static ALONE: [u32; SUM_WORDS] = [UNREACHED; SUM_WORDS];

impl Default for Within {
    fn default() -> Self {
        Within {
            tile: Tile::new(),
            ticks: Box::new([UNREACHED; BRICK_CELLS]),
        }
    }
}

impl Within {
    /// The distance in ticks of each cell of a brick from an open one of them, by ways inside the brick;
    /// [`UNREACHED`] where there is none.
    ///
    /// # Example
    /// ```
    /// use octaflow::brick::{BRICK_CELLS, Local};
    /// use octaflow::engine::Within;
    ///
    /// let (mut within, first) = (Within::default(), Local::new(0).unwrap());
    /// let ticks = within.distances(&[256; BRICK_CELLS], first);
    /// assert_eq!(ticks[1], 3120); // an axial step away
    /// assert_eq!(ticks[512], 2702); // a diagonal one
    /// ```
    pub fn distances(&mut self, costs: &Costs, from: Local) -> &Ticks {
        self.ticks.fill(UNREACHED);
        self.ticks[from.index()] = 0;
        relax(&mut self.tile, costs, &mut self.ticks, &ALONE, Rows::ALL);
        &self.ticks
    }
}
