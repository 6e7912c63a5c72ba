//! Floods: the way from one cell to another by the engine's sweeps, on all workers at once.
//!
//! A flood has two *sides*, one from either end. Each is a relax phase of its own, of bricks that come into being when
//! something reaches them, and is led by the norm to the other end, as A* is: bricks wait in the order of the least
//! *estimate* (distance, and norm to the other end) of what has come to their borders. Workers tell each other of the
//! distances on their borders, by the [`Message`]s of the field, and of the *bound*, the least sum of both sides'
//! distances of a cell: a way is known that is no longer.
//!
//! ```text
//! rounds: one side or the other, to a greater estimate each time        start ))))    (((( goal
//! when one's has come to the bound: what is left of the side from the start; then the walk back
//! ```
//!
//! **Rounds.** In each the side goes on whose estimates have risen more for its work. A round ends when no worker has a
//! brick waiting below the round's estimate, nor a message under way; whoever drives the floods detects that. All
//! workers know the same bound and the same work then ([`FloodNews`]), and so the same next round.
//! **Pruning.** A cell that lies on a shortest way, and whose estimate is below that of the last round, has its exact
//! distance on a side. So one that has none there is at least that estimate, less its own norm, from that side's end.
//! Where the other side's distance and this are more than the bound, a cell is left alone: it lies on no shortest way.
//! The same holds where both distances are known.
//! **Ways back.** In the end all cells on shortest ways have their distances from the start. Others may have a greater
//! one than they should, but never one with which a neighbour's on a shortest way is tight, so that the way back is
//! found from distances alone. It leads from worker to worker.

use super::kernel;
use super::message::{Content, Message};
use super::shell::{self, DIRECTIONS, Rows, SUM_WORDS};
use super::state::{Link, Mirror, Queue};
use super::telling::{
    Around, Shelled, TOLD_NOTHING, Told, for_each_segment, send_ghosts, tell_ghost, tell_sums,
};
use super::tile::{self, Ticks, Tile, padded_row};
use crate::brick::{BRICK_CELLS, BRICK_UNITS, BrickId, Costs, Local};
use crate::lattice::{Norm, UNREACHED};
use crate::partition::Plan;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// By how many buckets the first round raises the estimate.
const FIRST_ROUND: u32 = 2;

/// Later rounds raise it by one of so many parts of what it has risen by.
const GROWTH: u32 = 8;

/// One side makes at least one of so many of the other side's visits.
const SHARE: u64 = 8;

/// What floods read of the map.
pub trait Ground {
    /// The stored costs of a brick of this worker, if the map has it.
    fn costs(&self, brick: BrickId) -> Option<&Costs>;

    /// Whether the map has a brick of another worker.
    fn exists(&self, brick: BrickId) -> bool;
}

/// A cell, as its brick and its place there.
type At = (BrickId, Local);

/// A brick that a flood has reached.
struct Reached {
    id: BrickId,
    /// What lies in each direction in which something was to be told.
    links: [Option<Link>; 14],
    /// Rows to be computed anew.
    dirty: Rows,
    /// The bucket of the queue that holds the brick, or `u32::MAX`.
    bucket: u32,
    visited: bool,
    ticks: Ticks,
    shell: [u32; SUM_WORDS],
}

/// One worker's part of one side of a flood.
struct Side {
    origin: At,
    /// To the other end.
    norm: Norm,
    /// The bucket of estimates that this round ends before, and the last one ended before.
    until: u32,
    done: u32,
    bricks: Vec<Box<Reached>>,
    index: FxHashMap<BrickId, u32>,
    mirrors: Vec<Mirror>,
    /// Bricks that the map does not have and something would have been told to.
    absent: FxHashSet<BrickId>,
    queue: Queue,
}

/// One worker's part of a flood.
struct Flood {
    /// From the start, and from the goal.
    sides: [Side; 2],
    /// No open cell of the map costs less.
    least_cost: u16,
    /// A way is known that is no longer, in ticks.
    bound: u32,
    /// How many visits all workers have made on each side.
    work: [u64; 2],
    /// What the other workers have not heard of yet: visits here, and whether the bound is lower.
    untold: ([u32; 2], bool),
    stage: Stage,
    spent: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Meeting,
    Completing,
    Complete,
}

impl Shelled for Reached {
    #[inline(always)]
    fn shell(&mut self) -> &mut [u32; SUM_WORDS] {
        &mut self.shell
    }
}

/// Who a flood's part belongs to.
struct Owner {
    me: usize,
    plan: Arc<Plan>,
}

/// What a worker tells all others of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloodNews {
    /// The flood's number.
    pub flood: u32,
    /// A way is known that is no longer, in ticks.
    pub bound: u32,
    /// How many more visits the worker has made on each side.
    pub visits: [u32; 2],
}

/// Messages to one region of one brick of a side.
struct Run {
    side: u32,
    brick: BrickId,
    slot: u32,
    region: usize,
    told: Told,
}

/// Where a walk back has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walked {
    /// The start.
    Home,
    /// A cell of another worker.
    Away(BrickId, Local),
}

/// The floods under way on one worker, by their numbers.
pub struct Floods {
    owner: Owner,
    tile: Box<Tile>,
    list: Vec<Flood>,
    outbox: Vec<Message>,
}

impl Floods {
    /// No floods yet; this worker is part `me` of the plan.
    pub fn new(me: usize, plan: Arc<Plan>) -> Self {
        Floods {
            owner: Owner { me, plan },
            tile: Tile::new(),
            list: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// Begins another flood between two open cells; gives its number. No open cell of the map may cost less than
    /// `least_cost`, and the way must be known not to be longer than `bound` ticks ([`UNREACHED`] if nothing is known).
    pub fn begin(&mut self, start: At, goal: At, least_cost: u16, bound: u32) -> u32 {
        let side = |origin: At, to: At| {
            let norm = Norm::new(to.0.cell(to.1).xyz(), least_cost);
            let least = Queue::bucket(norm.from(origin.0.cell(origin.1).xyz()));
            let mut side = Side {
                origin,
                norm,
                until: least,
                done: least,
                bricks: Vec::new(),
                index: FxHashMap::default(),
                mirrors: Vec::new(),
                absent: FxHashSet::default(),
                queue: Queue::default(),
            };
            if self.owner.plan.owner(origin.0) == self.owner.me {
                side.begin();
            }
            side
        };
        let sides = [side(start, goal), side(goal, start)];
        self.list.push(Flood {
            sides,
            least_cost,
            bound: bound.min(UNREACHED - 1),
            work: [0; 2],
            untold: ([0; 2], false),
            stage: Stage::Meeting,
            spent: Duration::ZERO,
        });
        self.list.len() as u32 - 1
    }

    /// Begins the next round of all floods; false if none is left to be gone on with. To be called when no worker has
    /// anything left to do of the round before, nor any bound to hear of.
    pub fn advance(&mut self) -> bool {
        self.list
            .iter_mut()
            .fold(false, |more, flood| flood.advance() | more)
    }

    /// Visits up to `visits` bricks; false when none is left waiting.
    pub fn work(&mut self, visits: usize, ground: &impl Ground) -> bool {
        let mut left = visits;
        for (number, flood) in (0..).zip(&mut self.list) {
            let begun = Instant::now();
            for side in 0..2 {
                while left > 0
                    && let Some(slot) = flood.sides[side].next(flood.bound)
                {
                    left -= 1;
                    flood.work[side] += 1;
                    flood.untold.0[side] += 1;
                    let number = 2 * number + side as u32;
                    let send = |mirror: &Mirror, cells: (&Costs, &Ticks), changed: [u64; 2]| {
                        for (far, ghosts) in (0..).zip(changed) {
                            send_ghosts(mirror, cells, |_| number, ghosts, far, &mut self.outbox);
                        }
                    };
                    flood.visit(side, slot, &mut self.tile, ground, &self.owner, send);
                }
            }
            flood.spent += begun.elapsed();
            if left == 0 {
                return true;
            }
        }
        false
    }

    /// Moves the messages to other workers out; each goes to the owner of its [`Message::brick`].
    pub fn take_messages(&mut self, deliver: impl FnMut(Message)) {
        self.outbox.drain(..).for_each(deliver);
    }

    /// Takes in messages of other workers.
    ///
    /// # Panics
    /// On bits that no worker sends.
    pub fn receive(&mut self, messages: impl IntoIterator<Item = Message>) {
        let mut run: Option<Run> = None;
        for message in messages {
            let brick = message.brick();
            let Some(Content::Ghost(ghost)) = message.content() else {
                panic!("a peer sent bits that are no message of a flood");
            };
            let (number, region) = (ghost.label, ghost.region);
            let same = |r: &Run| (r.side, r.brick, r.region) == (number, brick, region);
            if !run.as_ref().is_some_and(same) {
                self.mark(run.take());
            }
            let side = &mut self.list[number as usize / 2].sides[number as usize % 2];
            let run = run.get_or_insert_with(|| Run {
                side: number,
                brick,
                slot: side.reach(brick),
                region,
                told: TOLD_NOTHING,
            });
            let words = &mut side.bricks[run.slot as usize].shell[shell::sum_offset(region)..];
            let sums = tile::sums(ghost.ticks, ghost.cost);
            tell_ghost(&mut run.told, words, region, ghost.number, sums);
        }
        self.mark(run);
    }

    fn mark(&mut self, run: Option<Run>) {
        if let Some(run) = run.filter(|run| !run.told.is_nothing()) {
            let flood = &mut self.list[run.side as usize / 2];
            flood.mark(run.side as usize % 2, run.slot, run.region, &run.told);
        }
    }

    /// Learns of another worker's news.
    pub fn hear(&mut self, news: FloodNews) {
        let flood = &mut self.list[news.flood as usize];
        flood.bound = flood.bound.min(news.bound);
        for (all, theirs) in flood.work.iter_mut().zip(news.visits) {
            *all += u64::from(theirs);
        }
    }

    /// Gives out what all others are to hear of the floods.
    pub fn take_news(&mut self, mut each: impl FnMut(FloodNews)) {
        for (number, flood) in (0..).zip(&mut self.list) {
            let (visits, lower) = std::mem::take(&mut flood.untold);
            if lower || visits != [0; 2] {
                each(FloodNews {
                    flood: number,
                    bound: flood.bound,
                    visits,
                });
            }
        }
    }

    /// Where the walk back of a flood begins on this worker: at the goal, if that is one of its cells and was reached.
    pub fn goal(&self, flood: u32) -> Option<(BrickId, Local)> {
        let [from_start, from_goal] = &self.list[flood as usize].sides;
        let (brick, local) = from_goal.origin;
        let slot = *from_start.index.get(&brick)?;
        let ticks = from_start.bricks[slot as usize].ticks[local.index()];
        (ticks < UNREACHED).then_some((brick, local))
    }

    /// Walks back from a cell of this worker, as far as the cells are; gives each and its distance in ticks. To be
    /// called when no worker has anything left to visit.
    ///
    /// # Panics
    /// If the cell is on no shortest way.
    pub fn walk(
        &mut self,
        flood: u32,
        from: (BrickId, Local),
        ground: &impl Ground,
        mut each: impl FnMut(BrickId, Local, u32),
    ) -> Walked {
        let begun = Instant::now();
        let flood = &mut self.list[flood as usize];
        let mut steps: Option<(BrickId, [i8; BRICK_CELLS])> = None;
        let (mut brick, mut local) = from;
        let walked = loop {
            let side = &flood.sides[0];
            let Some(&slot) = side.index.get(&brick) else {
                debug_assert!(self.owner.plan.owner(brick) != self.owner.me);
                break Walked::Away(brick, local);
            };
            let reached = &side.bricks[slot as usize];
            let ticks = reached.ticks[local.index()];
            each(brick, local, ticks);
            if ticks == 0 {
                break Walked::Home;
            }
            if steps.as_ref().is_none_or(|s| s.0 != brick) {
                let costs = ground.costs(brick).expect("a brick that was reached");
                let next = kernel::next(&mut self.tile, costs, &reached.ticks, &reached.shell);
                steps = Some((brick, next));
            }
            let step = steps
                .as_ref()
                .map_or(kernel::NO_NEXT, |s| s.1[local.index()]);
            let step = usize::try_from(step).expect("exact distances lead back");
            let cell = brick.cell(local).neighbour(step);
            (brick, local) = cell.and_then(BrickId::locate).expect("a cell of the map");
        };
        flood.spent += begun.elapsed();
        walked
    }

    /// The cells whose costs the ways of a flood hang on here, a bit each by bricks, of which some come twice: those that a
    /// side came to in its rounds, or could have if they cost as little as any, with an estimate that is not above the
    /// bound; and the bricks that it would have come to if the map had them.
    ///
    /// An edit of other cells alone changes no shortest way. On a new one, which is no longer than the bound, no distance
    /// before its first edited cell has changed, and none from there on to the end after its last. One side's rounds
    /// went as far as the bound. So that side came to one of these two, unless it left a cell before it alone; where that
    /// happened first, the other side's rounds had passed the way's estimate there, so that it came to its own.
    pub fn read(
        &mut self,
        flood: u32,
        ground: &impl Ground,
        mut each: impl FnMut(BrickId, [u64; BRICK_CELLS / 64]),
    ) {
        let begun = Instant::now();
        let flood = &mut self.list[flood as usize];
        for side in &flood.sides {
            let most = u64::from(flood.bound).min(Queue::least(side.done).saturating_sub(1));
            for brick in side.bricks.iter().filter(|brick| brick.visited) {
                let Some(costs) = ground.costs(brick.id) else {
                    continue;
                };
                let mut offered = kernel::offered(
                    &mut self.tile,
                    costs,
                    &brick.ticks,
                    &brick.shell,
                    flood.least_cost,
                );
                if brick.id == side.origin.0 {
                    offered[side.origin.1.index()] = 0;
                }
                let mut cells = [0; BRICK_CELLS / 64];
                for (place, &ticks) in offered.iter().enumerate() {
                    if u64::from(ticks) <= most {
                        let local = Local::new(place).expect("a place");
                        let cell = brick.id.cell(local).xyz();
                        let estimate = u64::from(ticks) + side.norm.from(cell);
                        cells[place >> 6] |= u64::from(estimate <= most) << (place & 63);
                    }
                }
                if cells != [0; BRICK_CELLS / 64] {
                    each(brick.id, cells);
                }
            }
            for &brick in &side.absent {
                each(brick, [u64::MAX; BRICK_CELLS / 64]);
            }
        }
        flood.spent += begun.elapsed();
    }

    /// How many bricks a flood has visited here, how many bytes it takes, and how long it took.
    pub fn tally(&self, flood: u32) -> (u64, u64, Duration) {
        let flood = &self.list[flood as usize];
        let [one, other] = &flood.sides;
        let visited = one.bricks.iter().filter(|b| b.visited).count();
        let theirs = other
            .bricks
            .iter()
            .filter(|b| b.visited && !one.index.contains_key(&b.id));
        let bytes: usize = flood.sides.iter().map(Side::bytes).sum();
        ((visited + theirs.count()) as u64, bytes as u64, flood.spent)
    }

    /// Forgets all floods.
    pub fn end(&mut self) {
        self.list.clear();
    }
}

impl Side {
    fn begin(&mut self) {
        let (brick, local) = self.origin;
        let slot = self.reach(brick);
        let reached = &mut self.bricks[slot as usize];
        reached.ticks[local.index()] = 0;
        reached.dirty = Rows::of(local).union(Rows::of(local).dependents());
        reached.bucket = 0;
        self.queue.push(0, slot);
    }

    /// The slot of a brick of this worker.
    fn reach(&mut self, id: BrickId) -> u32 {
        *self.index.entry(id).or_insert_with(|| {
            self.bricks.push(Box::new(Reached {
                id,
                links: [None; 14],
                dirty: Rows::NONE,
                bucket: u32::MAX,
                visited: false,
                ticks: [UNREACHED; BRICK_CELLS],
                shell: [UNREACHED; SUM_WORDS],
            }));
            self.bricks.len() as u32 - 1
        })
    }

    /// The next brick to visit in this round.
    fn next(&mut self, bound: u32) -> Option<u32> {
        loop {
            let (bucket, slot) = self.queue.peek()?;
            if bucket >= self.until {
                return None;
            }
            if bucket > Queue::bucket(bound) {
                self.queue.clear();
                return None;
            }
            self.queue.pop();
            let brick = &mut self.bricks[slot as usize];
            if brick.bucket == bucket {
                brick.bucket = u32::MAX;
                return Some(slot);
            }
        }
    }

    /// What a cell in a box of lattice coordinates is at least from this side's end if its estimate is not below that of
    /// the last round.
    fn unknown_from(&self, low: [i32; 3], high: [i32; 3]) -> u64 {
        let farthest = std::array::from_fn(|a| {
            if self.norm.to[a] - low[a] > high[a] - self.norm.to[a] {
                low[a]
            } else {
                high[a]
            }
        });
        Queue::least(self.done).saturating_sub(self.norm.from(farthest))
    }

    fn bytes(&self) -> usize {
        let mirrors: usize = self.mirrors.iter().map(|m| 4 * m.sums.len()).sum();
        self.bricks.len() * size_of::<Reached>() + mirrors
    }
}

impl Flood {
    /// Begins the next round, if there is one.
    fn advance(&mut self) -> bool {
        let bound = Queue::bucket(self.bound);
        self.stage = match self.stage {
            Stage::Meeting if self.sides.iter().all(|side| side.until <= bound) => Stage::Meeting,
            Stage::Meeting => Stage::Completing,
            Stage::Completing | Stage::Complete => Stage::Complete,
        };
        if self.stage != Stage::Complete {
            // The completing round ends before no estimate.
            self.sides
                .iter_mut()
                .for_each(|side| side.done = side.until);
        }
        match self.stage {
            Stage::Meeting => {
                let next = self.next_side();
                let risen = self.risen(next);
                self.sides[next].until += FIRST_ROUND.max(risen / GROWTH);
            }
            Stage::Completing => self.sides[0].until = u32::MAX,
            Stage::Complete => {}
        }
        self.stage != Stage::Complete
    }

    /// By how many buckets a side's estimates have risen.
    fn risen(&self, side: usize) -> u32 {
        let straight = self.sides[0].norm.from(self.sides[1].norm.to);
        self.sides[side].until - Queue::bucket(straight)
    }

    /// The side whose estimates have risen more for its work; the other one at times, lest it be misjudged.
    fn next_side(&self) -> usize {
        let [from_start, from_goal] = self.work;
        if from_start < from_goal / SHARE || from_goal < from_start / SHARE {
            return usize::from(from_goal < from_start);
        }
        let rise = [0, 1].map(|side| u64::from(self.risen(side)) + 1);
        usize::from(rise[1] * (from_start + 1) > rise[0] * (from_goal + 1))
    }

    fn visit(
        &mut self,
        side: usize,
        slot: u32,
        tile: &mut Tile,
        ground: &impl Ground,
        owner: &Owner,
        mut send: impl FnMut(&Mirror, (&Costs, &Ticks), [u64; 2]),
    ) {
        let [from_start, from_goal] = &mut self.sides;
        let (own, other) = if side == 0 {
            (from_start, &*from_goal)
        } else {
            (from_goal, &*from_start)
        };
        let brick = &mut *own.bricks[slot as usize];
        let dirty = std::mem::take(&mut brick.dirty);
        let Some(costs) = ground.costs(brick.id) else {
            return;
        };
        let theirs = other.index.get(&brick.id);
        let theirs = theirs.map(|&slot| &other.bricks[slot as usize].ticks);
        let swept = if self.bound < UNREACHED - 1 {
            let low = brick.id.xyz().map(|c| BRICK_UNITS * c);
            let high = low.map(|c| c + BRICK_UNITS - 1);
            let unknown = other.unknown_from(low, high);
            let rest = nearest(&own.norm, low, high).max(unknown);
            let most = u64::from(self.bound).saturating_sub(rest) as u32;
            let closed = unknown as u32;
            kernel::relax_below(
                tile,
                costs,
                &mut brick.ticks,
                &brick.shell,
                dirty,
                kernel::Limits {
                    most,
                    bound: self.bound,
                    closed,
                    theirs,
                },
            )
        } else {
            kernel::relax(tile, costs, &mut brick.ticks, &brick.shell, dirty)
        };
        let mut changed = swept.changed;
        if !brick.visited && brick.id == own.origin.0 {
            changed.insert(Rows::of(own.origin.1));
        }
        brick.visited = true;
        if changed.is_empty() {
            return;
        }
        if let Some(theirs) = theirs {
            let sums = brick
                .ticks
                .iter()
                .zip(theirs)
                .map(|(own, theirs)| own.saturating_add(*theirs));
            let least = sums.fold(u32::MAX, u32::min);
            if least < self.bound {
                (self.bound, self.untold.1) = (least, true);
            }
        }
        self.link(side, slot, &least_sums(tile, changed), ground, owner);
        let own = &mut self.sides[side];
        let links = own.bricks[slot as usize].links;
        let links = links.map(|link| link.unwrap_or(Link::None));
        let mut around = Around {
            links,
            bricks: &mut own.bricks,
            mirrors: &mut own.mirrors,
        };
        let told = tell_sums(tile, changed, &mut around);
        for (direction, told) in told.iter().enumerate() {
            if told.is_nothing() {
                continue;
            }
            match links[direction] {
                Link::None => {}
                Link::Own(beside) => self.mark(side, beside, shell::opposite(direction), told),
                Link::Mirror(mirror) => {
                    let own = &self.sides[side];
                    let brick = &own.bricks[slot as usize];
                    send(
                        &own.mirrors[mirror as usize],
                        (costs, &brick.ticks),
                        told.lowered,
                    );
                }
            }
        }
    }

    /// Finds out what lies in the directions in which a brick has something to tell, by the least of it.
    fn link(
        &mut self,
        side: usize,
        slot: u32,
        least: &[u32; 14],
        ground: &impl Ground,
        owner: &Owner,
    ) {
        let brick = &self.sides[side].bricks[slot as usize];
        let (id, mut links) = (brick.id, brick.links);
        for (direction, &least) in least.iter().enumerate() {
            if least == UNREACHED || links[direction].is_some() {
                continue;
            }
            let region = shell::opposite(direction);
            let Some(beside) = id.offset(DIRECTIONS[direction]) else {
                links[direction] = Some(Link::None);
                continue;
            };
            let mine = owner.plan.owner(beside) == owner.me;
            // What the other side knows of another worker's bricks, that worker knows.
            let known = !mine || self.sides[1 - side].index.contains_key(&beside);
            if self.estimate(side, beside, region, least, known).is_none() {
                continue;
            }
            let own = &mut self.sides[side];
            links[direction] = Some(if mine && ground.costs(beside).is_some() {
                Link::Own(own.reach(beside))
            } else if !mine && ground.exists(beside) {
                own.mirrors.push(Mirror::new(beside, region, false));
                Link::Mirror(own.mirrors.len() as u32 - 1)
            } else {
                own.absent.insert(beside);
                Link::None
            });
        }
        self.sides[side].bricks[slot as usize].links = links;
    }

    /// Queues a brick for what a region of its shell was told.
    fn mark(&mut self, side: usize, slot: u32, region: usize, told: &Told) {
        let id = self.sides[side].bricks[slot as usize].id;
        let known = self.sides[1 - side].index.contains_key(&id);
        let Some(estimate) = self.estimate(side, id, region, told.lowered_to, known) else {
            return;
        };
        let bucket = Queue::bucket(estimate);
        let own = &mut self.sides[side];
        let brick = &mut own.bricks[slot as usize];
        brick.dirty.insert(Rows::beside_ghosts(
            region,
            told.lowered[0],
            told.lowered[1],
        ));
        if bucket < brick.bucket {
            brick.bucket = bucket;
            own.queue.push(bucket, slot);
        }
    }

    /// What no way is shorter than that comes into a brick from a region of its shell with the sum `sum`; nothing if
    /// none of them is a shortest one. `known` tells whether the other side may have distances in the brick.
    fn estimate(
        &self,
        side: usize,
        id: BrickId,
        region: usize,
        sum: u32,
        known: bool,
    ) -> Option<u64> {
        let (own, other) = (&self.sides[side], &self.sides[1 - side]);
        let (corner, towards) = (id.xyz().map(|c| BRICK_UNITS * c), DIRECTIONS[region]);
        let low =
            std::array::from_fn(|a| corner[a] + if towards[a] == 1 { BRICK_UNITS - 2 } else { 0 });
        let high =
            std::array::from_fn(|a| corner[a] + if towards[a] == -1 { 1 } else { BRICK_UNITS - 1 });
        let estimate = u64::from(sum) + nearest(&own.norm, low, high);
        let unknown = u64::from(sum) + other.unknown_from(low, high);
        let least = if known {
            estimate
        } else {
            estimate.max(unknown)
        };
        (least <= u64::from(self.bound)).then_some(estimate)
    }
}

/// The least norm of a place in a box of lattice coordinates.
fn nearest(norm: &Norm, low: [i32; 3], high: [i32; 3]) -> u64 {
    norm.from(std::array::from_fn(|a| norm.to[a].clamp(low[a], high[a])))
}

/// The least sum that the brick in the tile has in rows `changed` on its border in each direction.
fn least_sums(tile: &Tile, changed: Rows) -> [u32; 14] {
    let mut least = [UNREACHED; 14];
    for_each_segment(changed, |row, segment| {
        let at = padded_row(row >> 6, row & 63) + usize::from(segment.lane);
        // An axial sum is never below the diagonal one.
        let sums = if segment.ghost >= 64 {
            &tile.axial
        } else {
            &tile.diagonal
        };
        let sums = &sums[at..at + usize::from(segment.count)];
        let least = &mut least[usize::from(segment.direction)];
        *least = sums.iter().copied().fold(*least, u32::min);
    });
    least
}
