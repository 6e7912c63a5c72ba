//! One side of a search: A* over cells, from one start to one goal after another.

use super::CellKey;
use super::bricks::Bricks;
use super::fronts::{Best, Found};
use super::patch::{NO_DISTANCE, Patch, Patches, Place, UNSEEN, has, set};
use super::queue::Queue;
use super::steps::{NO_STEP, Offer};
use crate::brick::BrickId;
use crate::lattice::{Norm, UNREACHED};

/// How good a route has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Optimal, and proven to be.
    #[default]
    Exact,
    /// At most 1.05 times the optimum, with a lower bound that proves it.
    Corridor,
}

impl Mode {
    /// The lower bound in ticks that is enough for a route of so many.
    pub(super) fn enough(self, ticks: u32) -> u64 {
        match self {
            Mode::Exact => u64::from(ticks),
            Mode::Corridor => (u64::from(ticks) * 20).div_ceil(21),
        }
    }
}

/// Why a side stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// No route is better than the best that is known, as far as the mode asks.
    Proven,
    /// Everything that the start reaches was looked at.
    Exhausted,
    /// The costs of a brick are needed first.
    Missing(BrickId),
    /// The other side may be next.
    Turn,
}

/// One start's search; see [`super`].
pub(super) struct Search {
    pub(super) patches: Patches,
    pub(super) queue: Queue,
    pub(super) start: Place,
    pub(super) goal: Place,
    pub(super) norm: Norm,
    /// How many cells were expanded, since the search was made.
    pub(super) expanded: u64,
    /// True if a distance was left out because it would pass 2³¹ − 2 ticks.
    pub(super) overflowed: bool,
}

impl Default for Search {
    fn default() -> Self {
        Search {
            patches: Patches::default(),
            queue: Queue::new(),
            start: 0,
            goal: 0,
            norm: Norm::new([0; 3], 1),
            expanded: 0,
            overflowed: false,
        }
    }
}

impl Search {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.patches.clear();
        self.overflowed = false;
    }

    /// Whether a cell is open; it then counts as one that was looked at.
    ///
    /// # Errors
    /// Its brick, if the costs have not arrived.
    pub(super) fn look(&mut self, cell: CellKey, bricks: &mut Bricks) -> Result<bool, BrickId> {
        let at = self.patches.locate(cell, bricks)?;
        let (patch, place) = self.patches.of_mut(at);
        if patch.ticks[place] == UNSEEN {
            patch.ticks[place] = NO_DISTANCE;
        }
        Ok(patch.costs[place] > 0)
    }

    /// Begins a search after [`Search::clear`]; both cells must be open, and no open cell of the map cost less than `least_cost`.
    ///
    /// # Errors
    /// A brick whose costs have not arrived; then it can be begun again.
    pub(super) fn begin(
        &mut self,
        start: CellKey,
        goal: CellKey,
        least_cost: u16,
        bricks: &mut Bricks,
    ) -> Result<(), BrickId> {
        self.start = self.patches.locate(start, bricks)?;
        self.goal = self.patches.locate(goal, bricks)?;
        self.norm = Norm::new(goal.cell().xyz(), least_cost);
        let (patch, place) = self.patches.of_mut(self.start);
        patch.ticks[place] = 0;
        patch.by[place] = NO_STEP;
        let estimate = self.norm.from(start.cell().xyz());
        self.queue.reset(estimate);
        self.queue.push(estimate, self.start);
        Ok(())
    }

    /// Goes on to another goal from the same start: what has an exact distance keeps it.
    ///
    /// # Errors
    /// A brick whose costs have not arrived; then it can be called again.
    pub(super) fn retarget(
        &mut self,
        goal: CellKey,
        least_cost: u16,
        bricks: &mut Bricks,
    ) -> Result<(), BrickId> {
        self.goal = self.patches.locate(goal, bricks)?;
        self.norm = Norm::new(goal.cell().xyz(), least_cost);
        let mut open = Vec::new();
        for number in 0..self.patches.len() as u32 {
            let (patch, _) = self.patches.of_mut(number << 10);
            patch.dead.fill(0);
            patch.forget_twin();
            for word in 0..16 {
                let mut left = !patch.closed[word];
                while left != 0 {
                    let place = word << 6 | left.trailing_zeros() as usize;
                    left &= left - 1;
                    if patch.ticks[place] < NO_DISTANCE {
                        let estimate =
                            u64::from(patch.ticks[place]) + self.norm.from(patch.xyz(place));
                        open.push((estimate, number << 10 | place as u32));
                    }
                }
            }
        }
        self.queue
            .reset(open.iter().map(|o| o.0).min().unwrap_or(0));
        for (estimate, cell) in open {
            self.queue.push(estimate, cell);
        }
        Ok(())
    }

    /// What the search has read: bricks in the order of their patches, and a bit for each cell.
    pub(super) fn reads(&self) -> impl Iterator<Item = (BrickId, [u64; 16])> {
        self.patches.iter().map(|p| (p.brick, p.seen()))
    }

    /// How many bytes the search takes.
    pub(super) fn bytes(&self) -> usize {
        self.patches.bytes() + self.queue.bytes()
    }

    /// Keeps the memory of at most `patches` bricks.
    pub(super) fn shrink(&mut self, patches: usize) {
        self.patches.clear();
        self.patches.shrink(patches);
    }

    /// The norm from the start to the goal, in ticks.
    pub(super) fn norm_of_start(&self) -> u64 {
        let (patch, place) = self.patches.of(self.start);
        self.norm.from(patch.xyz(place))
    }

    /// The goal's distance in ticks, if that is known.
    pub(super) fn goal_ticks(&self) -> Option<u32> {
        let (patch, place) = self.patches.of(self.goal);
        has(&patch.closed, place).then_some(patch.ticks[place])
    }

    /// The least estimate queued when a cell was last taken: no route costs less.
    pub(super) fn bound(&self) -> u64 {
        self.queue.at()
    }

    /// Whether no route can cost less than `ticks`.
    pub(super) fn proves(&mut self, ticks: u64) -> bool {
        self.queue.advance().is_none_or(|least| least >= ticks)
    }

    /// Takes up to `turn` cells from the queue, and makes routes through them and the other side the best where they are.
    /// `turn` becomes what is left of it.
    pub(super) fn run(
        &mut self,
        bricks: &mut Bricks,
        turn: &mut usize,
        other: Option<&Search>,
        best: &mut Best,
    ) -> Side {
        while *turn > 0 {
            let Some(least) = self.queue.advance() else {
                return if best.is_some() {
                    Side::Proven
                } else {
                    Side::Exhausted
                };
            };
            if least >= best.enough() {
                return Side::Proven;
            }
            let cell = self.queue.pop();
            *turn -= 1;
            let (patch, place) = self.patches.of(cell);
            if has(&patch.closed, place) {
                continue;
            }
            let theirs = other.and_then(|other| self.theirs(cell, other));
            if let Some(other) = other
                && self.bound_through(cell, theirs, other) > best.enough()
            {
                continue;
            }
            if let Err(missing) = self.patches.link(cell, bricks) {
                self.queue.push(least, cell);
                *turn += 1;
                return Side::Missing(missing);
            }
            self.expanded += 1;
            if let Some(ticks) = self.through(cell, theirs) {
                best.offer(ticks, Found::Meeting(self.patches.key(cell)));
            }
            self.expand(cell, best.enough());
        }
        Side::Turn
    }

    /// What the other side knows of a cell: its distance from there, and whether that is exact.
    #[inline(always)]
    fn theirs(&mut self, cell: Place, other: &Search) -> Option<(u32, bool)> {
        let (patch, place) = self.patches.of_mut(cell);
        let (theirs, _) = other.patches.of(other.patches.twin(patch)? << 10);
        let ticks = theirs.ticks[place];
        (ticks < NO_DISTANCE).then(|| (ticks, has(&theirs.closed, place)))
    }

    /// What no route through a cell costs less than, as far as it could be a best one: of those, the other side has closed
    /// all cells of estimates below its bound, and knows the distances of all that it has closed.
    #[inline(always)]
    fn bound_through(&self, cell: Place, theirs: Option<(u32, bool)>, other: &Search) -> u64 {
        let (patch, place) = self.patches.of(cell);
        let rest = match theirs {
            Some((rest, true)) => u64::from(rest),
            _ => other
                .bound()
                .saturating_sub(other.norm.from(patch.xyz(place))),
        };
        u64::from(patch.ticks[place]) + rest
    }

    /// The distance between both ends through a cell, if the other side has reached it too.
    #[inline(always)]
    fn through(&mut self, cell: Place, theirs: Option<(u32, bool)>) -> Option<u32> {
        let (patch, place) = self.patches.of(cell);
        let ticks = patch.ticks[place];
        if cell == self.goal {
            return Some(ticks);
        }
        let sum = ticks + theirs?.0;
        if sum >= UNREACHED {
            self.overflowed = true;
            return None;
        }
        Some(sum)
    }

    /// Gives a cell's distance for exact and offers it to the neighbours. Estimates above `limit` are not queued.
    #[inline(always)]
    fn expand(&mut self, cell: Place, limit: u64) {
        let mut left = self.patches.onward(cell);
        let (patch, place) = self.patches.of_mut(cell);
        set(&mut patch.closed, place);
        let offer = Offer::new(patch.ticks[place], patch.costs[place]);
        if Patch::is_inside(place) {
            left &= patch.steps(place, offer, |new, old| new < old);
            while left != 0 {
                let step = left.trailing_zeros() as usize;
                left &= left - 1;
                let to = Patch::neighbour(place, step);
                if let Some(ticks) = patch.reach(to, step, offer, &mut self.overflowed) {
                    let estimate = u64::from(ticks) + self.norm.from(patch.xyz(to));
                    if estimate <= limit {
                        self.queue.push(estimate, cell & !1023 | to as u32);
                    }
                }
            }
            return;
        }
        while left != 0 {
            let step = left.trailing_zeros() as usize;
            left &= left - 1;
            let Some(to) = self.patches.neighbour(cell, step) else {
                continue;
            };
            let (patch, place) = self.patches.of_mut(to);
            if let Some(ticks) = patch.reach(place, step, offer, &mut self.overflowed) {
                let estimate = u64::from(ticks) + self.norm.from(patch.xyz(place));
                if estimate <= limit {
                    self.queue.push(estimate, to);
                }
            }
        }
    }
}

impl Patch {
    /// Takes in what a neighbour offers; gives the distance if it is a shorter one, of an open cell.
    #[inline(always)]
    fn reach(
        &mut self,
        place: usize,
        step: usize,
        offer: Offer,
        overflowed: &mut bool,
    ) -> Option<u32> {
        let (cost, old) = (self.costs[place], self.ticks[place]);
        let new = offer.to(step, cost);
        if new >= old {
            return None;
        }
        if cost == 0 {
            self.ticks[place] = NO_DISTANCE;
            return None;
        }
        if new >= UNREACHED {
            *overflowed = true;
            self.ticks[place] = old.min(NO_DISTANCE);
            return None;
        }
        self.ticks[place] = new;
        self.by[place] = step as u8;
        Some(new)
    }
}
