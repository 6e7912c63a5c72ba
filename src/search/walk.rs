//! The walk back from the goal to the start.

use super::CellKey;
use super::astar::Search;
use super::bricks::Bricks;
use super::fronts::Fronts;
use super::patch::{NO_DISTANCE, Patch, Place, UNSEEN, has, set};
use super::queue::Least;
use super::steps::{ALL_STEPS, Offer};
use super::ties::{Cones, falling};
use crate::brick::BrickId;
use crate::lattice::{Norm, axial_half, diagonal_half};

/// A cell on the way back, and its distance from the start if it lies on a shortest route.
#[derive(Clone, Copy)]
struct Stand {
    cell: Place,
    ticks: u32,
    /// The steps to try yet, a bit each.
    left: u16,
    /// Whether the search from the start has not come so far, and the one from the goal has closed the cell; `cell` is a
    /// place there then.
    beyond: bool,
}

impl Stand {
    /// A cell whose neighbours are all to be tried.
    fn new(cell: Place, ticks: u32, beyond: bool) -> Self {
        Stand {
            cell,
            ticks,
            left: ALL_STEPS,
            beyond,
        }
    }
}

/// A walk under way.
struct Walk<'a> {
    forward: &'a mut Search,
    /// The distance between the ends.
    bound: u32,
    /// Below this estimate the search from the start has closed all cells.
    closed_below: u64,
    to_start: Norm,
    ties: Ties<'a>,
}

/// Where shortest routes may run of which the search from the start does not know.
enum Ties<'a> {
    /// It has come to the bound: behind what it has queued there. Those that were taken into the cones so far, and the rest.
    Queued(Box<Cones>, Least),
    /// The search from the goal has, and has closed all cells below this estimate.
    Beyond(&'a mut Search, u64),
}

impl Fronts {
    /// The route of the contract, from the start to the goal with the distances so far, once the goal's is found.
    ///
    /// # Errors
    /// A brick whose costs have not arrived; then it can be called again.
    pub(super) fn walk_back(
        &mut self,
        bricks: &mut Bricks,
    ) -> Result<Vec<(CellKey, u32)>, BrickId> {
        let (bound, _) = self.best.found();
        let forward = &mut self.forward;
        let start = forward.patches.key(forward.start).cell().xyz();
        let closed_below = forward.queue.advance().unwrap_or(u64::MAX);
        let ties = if closed_below >= u64::from(bound) {
            let tied = closed_below == u64::from(bound);
            let queued = if tied {
                forward.queue.least()
            } else {
                Least::NONE
            };
            Ties::Queued(Box::default(), queued)
        } else {
            let closed_below = self.backward.queue.advance().unwrap_or(u64::MAX);
            Ties::Beyond(&mut self.backward, closed_below)
        };
        let walk = Walk {
            forward,
            bound,
            closed_below,
            to_start: Norm::new(start, self.least_cost),
            ties,
        };
        walk.back(bricks)
    }
}

impl Walk<'_> {
    fn back(mut self, bricks: &mut Bricks) -> Result<Vec<(CellKey, u32)>, BrickId> {
        let mut stands = vec![Stand::new(self.forward.goal, self.bound, false)];
        while let Some(stand) = stands.last_mut() {
            if stand.cell == self.forward.start && !stand.beyond {
                break;
            }
            let before = if stand.beyond {
                self.step_beyond(stand, bricks)?
            } else {
                self.forward.patches.link(stand.cell, bricks)?;
                self.step(stand)
            };
            match before {
                Some(before) => stands.push(before),
                None => {
                    let patches = match &mut self.ties {
                        Ties::Beyond(backward, _) if stand.beyond => &mut backward.patches,
                        _ => &mut self.forward.patches,
                    };
                    let (patch, place) = patches.of_mut(stand.cell);
                    debug_assert!(
                        stand.beyond || !has(&patch.closed, place),
                        "exact distances lead back"
                    );
                    set(&mut patch.dead, place);
                    stands.pop();
                }
            }
        }
        assert!(
            !stands.is_empty(),
            "the distance found is that of some route"
        );
        Ok(stands
            .iter()
            .rev()
            .map(|stand| (self.key(stand), stand.ticks))
            .collect())
    }

    fn key(&self, stand: &Stand) -> CellKey {
        match &self.ties {
            Ties::Beyond(backward, _) if stand.beyond => backward.patches.key(stand.cell),
            _ => self.forward.patches.key(stand.cell),
        }
    }

    /// The next neighbour that may lie on a shortest route through a cell.
    #[inline]
    fn step(&mut self, from: &mut Stand) -> Option<Stand> {
        let (patch, place) = self.forward.patches.of(from.cell);
        let halves = Offer::new(0, patch.costs[place]);
        while from.left != 0 {
            let step = from.left.trailing_zeros() as usize;
            from.left &= from.left - 1;
            let Some(cell) = self.forward.patches.neighbour(from.cell, step) else {
                continue;
            };
            let (patch, place) = self.forward.patches.of_mut(cell);
            // What is dead was seen to have no known distance.
            if has(&patch.dead, place) {
                continue;
            }
            let known = patch.ticks[place];
            if known == UNSEEN {
                patch.ticks[place] = NO_DISTANCE;
            }
            if patch.costs[place] == 0 {
                continue;
            }
            let weight = halves.to(step, patch.costs[place]);
            let Some(ticks) = from.ticks.checked_sub(weight) else {
                continue;
            };
            if known == ticks {
                return Some(Stand::new(cell, ticks, false));
            }
            if has(&patch.closed, place) {
                continue;
            }
            let before = self.unknown(cell, ticks);
            if before.is_some() {
                return before;
            }
        }
        None
    }

    /// A cell that the search from the start has not closed, if it may be on a shortest route, `ticks` from the start.
    #[inline]
    fn unknown(&mut self, cell: Place, ticks: u32) -> Option<Stand> {
        let (patch, place) = self.forward.patches.of_mut(cell);
        let xyz = patch.xyz(place);
        let straight = self.to_start.from(xyz);
        if u64::from(ticks) + self.forward.norm.from(xyz) < self.closed_below
            || straight > u64::from(ticks)
        {
            return None;
        }
        let goal = self.forward.norm.to;
        match &mut self.ties {
            Ties::Queued(cones, queued) => {
                // What leads here is not reached either, so that the estimate stays.
                let offset = std::array::from_fn(|a| xyz[a] - goal[a]);
                let left = loop {
                    if let Some(steps) = cones.behind(offset) {
                        break steps;
                    }
                    let queued = self.forward.queue.next(queued)?;
                    if let Some(offset) = self.forward.offset_at(queued, self.bound) {
                        cones.add(offset);
                    }
                };
                Some(Stand {
                    cell,
                    ticks,
                    left,
                    beyond: false,
                })
            }
            Ties::Beyond(backward, closed_below) => {
                // So far it is from the goal, on the way that led here.
                let rest = self.bound - ticks;
                if let Some(number) = backward.patches.twin(patch) {
                    let (theirs, _) = backward.patches.of(number << 10);
                    if has(&theirs.closed, place) {
                        let alive = theirs.ticks[place] == rest && !has(&theirs.dead, place);
                        return alive.then_some(Stand::new(
                            number << 10 | place as u32,
                            ticks,
                            true,
                        ));
                    }
                }
                // The search from the goal has not closed it, so that the way to the start is straight.
                let offset = std::array::from_fn(|a| xyz[a] - self.to_start.to[a]);
                (u64::from(rest) + straight >= *closed_below).then(|| Stand {
                    cell,
                    ticks,
                    left: falling(offset),
                    beyond: false,
                })
            }
        }
    }

    /// The next neighbour that may lie on a shortest route through a cell that only the search from the goal has closed:
    /// it has looked at all of them then.
    fn step_beyond(
        &mut self,
        from: &mut Stand,
        bricks: &mut Bricks,
    ) -> Result<Option<Stand>, BrickId> {
        let Ties::Beyond(backward, closed_below) = &mut self.ties else {
            unreachable!("the search from the goal has come to the bound");
        };
        let rest = self.bound - from.ticks;
        let (theirs, place) = backward.patches.of(from.cell);
        if from.left == ALL_STEPS && Patch::is_inside(place) {
            let offer = Offer::new(rest, theirs.costs[place]);
            from.left = theirs.steps(place, offer, |new, old| new == old);
        }
        while from.left != 0 {
            let step = from.left.trailing_zeros() as usize;
            from.left &= from.left - 1;
            let Some(beyond) = backward.patches.neighbour(from.cell, step) else {
                continue;
            };
            let (theirs, place) = backward.patches.of(beyond);
            let farther = theirs.ticks[place];
            if farther <= rest || farther >= NO_DISTANCE || has(&theirs.dead, place) {
                continue;
            }
            let weight = backward.half(from.cell, step) + backward.half(beyond, step);
            if farther != rest + weight {
                continue;
            }
            let (theirs, place) = backward.patches.of_mut(beyond);
            let Some(ticks) = from.ticks.checked_sub(weight) else {
                continue;
            };
            let (xyz, closed) = (theirs.xyz(place), has(&theirs.closed, place));
            let straight = self.to_start.from(xyz);
            if let Some(number) = self.forward.patches.twin(theirs) {
                let (patch, _) = self.forward.patches.of(number << 10);
                if patch.ticks[place] == ticks {
                    return Ok(Some(Stand::new(number << 10 | place as u32, ticks, false)));
                }
                if has(&patch.closed, place) || has(&patch.dead, place) {
                    continue;
                }
            }
            let estimate = u64::from(ticks) + self.forward.norm.from(xyz);
            if estimate < self.closed_below || straight > u64::from(ticks) {
                continue;
            }
            if closed {
                return Ok(Some(Stand::new(beyond, ticks, true)));
            }
            if u64::from(rest + weight) + straight < *closed_below {
                continue;
            }
            let key = backward.patches.key(beyond);
            let cell = self
                .forward
                .patches
                .locate(key, bricks)
                .inspect_err(|_| from.left |= 1 << step)?;
            return Ok(Some(Stand {
                cell,
                ticks,
                left: falling(std::array::from_fn(|a| xyz[a] - self.to_start.to[a])),
                beyond: false,
            }));
        }
        Ok(None)
    }
}

impl Search {
    #[inline(always)]
    pub(super) fn half(&self, cell: Place, step: usize) -> u32 {
        let (patch, place) = self.patches.of(cell);
        if step < 8 {
            diagonal_half(patch.costs[place])
        } else {
            axial_half(patch.costs[place])
        }
    }

    /// The offset of a queued cell from the goal in lattice units, if its estimate is the bound still.
    fn offset_at(&self, cell: Place, bound: u32) -> Option<[i32; 3]> {
        let (patch, place) = self.patches.of(cell);
        let xyz = patch.xyz(place);
        let current = !has(&patch.closed, place)
            && u64::from(patch.ticks[place]) + self.norm.from(xyz) == u64::from(bound);
        current.then(|| std::array::from_fn(|a| xyz[a] - self.norm.to[a]))
    }
}

#[cfg(test)]
mod tests {
    use crate::lattice::{axial_half, diagonal_half};

    #[test]
    fn the_argument_of_the_cones_holds_at_every_cost() {
        for cost in 1..=u16::MAX {
            let (axial, diagonal) = (axial_half(cost), diagonal_half(cost));
            assert!(diagonal < axial && axial < 2 * diagonal, "{cost}");
        }
    }
}
