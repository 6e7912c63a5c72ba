//! Queries under way: which is next, which rest until a brick arrives, what is asked for and sent.

use super::answer::{Answer, Reads, Route, RouteStatus};
use super::astar::Mode;
use super::fronts::{Fronts, Step};
use super::noted::Noted;
use super::readers::Origin;
use super::router::Router;
use super::{CellKey, smooth};
use crate::brick::{BRICK_CELLS, BrickId, Costs};
use crate::lattice::{Cell, UNREACHED};
use bytemuck::{Pod, Zeroable};
use rustc_hash::FxHashSet;
use std::time::{Duration, Instant};

/// How many searches may rest, waiting for bricks, before no other is begun.
const RESTING: usize = 12;

/// How many patches (7 KiB each) resting searches may have together before no other is begun.
const RESTING_PATCHES: usize = 8192;

/// How many cells a search takes from its queue before messages are looked at: others may wait for bricks of this worker.
const ALLOWANCE: usize = 1024;

/// Where all costs are alike a search may take so many times as many cells alone: a great many routes tie there, of
/// which a search follows one, and a flood all.
const EVEN: u64 = 16;

/// How many patches (7 KiB each) a search that is not grown keeps for the next one.
const RESERVE: usize = 1024;

/// A worker's wish for the costs of a brick; the owner's others in the same cube of bricks come with it.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Request {
    brick: u64,
    /// The cube has 2 to the power of this many bricks along an axis.
    cube: u32,
    /// The worker that asks.
    worker: u32,
}

impl Request {
    /// The brick.
    pub fn brick(&self) -> BrickId {
        BrickId::from_code(self.brick).expect("a router's request")
    }

    /// The Morton codes of the cube's bricks: they have one prefix.
    fn cube(&self) -> std::ops::RangeInclusive<u64> {
        let rest = (1 << (3 * self.cube.min(MOST_CUBE))) - 1;
        (self.brick & !rest)..=(self.brick | rest)
    }
}

/// The largest cube of bricks that comes at once, see [`Request::cube`]: 1 MiB.
const MOST_CUBE: u32 = 3;

/// The cube that a search asks for that has asked so many times: a search that goes far gets more at once, and never many
/// more than it has read.
fn cube_for(asked: u32) -> u32 {
    match asked {
        0..12 => 1,
        12..48 => 2,
        _ => MOST_CUBE,
    }
}

/// The costs of a brick on their way to a worker that asked.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Parcel {
    brick: u64,
    /// The worker that asked.
    pub worker: u64,
    costs: Costs,
}

impl Parcel {
    /// The costs of a brick for a worker.
    pub(super) fn new(brick: BrickId, worker: usize, costs: Costs) -> Self {
        Parcel {
            brick: brick.code(),
            worker: worker as u64,
            costs,
        }
    }

    /// No brick for a worker, but the word that there is an epoch.
    pub fn nothing(worker: usize) -> Self {
        Parcel {
            brick: u64::MAX,
            worker: worker as u64,
            costs: [0; BRICK_CELLS],
        }
    }

    /// The brick and its costs.
    pub(super) fn open(self) -> Option<(BrickId, Box<Costs>)> {
        Some((BrickId::from_code(self.brick)?, Box::new(self.costs)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Search,
    Walk,
    Smooth,
}

/// A query under way.
pub(super) struct Task {
    slot: u32,
    stage: Stage,
    search: Fronts,
    route: Vec<(CellKey, u32)>,
    bends: Option<Vec<Cell>>,
    smooth_reads: Reads,
    /// How many times it has asked for bricks.
    asked: u32,
    spent: Duration,
    /// What its flood has come to, if there was one; the search has read nothing then.
    flooded: Option<Flooded>,
}

/// What is known of a query's flood.
pub(super) struct Flooded {
    /// What it was made from, and the search before it.
    pub origin: Origin,
    /// How many bricks were visited.
    pub visits: u64,
}

impl Task {
    /// A query whose flood is over, with the cells of its route from the start to the goal, if there is one.
    pub fn flooded(
        slot: u32,
        route: Vec<(CellKey, u32)>,
        flooded: Flooded,
        spent: Duration,
    ) -> Self {
        Task {
            route,
            flooded: Some(flooded),
            spent,
            ..Task::new(slot, Fronts::default(), Stage::Smooth)
        }
    }

    fn new(slot: u32, search: Fronts, stage: Stage) -> Self {
        Task {
            slot,
            stage,
            search,
            route: Vec::new(),
            bends: None,
            smooth_reads: Reads::default(),
            asked: 0,
            spent: Duration::ZERO,
            flooded: None,
        }
    }
}

enum Progress {
    Done(RouteStatus),
    Rest(BrickId),
    Again,
    /// All workers are to go on with it.
    Heavy,
}

/// See the module's description.
#[derive(Default)]
pub(super) struct Work {
    /// Queries to be answered: the last is next.
    todo: Vec<u32>,
    resting: Vec<(BrickId, Task)>,
    ready: Vec<Task>,
    idle: Vec<Fronts>,
    asked: FxHashSet<BrickId>,
    requests: Vec<(BrickId, u32)>,
    wanted: Vec<Request>,
    /// The least id of a query whose route would be beyond the range of distances.
    pub(super) overflow: Option<i64>,
}

impl Work {
    pub fn begin(&mut self, todo: Vec<u32>) {
        debug_assert!(self.resting.is_empty() && self.ready.is_empty());
        self.todo = todo;
        self.overflow = None;
    }

    /// How many queries are not answered yet.
    pub fn left(&self) -> usize {
        self.todo.len() + self.resting.len() + self.ready.len()
    }

    /// Whether another search may be begun while others rest.
    fn may_begin(&self) -> bool {
        let patches = self
            .resting
            .iter()
            .map(|(_, task)| task.search.patch_count());
        self.resting.is_empty()
            || self.resting.len() < RESTING && patches.sum::<usize>() < RESTING_PATCHES
    }

    /// Forgets distances that the next epoch's edits may make wrong.
    pub fn end(&mut self) {
        for search in &mut self.idle {
            search.forget();
            search.keep(RESERVE);
        }
    }

    /// A search that is kept for queries like this one, or any other that is idle.
    fn search_for(&mut self, start: CellKey, goal: CellKey) -> Fronts {
        let same = self.idle.iter().rposition(|idle| idle.serves(start, goal));
        match same {
            Some(at) => self.idle.swap_remove(at),
            None if self.idle.is_empty() => Fronts::default(),
            None => self.idle.swap_remove(0),
        }
    }
}

impl Router {
    /// Goes on with the queries; false when none is left that could go on without other workers' bricks.
    pub fn work(&mut self) -> bool {
        let mut task = match self.work.ready.pop() {
            Some(task) => task,
            None if !self.work.may_begin() => return false,
            None => match self.work.todo.pop() {
                Some(slot) => self.task(slot),
                None => return false,
            },
        };
        let begun = Instant::now();
        let progress = self.advance(&mut task);
        task.spent += begun.elapsed();
        match progress {
            Progress::Again => self.work.ready.push(task),
            Progress::Rest(brick) => {
                if self.work.asked.insert(brick) {
                    self.work.requests.push((brick, cube_for(task.asked)));
                    self.stats.requests += 1;
                }
                task.asked += 1;
                self.work.resting.push((brick, task));
            }
            Progress::Heavy => self.set_aside(task),
            Progress::Done(status) => self.done(task, status),
        }
        !self.work.ready.is_empty() || self.work.may_begin() && !self.work.todo.is_empty()
    }

    /// True while queries of this worker are not answered.
    pub fn is_busy(&self) -> bool {
        self.work.left() > 0
    }

    fn task(&mut self, slot: u32) -> Task {
        let standing = self.standing(slot);
        let (start, goal) = (standing.start, standing.goal);
        let search = self.work.search_for(start, goal);
        Task::new(slot, search, Stage::Begin)
    }

    fn advance(&mut self, task: &mut Task) -> Progress {
        match self.try_advance(task) {
            Ok(progress) => progress,
            Err(brick) => Progress::Rest(brick),
        }
    }

    fn try_advance(&mut self, task: &mut Task) -> Result<Progress, BrickId> {
        let mode = self.options.mode;
        loop {
            match task.stage {
                Stage::Begin => {
                    if let Some(status) = self.start(task)? {
                        return Ok(Progress::Done(status));
                    }
                    // Exact routes do not hang on how they were found.
                    if mode == Mode::Exact && self.standing(task.slot).heavy {
                        return Ok(Progress::Heavy);
                    }
                    task.stage = Stage::Search;
                }
                Stage::Search => match self.search(task) {
                    Step::Found => task.stage = Stage::Walk,
                    Step::Exhausted => {
                        if task.search.overflowed() {
                            self.overflows(task.slot);
                        }
                        return Ok(Progress::Done(RouteStatus::Unreachable));
                    }
                    Step::Missing(missing) => return Err(missing),
                    Step::Far => return Ok(Progress::Heavy),
                    Step::Paused => return Ok(Progress::Again),
                },
                Stage::Walk => {
                    task.route = match mode {
                        Mode::Exact => task.search.walk_back(&mut self.bricks)?,
                        Mode::Corridor => task.search.walk_best(&mut self.bricks)?,
                    };
                    task.stage = Stage::Smooth;
                }
                Stage::Smooth => {
                    if self.options.smooth {
                        let cells: Vec<Cell> = task.route.iter().map(|c| c.0.cell()).collect();
                        let mut costs = Noted::new(&self.bricks);
                        let bends = smooth::smooth(&cells, &mut costs)?;
                        task.smooth_reads = costs.reads();
                        task.bends = Some(bends);
                    }
                    return Ok(Progress::Done(RouteStatus::Found));
                }
            }
        }
    }

    /// Notes that the route of a query would be beyond the range of distances.
    fn overflows(&mut self, slot: u32) {
        let id = self.standing(slot).id;
        let least = self.work.overflow.map_or(id, |least| least.min(id));
        self.work.overflow = Some(least);
    }

    /// How many cells a search may take before all workers are to go on with it, if they ever are.
    fn alone(&self) -> Option<u64> {
        let times = if self.even { EVEN } else { 1 };
        let cells = self.options.heavy.filter(|_| self.heavy.is_some());
        cells.map(|cells| cells.saturating_mul(times))
    }

    /// Gives a search up, for all workers to go on with.
    fn set_aside(&mut self, task: Task) {
        let mut search = task.search;
        self.stats.expanded += search.take_expanded();
        self.stats.search_bytes = self.stats.search_bytes.max(search.bytes() as u64);
        let origin = self.origin(&search);
        let standing = self.standing(task.slot);
        let ends = [standing.start, standing.goal];
        if let Some(heavy) = &mut self.heavy {
            let bound = search.best_ticks().unwrap_or(UNREACHED);
            heavy.set_aside(task.slot, ends, bound, task.spent, origin);
        }
        self.idle(search);
    }

    /// What a search and the first route were made from, where that is to be known.
    fn origin(&self, search: &Fronts) -> Origin {
        if !self.options.updates {
            return Origin::default();
        }
        Origin {
            search: search.reads(),
            smooth: Reads::default(),
            portals: search.first.portals(&self.coarse),
        }
    }

    /// Keeps a search for queries to come.
    fn idle(&mut self, mut search: Fronts) {
        // What a grown search has read for other queries would count as read for each; and bounds in corridors are told.
        if self.options.updates || self.options.mode == Mode::Corridor {
            search.forget();
        }
        search.keep(RESERVE);
        self.work.idle.push(search);
    }

    /// Takes in a query whose flood is over: it is answered, or to be pulled tight yet.
    pub(super) fn flooded(&mut self, task: Task) {
        if let (Some(alone), Some(flooded)) = (self.alone(), &task.flooded) {
            let bricks = alone / BRICK_CELLS as u64;
            self.standing_mut(task.slot).heavy = flooded.visits >= bricks;
        }
        if task.route.is_empty() {
            // Start and goal are connected, or the query would not have been searched.
            self.overflows(task.slot);
            self.done(task, RouteStatus::Unreachable);
        } else if self.options.smooth {
            self.work.ready.push(task);
        } else {
            self.done(task, RouteStatus::Found);
        }
    }

    fn search(&mut self, task: &mut Task) -> Step {
        let alone = self.alone().unwrap_or(u64::MAX);
        let Router { bricks, coarse, .. } = self;
        task.search.run(bricks, coarse, ALLOWANCE, alone)
    }

    /// Begins a query's search, or tells how it ends without one.
    fn start(&mut self, task: &mut Task) -> Result<Option<RouteStatus>, BrickId> {
        let standing = self.standing(task.slot);
        let (start, goal, connected) = (standing.start, standing.goal, standing.connected);
        task.search.prepare(start, goal);
        let open = task.search.look(start, &mut self.bricks)?
            & task.search.look(goal, &mut self.bricks)?;
        if !open {
            return Ok(Some(RouteStatus::Invalid));
        }
        if connected == Some(false) {
            return Ok(Some(RouteStatus::Unreachable));
        }
        task.search
            .begin(start, goal, self.options.mode, self.least, &mut self.bricks)?;
        Ok(None)
    }

    fn done(&mut self, task: Task, status: RouteStatus) {
        self.stats.searches += 1;
        let mut search = task.search;
        self.stats.expanded += search.take_expanded();
        self.stats.search_bytes = self.stats.search_bytes.max(search.bytes() as u64);
        let flooded = task.flooded.as_ref();
        let cost = task.route.last().map_or(0, |cell| cell.1);
        let route = (status == RouteStatus::Found).then(|| Route {
            cost,
            lower_bound: flooded.map_or_else(|| search.lower_bound(), |_| cost),
            bends: task.bends,
            cells: task.route,
        });
        let answer = Answer {
            status,
            route,
            brick_visits: flooded.map_or_else(|| search.brick_count() as u64, |f| f.visits),
            micros: task.spent.as_micros() as u64,
        };
        let (origin, kept) = match task.flooded {
            Some(flooded) => (flooded.origin, None),
            None => (self.origin(&search), Some(search)),
        };
        let origin = Origin {
            smooth: task.smooth_reads,
            ..origin
        };
        self.answer(task.slot, answer, origin);
        if let Some(search) = kept {
            self.idle(search);
        }
    }

    /// Takes in requests of other workers.
    pub fn receive_requests(&mut self, requests: impl IntoIterator<Item = Request>) {
        self.work.wanted.extend(requests);
    }

    /// Takes in bricks of other workers.
    pub fn receive_parcels(&mut self, parcels: impl IntoIterator<Item = Parcel>) {
        for parcel in parcels {
            let (brick, costs) = parcel.open().expect("a router's parcel");
            self.bricks.copy(brick, costs);
            self.work.asked.remove(&brick);
            let work = &mut self.work;
            let mut at = 0;
            while at < work.resting.len() {
                if work.resting[at].0 == brick {
                    work.ready.push(work.resting.swap_remove(at).1);
                } else {
                    at += 1;
                }
            }
        }
    }

    /// Moves out what this worker (of number `me`) asks for.
    pub fn take_requests(&mut self, me: usize, mut deliver: impl FnMut(Request)) {
        for (brick, cube) in self.work.requests.drain(..) {
            deliver(Request {
                brick: brick.code(),
                cube,
                worker: me as u32,
            });
        }
    }

    /// Moves out the bricks that other workers have asked for.
    pub fn take_parcels(&mut self, mut deliver: impl FnMut(Parcel)) {
        for request in self.work.wanted.drain(..) {
            for code in request.cube() {
                let Some(brick) = BrickId::from_code(code) else {
                    continue;
                };
                let costs = match self.bricks.own_costs(brick) {
                    Some(costs) => *costs,
                    None if code == request.brick => [0; BRICK_CELLS],
                    None => continue,
                };
                deliver(Parcel::new(brick, request.worker as usize, costs));
            }
        }
    }
}
