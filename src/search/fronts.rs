//! Bidirectional A*: one search from the start, one from the goal, and which of the two goes on.
//!
//! A goal in a pocket behind a thin wall makes a search from the start flood the open space around it; the search from the
//! goal has left the pocket after a few cells. Which side has it hard is not known beforehand. Each side's least estimate
//! is a lower bound on the cost, so the side whose bound has risen more for its work goes on, and the other gets a share
//! lest it be misjudged. The cheapest route known through a cell that both have reached, and that one has closed, is the
//! *best*; when a side's bound reaches it, it is optimal.
//!
//! In free space a search from the start runs straight into the goal. So it has as many cells as two straight routes take
//! before the other side begins.

use super::CellKey;
use super::answer::Reads;
use super::astar::{Mode, Search, Side};
use super::bricks::Bricks;
use super::patch::Place;
use crate::brick::BrickId;
use crate::lattice::DIAGONAL_BASE;

/// How many cells one side takes before it is asked again which side goes on.
const TURN: usize = 32;

/// One side has at least one of so many of the other side's cells.
const SHARE: u64 = 8;

/// How many cells the search from the start has for itself, besides two straight routes' worth.
const ALONE: u64 = 64;

/// What a query's search has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A route is known, and its distance in ticks: in [`Mode::Exact`] that of the best route.
    Found(u32),
    /// Everything that one end reaches was looked at, and the other end was not there.
    Exhausted,
    /// The costs of a brick are needed first.
    Missing(BrickId),
    /// The allowance is used up.
    Paused,
}

/// The cheapest route that is known through a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Best {
    pub ticks: u32,
    /// The cell, for the side that closed it.
    pub cell: Place,
    /// Whether that was the search from the goal.
    pub backward: bool,
}

/// See the module's description.
#[derive(Default)]
pub(super) struct Fronts {
    /// From the start.
    pub(super) forward: Search,
    /// From the goal; begun if `racing`.
    pub(super) backward: Search,
    racing: bool,
    ends: Option<(CellKey, CellKey)>,
    mode: Mode,
    pub(super) least_cost: u16,
    pub(super) best: Option<Best>,
    /// The norm from the start to the goal, weighed as estimates are.
    straight: u64,
    /// How many cells each side has taken for this goal.
    taken: [u64; 2],
}

impl Fronts {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.forward.clear();
        self.forget_backward();
    }

    fn forget_backward(&mut self) {
        self.backward.clear();
        self.racing = false;
        self.best = None;
        self.taken = [0; 2];
    }

    /// Whether a cell is open; it then counts as one that was looked at.
    ///
    /// # Errors
    /// Its brick, if the costs have not arrived.
    pub fn look(&mut self, cell: CellKey, bricks: &mut Bricks) -> Result<bool, BrickId> {
        self.forward.look(cell, bricks)
    }

    /// Begins a search after [`Fronts::clear`]; both cells must be open, and no open cell of the map cost less than `least_cost`.
    ///
    /// # Errors
    /// A brick whose costs have not arrived; then it can be begun again.
    pub fn begin(
        &mut self,
        start: CellKey,
        goal: CellKey,
        mode: Mode,
        least_cost: u16,
        bricks: &mut Bricks,
    ) -> Result<(), BrickId> {
        self.forward.begin(start, goal, mode, least_cost, bricks)?;
        self.aim(start, goal, mode, least_cost);
        Ok(())
    }

    /// Goes on to another goal from the same start: what has an exact distance keeps it. For [`Mode::Exact`] alone.
    ///
    /// # Errors
    /// A brick whose costs have not arrived; then it can be called again.
    pub fn retarget(
        &mut self,
        goal: CellKey,
        least_cost: u16,
        bricks: &mut Bricks,
    ) -> Result<(), BrickId> {
        let (start, _) = self.ends.expect("a search that was begun");
        self.forward.retarget(goal, least_cost, bricks)?;
        self.forget_backward();
        self.aim(start, goal, Mode::Exact, least_cost);
        self.best = self.forward.closed_goal().map(|(cell, ticks)| Best {
            ticks,
            cell,
            backward: false,
        });
        Ok(())
    }

    fn aim(&mut self, start: CellKey, goal: CellKey, mode: Mode, least_cost: u16) {
        self.ends = Some((start, goal));
        (self.mode, self.least_cost) = (mode, least_cost);
        self.straight = self.forward.estimate_of_start();
    }

    /// Takes about `allowance` cells from the queues.
    pub fn run(&mut self, bricks: &mut Bricks, allowance: usize) -> Step {
        let mut left = allowance;
        loop {
            if let Some(best) = self.best
                && (self.forward.proves(best.ticks)
                    || self.racing && self.backward.proves(best.ticks))
            {
                return Step::Found(best.ticks);
            }
            if left == 0 {
                return Step::Paused;
            }
            left = left.saturating_sub(TURN);
            if !self.racing && self.taken[0] >= self.alone() {
                let (start, goal) = self.ends.expect("a search that was begun");
                let begun = self
                    .backward
                    .begin(goal, start, self.mode, self.least_cost, bricks);
                if let Err(missing) = begun {
                    return Step::Missing(missing);
                }
                self.racing = true;
            }
            let backward = self.racing && self.backward_is_next();
            let (me, other) = if backward {
                (&mut self.backward, Some(&self.forward))
            } else {
                (&mut self.forward, self.racing.then_some(&self.backward))
            };
            let before = me.expanded;
            let end = me.run(bricks, TURN, other, &mut self.best, backward);
            self.taken[usize::from(backward)] += me.expanded - before;
            match end {
                Side::Proven | Side::Turn => {}
                Side::Exhausted => return Step::Exhausted,
                Side::Missing(missing) => return Step::Missing(missing),
            }
        }
    }

    /// How many cells the search from the start takes before the other begins.
    fn alone(&self) -> u64 {
        ALONE + 2 * self.straight / u64::from(DIAGONAL_BASE)
    }

    /// Whether the search from the goal goes on: if its bound has risen more for its work.
    fn backward_is_next(&self) -> bool {
        let [forward, backward] = self.taken;
        if forward < backward / SHARE || backward < forward / SHARE {
            return backward < forward;
        }
        let rise = |side: &Search| u128::from(side.bound() - self.straight.min(side.bound()) + 1);
        rise(&self.backward) * u128::from(forward + 1)
            > rise(&self.forward) * u128::from(backward + 1)
    }

    /// The search from the goal, if it was begun.
    pub(super) fn other_side(&self) -> Option<&Search> {
        self.racing.then_some(&self.backward)
    }

    /// How many cells were expanded since this was last asked.
    pub fn take_expanded(&mut self) -> u64 {
        std::mem::take(&mut self.forward.expanded) + std::mem::take(&mut self.backward.expanded)
    }

    /// True if a distance was left out because it would pass 2³¹ − 2 ticks.
    pub fn overflowed(&self) -> bool {
        self.forward.overflowed || self.racing && self.backward.overflowed
    }

    /// What both sides have read.
    pub fn reads(&self) -> Reads {
        let mut read: Vec<_> = self.forward.reads().collect();
        if let Some(other) = self.other_side() {
            for (brick, cells) in other.reads() {
                match self.forward.patches.find(brick) {
                    Some(patch) => {
                        for (all, more) in read[patch as usize].1.iter_mut().zip(cells) {
                            *all |= more;
                        }
                    }
                    None => read.push((brick, cells)),
                }
            }
        }
        Reads::new(read)
    }

    /// How many bricks were looked into.
    pub fn brick_count(&self) -> usize {
        let other = self.other_side().into_iter().flat_map(|o| o.patches.iter());
        let theirs = other.filter(|p| self.forward.patches.find(p.brick).is_none());
        self.forward.patches.len() + theirs.count()
    }

    /// How many bricks the search from the start, which is grown to further goals, has looked into.
    pub fn forward_bricks(&self) -> usize {
        self.forward.patches.len()
    }

    /// How many bytes both sides take.
    pub fn bytes(&self) -> usize {
        self.forward.bytes() + self.backward.bytes()
    }

    /// Forgets everything and keeps the memory of at most `patches` bricks a side.
    pub fn shrink(&mut self, patches: usize) {
        self.clear();
        self.forward.shrink(patches);
        self.backward.shrink(patches);
    }

    /// The norm from the start to the goal, in ticks.
    pub fn norm_of_start(&self) -> u64 {
        self.forward.norm_of_start()
    }
}
