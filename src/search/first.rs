//! The first route of a search, which the coarse graph shows before cells are searched.
//!
//! What it costs bounds the search from above: no cell is looked at that cannot lead to a cheaper route, and if the norm
//! proves it good enough, none at all.

use super::CellKey;
use super::astar::Mode;
use super::bricks::Bricks;
use super::coarse::{Chain, Coarse};
use super::line::{Line, leg};
use super::noted::Noted;
use crate::brick::BrickId;
use crate::lattice::{Norm, UNREACHED};

/// How many portals the coarse search takes before cells are searched.
const ALLOWANCE: usize = 512;

/// How many times as many it may take when it is begun again.
const MORE: usize = 4;

/// How many cells are searched for each portal that was taken in vain, before it is begun again.
const CELLS: u64 = 4;

/// See the module's description.
#[derive(Default)]
pub(super) struct First {
    /// The cells from the start to the goal, each with the cost so far in ticks; none if no route is known.
    pub route: Vec<(CellKey, u32)>,
    /// The cells that were looked at, by bricks, some of which come again.
    noted: Vec<(BrickId, [u64; 16])>,
    /// The nodes of the coarse graph that it hangs on, some of which come again.
    nodes: Vec<u32>,
    /// How many portals the coarse search may take next; 0 if it is not to be begun.
    allowance: usize,
    /// How many cells are searched before that.
    after: u64,
}

impl First {
    /// Prepares for another search, which wants a first route or does not.
    pub fn begin(&mut self, wanted: bool) {
        self.route.clear();
        self.noted.clear();
        self.nodes.clear();
        self.allowance = if wanted { ALLOWANCE } else { 0 };
        self.after = 0;
    }

    /// Whether the route is to be sought when so many cells were searched.
    #[inline]
    pub fn is_due(&self, cells: u64) -> bool {
        self.allowance > 0 && cells >= self.after
    }

    /// Seeks a route; its cost in ticks, if it is found.
    ///
    /// # Errors
    /// A brick whose costs have not arrived; then it can be called again.
    pub fn seek(
        &mut self,
        [start, goal]: [CellKey; 2],
        mode: Mode,
        least_cost: u16,
        coarse: &mut Coarse,
        bricks: &Bricks,
    ) -> Result<Option<u32>, BrickId> {
        let mut costs = Noted::new(bricks);
        let ends = [start, goal].map(|end| end.cell().xyz());
        let norm = Norm::new(ends[1], least_cost).from(ends[0]);
        // Beyond the range of distances, chains and legs are not counted: cells are searched, and tell it.
        let straight = match u32::try_from(norm) {
            Ok(ticks) if ticks < UNREACHED => ticks,
            _ => {
                self.allowance = 0;
                return Ok(None);
            }
        };
        let chain = if leg(ends[0], ends[1], straight, &mut costs)?.is_some() {
            Chain::Found(vec![(ends[0], 0), (ends[1], straight)])
        } else {
            costs.note_all(start.brick())?;
            costs.note_all(goal.brick())?;
            let chain = coarse.chain(start, goal, least_cost, self.allowance, bricks)?;
            self.nodes.extend(coarse.nodes());
            chain
        };
        match chain {
            Chain::Found(chain) => {
                let mut line = Line::lay(chain, &mut costs, &mut coarse.portals)?;
                if mode.enough(line.ticks()) > norm {
                    line.pull(least_cost, &mut costs)?;
                }
                self.route = line.cells(&mut costs)?;
                self.allowance = 0;
            }
            Chain::None => self.allowance = 0,
            Chain::Unfinished => {
                self.after += self.allowance as u64 * CELLS;
                self.allowance = self.allowance.saturating_mul(MORE);
            }
        }
        self.noted.extend(costs.into_noted());
        Ok(self.route.last().map(|cell| cell.1))
    }

    /// The cells that were looked at, by bricks, some of which come again.
    pub fn reads(&self) -> impl Iterator<Item = (BrickId, [u64; 16])> {
        self.noted.iter().copied()
    }

    /// The bricks whose portals and tolls it hangs on, ascending.
    pub fn portals(&self, coarse: &Coarse) -> Vec<BrickId> {
        let mut bricks: Vec<BrickId> = (self.nodes.iter())
            .map(|&node| coarse.portals.brick(node))
            .collect();
        bricks.sort_unstable();
        bricks.dedup();
        bricks
    }
}
