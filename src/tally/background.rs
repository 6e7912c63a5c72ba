//! The box in which cells that nothing is known of are open.

use crate::brick::{BRICK_UNITS, BrickId, LOCAL_BY_INDEX, Planes};
use crate::lattice::Cell;

/// A box of cells: those with `least[a] ≤ coordinate ≤ greatest[a]` on each axis, in lattice units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellBox {
    /// The least coordinates.
    pub least: [i32; 3],
    /// The greatest coordinates.
    pub greatest: [i32; 3],
}

impl CellBox {
    /// The box of one cell.
    pub fn of(cell: Cell) -> CellBox {
        CellBox {
            least: cell.xyz(),
            greatest: cell.xyz(),
        }
    }

    /// The least box around this one and another.
    pub fn with(&self, other: &CellBox) -> CellBox {
        CellBox {
            least: std::array::from_fn(|a| self.least[a].min(other.least[a])),
            greatest: std::array::from_fn(|a| self.greatest[a].max(other.greatest[a])),
        }
    }

    /// The cells of a brick that lie in the box.
    pub fn cells_of(&self, brick: BrickId) -> Planes {
        let corner = brick.xyz().map(|c| c * BRICK_UNITS);
        let apart =
            |a: usize| self.greatest[a] < corner[a] || self.least[a] >= corner[a] + BRICK_UNITS;
        if (0..3).any(apart) {
            return Planes::NONE;
        }
        let whole = |a: usize| {
            self.least[a] <= corner[a] && self.greatest[a] >= corner[a] + BRICK_UNITS - 1
        };
        if (0..3).all(whole) {
            return Planes::ALL;
        }
        let mut planes = Planes::NONE;
        for local in LOCAL_BY_INDEX {
            let units = local.units();
            let inside =
                |a: usize| (self.least[a]..=self.greatest[a]).contains(&(corner[a] + units[a]));
            planes.set(local, (0..3).all(inside));
        }
        planes
    }

    /// How many bricks the box reaches into.
    pub fn brick_count(&self) -> u64 {
        let (least, greatest) = self.brick_range();
        (0..3)
            .map(|a| (greatest[a] - least[a]) as u64 + 1)
            .product()
    }

    /// The bricks that the box reaches into.
    pub fn bricks(&self) -> impl Iterator<Item = BrickId> {
        let ([x0, y0, z0], [x1, y1, z1]) = self.brick_range();
        let rows = (z0..=z1).flat_map(move |z| (y0..=y1).map(move |y| (y, z)));
        rows.flat_map(move |(y, z)| (x0..=x1).filter_map(move |x| BrickId::new(x, y, z)))
    }

    /// Bricks all over the box, at most `most` or the eight of a single step: what a plan is weighed by.
    pub fn sample(&self, most: u64) -> Vec<BrickId> {
        let (least, greatest) = self.brick_range();
        let along = |a: usize, step: usize| (least[a]..=greatest[a]).step_by(step);
        let count = |step: usize| {
            (0..3)
                .map(|a| along(a, step).count() as u64)
                .product::<u64>()
        };
        let mut step = 1;
        while count(step) > most.max(8) {
            step *= 2;
        }
        let rows = along(2, step).flat_map(|z| along(1, step).map(move |y| (y, z)));
        rows.flat_map(|(y, z)| along(0, step).filter_map(move |x| BrickId::new(x, y, z)))
            .collect()
    }

    fn brick_range(&self) -> ([i32; 3], [i32; 3]) {
        let brick = |c: i32| c.div_euclid(BRICK_UNITS);
        (self.least.map(brick), self.greatest.map(brick))
    }
}
