//! Bidirectional A*: one search from the start, one from the goal, and which of the two goes on.
//!
//! A goal in a pocket behind a thin wall makes a search from the start flood the open space around it; the search from the
//! goal has left the pocket after a few cells. Which side has it hard is not known beforehand. Each side's least estimate
//! is a lower bound on the cost, so the side whose bound has risen more for its work goes on, and the other gets a share
//! lest it be misjudged. The cheapest route known through a cell that both have reached, and that one has closed, is the
//! *best*; when a side's bound reaches it, it is optimal.
//!
//! In free space a search from the start runs straight into the goal. So it has as many cells as two straight routes take
//! before the other side begins. In a corridor a first route of the coarse graph comes before all of it (`first.rs`): where
//! the norm does not prove it good enough, both sides begin at once.

use super::CellKey;
use super::answer::Reads;
use super::astar::{Mode, Search, Side};
use super::bricks::Bricks;
use super::coarse::Coarse;
use super::first::First;
use crate::brick::BrickId;
use crate::lattice::diagonal_half;

/// How many cells one side takes before it is asked again which side goes on.
const TURN: usize = 32;

/// One side has at least one of so many of the other side's cells.
const SHARE: u64 = 8;

/// How many cells the search from the start has for itself, besides two straight routes' worth.
const ALONE: u64 = 64;

/// A side is grown to another query if it took so many cells a brick for one. To look its bricks through takes as long as a
/// dozen cells each, and most queries would take far fewer than the dearest.
const REPAYS: u64 = 128;

/// How many bricks (7 KiB each) a side may have to be grown.
const GROWN: usize = 8192;

/// What a query's search has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A route is known, and that none is better, as far as the mode asks.
    Found,
    /// Everything that one end reaches was looked at, and the other end was not there.
    Exhausted,
    /// The costs of a brick are needed first.
    Missing(BrickId),
    /// The allowance is used up.
    Paused,
    /// It has gone as far as it may alone.
    Far,
}

/// Where a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is the first one.
    First,
    /// Both sides met in this cell.
    Meeting(CellKey),
}

/// The cheapest route that is known, and what suffices to prove it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    mode: Mode,
    /// The distance in ticks and where the route is, if there is one.
    route: Option<(u32, Found)>,
    enough: u64,
}

impl Best {
    fn none(mode: Mode) -> Self {
        Best {
            mode,
            route: None,
            enough: u64::MAX,
        }
    }

    pub fn is_some(&self) -> bool {
        self.route.is_some()
    }

    /// The lower bound in ticks that ends the search; `u64::MAX` without a route.
    pub fn enough(&self) -> u64 {
        self.enough
    }

    /// Takes in a route of so many ticks.
    #[inline]
    pub fn offer(&mut self, ticks: u32, found: Found) {
        if self.route.is_none_or(|(least, _)| ticks < least) {
            self.route = Some((ticks, found));
            self.enough = self.mode.enough(ticks);
        }
    }

    /// The distance in ticks of the route that was found, and where it is.
    pub fn found(&self) -> (u32, Found) {
        self.route.expect("a route was found")
    }
}

/// See the module's description.
pub(super) struct Fronts {
    /// From the start.
    pub(super) forward: Search,
    /// From the goal; begun if `racing`.
    pub(super) backward: Search,
    racing: bool,
    pub(super) first: First,
    ends: Option<(CellKey, CellKey)>,
    pub(super) least_cost: u16,
    pub(super) best: Best,
    /// The norm from the start to the goal, in ticks.
    straight: u64,
    /// How many cells each side has taken for this query.
    taken: [u64; 2],
    /// Whether it is the turn of the search from the goal, and how many cells of it are left. What a search comes to must not
    /// hang on where it had to wait for a brick.
    turn: (bool, usize),
    /// How many cells each side has taken at most for a query since it was begun.
    most_taken: [u64; 2],
    /// The end that the next query must share to grow this search, and the side that goes out from it.
    kept: Option<(CellKey, Kept)>,
}

/// A side that is grown to further queries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    FromStart,
    FromGoal,
}

impl Default for Fronts {
    fn default() -> Self {
        Fronts {
            forward: Search::default(),
            backward: Search::default(),
            racing: false,
            first: First::default(),
            ends: None,
            least_cost: 1,
            best: Best::none(Mode::Exact),
            straight: 0,
            taken: [0; 2],
            turn: (false, 0),
            most_taken: [0; 2],
            kept: None,
        }
    }
}

impl Fronts {
    /// Keeps the side that has done most for the query that is answered, if to grow it to another is less work than to
    /// begin anew, and the memory of at most `patches` bricks for each side that is not kept. For [`Mode::Exact`] alone.
    ///
    /// A side that met a grown one is not kept: it has left out cells by distances that the grown one had from queries
    /// before, beyond its bound, and may have closed cells behind them too dearly. No best route leads there, but that of
    /// another query may.
    pub fn keep(&mut self, patches: usize) {
        if let Some((start, goal)) = self.ends.take() {
            let pays = |side: usize, search: &Search| {
                let bricks = search.patches.len();
                let taken = self.most_taken[side].max(self.taken[side]);
                let pays = bricks <= GROWN && taken >= bricks as u64 * REPAYS;
                (pays && !search.overflowed).then_some(taken)
            };
            let grown = self.kept.map(|kept| kept.1);
            let forward = pays(0, &self.forward).filter(|_| grown != Some(Kept::FromGoal));
            let backward =
                pays(1, &self.backward).filter(|_| self.racing && grown != Some(Kept::FromStart));
            self.kept = match (forward, backward) {
                (forward, Some(backward)) if forward.is_none_or(|f| f < backward) => {
                    Some((goal, Kept::FromGoal))
                }
                (Some(_), _) => Some((start, Kept::FromStart)),
                (None, _) => None,
            };
            self.most_taken = [0, 1].map(|side| self.most_taken[side].max(self.taken[side]));
        }
        let kept = self.kept.map(|kept| kept.1);
        if kept.is_none() {
            self.forget();
        }
        if kept != Some(Kept::FromStart) {
            self.forward.shrink(patches);
        }
        if kept != Some(Kept::FromGoal) {
            self.backward.shrink(patches);
        }
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        self.kept = None;
        self.ends = None;
        self.forward.clear();
        self.backward.clear();
        self.racing = false;
    }

    /// Whether a query between these cells would grow what is kept.
    pub fn serves(&self, start: CellKey, goal: CellKey) -> bool {
        match self.kept {
            Some((cell, Kept::FromStart)) => cell == start,
            Some((cell, Kept::FromGoal)) => cell == goal,
            None => false,
        }
    }

    /// Forgets what a query between these cells cannot use. May be called again before it begins.
    pub fn prepare(&mut self, start: CellKey, goal: CellKey) {
        match self.kept {
            Some((cell, Kept::FromStart)) if cell == start => self.backward.clear(),
            Some((cell, Kept::FromGoal)) if cell == goal => self.forward.clear(),
            _ => self.forget(),
        }
        self.racing = false;
        self.first.begin(false);
    }

    /// Whether a cell is open; it then counts as one that was looked at.
    ///
    /// # Errors
    /// Its brick, if the costs have not arrived.
    pub fn look(&mut self, cell: CellKey, bricks: &mut Bricks) -> Result<bool, BrickId> {
        self.forward.look(cell, bricks)
    }

    /// Begins a search after [`Fronts::prepare`]; both cells must be open, and no open cell of the map cost less than
    /// `least_cost`. What has an exact distance from an end that is kept keeps it.
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
        let kept = self.kept.map(|kept| kept.1);
        debug_assert!(
            kept.is_none() || mode == Mode::Exact,
            "its routes hang on nothing else"
        );
        match kept {
            Some(Kept::FromStart) => self.forward.retarget(goal, least_cost, bricks)?,
            _ => self.forward.begin(start, goal, least_cost, bricks)?,
        }
        if kept == Some(Kept::FromGoal) {
            self.backward.retarget(start, least_cost, bricks)?;
            self.racing = true;
        }
        self.best = Best::none(mode);
        let known = match kept {
            Some(Kept::FromStart) => self.forward.goal_ticks(),
            Some(Kept::FromGoal) => self.backward.goal_ticks(),
            None => None,
        };
        if let Some(ticks) = known {
            let meeting = if self.racing { start } else { goal };
            self.best.offer(ticks, Found::Meeting(meeting));
        }
        self.first.begin(mode == Mode::Corridor);
        self.ends = Some((start, goal));
        self.least_cost = least_cost;
        self.straight = self.forward.norm_of_start();
        self.taken = [0; 2];
        self.turn = (false, 0);
        if kept != Some(Kept::FromStart) {
            self.most_taken[0] = 0;
        }
        if kept != Some(Kept::FromGoal) {
            self.most_taken[1] = 0;
        }
        Ok(())
    }

    /// Takes about `allowance` cells from the queues, and for the whole query about `alone`. Where it ends for that hangs on the
    /// query and the map alone.
    pub fn run(
        &mut self,
        bricks: &mut Bricks,
        coarse: &mut Coarse,
        allowance: usize,
        alone: u64,
    ) -> Step {
        let mut left = allowance;
        loop {
            if self.turn.1 == 0 {
                if self.first.is_due(self.taken[0] + self.taken[1])
                    && let Err(missing) = self.seek_first(bricks, coarse)
                {
                    return Step::Missing(missing);
                }
                if self.best.is_some() && self.is_proven() {
                    return Step::Found;
                }
                if self.taken() >= alone {
                    return Step::Far;
                }
                if left == 0 {
                    return Step::Paused;
                }
                left = left.saturating_sub(TURN);
                if let Err(missing) = self.next_turn(bricks) {
                    return Step::Missing(missing);
                }
            }
            let (backward, turn) = &mut self.turn;
            let (me, other) = if *backward {
                (&mut self.backward, Some(&self.forward))
            } else {
                (&mut self.forward, self.racing.then_some(&self.backward))
            };
            let before = me.expanded;
            let end = me.run(bricks, turn, other, &mut self.best);
            self.taken[usize::from(*backward)] += me.expanded - before;
            match end {
                Side::Turn => {}
                Side::Proven => *turn = 0,
                Side::Exhausted => return Step::Exhausted,
                Side::Missing(missing) => return Step::Missing(missing),
            }
        }
    }

    /// Has the coarse graph show a route.
    fn seek_first(&mut self, bricks: &Bricks, coarse: &mut Coarse) -> Result<(), BrickId> {
        let (start, goal) = self.ends.expect("a search that was begun");
        let (mode, least) = (self.best.mode, self.least_cost);
        let found = self
            .first
            .seek([start, goal], mode, least, coarse, bricks)?;
        if let Some(ticks) = found {
            self.best.offer(ticks, Found::First);
        }
        Ok(())
    }

    /// Whether no route is better than the best, as far as the mode asks.
    fn is_proven(&mut self) -> bool {
        let enough = self.best.enough();
        self.straight >= enough
            || self.forward.proves(enough)
            || self.racing && self.backward.proves(enough)
    }

    /// Decides which side goes on.
    fn next_turn(&mut self, bricks: &mut Bricks) -> Result<(), BrickId> {
        if !self.racing && self.taken[0] >= self.alone() {
            let (start, goal) = self.ends.expect("a search that was begun");
            self.backward.begin(goal, start, self.least_cost, bricks)?;
            self.racing = true;
        }
        self.turn = (self.racing && self.backward_is_next(), TURN);
        Ok(())
    }

    /// How many cells the search from the start takes before the other begins.
    fn alone(&self) -> u64 {
        if !self.first.route.is_empty() {
            return 0;
        }
        ALONE + self.straight / u64::from(diagonal_half(self.least_cost)).max(1)
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

    /// How many cells were taken for this query.
    fn taken(&self) -> u64 {
        self.taken.iter().sum()
    }

    /// What the cheapest route that is known costs in ticks.
    pub fn best_ticks(&self) -> Option<u32> {
        self.best.route.map(|route| route.0)
    }

    /// True if a distance was left out because it would pass 2³¹ − 2 ticks.
    pub fn overflowed(&self) -> bool {
        self.forward.overflowed || self.racing && self.backward.overflowed
    }

    /// What both sides and the first route have read.
    pub fn reads(&self) -> Reads {
        let mut read: Vec<_> = self.forward.reads().collect();
        read.extend(self.other_side().into_iter().flat_map(Search::reads));
        read.extend(self.first.reads());
        Reads::new(read)
    }

    /// How many bricks were looked into.
    pub fn brick_count(&self) -> usize {
        let other = self.other_side().into_iter().flat_map(|o| o.patches.iter());
        let theirs = other.filter(|p| self.forward.patches.find(p.brick).is_none());
        self.forward.patches.len() + theirs.count()
    }

    /// How many patches both sides have.
    pub fn patch_count(&self) -> usize {
        self.forward.patches.len() + self.backward.patches.len()
    }

    /// How many bytes both sides take.
    pub fn bytes(&self) -> usize {
        self.forward.bytes() + self.backward.bytes()
    }

    /// What no route costs less than, in ticks.
    pub fn lower_bound(&self) -> u32 {
        let proven = self.best.enough().max(self.straight);
        u32::try_from(proven).expect("at most the distance found")
    }
}
