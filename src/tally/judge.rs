//! The rule by which a cell's cost follows from what was counted.

use super::{BrickTally, CellBox, Children, Sum};
use crate::brick::{BRICK_CELLS, BrickId, Costs, LOCAL_BY_INDEX, Local, Planes, coarse_cost};
use crate::lattice::UNIT_COST;

/// What decides which cells are blocked, open or unknown.
///
/// A cell with at least `min_points` points is blocked. Otherwise it costs what a map or a terrain gave it, the last
/// one if several did; otherwise it is open, at cost 1.0, if a ray has passed through it, or if it lies in `open`.
/// What remains is unknown, and counts as blocked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The fewest points of a cell that they block.
    pub min_points: u64,
    /// The box in which cells that nothing is known of are open; `None` if unknown cells are blocked.
    pub open: Option<CellBox>,
}

/// A cell as it stands in a table.
#[derive(Clone, Copy, Debug)]
pub struct CellState<'a> {
    /// The stored cost; 0 is blocked.
    pub cost: u16,
    /// How many points lie in it.
    pub points: u64,
    /// The sums of its attributes; empty if no point lies in it.
    pub sums: &'a [Sum],
}

/// The known cells of a brick and what they cost.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The cells that something is known of.
    pub known: Planes,
    /// The stored costs; 0 is blocked or unknown.
    pub costs: Box<Costs>,
}

impl Rule {
    /// The known cells of a brick and their costs.
    pub fn judge(&self, id: BrickId, tally: Option<&BrickTally>) -> Judged {
        let mut known = self.open.map_or(Planes::NONE, |open| open.cells_of(id));
        let mut costs = Box::new([0; BRICK_CELLS]);
        let open = |cells: &Planes, costs: &mut Costs| {
            for (word, &bits) in cells.0.as_flattened().iter().enumerate() {
                let row = &mut costs[64 * word..64 * (word + 1)];
                for (bit, cost) in row.iter_mut().enumerate() {
                    *cost |= (bits >> bit & 1) as u16 * UNIT_COST;
                }
            }
        };
        if let Some(tally) = tally {
            let (mine, seen) = (known.0.as_flattened_mut(), tally.seen().0.as_flattened());
            mine.iter_mut().zip(seen).for_each(|(a, b)| *a |= b);
        }
        open(&known, &mut costs);
        let Some(tally) = tally else {
            return Judged { known, costs };
        };
        if tally.has_given() {
            for local in LOCAL_BY_INDEX {
                if let Some(cost) = tally.given(local) {
                    known.set(local, true);
                    costs[local.index()] = cost;
                }
            }
        }
        for (local, counted, _) in tally.counted() {
            known.set(local, true);
            if counted.points >= self.min_points {
                costs[local.index()] = 0;
            }
        }
        Judged { known, costs }
    }
}

/// How the cells of a level are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judging {
    /// Those of the finest level by a rule.
    Finest(Rule),
    /// Those of a coarser one by their children.
    Coarser,
}

impl Judging {
    /// The known cells of a brick and their costs.
    pub fn judge(&self, id: BrickId, tally: Option<&BrickTally>) -> Judged {
        match (self, tally) {
            (Judging::Finest(rule), tally) => rule.judge(id, tally),
            (Judging::Coarser, Some(tally)) => judge_children(tally),
            (Judging::Coarser, None) => Judged::nothing(),
        }
    }

    /// The box in which cells are open that nothing is known of.
    pub fn open(&self) -> Option<CellBox> {
        match self {
            Judging::Finest(rule) => rule.open,
            Judging::Coarser => None,
        }
    }
}

/// The cells of a coarser brick that have a known child, and what they cost.
fn judge_children(tally: &BrickTally) -> Judged {
    let mut judged = Judged::nothing();
    for (local, counted, _) in tally.counted() {
        let Children { known, open, sum } = counted.children;
        judged.known.set(local, known > 0);
        judged.costs[local.index()] = coarse_cost(u32::from(open), sum);
    }
    judged
}

impl Judged {
    /// No known cell.
    pub fn nothing() -> Judged {
        Judged {
            known: Planes::NONE,
            costs: Box::new([0; BRICK_CELLS]),
        }
    }

    /// The cells with so much to pay in a brick of which only that is known.
    pub fn of_costs(costs: Box<Costs>) -> Judged {
        Judged {
            known: Planes::open(&costs),
            costs,
        }
    }

    /// The known cells in ascending order of their identifiers, as they stand in a table.
    pub fn rows<'a>(
        &'a self,
        tally: Option<&'a BrickTally>,
    ) -> impl Iterator<Item = (Local, CellState<'a>)> {
        let known = LOCAL_BY_INDEX
            .into_iter()
            .filter(|&local| self.known.contains(local));
        known.map(move |local| {
            let (points, sums) = tally.map_or((0, &[][..]), |tally| tally.points_of(local));
            let cost = self.costs[local.index()];
            (local, CellState { cost, points, sums })
        })
    }
}
