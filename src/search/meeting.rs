//! The route of a corridor: from the cell in which both sides have met, to either end.

use super::CellKey;
use super::astar::Search;
use super::bricks::Bricks;
use super::fronts::{Found, Fronts};
use super::patch::{NO_DISTANCE, Place};
use crate::brick::BrickId;
use rustc_hash::FxHashMap;

impl Fronts {
    /// A route of at most the distance found: the first one, or from the cell in which both sides met, each time to the
    /// neighbour that makes the least distance, the first of equals.
    ///
    /// # Errors
    /// As [`Fronts::walk_back`].
    pub(super) fn walk_best(
        &mut self,
        bricks: &mut Bricks,
    ) -> Result<Vec<(CellKey, u32)>, BrickId> {
        let meeting = match self.best.found().1 {
            Found::First => return Ok(std::mem::take(&mut self.first.route)),
            Found::Meeting(cell) => cell,
        };
        let at = self.forward.patches.locate(meeting, bricks)?;
        let to_start = self.forward.walk_best(at, bricks)?;
        let mut to_goal = vec![(meeting, 0)];
        if at != self.forward.goal {
            let at = self.backward.patches.locate(meeting, bricks)?;
            to_goal = self.backward.walk_best(at, bricks)?;
        }
        Ok(joined(&to_start, &to_goal))
    }
}

impl Search {
    /// The way from a cell to the start, each cell with the weight of the step that leads on from it; see
    /// [`Fronts::walk_best`].
    fn walk_best(
        &mut self,
        from: Place,
        bricks: &mut Bricks,
    ) -> Result<Vec<(CellKey, u32)>, BrickId> {
        let mut way = Vec::new();
        let mut at = from;
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
            way.push((self.patches.key(at), weight));
            at = to;
        }
        way.push((self.patches.key(at), 0));
        Ok(way)
    }
}

/// The route from the start to the goal of two ways out of the cell where they met, each cell with the weight of the step
/// that leads on from it; without the loops, should the ways cross.
fn joined(to_start: &[(CellKey, u32)], to_goal: &[(CellKey, u32)]) -> Vec<(CellKey, u32)> {
    let mut route: Vec<(CellKey, u32)> = Vec::with_capacity(to_start.len() + to_goal.len());
    let mut at: FxHashMap<CellKey, usize> = FxHashMap::default();
    let mut visit = |cell, ticks| match at.get(&cell) {
        Some(&before) => {
            for (cell, _) in route.drain(before + 1..) {
                at.remove(&cell);
            }
            route[before].1
        }
        None => {
            at.insert(cell, route.len());
            route.push((cell, ticks));
            ticks
        }
    };
    let mut ticks = 0;
    for &(cell, weight) in to_start.iter().rev() {
        ticks = visit(cell, ticks + weight);
    }
    for pair in to_goal.windows(2) {
        ticks = visit(pair[1].0, ticks + pair[0].1);
    }
    route
}
