//! The engine: exact distance fields over the bricks of one worker, as a state machine below any dataflow.
//!
//! An epoch is a set of edits (costs, sources) and three phases. Each phase is a loop of brick visits that ends when
//! no worker has a brick waiting or a message under way; whoever drives the engine detects that (timely's progress
//! tracking does, in `dataflows`) and begins the next phase everywhere.
//!
//! 1. **Retract**: distances that nothing supports any more become infinite.
//! 2. **Relax**: distances fall to the least fixed point.
//! 3. **Label**: every reached cell takes the least index among the sources at its distance.
//!
//! A visit takes a brick and its shell of ghosts into a tile, sweeps rows until nothing changes, and tells the bricks
//! around of the boundary cells that changed: directly where this worker owns them, by [`Message`] where another one
//! does. All three fixed points are unique, so the order of visits and messages, and so the number of workers and the
//! partition, leave no trace in the result: distances have one least fixed point because weights are positive, and
//! labels are a function on the acyclic graph of tight steps.

mod changes;
mod edits;
mod flood;
mod kernel;
mod message;
mod restore;
pub mod shell;
mod state;
mod telling;
mod tile;
mod visits;
mod within;

pub use changes::CellChange;
pub use flood::{FloodNews, Floods, Ground, Walked};
pub use kernel::NO_NEXT;
pub use message::Message;
pub use tile::{NO_LABEL, Ticks};
pub use within::Within;

use crate::brick::{BrickId, Costs, Local};
use crate::lattice::Cell;
use crate::partition::Plan;
use rustc_hash::FxHashMap;
use shell::{DIRECTIONS, Rows};
use state::{BrickState, Link, Mirror, Queue};
use std::sync::Arc;
use tile::{Padded, Tile};

/// What an engine keeps beside distances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineOptions {
    /// Labels: which source each distance leads to.
    pub labels: bool,
    /// What each epoch changed.
    pub changes: bool,
    /// With `changes`: changes of next hops too.
    pub next: bool,
}

/// What an engine has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Brick visits of all phases.
    pub visits: u64,
    /// Rows of eight cells computed in them.
    pub rows: u64,
    /// Messages to other workers.
    pub messages: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Edit,
    Retract,
    Relax,
    Label,
}

/// The engine of one worker; see the [module](self) for what it computes.
pub struct Engine {
    me: usize,
    plan: Arc<Plan>,
    options: EngineOptions,
    phase: Phase,
    /// False until the first epoch is closed: all changes are additions until then.
    settled: bool,
    /// True from the first distance put back to the end of the first epoch: nothing is to be visited.
    restoring: bool,
    bricks: Vec<Box<BrickState>>,
    index: FxHashMap<BrickId, u32>,
    mirrors: Vec<Mirror>,
    queue: Queue,
    /// Bricks with rows to relax that are not in the queue yet.
    waiting: Vec<u32>,
    /// Bricks with rows computed in this epoch.
    touched: Vec<u32>,
    /// Touched bricks whose changes are still to be given out, in descending order.
    closing: Vec<u32>,
    /// The sources in each seeded brick and their labels.
    seeds: FxHashMap<u32, Vec<(Local, u32)>>,
    seed_labels: Box<Ticks>,
    tile: Box<Tile>,
    padded_labels: Option<Box<Padded>>,
    outbox: Vec<Message>,
    /// The greatest distance ever written here or told by another worker, in ticks.
    greatest: u32,
    stats: EngineStats,
}

impl Engine {
    /// An engine without bricks for worker `me`, the part of that number in `plan`.
    pub fn new(me: usize, plan: Arc<Plan>, options: EngineOptions) -> Self {
        Engine {
            me,
            plan,
            options,
            phase: Phase::Edit,
            settled: false,
            restoring: false,
            bricks: Vec::new(),
            index: FxHashMap::default(),
            mirrors: Vec::new(),
            queue: Queue::default(),
            waiting: Vec::new(),
            touched: Vec::new(),
            closing: Vec::new(),
            seeds: FxHashMap::default(),
            seed_labels: Box::new([NO_LABEL; crate::brick::BRICK_CELLS]),
            tile: Tile::new(),
            padded_labels: options.labels.then(tile::blank_labels),
            outbox: Vec::new(),
            greatest: 0,
            stats: EngineStats::default(),
        }
    }

    /// Takes in the bricks of a map that this worker owns. `exists` tells of every brick of the map, whoever owns
    /// it. To be called once, before the first epoch.
    pub fn load(
        &mut self,
        bricks: impl IntoIterator<Item = (BrickId, Box<Costs>)>,
        exists: impl Fn(BrickId) -> bool,
    ) {
        for (id, costs) in bricks {
            let slot = self.bricks.len() as u32;
            self.bricks
                .push(BrickState::new(id, costs, self.options.labels));
            self.index.insert(id, slot);
        }
        for slot in 0..self.bricks.len() {
            let id = self.bricks[slot].id;
            for (direction, step) in DIRECTIONS.iter().enumerate() {
                let Some(beside) = id.offset(*step) else {
                    continue;
                };
                self.bricks[slot].links[direction] = if let Some(&own) = self.index.get(&beside) {
                    Link::Own(own)
                } else if exists(beside) && self.plan.owner(beside) != self.me {
                    self.new_mirror(beside, shell::opposite(direction))
                } else {
                    Link::None
                };
            }
        }
    }

    /// True if the engine keeps labels, and so needs a label phase.
    pub fn keeps_labels(&self) -> bool {
        self.options.labels
    }

    /// How many bricks this worker owns.
    pub fn brick_count(&self) -> usize {
        self.bricks.len()
    }

    /// How many bricks this epoch has computed a row of so far.
    pub fn touched_count(&self) -> usize {
        self.touched.len()
    }

    /// The slots of the own bricks in ascending order of their ids.
    pub fn slots_by_id(&self) -> Vec<u32> {
        let mut slots: Vec<u32> = (0..self.bricks.len() as u32).collect();
        slots.sort_unstable_by_key(|&s| self.bricks[s as usize].id);
        slots
    }

    /// The id, costs and distances of the brick in a slot.
    pub fn brick(&self, slot: u32) -> (BrickId, &Costs, &Ticks) {
        let brick = &self.bricks[slot as usize];
        (brick.id, &brick.costs, &brick.ticks)
    }

    /// The labels of the brick in a slot, if labels are kept.
    pub fn labels(&self, slot: u32) -> Option<&Ticks> {
        self.bricks[slot as usize].labels.as_deref().map(|l| &l.own)
    }

    /// The next hops of the brick in a slot, computed from the distances as they stand.
    pub fn next_hops(&mut self, slot: u32) -> [i8; 1024] {
        let brick = &self.bricks[slot as usize];
        kernel::next(&mut self.tile, &brick.costs, &brick.ticks, &brick.shell)
    }

    /// The stored cost of a cell of this worker; 0 for one that is blocked or not in the map.
    pub fn cost(&self, brick: BrickId, local: Local) -> u16 {
        self.index
            .get(&brick)
            .map_or(0, |&slot| self.bricks[slot as usize].costs[local.index()])
    }

    /// How many cells have a finite distance.
    pub fn reached(&self) -> u64 {
        let finite = |ticks: &Ticks| {
            ticks
                .iter()
                .filter(|&&t| t != crate::lattice::UNREACHED)
                .count()
        };
        self.bricks.iter().map(|b| finite(&b.ticks) as u64).sum()
    }

    /// What was done so far.
    pub fn stats(&self) -> EngineStats {
        self.stats
    }

    /// Moves the messages to other workers out; each goes to the owner of its [`Message::brick`].
    pub fn take_messages(&mut self, mut deliver: impl FnMut(Message)) {
        self.stats.messages += self.outbox.len() as u64;
        for message in self.outbox.drain(..) {
            deliver(message);
        }
    }

    /// An open cell that a neighbour's finite distance should reach but whose distance would pass 2³¹ − 2 ticks.
    /// To be asked after the relax phase.
    pub fn overflow(&mut self) -> Option<Cell> {
        let safe = crate::lattice::UNREACHED - 2 * crate::lattice::axial_half(u16::MAX) - 2;
        if self.greatest <= safe {
            return None;
        }
        for brick in &self.bricks {
            let found = kernel::overflow(&mut self.tile, &brick.costs, &brick.ticks, &brick.shell);
            if let Some(cell) = found.and_then(Local::new) {
                return Some(brick.id.cell(cell));
            }
        }
        None
    }

    fn new_mirror(&mut self, brick: BrickId, region: usize) -> Link {
        self.mirrors
            .push(Mirror::new(brick, region, self.options.labels));
        Link::Mirror(self.mirrors.len() as u32 - 1)
    }

    /// Notes that rows of a brick are computed in this epoch, and keeps what the brick was before.
    fn touch(&mut self, slot: u32, rows: Rows) {
        let keep = self.options.changes && self.settled;
        let brick = &mut self.bricks[slot as usize];
        if brick.touched.is_empty() && !rows.is_empty() {
            self.touched.push(slot);
            if keep {
                brick.before = Some(Box::new(state::Before {
                    ticks: brick.ticks,
                    labels: brick.labels.as_ref().map(|l| Box::new(l.own)),
                }));
            }
        }
        brick.touched.insert(rows);
        brick.unsaved.insert(rows);
    }

    /// Notes rows beside which a distance rose or fell, `raised_from` and `lowered_to` being the least such.
    fn mark(&mut self, slot: u32, raised: Rows, lowered: Rows, raised_from: u32, lowered_to: u32) {
        if self.restoring {
            return;
        }
        let phase = self.phase;
        let brick = &mut self.bricks[slot as usize];
        let (mut bucket, mut wait) = (u32::MAX, false);
        if !raised.is_empty() {
            debug_assert!(phase != Phase::Relax, "distances only fall while relaxing");
            brick.retract.insert(raised);
            bucket = Queue::bucket(raised_from);
        }
        if !lowered.is_empty() {
            if phase == Phase::Relax {
                bucket = Queue::bucket(lowered_to);
            } else {
                wait = brick.relax.is_empty();
            }
            brick.relax.insert(lowered);
        }
        if wait {
            self.waiting.push(slot);
        }
        if bucket < brick.bucket {
            brick.bucket = bucket;
            self.queue.push(bucket, slot);
        }
        self.touch(slot, raised.union(lowered));
    }
}
