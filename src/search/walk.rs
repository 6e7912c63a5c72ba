//! The walk back from the goal to the start.

use super::CellKey;
use super::astar::{Norm, Search};
use super::bricks::Bricks;
use super::patch::{DEAD, LOOKED, Mark, NO_DISTANCE, Place, VARIED, WALKED};
use super::pruning::ALL_STEPS;
use super::ties::{Cones, rising};
use crate::brick::BrickId;
use crate::lattice::{axial_half, diagonal_half};

/// A cell on the way back, its distance from the start if it lies on a shortest route, and the steps to try yet.
struct Stand {
    cell: Place,
    ticks: u32,
    left: u16,
    /// The weights of a diagonal and an axial step, if the costs around are one.
    weights: Option<[u32; 2]>,
}

/// A distance that no cell has.
const NEVER: u32 = NO_DISTANCE - 1;

/// What a walk back goes by.
struct Signs {
    /// The goal's distance.
    bound: u64,
    to_goal: Norm,
    to_start: Norm,
    cones: Cones,
}

impl Search {
    /// The route of the contract, from the start to the goal with the distances so far, once the goal's is found.
    ///
    /// # Errors
    /// A brick whose costs have not arrived; then it can be called again.
    pub(super) fn walk_back(
        &mut self,
        least_cost: u16,
        bricks: &mut Bricks,
    ) -> Result<Vec<(CellKey, u32)>, BrickId> {
        let (patch, place) = self.patches.of(self.goal);
        let bound = patch.marks[place].ticks;
        let (patch, place) = self.patches.of(self.start);
        let signs = Signs {
            bound: u64::from(bound),
            to_goal: self.guide.norm,
            to_start: Norm::new(patch.xyz(place), least_cost),
            cones: self.cones(bound),
        };
        let mut route = vec![(self.goal, bound)];
        let mut at = self.stand(self.goal, bound, ALL_STEPS, bricks)?;
        while at.cell != self.start {
            let mut before = None;
            while before.is_none() && at.left != 0 {
                let (_, to, ticks) = self.next_back(&mut at);
                before = self
                    .lies_behind(to, ticks, &signs, bricks)?
                    .then_some((to, ticks));
            }
            let (to, ticks) = before.expect("exact distances lead back");
            route.push((to, ticks));
            at = self.stand(to, ticks, ALL_STEPS, bricks)?;
        }
        let keys = route.iter().rev();
        Ok(keys
            .map(|&(cell, ticks)| (self.patches.key(cell), ticks))
            .collect())
    }

    /// A cell on the way back, none of whose open steps among `steps` was tried.
    fn stand(
        &mut self,
        cell: Place,
        ticks: u32,
        steps: u16,
        bricks: &mut Bricks,
    ) -> Result<Stand, BrickId> {
        self.patches.link(cell, bricks)?;
        let (patch, place) = self.patches.of_mut(cell);
        patch.marks[place].reached |= WALKED;
        let open = self.patches.open_steps(cell);
        let one = || [2 * self.half(cell, 0), 2 * self.half(cell, 8)];
        Ok(Stand {
            cell,
            ticks,
            left: open & steps,
            weights: (open & VARIED == 0).then(one),
        })
    }

    /// The next step to try, the neighbour there, and the distance that it has if it lies on a shortest route ([`NEVER`] if
    /// it would be below 0). To be called while steps are left.
    #[inline(always)]
    fn next_back(&self, at: &mut Stand) -> (usize, Place, u32) {
        let step = at.left.trailing_zeros() as usize;
        at.left &= at.left - 1;
        let to = self.patches.neighbour(at.cell, step).expect("an open cell");
        let weight = match at.weights {
            Some(weights) => weights[usize::from(step >= 8)],
            None => self.half(at.cell, step) + self.half(to, step),
        };
        (step, to, at.ticks.checked_sub(weight).unwrap_or(NEVER))
    }

    /// Whether a cell beside the route has this distance from the start.
    #[inline(always)]
    fn lies_behind(
        &mut self,
        cell: Place,
        ticks: u32,
        signs: &Signs,
        bricks: &mut Bricks,
    ) -> Result<bool, BrickId> {
        let (patch, place) = self.patches.of(cell);
        let mark = patch.marks[place];
        if mark.ticks == ticks {
            return Ok(true);
        }
        // Below the bound everything is known; at the bound a route may lead here that was not followed.
        let tied = !mark.is_closed()
            && u64::from(ticks) + signs.to_goal.from(patch.xyz(place)) == signs.bound
            && self.may_tie(cell, ticks, signs);
        if tied {
            self.reach(cell, ticks, signs, bricks)
        } else {
            Ok(false)
        }
    }

    /// Whether a cell that the search has not reached, whose estimate would be the bound, may have this distance.
    #[inline(always)]
    fn may_tie(&self, cell: Place, ticks: u32, signs: &Signs) -> bool {
        let (patch, place) = self.patches.of(cell);
        let (mark, xyz) = (patch.marks[place], patch.xyz(place));
        !mark.is_closed()
            && mark.offered & DEAD == 0
            && u64::from(ticks) < signs.bound
            && signs.to_start.from(xyz) <= u64::from(ticks)
            && signs.cones.may_hold(signs.to_goal.offset(xyz))
    }

    /// Goes back from a cell whose estimate would be the bound, over others like it, until one is queued at the distance
    /// that it must have: then all of them are reached. Cells from which none can be found are not tried again.
    #[inline(never)]
    fn reach(
        &mut self,
        cell: Place,
        ticks: u32,
        signs: &Signs,
        bricks: &mut Bricks,
    ) -> Result<bool, BrickId> {
        let mut stands = vec![self.stand(cell, ticks, self.rising(cell, signs), bricks)?];
        while let Some(stand) = stands.last_mut() {
            if stand.left == 0 {
                let (patch, place) = self.patches.of_mut(stand.cell);
                patch.marks[place].offered |= DEAD;
                stands.pop();
                continue;
            }
            let (step, to, ticks) = self.next_back(stand);
            let (patch, place) = self.patches.of(to);
            let found = patch.marks[place].ticks == ticks;
            if found {
                self.settle(&stands, step);
                return Ok(true);
            }
            if self.may_tie(to, ticks, signs) {
                stands.push(self.stand(to, ticks, self.rising(to, signs), bricks)?);
            }
        }
        Ok(false)
    }

    /// The steps from a cell to those farther from the goal by the step's whole weight.
    fn rising(&self, cell: Place, signs: &Signs) -> u16 {
        let (patch, place) = self.patches.of(cell);
        rising(signs.to_goal.offset(patch.xyz(place)))
    }

    /// Notes the distances of cells, each behind the next, the last of which lies a step from one that is reached.
    fn settle(&mut self, stands: &[Stand], step: usize) {
        let mut back = step;
        for (n, stand) in stands.iter().enumerate().rev() {
            let (patch, place) = self.patches.of_mut(stand.cell);
            let mark = &mut patch.marks[place];
            let reached = mark.reached & (LOOKED | WALKED);
            *mark = Mark {
                ticks: stand.ticks,
                reached: reached | 1 << opposite(back),
                offered: 0,
            };
            if n > 0 {
                back = self.step_between(stands[n - 1].cell, stand.cell);
            }
        }
    }

    fn step_between(&self, from: Place, to: Place) -> usize {
        let steps = (0..14).find(|&step| self.patches.neighbour(from, step) == Some(to));
        steps.expect("neighbours")
    }

    #[inline(always)]
    fn half(&self, cell: Place, step: usize) -> u32 {
        let (patch, place) = self.patches.of(cell);
        if step < 8 {
            diagonal_half(patch.costs[place])
        } else {
            axial_half(patch.costs[place])
        }
    }

    fn cones(&mut self, bound: u32) -> Cones {
        let tied = self.queue.advance() == Some(u64::from(bound));
        let norm = self.guide.norm;
        let queued = self.queue.least().filter_map(|cell| {
            let (patch, place) = self.patches.of(cell);
            let xyz = patch.xyz(place);
            let mark = patch.marks[place];
            let current = (!mark.is_closed() || mark.is_waiting())
                && u64::from(mark.ticks) + norm.from(xyz) == u64::from(bound);
            current.then(|| norm.offset(xyz))
        });
        if tied {
            Cones::new(queued)
        } else {
            Cones::new(std::iter::empty())
        }
    }

    /// A route of at most the goal's distance: each time to the neighbour that makes the least distance, the first of
    /// equals. For weighed searches, whose distances need not be exact.
    ///
    /// # Errors
    /// As [`Search::walk_back`].
    pub(super) fn walk_best(
        &mut self,
        bricks: &mut Bricks,
    ) -> Result<Vec<(CellKey, u32)>, BrickId> {
        let mut cells = vec![self.goal];
        let mut weights = Vec::new();
        let mut at = self.goal;
        while at != self.start {
            self.patches.link(at, bricks)?;
            let offers = (0..14).filter_map(|step| {
                let to = self.patches.neighbour(at, step)?;
                let (patch, place) = self.patches.of(to);
                let weight = self.half(at, step) + self.half(to, step);
                let known = patch.costs[place] > 0 && patch.marks[place].ticks < NO_DISTANCE;
                known.then(|| (patch.marks[place].ticks + weight, weight, to))
            });
            let (_, weight, to) = offers
                .min_by_key(|o| o.0)
                .expect("a cell was reached from one");
            cells.push(to);
            weights.push(weight);
            at = to;
        }
        let mut ticks = 0;
        let mut route = Vec::with_capacity(cells.len());
        route.push((self.patches.key(self.start), 0));
        for (cell, weight) in cells.iter().rev().skip(1).zip(weights.iter().rev()) {
            ticks += weight;
            route.push((self.patches.key(*cell), ticks));
        }
        Ok(route)
    }
}

/// The step back.
fn opposite(step: usize) -> usize {
    if step < 8 { 7 - step } else { step ^ 1 }
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
