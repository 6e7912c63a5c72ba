//! The search: A* over cells, from one start to one goal after another.

use super::CellKey;
use super::answer::Reads;
use super::bricks::Bricks;
use super::patch::{NO_DISTANCE, Patches, Place, UNSEEN, has, set};
use super::queue::Queue;
use crate::brick::BrickId;
use crate::lattice::{AXIAL_BASE, DIAGONAL_BASE, UNREACHED, axial_half, diagonal_half};

/// How good a route has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Optimal, and proven to be.
    #[default]
    Exact,
    /// At most 1.05 times the optimum, with a lower bound that proves it.
    Corridor,
}

/// The lattice's norm to a goal, in ticks, at a cost that none is below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Norm {
    pub to: [i32; 3],
    axial: u64,
    /// Two diagonal halves less an axial one.
    beside: u64,
}

impl Norm {
    pub fn new(to: [i32; 3], least_cost: u16) -> Self {
        let (axial, diagonal) = (
            u64::from(axial_half(least_cost)),
            u64::from(diagonal_half(least_cost)),
        );
        Norm {
            to,
            axial,
            beside: 2 * diagonal - axial,
        }
    }

    #[inline(always)]
    pub fn from(&self, [x, y, z]: [i32; 3]) -> u64 {
        let (x, y, z) = (
            x.abs_diff(self.to[0]),
            y.abs_diff(self.to[1]),
            z.abs_diff(self.to[2]),
        );
        let (low, high) = (x.min(y), x.max(y));
        let (most, second) = (high.max(z), low.max(high.min(z)));
        self.axial * u64::from(most) + self.beside * u64::from(second)
    }
}

/// What a search has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The goal's distance is known, in ticks.
    Found(u32),
    /// Everything that the start reaches was looked at, and the goal was not there.
    Exhausted,
    /// The costs of a brick are needed first.
    Missing(BrickId),
    /// The allowance is used up.
    Paused,
}

/// One start's search; see [`super`].
pub(super) struct Search {
    pub(super) patches: Patches,
    pub(super) queue: Queue,
    mode: Mode,
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
            mode: Mode::Exact,
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
        mode: Mode,
        least_cost: u16,
        bricks: &mut Bricks,
    ) -> Result<(), BrickId> {
        self.mode = mode;
        self.start = self.patches.locate(start, bricks)?;
        self.goal = self.patches.locate(goal, bricks)?;
        self.norm = Norm::new(goal.cell().xyz(), least_cost);
        let (patch, place) = self.patches.of_mut(self.start);
        patch.ticks[place] = 0;
        let estimate = self.estimate(0, start.cell().xyz());
        self.queue.reset(estimate);
        self.queue.push(estimate, self.start);
        Ok(())
    }

    /// Goes on to another goal from the same start: what has an exact distance keeps it. For [`Mode::Exact`] alone.
    ///
    /// # Errors
    /// A brick whose costs have not arrived; then it can be called again.
    pub(super) fn retarget(
        &mut self,
        goal: CellKey,
        least_cost: u16,
        bricks: &mut Bricks,
    ) -> Result<(), BrickId> {
        debug_assert_eq!(self.mode, Mode::Exact);
        self.goal = self.patches.locate(goal, bricks)?;
        self.norm = Norm::new(goal.cell().xyz(), least_cost);
        let mut open = Vec::new();
        for number in 0..self.patches.len() as u32 {
            let (patch, _) = self.patches.of_mut(number << 10);
            patch.dead.fill(0);
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

    /// What the search has read.
    pub(super) fn reads(&self) -> Reads {
        Reads::new(self.patches.iter().map(|p| (p.brick, p.seen())).collect())
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

    /// How many bricks were looked into.
    pub(super) fn brick_count(&self) -> usize {
        self.patches.len()
    }

    #[inline(always)]
    fn estimate(&self, ticks: u32, xyz: [i32; 3]) -> u64 {
        let norm = self.norm.from(xyz);
        let weighed = match self.mode {
            Mode::Exact => norm,
            Mode::Corridor => norm + norm / 20,
        };
        u64::from(ticks) + weighed
    }

    /// Takes up to `allowance` cells from the queue.
    pub(super) fn run(&mut self, bricks: &mut Bricks, allowance: usize) -> Step {
        let (goal_patch, goal_place) = ((self.goal >> 10) as usize, (self.goal & 1023) as usize);
        let mut taken = 0;
        loop {
            let least = self.queue.advance();
            let (patch, place) = self.patches.of((goal_patch << 10 | goal_place) as Place);
            if has(&patch.closed, place) && least.is_none_or(|l| l >= u64::from(patch.ticks[place]))
            {
                return Step::Found(patch.ticks[place]);
            }
            if least.is_none() {
                return Step::Exhausted;
            }
            if taken == allowance {
                return Step::Paused;
            }
            taken += 1;
            let cell = self.queue.pop();
            let (patch, place) = self.patches.of(cell);
            if has(&patch.closed, place) {
                continue;
            }
            if let Err(missing) = self.patches.link(cell, bricks) {
                self.queue.push(least.unwrap_or(0), cell);
                return Step::Missing(missing);
            }
            self.expanded += 1;
            self.expand(cell);
        }
    }

    /// Gives a cell's distance for exact and offers it to the neighbours.
    #[inline(always)]
    fn expand(&mut self, cell: Place) {
        let (patch, place) = self.patches.of_mut(cell);
        set(&mut patch.closed, place);
        let (ticks, cost) = (patch.ticks[place], patch.costs[place]);
        let sums = [ticks + diagonal_half(cost), ticks + axial_half(cost)];
        for step in 0..14 {
            let Some(to) = self.patches.neighbour(cell, step) else {
                continue;
            };
            let (patch, place) = self.patches.of_mut(to);
            let cost = u32::from(patch.costs[place]);
            let old = patch.ticks[place];
            let new = if step < 8 {
                sums[0] + ((DIAGONAL_BASE * cost) >> 8)
            } else {
                sums[1] + ((AXIAL_BASE * cost) >> 8)
            };
            if new >= old {
                continue;
            }
            if cost == 0 {
                patch.ticks[place] = NO_DISTANCE;
                continue;
            }
            if new >= UNREACHED {
                self.overflowed = true;
                patch.ticks[place] = old.min(NO_DISTANCE);
                continue;
            }
            patch.ticks[place] = new;
            // Only weighed estimates can lead to a cell before its best distance is known.
            patch.closed[place >> 6] &= !(1 << (place & 63));
            let xyz = patch.xyz(place);
            let estimate = self.estimate(new, xyz);
            self.queue.push(estimate, to);
        }
    }
}
