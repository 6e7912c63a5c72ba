//! The walk back from the goal to the start.

use super::CellKey;
use super::astar::{Norm, Search};
use super::bricks::Bricks;
use super::patch::{NO_DISTANCE, Place, UNSEEN, has, set};
use super::ties::Cones;
use crate::brick::BrickId;
use crate::lattice::{axial_half, diagonal_half};

/// A cell on the way back, its distance from the start if it lies on a shortest route, and the next step to try.
struct Stand {
    cell: Place,
    ticks: u32,
    step: usize,
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
        let bound = patch.ticks[place];
        let cones = self.cones(bound);
        let (patch, place) = self.patches.of(self.start);
        let to_start = Norm::new(patch.xyz(place), least_cost);
        let mut stands = vec![Stand {
            cell: self.goal,
            ticks: bound,
            step: 0,
        }];
        while let Some(stand) = stands.last_mut() {
            if stand.cell == self.start {
                return Ok(self.keys(&stands));
            }
            self.patches.link(stand.cell, bricks)?;
            let (from, ticks) = (stand.cell, stand.ticks);
            let mut found = None;
            while found.is_none() && stand.step < 14 {
                found = self.back(from, ticks, stand.step, u64::from(bound), &to_start, &cones);
                stand.step += 1;
            }
            match found {
                Some((cell, ticks)) => stands.push(Stand {
                    cell,
                    ticks,
                    step: 0,
                }),
                None => {
                    let (patch, place) = self.patches.of_mut(from);
                    debug_assert!(!has(&patch.closed, place), "exact distances lead back");
                    set(&mut patch.dead, place);
                    stands.pop();
                }
            }
        }
        unreachable!("the goal's distance is that of some route")
    }

    /// The neighbour in a step, and its distance from the start, if it may lie on a shortest route through `from`.
    #[inline]
    fn back(
        &mut self,
        from: Place,
        ticks: u32,
        step: usize,
        bound: u64,
        to_start: &Norm,
        cones: &Cones,
    ) -> Option<(Place, u32)> {
        let weight_from = self.half(from, step);
        let to = self.patches.neighbour(from, step)?;
        let half = self.half(to, step);
        let goal = self.norm.to;
        let (patch, place) = self.patches.of_mut(to);
        if patch.ticks[place] == UNSEEN {
            patch.ticks[place] = NO_DISTANCE;
        }
        if patch.costs[place] == 0 {
            return None;
        }
        let ticks = ticks.checked_sub(weight_from + half)?;
        if patch.ticks[place] == ticks {
            return Some((to, ticks));
        }
        if has(&patch.closed, place) || has(&patch.dead, place) {
            return None;
        }
        // Below the bound everything is known; at the bound a route may lead here that was not followed.
        let xyz = patch.xyz(place);
        let tied = u64::from(ticks) + self.norm.from(xyz) == bound
            && to_start.from(xyz) <= u64::from(ticks)
            && cones.may_hold(std::array::from_fn(|a| xyz[a] - goal[a]));
        tied.then_some((to, ticks))
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
        let goal = self.norm.to;
        let queued = self.queue.least().filter_map(|cell| {
            let (patch, place) = self.patches.of(cell);
            let xyz = patch.xyz(place);
            let current = !has(&patch.closed, place)
                && u64::from(patch.ticks[place]) + self.norm.from(xyz) == u64::from(bound);
            current.then(|| std::array::from_fn(|a| xyz[a] - goal[a]))
        });
        if tied {
            Cones::new(queued)
        } else {
            Cones::new(std::iter::empty())
        }
    }

    fn keys(&self, stands: &[Stand]) -> Vec<(CellKey, u32)> {
        let stands = stands.iter().rev();
        stands
            .map(|s| (self.patches.key(s.cell), s.ticks))
            .collect()
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
                let known = patch.costs[place] > 0 && patch.ticks[place] < NO_DISTANCE;
                known.then(|| (patch.ticks[place] + weight, weight, to))
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
