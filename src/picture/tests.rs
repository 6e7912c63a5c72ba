//! Pictures of small worlds, decoded again.

use super::palette::{OBSTACLE, Rgb, SOURCE, UNREACHED_FILL, UNREACHED_HATCH, WHITE, ramp};
use super::plan::{BLOCKED, OPEN, OUTSIDE};
use super::{PicturePlan, Samples};
use crate::brick::{BRICK_CELLS, BrickId, Costs, Local};
use crate::lattice::{Cell, Frame, NEIGHBOURS, UNREACHED, axial_half, diagonal_half};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A world of bricks, with its distances.
pub(super) struct World {
    pub(super) low: [i32; 3],
    pub(super) high: [i32; 3],
    pub(super) bricks: BTreeMap<BrickId, (Box<Costs>, Box<[u32; BRICK_CELLS]>)>,
}

impl World {
    /// The cells of the box `low…high` (both included) with the costs that `cost` gives.
    pub(super) fn new(low: [i32; 3], high: [i32; 3], cost: impl Fn([i32; 3]) -> u16) -> Self {
        let mut bricks = BTreeMap::new();
        for z in low[2]..=high[2] {
            for y in low[1]..=high[1] {
                for x in low[0]..=high[0] {
                    let (Ok(cell), cost) = (Cell::new(x, y, z), cost([x, y, z])) else {
                        continue;
                    };
                    if cost > 0 {
                        let (brick, local) = BrickId::locate(cell).unwrap();
                        let blank = || {
                            (
                                Box::new([0; BRICK_CELLS]),
                                Box::new([UNREACHED; BRICK_CELLS]),
                            )
                        };
                        bricks.entry(brick).or_insert_with(blank).0[local.index()] = cost;
                    }
                }
            }
        }
        World { low, high, bricks }
    }

    /// Dijkstra from `source`, cell by cell.
    pub(super) fn solve(mut self, source: Cell) -> Self {
        let mut heap = BinaryHeap::from([Reverse((0u32, source))]);
        self.set(source, 0);
        while let Some(Reverse((ticks, cell))) = heap.pop() {
            let (cost, now) = self.get(cell);
            if ticks > now {
                continue;
            }
            for (direction, _) in NEIGHBOURS.iter().enumerate() {
                let half = if direction < 8 {
                    diagonal_half
                } else {
                    axial_half
                };
                let Some(to) = cell.neighbour(direction) else {
                    continue;
                };
                let (to_cost, old) = self.get(to);
                let ticks = now + half(cost) + half(to_cost);
                if to_cost > 0 && ticks < old {
                    self.set(to, ticks);
                    heap.push(Reverse((ticks, to)));
                }
            }
        }
        self
    }

    fn get(&self, cell: Cell) -> (u16, u32) {
        let found = BrickId::locate(cell).and_then(|(brick, local)| {
            let (costs, ticks) = self.bricks.get(&brick)?;
            Some((costs[local.index()], ticks[local.index()]))
        });
        found.unwrap_or((0, UNREACHED))
    }

    fn set(&mut self, cell: Cell, ticks: u32) {
        let (brick, local) = BrickId::locate(cell).unwrap();
        self.bricks.get_mut(&brick).unwrap().1[local.index()] = ticks;
    }

    pub(super) fn plan(&self, cell_size_m: f64, through: Cell) -> PicturePlan {
        let frame = Frame::new([-3.0, 10.0, 0.25], cell_size_m).unwrap();
        PicturePlan::new(self.low, self.high, frame, through)
    }

    pub(super) fn paint(&self, plan: &PicturePlan) -> Samples {
        let mut samples = plan.blank();
        for (&brick, (costs, ticks)) in &self.bricks {
            plan.paint(&mut samples, brick, costs, ticks);
        }
        samples
    }
}

pub(super) fn cell(x: i32, y: i32, z: i32) -> Cell {
    Cell::new(x, y, z).unwrap()
}
