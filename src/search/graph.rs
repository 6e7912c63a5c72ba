//! The region graph of a worker's bricks as a whole: pieces, portals and tolls, and what edits change of them.
//!
//! Searches make the same portals and tolls for those bricks alone that they come to. This is for whoever wants all of
//! them, as collections: [`crate::dataflows::graph`] brings them to a dataflow.

use super::bricks::Bricks;
use super::portals::Portals;
use super::work::Parcel;
use crate::brick::{BrickId, Costs, Local};
use crate::engine::shell::DIRECTIONS;
use crate::lattice::Cell;
use crate::partition::Plan;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Something that the region graph is made of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum GraphFact {
    /// A piece of a brick, cells that are joined inside it: the first of them in the order of places, and how many there
    /// are.
    Piece(Cell, u32),
    /// A portal out of a piece, which its first cell names, to one of another brick: a step in the middle of where they
    /// touch. It is told from both sides, but for those behind a brick's 32nd.
    Portal(Cell, [Cell; 2]),
    /// A toll: two cells at portals of one brick, and the least cost between them inside it, in ticks.
    Toll([Cell; 2], u32),
}

/// See the module's description.
pub struct RegionGraph {
    me: usize,
    plan: Arc<Plan>,
    bricks: Bricks,
    portals: Portals,
    /// Own bricks that have changed and others have not been told of.
    untold: Vec<BrickId>,
    /// Bricks that have changed, own ones and copies, since the last look.
    edited: Vec<BrickId>,
    /// What was given out of each own brick, ascending.
    given: FxHashMap<BrickId, Vec<GraphFact>>,
}

impl RegionGraph {
    /// The graph of no brick yet; this worker is part `me` of the plan.
    pub fn new(me: usize, plan: Arc<Plan>) -> Self {
        RegionGraph {
            me,
            plan,
            // Whoever has a brick beside one of this worker's sends it: what has not come is not there.
            bricks: Bricks::new(Arc::default()),
            portals: Portals::default(),
            untold: Vec::new(),
            edited: Vec::new(),
            given: FxHashMap::default(),
        }
    }

    /// Takes in bricks of this worker.
    pub fn load(&mut self, bricks: impl IntoIterator<Item = (BrickId, Box<Costs>)>) {
        for (brick, costs) in bricks {
            self.bricks.load(brick, costs);
            self.untold.push(brick);
        }
    }

    /// The stored cost of a cell of this worker; 0 for one that is blocked or not in the map.
    pub fn cost(&self, brick: BrickId, local: Local) -> u16 {
        self.bricks.own_cost(brick, local)
    }

    /// Sets the stored cost of a cell of this worker; 0 blocks it. Creates its brick where there is none.
    pub fn set_cost(&mut self, brick: BrickId, local: Local, after: u16) {
        if self.bricks.set_own(brick, local, after) != after {
            self.untold.push(brick);
        }
    }

    /// Moves out own bricks that have changed, to each other worker that owns a brick beside.
    pub fn take_parcels(&mut self, mut deliver: impl FnMut(Parcel)) {
        self.untold.sort_unstable();
        self.untold.dedup();
        for brick in self.untold.drain(..) {
            self.edited.push(brick);
            let beside = DIRECTIONS.iter().filter_map(|&step| brick.offset(step));
            let mut workers: Vec<usize> = beside.map(|b| self.plan.owner(b)).collect();
            workers.sort_unstable();
            workers.dedup();
            let costs = self.bricks.own_costs(brick).expect("an own brick");
            for worker in workers.into_iter().filter(|&worker| worker != self.me) {
                deliver(Parcel::new(brick, worker, *costs));
            }
        }
    }

    /// Takes in bricks of other workers.
    pub fn receive_parcels(&mut self, parcels: impl IntoIterator<Item = Parcel>) {
        for parcel in parcels {
            if let Some((brick, costs)) = parcel.open() {
                self.edited.push(brick);
                self.bricks.copy(brick, costs);
            }
        }
    }

    /// What has changed of the graph of own bricks since the last look, when all parcels have come: `each` gets the
    /// differences.
    pub fn look(&mut self, mut each: impl FnMut(GraphFact, isize)) {
        let mut edited = std::mem::take(&mut self.edited);
        edited.sort_unstable();
        edited.dedup();
        let mut changed = self.portals.hear(&edited, &self.bricks);
        changed.extend(edited);
        changed.sort_unstable();
        changed.dedup();
        changed.retain(|&brick| self.bricks.own_costs(brick).is_some());
        for brick in changed {
            let after = self.facts(brick);
            let before = match after.is_empty() {
                true => self.given.remove(&brick),
                false => self.given.insert(brick, after.clone()),
            };
            let before = before.unwrap_or_default();
            let lacks = |facts: &[GraphFact], fact| facts.binary_search(fact).is_err();
            let gone = before.iter().filter(|fact| lacks(&after, fact));
            gone.for_each(|&fact| each(fact, -1));
            let new = after.iter().filter(|fact| lacks(&before, fact));
            new.for_each(|&fact| each(fact, 1));
        }
    }

    /// All of an own brick, ascending.
    fn facts(&mut self, brick: BrickId) -> Vec<GraphFact> {
        let shown = self.portals.show(brick, &self.bricks);
        let shown = shown.expect("what is there has come");
        let pieces = shown.pieces.iter();
        let mut facts: Vec<GraphFact> = pieces.map(|p| GraphFact::Piece(p.0, p.1)).collect();
        let portals = shown.portals.iter();
        facts.extend(portals.map(|&(piece, step)| GraphFact::Portal(piece, step)));
        let tolls = shown.tolls.iter();
        facts.extend(tolls.map(|&(between, ticks)| GraphFact::Toll(between, ticks)));
        facts.sort_unstable();
        facts.dedup();
        facts
    }
}
