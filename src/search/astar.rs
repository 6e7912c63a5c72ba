//! The search: A* over cells, from one start to one goal after another.

use super::CellKey;
use super::answer::Reads;
use super::bricks::Bricks;
use super::patch::{CLOSED, DEAD, LOOKED, Mark, NO_DISTANCE, Patch, Patches, Place, VARIED};
use super::pruning::{ALL_STEPS, successors};
use super::queue::Queue;
use crate::brick::{BRICK_CELLS, BrickId};
use crate::lattice::{UNREACHED, axial_half, diagonal_half};

/// How many patches (14 KiB each) a search keeps for the next one. One that has more is not grown to another goal either:
/// to look all of them through takes longer than most searches.
pub(super) const RESERVE: usize = 4096;

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

    /// Where coordinates lie from the goal.
    #[inline(always)]
    pub fn offset(&self, xyz: [i32; 3]) -> [i32; 3] {
        std::array::from_fn(|a| xyz[a] - self.to[a])
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

/// What the queue is ordered by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guide {
    pub norm: Norm,
    mode: Mode,
}

impl Guide {
    #[inline(always)]
    fn estimate(&self, ticks: u32, xyz: [i32; 3]) -> u64 {
        let norm = self.norm.from(xyz);
        let weighed = match self.mode {
            Mode::Exact => norm,
            Mode::Corridor => norm + norm / 20,
        };
        u64::from(ticks) + weighed
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
    pub(super) start: Place,
    pub(super) goal: Place,
    pub(super) guide: Guide,
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
            guide: Guide {
                norm: Norm::new([0; 3], 1),
                mode: Mode::Exact,
            },
            expanded: 0,
            overflowed: false,
        }
    }
}

impl Search {
    /// Makes room for a search from another start.
    pub(super) fn clear(&mut self) {
        if self.patches.held() > RESERVE {
            self.patches.shrink(RESERVE);
        }
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
        patch.marks[place].reached |= LOOKED;
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
        self.start = self.patches.locate(start, bricks)?;
        self.goal = self.patches.locate(goal, bricks)?;
        let norm = Norm::new(goal.cell().xyz(), least_cost);
        self.guide = Guide { norm, mode };
        let (patch, place) = self.patches.of_mut(self.start);
        patch.marks[place] = Mark {
            ticks: 0,
            reached: ALL_STEPS | LOOKED,
            offered: 0,
        };
        let estimate = self.guide.estimate(0, start.cell().xyz());
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
        debug_assert_eq!(self.guide.mode, Mode::Exact);
        self.goal = self.patches.locate(goal, bricks)?;
        self.guide.norm = Norm::new(goal.cell().xyz(), least_cost);
        let mut open = Vec::new();
        for number in self.patches.numbers() {
            let (patch, _) = self.patches.of_mut(number << 10);
            for place in 0..BRICK_CELLS {
                let mark = &mut patch.marks[place];
                mark.offered &= !DEAD;
                if mark.ticks < NO_DISTANCE && (!mark.is_closed() || mark.is_waiting()) {
                    let ticks = mark.ticks;
                    let estimate = self.guide.estimate(ticks, patch.xyz(place));
                    open.push((estimate, number << 10 | place as u32));
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
        Reads::new(self.patches.seen())
    }

    /// How many bytes the search takes.
    pub(super) fn bytes(&self) -> usize {
        self.patches.bytes() + self.queue.bytes()
    }

    /// Forgets everything, and keeps no more memory than most searches need.
    pub(super) fn forget(&mut self) {
        self.patches.shrink(RESERVE);
    }

    /// The norm from the start to the goal, in ticks.
    pub(super) fn norm_of_start(&self) -> u64 {
        let (patch, place) = self.patches.of(self.start);
        self.guide.norm.from(patch.xyz(place))
    }

    /// How many bricks were looked into.
    pub(super) fn brick_count(&self) -> usize {
        self.patches.len()
    }

    /// Takes up to `allowance` cells from the queue.
    pub(super) fn run(&mut self, bricks: &mut Bricks, allowance: usize) -> Step {
        let mut taken = 0;
        loop {
            let least = self.queue.advance();
            let (patch, place) = self.patches.of(self.goal);
            let goal = patch.marks[place];
            if goal.is_closed() && least.is_none_or(|l| l >= u64::from(goal.ticks)) {
                return Step::Found(goal.ticks);
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
            let mark = patch.marks[place];
            if mark.is_closed() && !mark.is_waiting() {
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

    /// Takes a cell's distance for exact and offers it to the neighbours that need it; see [`super::pruning`].
    #[inline(always)]
    fn expand(&mut self, cell: Place) {
        let open = self.patches.open_steps(cell);
        let (patch, place) = self.patches.of_mut(cell);
        let mark = &mut patch.marks[place];
        let ticks = mark.ticks;
        let alike = open & VARIED == 0;
        let steps = if alike {
            successors(mark.reached & ALL_STEPS, open & ALL_STEPS)
        } else {
            open & ALL_STEPS
        };
        let mut left = steps & !mark.offered;
        mark.offered |= left | CLOSED;
        mark.reached &= !ALL_STEPS;
        if !alike || ticks >= UNREACHED - 2 * axial_half(u16::MAX) {
            return self.offer_each(cell, left);
        }
        let weights = patch.weights.unwrap_or_else(|| {
            let cost = patch.costs[place];
            [2 * diagonal_half(cost), 2 * axial_half(cost)]
        });
        let sums = weights.map(|weight| ticks + weight);
        while left != 0 {
            let step = left.trailing_zeros() as usize;
            left &= left - 1;
            if let Some(to) = self.patches.neighbour(cell, step) {
                self.offer(to, step, sums[usize::from(step >= 8)]);
            }
        }
    }

    /// Offers a cell's distance by each of some steps to open cells, whatever their costs.
    #[inline(never)]
    fn offer_each(&mut self, cell: Place, mut left: u16) {
        let (patch, place) = self.patches.of(cell);
        let (ticks, cost) = (patch.marks[place].ticks, patch.costs[place]);
        while left != 0 {
            let step = left.trailing_zeros() as usize;
            left &= left - 1;
            let Some(to) = self.patches.neighbour(cell, step) else {
                continue;
            };
            let (patch, place) = self.patches.of(to);
            let half = if step < 8 { diagonal_half } else { axial_half };
            let sum = ticks + half(cost) + half(patch.costs[place]);
            if sum >= UNREACHED {
                self.overflowed = true;
            } else {
                self.offer(to, step, sum);
            }
        }
    }

    /// Offers a distance to a cell that the step leads to.
    #[inline(always)]
    fn offer(&mut self, to: Place, step: usize, ticks: u32) {
        let (patch, place) = self.patches.of_mut(to);
        let mark = &mut patch.marks[place];
        if ticks > mark.ticks {
            return;
        }
        if ticks < mark.ticks {
            // Only weighed estimates can lead to a cell before its best distance is known.
            *mark = Mark {
                ticks,
                reached: mark.reached & LOOKED | 1 << step,
                offered: 0,
            };
        } else {
            if mark.is_closed() && !patch.leads_on(place, step) {
                return;
            }
            let queued = !patch.marks[place].is_closed() || patch.marks[place].is_waiting();
            patch.marks[place].reached |= 1 << step;
            if queued {
                return;
            }
        }
        let estimate = self.guide.estimate(ticks, patch.xyz(place));
        self.queue.push(estimate, to);
    }
}

impl Patch {
    /// Whether a cell that has offered its distance has more to offer when it is reached by one more step.
    #[inline(always)]
    fn leads_on(&self, place: usize, step: usize) -> bool {
        let open = self.open(place);
        open & VARIED == 0
            && successors(1 << step, open & ALL_STEPS) & !self.marks[place].offered != 0
    }
}
