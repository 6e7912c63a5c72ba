//! The queries of one worker: which are to be answered, in what order, and when they must be answered anew.

use super::CellKey;
use super::answer::{Answer, Route, RouteRecord};
use super::astar::Mode;
use super::bricks::{Bricks, Extremes};
use super::coarse::{Chain, Coarse};
use super::heavy::Heavy;
use super::portals::BrickPortals;
use super::readers::{Origin, Readers};
use super::work::Work;
use crate::brick::{BrickId, Costs, Local};
use crate::lattice::{Cell, Norm};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// What a router is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterOptions {
    /// How good routes are to be.
    pub mode: Mode,
    /// Whether routes are pulled tight too.
    pub smooth: bool,
    /// Whether edits will come, so that it is kept what answers were read from.
    pub updates: bool,
    /// After how many cells all workers go on with a search together, if costs differ (where they do not, after sixteen
    /// times as many); never if absent, or before [`Router::join`].
    pub heavy: Option<u64>,
}

/// An edit of one cell, as every worker hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellEdit {
    /// The cell.
    pub cell: CellKey,
    /// Its stored cost before.
    pub before: u16,
    /// Its stored cost now.
    pub after: u16,
}

pub(super) struct Standing {
    pub(super) id: i64,
    pub(super) start: CellKey,
    pub(super) goal: CellKey,
    /// Whether start and goal are connected, where that is known.
    pub(super) connected: Option<bool>,
    /// Whether its route was so far, when it was last answered, that a search would be given up.
    pub(super) heavy: bool,
    answer: Option<Answer>,
    origin: Origin,
}

/// What became of a query in an epoch: its former answer and its new one, either absent.
pub type AnswerChange = (Option<RouteRecord>, Option<RouteRecord>);

/// What a router has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterStats {
    /// How many times a query was answered by a search.
    pub searches: u64,
    /// How many cells these searches expanded.
    pub expanded: u64,
    /// How many bricks of other workers were asked for.
    pub requests: u64,
    /// The most memory that one search took, in bytes.
    pub search_bytes: u64,
    /// The memory that is kept of answers and what they were read from, in bytes.
    pub answer_bytes: u64,
}

/// The router of one worker; see [`super`].
pub struct Router {
    pub(super) options: RouterOptions,
    pub(super) bricks: Bricks,
    pub(super) coarse: Coarse,
    /// The least cost of the whole map.
    pub(super) least: u16,
    /// Whether all open cells of the map cost the same.
    pub(super) even: bool,
    slots: Vec<Option<Standing>>,
    vacant: Vec<u32>,
    index: FxHashMap<i64, u32>,
    readers: Readers,
    /// Queries that this epoch answers anew, and what they answered before.
    dirty: FxHashMap<u32, Option<RouteRecord>>,
    removed: Vec<RouteRecord>,
    edits: Vec<CellEdit>,
    /// Own bricks whose open cells are others than before, or new.
    reopened: Vec<BrickId>,
    /// Own bricks that were edited since they were last saved.
    unsaved: FxHashSet<BrickId>,
    pub(super) work: Work,
    pub(super) heavy: Option<Heavy>,
    pub(super) stats: RouterStats,
    /// How many queries each epoch has answered anew.
    anew: Vec<u32>,
}

impl Router {
    /// A router without bricks; `exists` holds every brick of the map, whoever owns it.
    pub fn new(options: RouterOptions, exists: Arc<FxHashSet<BrickId>>) -> Self {
        Router {
            options,
            bricks: Bricks::new(exists),
            coarse: Coarse::default(),
            least: 0,
            even: true,
            slots: Vec::new(),
            vacant: Vec::new(),
            index: FxHashMap::default(),
            readers: Readers::default(),
            dirty: FxHashMap::default(),
            removed: Vec::new(),
            edits: Vec::new(),
            reopened: Vec::new(),
            unsaved: FxHashSet::default(),
            work: Work::default(),
            heavy: None,
            stats: RouterStats::default(),
            anew: Vec::new(),
        }
    }

    /// What it is to do.
    pub fn options(&self) -> RouterOptions {
        self.options
    }

    /// Takes in the bricks that this worker owns. To be called once, before the first epoch.
    pub fn load(&mut self, bricks: impl IntoIterator<Item = (BrickId, Box<Costs>)>) {
        for (brick, costs) in bricks {
            self.reopened.push(brick);
            self.bricks.load(brick, costs);
        }
    }

    /// The bricks of this worker, in no particular order.
    pub fn own_bricks(&self) -> impl Iterator<Item = (BrickId, &Costs)> {
        self.bricks.own()
    }

    /// The bricks of this worker whose costs have been edited since the last call, ascending.
    pub fn take_unsaved(&mut self) -> Vec<BrickId> {
        let mut bricks: Vec<BrickId> = self.unsaved.drain().collect();
        bricks.sort_unstable();
        bricks
    }

    /// The costs of a brick of this worker.
    pub fn own_costs(&self, brick: BrickId) -> Option<&Costs> {
        self.bricks.own_costs(brick)
    }

    /// The stored cost of a cell of this worker; 0 for one that is blocked or not in the map.
    pub fn cost(&self, brick: BrickId, local: Local) -> u16 {
        self.bricks.own_cost(brick, local)
    }

    /// Sets the stored cost of a cell of this worker; 0 blocks it. Creates its brick where there is none.
    pub fn set_cost(&mut self, brick: BrickId, local: Local, after: u16) {
        let before = self.bricks.own_cost(brick, local);
        if before != after {
            self.bricks.set_own(brick, local, after);
            self.unsaved.insert(brick);
            let cell = CellKey::new(brick, local);
            if (before == 0) != (after == 0) {
                self.reopened.push(brick);
            }
            self.edits.push(CellEdit {
                cell,
                before,
                after,
            });
        }
    }

    /// The edits since the last call, and the extremes of the costs of this worker's open cells.
    pub fn take_edits(&mut self) -> (Vec<CellEdit>, Extremes) {
        (std::mem::take(&mut self.edits), self.bricks.extremes())
    }

    /// The own bricks whose open cells may be others than at the last call; all of them at first.
    pub fn take_reopened(&mut self) -> Vec<BrickId> {
        std::mem::take(&mut self.reopened)
    }

    /// Learns of all workers' edits of an epoch, and of the extremes of the costs of the map: queries whose answers
    /// they can change will be answered anew.
    pub fn hear(&mut self, edits: &[CellEdit], extremes: Extremes) {
        let least = extremes.least;
        for edit in edits {
            self.bricks.hear(edit.cell, edit.after);
        }
        let mut edited: Vec<BrickId> = edits.iter().map(|edit| edit.cell.brick()).collect();
        edited.sort_unstable();
        edited.dedup();
        let changed = self.coarse.portals.hear(&edited, &self.bricks);
        // Answers that were proven by a greater least cost prove nothing any more; what a corridor ends with hangs on
        // the norm, and on how far it may go alone.
        let unproven = match self.options.mode {
            Mode::Exact => least < self.least,
            Mode::Corridor => least != self.least || extremes.is_even() != self.even,
        };
        self.least = least;
        self.even = extremes.is_even();
        if unproven {
            for slot in 0..self.slots.len() as u32 {
                self.mark(slot);
            }
            return;
        }
        for brick in changed {
            for slot in self.readers.of_portals(brick).to_vec() {
                self.mark(slot);
            }
        }
        for edit in edits {
            let readers = self.readers.of_cells(edit.cell.brick()).iter().copied();
            let affected: Vec<u32> = readers.filter(|&s| self.affects(edit, s)).collect();
            for slot in affected {
                self.mark(slot);
            }
        }
    }

    /// Whether an edit can change the answer of a query.
    fn affects(&self, edit: &CellEdit, slot: u32) -> bool {
        let Some(standing) = &self.slots[slot as usize] else {
            return false;
        };
        let origin = &standing.origin;
        if self.dirty.contains_key(&slot) || !origin.contains(edit.cell) {
            return false;
        }
        if origin.smooth.contains(edit.cell) {
            return true;
        }
        let route = standing.answer.as_ref().and_then(|a| a.route.as_ref());
        let Some(route) = route.filter(|_| self.options.mode == Mode::Exact) else {
            return true;
        };
        let dearer = edit.before > 0 && (edit.after == 0 || edit.after > edit.before);
        if dearer {
            return route.cells.iter().any(|c| c.0 == edit.cell);
        }
        let [start, goal] = [standing.start, standing.goal]
            .map(|end| Norm::new(end.cell().xyz(), self.least).from(edit.cell.cell().xyz()));
        start + goal <= u64::from(route.cost)
    }

    /// Adds a query.
    ///
    /// # Panics
    /// If there is a query with this id already: whoever feeds the router refuses that.
    pub fn add_query(&mut self, id: i64, start: CellKey, goal: CellKey) {
        let standing = Standing {
            id,
            start,
            goal,
            connected: None,
            heavy: false,
            answer: None,
            origin: Origin::default(),
        };
        let slot = self.vacant.pop().unwrap_or(self.slots.len() as u32);
        if slot as usize == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot as usize] = Some(standing);
        assert!(self.index.insert(id, slot).is_none(), "one query an id");
        self.mark(slot);
    }

    /// Takes a query away; nothing if it is not one of this worker's.
    pub fn remove_query(&mut self, id: i64) {
        let Some(slot) = self.index.remove(&id) else {
            return;
        };
        self.forget_origin(slot);
        let standing = self.slots[slot as usize].take();
        let before = match self.dirty.remove(&slot) {
            Some(before) => before,
            None => standing.and_then(|s| s.answer.map(|a| a.record(id))),
        };
        self.removed.extend(before);
        self.vacant.push(slot);
    }

    /// Learns whether the start and the goal of a query are connected; `None` if one of them is blocked.
    pub fn set_connected(&mut self, id: i64, connected: Option<bool>) {
        let Some(&slot) = self.index.get(&id) else {
            return;
        };
        let standing = self.slots[slot as usize]
            .as_mut()
            .expect("an indexed query");
        if standing.connected != connected {
            standing.connected = connected;
            self.mark(slot);
        }
    }

    /// Notes that a query is to be answered anew.
    fn mark(&mut self, slot: u32) {
        if let Some(standing) = &self.slots[slot as usize] {
            let before = || standing.answer.as_ref().map(|a| a.record(standing.id));
            self.dirty.entry(slot).or_insert_with(before);
        }
    }

    /// Begins to answer what the epoch has made dirty: all edits and queries of it are known.
    pub fn begin(&mut self) {
        let slots = &self.slots;
        let mut todo: Vec<u32> = self.dirty.keys().copied().collect();
        // Queries that share an end follow each other: of its two ends, the one that more of them share.
        let mut shared: FxHashMap<CellKey, u32> = FxHashMap::default();
        for standing in todo
            .iter()
            .filter_map(|&slot| slots[slot as usize].as_ref())
        {
            *shared.entry(standing.start).or_default() += 1;
            *shared.entry(standing.goal).or_default() += 1;
        }
        todo.sort_by_cached_key(|&slot| {
            let group = slots[slot as usize].as_ref().map(|s| {
                let end = if shared[&s.goal] > shared[&s.start] {
                    s.goal
                } else {
                    s.start
                };
                (end, s.id)
            });
            std::cmp::Reverse(group)
        });
        self.anew.push(todo.len() as u32);
        self.work.begin(todo);
    }

    /// How many queries each epoch has answered, the first all that there were.
    pub fn answered_by_epoch(&self) -> &[u32] {
        &self.anew
    }

    pub(super) fn standing(&self, slot: u32) -> &Standing {
        self.slots[slot as usize]
            .as_ref()
            .expect("a standing query")
    }

    pub(super) fn standing_mut(&mut self, slot: u32) -> &mut Standing {
        self.slots[slot as usize]
            .as_mut()
            .expect("a standing query")
    }

    /// Takes in an answer, and what it was read from.
    pub(super) fn answer(&mut self, slot: u32, answer: Answer, origin: Origin) {
        self.forget_origin(slot);
        self.readers.add(slot, &origin);
        let standing = self.standing_mut(slot);
        standing.origin = origin;
        standing.answer = Some(answer);
    }

    fn forget_origin(&mut self, slot: u32) {
        if let Some(standing) = &mut self.slots[slot as usize] {
            let origin = std::mem::take(&mut standing.origin);
            self.readers.remove(slot, &origin);
        }
    }

    /// Closes the epoch: what became of the queries that were added, removed or answered anew, by their ids.
    pub fn close(&mut self) -> Vec<AnswerChange> {
        let mut changes: Vec<AnswerChange> = self
            .removed
            .drain(..)
            .map(|before| (Some(before), None))
            .collect();
        for (slot, before) in self.dirty.drain() {
            let standing = self.slots[slot as usize]
                .as_ref()
                .expect("a standing query");
            let after = standing.answer.as_ref().map(|a| a.record(standing.id));
            if before != after {
                changes.push((before, after));
            }
        }
        changes.sort_unstable_by_key(|c| c.0.or(c.1).map(|r| r.query));
        self.work.end();
        changes
    }

    /// The queries and their answers, ascending by id.
    pub fn answers(&self) -> Vec<(i64, &Answer)> {
        let answers = self
            .slots
            .iter()
            .flatten()
            .filter_map(|s| Some((s.id, s.answer.as_ref()?)));
        let mut answers: Vec<(i64, &Answer)> = answers.collect();
        answers.sort_unstable_by_key(|a| a.0);
        answers
    }

    /// How many queries this epoch answers anew, and how many of them are done.
    pub fn progress(&self) -> (usize, usize) {
        let aside = self.heavy.as_ref().map_or(0, Heavy::left);
        (
            self.dirty.len() - self.work.left() - aside,
            self.dirty.len(),
        )
    }

    /// The portals of a brick and the tolls between them, as searches find them.
    ///
    /// # Errors
    /// A brick whose costs have not arrived.
    pub fn portals(&mut self, brick: BrickId) -> Result<BrickPortals, BrickId> {
        self.coarse.portals.show(brick, &self.bricks)
    }

    /// What a chain of portals between two open cells costs in ticks, as searches find it; `None` if there is none. No
    /// route may cost less than the norm at `hear`'s least cost.
    ///
    /// # Errors
    /// A brick whose costs have not arrived.
    pub fn chain(&mut self, start: CellKey, goal: CellKey) -> Result<Option<u32>, BrickId> {
        let Router { bricks, coarse, .. } = self;
        let chain = coarse.chain(start, goal, self.least, usize::MAX, bricks)?;
        Ok(match chain {
            Chain::Found(cells) => cells.last().map(|cell| cell.1),
            _ => None,
        })
    }

    /// What was done so far.
    pub fn stats(&self) -> RouterStats {
        let route = |s: &Standing| {
            let route = s.answer.as_ref().and_then(|a| a.route.as_ref());
            let bends = |r: &Route| r.bends.as_ref().map_or(0, Vec::capacity);
            let cells = |r: &Route| r.cells.capacity() * size_of::<(CellKey, u32)>();
            route.map_or(0, |r| cells(r) + bends(r) * size_of::<Cell>())
        };
        let bytes = |s: &Standing| size_of::<Standing>() + s.origin.bytes() + route(s);
        RouterStats {
            answer_bytes: self.slots.iter().flatten().map(bytes).sum::<usize>() as u64,
            ..self.stats
        }
    }

    /// The least id of a query that this epoch has answered, and whose route's cost would pass 2³¹ − 2 ticks.
    pub fn overflow(&self) -> Option<i64> {
        self.work.overflow
    }
}
