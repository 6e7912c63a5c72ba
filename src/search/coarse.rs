//! The coarse search: a cheap chain of portals from a start to a goal.
//!
//! A* over portals ([`super::portals`]). A state is a portal that a chain leaves a brick through; what the chain costs so far
//! is the sum of its tolls and steps. Only what can be told from portals, tolls and the bricks of both ends has a say, so that
//! a chain is the same wherever and after whatever else it is sought.

use super::CellKey;
use super::bricks::Bricks;
use super::portals::{APART, MOST, Portals};
use super::queue::Queue;
use crate::brick::BrickId;
use crate::lattice::{NEIGHBOURS, Norm, UNREACHED};

/// Eighths by which the norm is weighed. Measured on a map of rooms: at 8 a third more time for chains hardly better, at 10
/// chains that leave a third more to the search of cells.
const WEIGHT: u64 = 9;

/// How many ticks apart estimates are told apart, so that most lie within the lists of the queue.
const GRAIN: u64 = 16;

/// For how many portals one counts where the cells around have several costs. Tolls there take a sweep of the brick, 25 us in
/// place of less than one, and a bound from above saves few cells where the least cost of the map is far below most.
const DEAR: usize = 128;

/// In place of the state before those that a start offers.
const START: u32 = u32::MAX;

/// What is known of a portal in one search.
#[derive(Clone, Copy)]
struct Reached {
    ticks: u32,
    /// The state before, or [`START`].
    from: u32,
    /// Whether this distance was told on.
    closed: bool,
}

const UNSEEN: Reached = Reached {
    ticks: u32::MAX,
    from: START,
    closed: false,
};

/// What a coarse search has come to.
pub(super) enum Chain {
    /// The cells of the chain from the start to the goal, each with the cost so far in ticks.
    Found(Vec<([i32; 3], u32)>),
    /// No chain leads there.
    None,
    /// The allowance is used up.
    Unfinished,
}

/// The coarse searches of one worker, one after the other.
pub(super) struct Coarse {
    pub portals: Portals,
    search: u32,
    /// By node: the last search that came there, and the seat of the node in it.
    seats: Vec<(u32, u32)>,
    /// The nodes of this search by their seats.
    nodes: Vec<u32>,
    /// By state: a node's seat · [`MOST`] + the number of its portal.
    reached: Vec<Reached>,
    queue: Queue,
}

impl Default for Coarse {
    fn default() -> Self {
        Coarse {
            portals: Portals::default(),
            search: 0,
            seats: Vec::new(),
            nodes: Vec::new(),
            reached: Vec::new(),
            queue: Queue::new(),
        }
    }
}

impl Coarse {
    /// A chain between two open cells, after at most `allowance` portals; one into cells of several costs counts as [`DEAR`].
    ///
    /// # Errors
    /// A brick whose costs have not arrived; then it can be called again.
    pub fn chain(
        &mut self,
        start: CellKey,
        goal: CellKey,
        least_cost: u16,
        allowance: usize,
        bricks: &Bricks,
    ) -> Result<Chain, BrickId> {
        self.clear();
        let first = self.portals.node(start.brick(), bricks)?;
        let last = self.portals.node(goal.brick(), bricks)?;
        let from_start = self.portals.costs_from(first, start.local(), bricks)?;
        let to_goal = self.portals.costs_from(last, goal.local(), bricks)?;
        self.seat(last);
        let mut best = (APART, START);
        if first == last {
            best.0 = self.portals.cost_within(start, goal, bricks)?;
        }
        let norm = Norm::new(goal.cell().xyz(), least_cost);
        self.queue.reset(norm.from(start.cell().xyz()) / GRAIN);
        let mut run = Run {
            norm,
            last,
            to_goal,
            best,
            bricks,
            coarse: self,
        };
        run.offer(first, Tolls::Given(&from_start), START, 0);
        let mut left = allowance;
        while left > 0 {
            let Some(portals) = run.step()? else {
                let best = run.best;
                let found = best.0 < APART;
                return Ok(if found {
                    Chain::Found(self.trace([start, goal], best, bricks))
                } else {
                    Chain::None
                });
            };
            left = left.saturating_sub(portals);
        }
        Ok(Chain::Unfinished)
    }

    /// The nodes that the last search hangs on.
    pub fn nodes(&self) -> &[u32] {
        &self.nodes
    }

    fn clear(&mut self) {
        if self.search == u32::MAX {
            self.seats.clear();
            self.search = 0;
        }
        self.search += 1;
        self.nodes.clear();
        self.reached.clear();
    }

    /// The seat of a node in this search.
    #[inline]
    fn seat(&mut self, node: u32) -> u32 {
        let at = node as usize;
        if self.seats.len() <= at {
            self.seats.resize(at + 1, (0, 0));
        }
        if self.seats[at].0 != self.search {
            self.seats[at] = (self.search, self.nodes.len() as u32);
            self.nodes.push(node);
            self.reached.resize(self.nodes.len() * MOST, UNSEEN);
        }
        self.seats[at].1
    }

    /// The cells of a chain between two ends, of which the cost and the last state are known.
    fn trace(
        &self,
        [start, goal]: [CellKey; 2],
        best: (u32, u32),
        bricks: &Bricks,
    ) -> Vec<([i32; 3], u32)> {
        let mut chain = vec![(goal.cell().xyz(), best.0)];
        let mut at = best.1;
        while at != START {
            let node = self.nodes[at as usize / MOST];
            let portal = self.portals.of(node)[at as usize % MOST];
            let state = self.reached[at as usize];
            let place = self.portals.xyz(node, portal.place);
            let by = NEIGHBOURS[usize::from(portal.step)];
            let beyond = std::array::from_fn(|a| place[a] + by[a]);
            let ticks = self.portals.across(node, portal, state.ticks, bricks);
            chain.extend([(beyond, ticks), (place, state.ticks)]);
            at = state.from;
        }
        chain.push((start.cell().xyz(), 0));
        chain.reverse();
        chain
    }
}

/// What it costs to the portals of a node.
#[derive(Clone, Copy)]
enum Tolls<'a> {
    Given(&'a [u32]),
    /// From the portal of this number.
    From(usize),
}

/// A search under way.
struct Run<'a> {
    norm: Norm,
    /// The node of the goal, and what it costs from its portals there.
    last: u32,
    to_goal: Vec<u32>,
    /// The least cost of a chain to the goal so far, or [`APART`], and its last state.
    best: (u32, u32),
    bricks: &'a Bricks,
    coarse: &'a mut Coarse,
}

impl Run<'_> {
    /// Leaves through the next portal, and tells for how many that counts; `None` if none promises a better chain than the best.
    #[inline]
    fn step(&mut self) -> Result<Option<usize>, BrickId> {
        let coarse = &mut *self.coarse;
        match coarse.queue.advance() {
            Some(least) if least * GRAIN < u64::from(self.best.0) => {}
            _ => return Ok(None),
        }
        let at = coarse.queue.pop();
        let state = &mut coarse.reached[at as usize];
        if std::mem::replace(&mut state.closed, true) {
            return Ok(Some(1));
        }
        let ticks = state.ticks;
        let node = coarse.nodes[at as usize / MOST];
        let portal = coarse.portals.of(node)[at as usize % MOST];
        let beside = coarse.portals.beside(node, portal, self.bricks)?;
        coarse.seat(beside);
        let Some(entered) = coarse.portals.mirror(beside, portal) else {
            return Ok(Some(1));
        };
        let ticks = coarse.portals.across(node, portal, ticks, self.bricks);
        if beside == self.last && self.to_goal[entered] < APART {
            let whole = ticks.saturating_add(self.to_goal[entered]);
            if whole < self.best.0 {
                self.best = (whole, at);
            }
        }
        coarse.portals.find_tolls(beside, entered, self.bricks)?;
        let uneven = coarse.portals.is_uneven(beside);
        self.offer(beside, Tolls::From(entered), at, ticks);
        Ok(Some(if uneven { DEAR } else { 1 }))
    }

    /// Offers the portals of a node a chain that comes from a state, at its cost so far.
    #[inline]
    fn offer(&mut self, node: u32, tolls: Tolls, from: u32, ticks: u32) {
        let coarse = &mut *self.coarse;
        let first = coarse.seat(node) as usize * MOST;
        let tolls = match tolls {
            Tolls::Given(tolls) => tolls,
            Tolls::From(entered) => coarse.portals.tolls(node, entered),
        };
        let portals = coarse.portals.of(node);
        let states = &mut coarse.reached[first..][..portals.len()];
        for ((&toll, portal), (at, state)) in
            tolls.iter().zip(portals).zip((first as u32..).zip(states))
        {
            let ticks = ticks.saturating_add(toll);
            if toll == APART || ticks >= UNREACHED || ticks >= state.ticks {
                continue;
            }
            *state = Reached {
                ticks,
                from,
                closed: false,
            };
            let rest = self.norm.from(coarse.portals.xyz(node, portal.place));
            let estimate = u64::from(ticks) + rest * WEIGHT / 8;
            if estimate < u64::from(self.best.0) {
                coarse.queue.push(estimate / GRAIN, at);
            }
        }
    }
}
