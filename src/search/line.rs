//! The first route: a chain of portals pulled tight along the lattice.
//!
//! 1. **Lay**: greedily, from each bend to the cell of the chain farthest ahead to which a leg leads for no more than the chain
//!    costs, found by doubling strides, then halving. Where none leads to the very next cell, the cheapest way inside the
//!    brick is followed.
//! 2. **Pull**: for each bend, drop it if a leg leads past it for no more; else slide it by the step that makes its two legs
//!    cheapest, with strides of 8, 4, 2 and 1 steps, for as long as there is one. [`ROUNDS`] rounds.
//!
//! A **leg** is a staircase ([`super::staircase`]) that gives way to what is blocked, taken from either end. The norm is that of a
//! polyhedron, so that a great many ways of one length lead from cell to cell: it need not be the straight one that is open.

use super::CellKey;
use super::noted::Noted;
use super::portals::Portals;
use super::staircase::Staircase;
use super::steps::Offer;
use crate::brick::{BRICK_UNITS, BrickId, Local};
use crate::lattice::{Cell, NEIGHBOURS, Norm};
use rustc_hash::FxHashMap;

/// How many rounds of pulling there are at most.
const ROUNDS: usize = 3;
/// The strides by which bends slide, in steps.
const STRIDES: [i32; 4] = [8, 4, 2, 1];
/// How often a bend slides at most by the same stride in a round.
const SLIDES: usize = 4;

/// A leg, and which of its ends the staircase was taken from.
#[derive(Clone, Copy)]
pub(super) struct Leg {
    pub ticks: u32,
    from_far_end: bool,
}

/// The leg between two cells, if there is one that costs at most `most` ticks.
///
/// # Errors
/// A brick whose costs have not arrived.
pub(super) fn leg(
    a: [i32; 3],
    b: [i32; 3],
    most: u32,
    costs: &mut Noted,
) -> Result<Option<Leg>, BrickId> {
    for (from, to, from_far_end) in [(a, b, false), (b, a, true)] {
        if let Some(ticks) = climb(from, to, most, costs, |_| ())? {
            return Ok(Some(Leg {
                ticks,
                from_far_end,
            }));
        }
    }
    Ok(None)
}

/// Takes a staircase along open cells; its cost in ticks, if it leads there for at most `most`. `each` gets the cells behind the
/// first.
fn climb(
    from: [i32; 3],
    to: [i32; 3],
    most: u32,
    costs: &mut Noted,
    mut each: impl FnMut([i32; 3]),
) -> Result<Option<u32>, BrickId> {
    let (mut cost, mut ticks) = (costs.cost_at(from)?, 0u32);
    if cost == 0 {
        return Ok(None);
    }
    let mut stairs = Staircase::new(from, to);
    while !stairs.is_done() {
        let entered = stairs.step(|at, step| {
            let cost = costs.cost_at(at)?;
            Ok((cost > 0).then_some((at, step, cost)))
        })?;
        let Some((at, step, next)) = entered else {
            return Ok(None);
        };
        ticks = ticks.saturating_add(Offer::new(0, cost).to(step, next));
        if ticks > most {
            return Ok(None);
        }
        each(at);
        cost = next;
    }
    Ok(Some(ticks))
}

/// A line of legs from bend to bend.
pub(super) struct Line {
    /// The start, the bends, the goal.
    bends: Vec<[i32; 3]>,
    legs: Vec<Leg>,
}

impl Line {
    /// The line along a chain of open cells, each with the cost so far.
    ///
    /// # Errors
    /// A brick whose costs have not arrived.
    pub fn lay(
        mut chain: Vec<([i32; 3], u32)>,
        costs: &mut Noted,
        portals: &mut Portals,
    ) -> Result<Self, BrickId> {
        let mut line = Line {
            bends: vec![chain[0].0],
            legs: Vec::new(),
        };
        let mut from = 0;
        while from + 1 < chain.len() {
            match farthest(&chain[from..], costs)? {
                Some((ahead, leg)) => {
                    from += ahead;
                    line.bends.push(chain[from].0);
                    line.legs.push(leg);
                }
                None => {
                    let way = within(chain[from], chain[from + 1].0, costs, portals)?;
                    chain.splice(from + 1..from + 2, way);
                }
            }
        }
        Ok(line)
    }

    /// What the line costs in ticks.
    pub fn ticks(&self) -> u32 {
        self.legs.iter().map(|leg| leg.ticks).sum()
    }

    /// Drops and slides bends; no open cell of the map costs less than `least_cost`.
    ///
    /// # Errors
    /// A brick whose costs have not arrived.
    pub fn pull(&mut self, least_cost: u16, costs: &mut Noted) -> Result<(), BrickId> {
        for _ in 0..ROUNDS {
            let (mut bend, mut moved) = (1, false);
            while bend + 1 < self.bends.len() {
                let past = [self.bends[bend - 1], self.bends[bend + 1]];
                if let Some(leg) = leg(past[0], past[1], self.around(bend), costs)? {
                    self.bends.remove(bend);
                    self.legs.splice(bend - 1..=bend, [leg]);
                    moved = true;
                    continue;
                }
                for stride in STRIDES {
                    let mut slides = 0;
                    while slides < SLIDES && self.slide(bend, stride, least_cost, costs)? {
                        slides += 1;
                    }
                    moved |= slides > 0;
                }
                bend += 1;
            }
            if !moved {
                break;
            }
        }
        Ok(())
    }

    /// What the two legs at a bend cost.
    fn around(&self, bend: usize) -> u32 {
        self.legs[bend - 1].ticks + self.legs[bend].ticks
    }

    /// Moves a bend by a stride in the direction that promises most, of those that make its legs cheaper; tells whether there
    /// is one.
    fn slide(
        &mut self,
        bend: usize,
        stride: i32,
        least_cost: u16,
        costs: &mut Noted,
    ) -> Result<bool, BrickId> {
        let before = self.around(bend);
        let [from, at, to] = [bend - 1, bend, bend + 1].map(|bend| self.bends[bend]);
        let norms = [from, to].map(|end| Norm::new(end, least_cost));
        let mut there = NEIGHBOURS.map(|by| {
            let there = std::array::from_fn(|a| at[a] + stride * by[a]);
            (norms[0].from(there) + norms[1].from(there), there)
        });
        there.sort_unstable();
        for (least, there) in there {
            if least >= u64::from(before) {
                break;
            }
            if costs.cost_at(there)? == 0 {
                continue;
            }
            let Some(first) = leg(from, there, before, costs)? else {
                continue;
            };
            let Some(second) = leg(there, to, before - first.ticks, costs)? else {
                continue;
            };
            if first.ticks + second.ticks < before {
                self.bends[bend] = there;
                (self.legs[bend - 1], self.legs[bend]) = (first, second);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The cells of the line, each with the cost so far in ticks; loops are left out.
    ///
    /// # Errors
    /// A brick whose costs have not arrived.
    pub fn cells(&self, costs: &mut Noted) -> Result<Vec<(CellKey, u32)>, BrickId> {
        let mut points = vec![self.bends[0]];
        for (ends, leg) in self.bends.windows(2).zip(&self.legs) {
            let behind = points.len();
            if leg.from_far_end {
                points.push(ends[1]);
                climb(ends[1], ends[0], u32::MAX, costs, |at| points.push(at))?;
                points.pop();
                points[behind..].reverse();
            } else {
                climb(ends[0], ends[1], u32::MAX, costs, |at| points.push(at))?;
            }
        }
        let mut last: FxHashMap<[i32; 3], usize> = FxHashMap::default();
        last.extend(points.iter().copied().zip(0..));
        let (mut route, mut at, mut ticks) = (Vec::with_capacity(points.len()), 0, 0);
        loop {
            at = last[&points[at]];
            let [x, y, z] = points[at];
            let cell = Cell::new(x, y, z).expect("steps lead to lattice points");
            route.push((CellKey::of(cell).expect("an open cell"), ticks));
            let Some(&next) = points.get(at + 1) else {
                return Ok(route);
            };
            ticks = weigh(points[at], next, ticks, costs)?;
            at += 1;
        }
    }
}

/// The cost behind a step between neighbours, from that before it.
fn weigh(from: [i32; 3], to: [i32; 3], ticks: u32, costs: &mut Noted) -> Result<u32, BrickId> {
    let diagonal = (0..3).all(|a| from[a] != to[a]);
    let step = if diagonal { 0 } else { 8 };
    let offer = Offer::new(ticks, costs.cost_at(from)?);
    Ok(offer.to(step, costs.cost_at(to)?))
}

/// The leg from the first cell of a chain to the farthest one that doubling and halving strides find in its reach, and how far
/// ahead that is.
fn farthest(chain: &[([i32; 3], u32)], costs: &mut Noted) -> Result<Option<(usize, Leg)>, BrickId> {
    let last = chain.len() - 1;
    let (mut seen, mut hidden, mut stride) = (None, chain.len(), 1);
    loop {
        let low = seen.map_or(0, |(at, _)| at);
        let next = if hidden > last {
            (low + stride).min(last)
        } else {
            low.midpoint(hidden)
        };
        if next == low {
            return Ok(seen);
        }
        let most = chain[next].1.saturating_sub(chain[0].1);
        match leg(chain[0].0, chain[next].0, most, costs)? {
            Some(leg) => {
                seen = Some((next, leg));
                stride *= 2;
            }
            None => hidden = next,
        }
    }
}

/// The cells behind `from` on the cheapest way inside its brick to another cell of it, each with the cost so far.
fn within(
    from: ([i32; 3], u32),
    to: [i32; 3],
    costs: &mut Noted,
    portals: &mut Portals,
) -> Result<Vec<([i32; 3], u32)>, BrickId> {
    let place = |xyz: [i32; 3]| {
        let [x, y, z] = xyz.map(|c| c & (BRICK_UNITS - 1));
        Local::of_units(x, y, z).index() as u16
    };
    let [x, y, z] = from.0.map(|c| c.div_euclid(BRICK_UNITS));
    let brick = BrickId::new(x, y, z).expect("an open cell");
    let way = portals.way(brick, [place(from.0), place(to)], costs.bricks())?;
    // The way is the cheapest of all in the brick, so that any of its cells has a say.
    costs.note_all(brick)?;
    let (mut at, mut ticks) = from;
    let mut cells = Vec::with_capacity(way.len());
    for &place in &way {
        let units = Local::new(usize::from(place)).expect("a place").units();
        let next = std::array::from_fn(|a| from.0[a] - (from.0[a] & (BRICK_UNITS - 1)) + units[a]);
        ticks = weigh(at, next, ticks, costs)?;
        cells.push((next, ticks));
        at = next;
    }
    Ok(cells)
}
