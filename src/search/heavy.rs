//! Heavy queries: those whose searches have gone far are answered by floods ([`Floods`]), on all workers at once.
//!
//! ```text
//! tell queries ─► begin ─► rounds of floods ─► walk back ─┐
//!                   ▲                                     │
//!                   └──────── the next few ◄──────────────┘
//! ```
//!
//! A search alone takes some three times as long a brick, and on one worker. As many queries are under way at once as
//! there are workers, so that nobody waits for the others' rounds, and the floods of one worker take no more memory
//! than one would that it had for itself. Each stage begins when all workers are done with the one before; whoever drives
//! the router detects that.

use super::CellKey;
use super::bricks::Bricks;
use super::readers::Origin;
use super::router::Router;
use super::work::{Flooded, Task};
use crate::brick::{BRICK_CELLS, BrickId, Costs, Local};
use crate::engine::{FloodNews, Floods, Ground, Message, Walked};
use crate::partition::Plan;
use bytemuck::{Pod, Zeroable};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// After how many cells a search is given up for a flood, where costs differ. Measured on three maps of 8 to 16 M cells:
/// twice as many take a third as long again in the mean, eight times as many a half to three quarters.
pub const HEAVY: u64 = 1 << 16;

/// Something that a worker tells another one of heavy queries.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Word {
    kind: u32,
    /// The worker that is told.
    to: u32,
    /// The worker that tells.
    from: u32,
    /// The flood's number, or the query's slot.
    number: u32,
    values: [u64; 2],
    ticks: u64,
}

/// A query, by its start, its goal and the least cost that is known.
const QUERY: u32 = 0;
/// News of a flood: the bound, and the visits on both sides.
const NEWS: u32 = 1;
/// A walk back has come to a cell of the worker.
const WALK: u32 = 2;
/// A cell of a route and its distance, for the query's home.
const CELL: u32 = 3;
/// Two words of the bits of the cells of a brick that were read, for the query's home: the number of the pair stands
/// below the brick's code, in the ticks' place.
const READ: u32 = 4;
/// How many bricks were visited and how many microseconds it took, for the query's home.
const TALLY: u32 = 5;

/// How many bits the number of a pair of words of a brick takes.
const PAIR_BITS: u32 = 3;

impl Word {
    /// The worker that is told.
    pub fn to(&self) -> u64 {
        u64::from(self.to)
    }
}

/// What a worker has to tell.
struct Outbox {
    me: u32,
    words: Vec<Word>,
}

impl Outbox {
    fn tell(&mut self, kind: u32, to: u32, number: u32, values: [u64; 2], ticks: u64) {
        self.words.push(Word {
            kind,
            to,
            from: self.me,
            number,
            values,
            ticks,
        });
    }
}

/// A query whose search was given up.
struct Aside {
    query: Query,
    spent: Duration,
    /// What the search was made from.
    origin: Origin,
}

/// A heavy query, as all workers know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Query {
    home: u32,
    slot: u32,
    start: CellKey,
    goal: CellKey,
    bound: u32,
}

/// What has come home of a flood.
#[derive(Default)]
struct Returned {
    cells: Vec<(CellKey, u32)>,
    read: Vec<(BrickId, [u64; BRICK_CELLS / 64])>,
    visits: u64,
    micros: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    Telling,
    Flooding,
    Walking,
}

/// See the module's description.
pub(super) struct Heavy {
    workers: u32,
    plan: Arc<Plan>,
    floods: Floods,
    /// Own queries that were given up.
    aside: Vec<Aside>,
    queries: Vec<Query>,
    /// The queries under way.
    batch: Range<usize>,
    stage: Stage,
    outbox: Outbox,
    returned: Vec<Returned>,
}

impl Heavy {
    pub fn new(me: usize, plan: Arc<Plan>) -> Self {
        Heavy {
            workers: plan.parts() as u32,
            floods: Floods::new(me, Arc::clone(&plan)),
            plan,
            aside: Vec::new(),
            queries: Vec::new(),
            batch: 0..0,
            stage: Stage::Idle,
            outbox: Outbox {
                me: me as u32,
                words: Vec::new(),
            },
            returned: Vec::new(),
        }
    }

    /// Takes in a query whose search was given up, by its slot, its start and its goal, and the least cost that is known, in
    /// ticks.
    pub fn set_aside(
        &mut self,
        slot: u32,
        [start, goal]: [CellKey; 2],
        bound: u32,
        spent: Duration,
        origin: Origin,
    ) {
        let query = Query {
            home: self.outbox.me,
            slot,
            start,
            goal,
            bound,
        };
        self.aside.push(Aside {
            query,
            spent,
            origin,
        });
    }

    /// How many own queries were given up and are not answered yet.
    pub fn left(&self) -> usize {
        self.aside.len()
    }

    fn tell_queries(&mut self) {
        self.stage = Stage::Telling;
        for Aside { query, .. } in &self.aside {
            let ends = [query.start.bits(), query.goal.bits()];
            let bound = u64::from(query.bound);
            for worker in 0..self.workers {
                self.outbox.tell(QUERY, worker, query.slot, ends, bound);
            }
        }
    }

    /// Tells the queries' homes how much their floods took here; gives the most bytes that one did.
    fn tell_tallies(&mut self) -> u64 {
        let tally = |flood| {
            let (visits, bytes, spent) = self.floods.tally(flood);
            let values = [visits, spent.as_micros() as u64];
            let home = self.home(flood);
            (home, flood, values, bytes)
        };
        let tallies: Vec<_> = (0..self.batch.len() as u32).map(tally).collect();
        for &(home, flood, values, _) in &tallies {
            self.outbox.tell(TALLY, home, flood, values, 0);
        }
        tallies.iter().map(|tally| tally.3).max().unwrap_or(0)
    }

    /// The home of a flood's query.
    fn home(&self, flood: u32) -> u32 {
        self.queries[self.batch.start + flood as usize].home
    }

    /// Begins the floods of the next queries; false if there are none.
    fn next_batch(&mut self, least_cost: u16) -> bool {
        let begin = self.batch.end;
        let end = self.queries.len().min(begin + self.workers as usize);
        self.batch = begin..end;
        self.floods.end();
        self.returned.clear();
        for query in &self.queries[self.batch.clone()] {
            let [start, goal] = [query.start, query.goal].map(|end| (end.brick(), end.local()));
            self.floods.begin(start, goal, least_cost, query.bound);
            self.returned.push(Returned::default());
        }
        self.floods.advance()
    }

    /// Walks back from a cell of this worker.
    fn walk(&mut self, flood: u32, from: (BrickId, Local), bricks: &Bricks) {
        let (home, outbox) = (self.home(flood), &mut self.outbox);
        let bits = |brick, local| [CellKey::new(brick, local).bits(), 0];
        let cell = |brick, local, ticks| {
            outbox.tell(CELL, home, flood, bits(brick, local), u64::from(ticks));
        };
        let walked = self.floods.walk(flood, from, bricks, cell);
        if let Walked::Away(brick, local) = walked {
            let owner = self.plan.owner(brick) as u32;
            self.outbox.tell(WALK, owner, flood, bits(brick, local), 0);
        }
    }

    /// Begins the walks back of the floods whose goals are here, and tells the queries' homes what was read if there
    /// will be updates.
    fn begin_walks(&mut self, bricks: &Bricks, updates: bool) {
        for flood in 0..self.batch.len() as u32 {
            if let Some(goal) = self.floods.goal(flood) {
                self.walk(flood, goal, bricks);
            }
            if !updates {
                continue;
            }
            let home = self.home(flood);
            let outbox = &mut self.outbox;
            self.floods.read(flood, bricks, |brick, cells| {
                for (pair, cells) in (0..).zip(cells.chunks_exact(2)) {
                    if cells != [0, 0] {
                        let pair = brick.code() << PAIR_BITS | pair;
                        outbox.tell(READ, home, flood, [cells[0], cells[1]], pair);
                    }
                }
            });
        }
    }

    fn hear(&mut self, word: &Word, bricks: &Bricks) {
        let [a, b] = word.values;
        let cell = || CellKey::from_bits(a).expect("a router's cell");
        let ticks = word.ticks as u32;
        match word.kind {
            QUERY => self.queries.push(Query {
                home: word.from,
                slot: word.number,
                start: cell(),
                goal: CellKey::from_bits(b).expect("a router's cell"),
                bound: ticks,
            }),
            NEWS => self.floods.hear(FloodNews {
                flood: word.number,
                bound: ticks,
                visits: [a as u32, b as u32],
            }),
            WALK => {
                let cell = cell();
                self.walk(word.number, (cell.brick(), cell.local()), bricks);
            }
            kind => {
                let returned = &mut self.returned[word.number as usize];
                match kind {
                    CELL => returned.cells.push((cell(), ticks)),
                    READ => {
                        let code = word.ticks >> PAIR_BITS;
                        let brick = BrickId::from_code(code).expect("a router's brick");
                        let pair = word.ticks as usize & ((1 << PAIR_BITS) - 1);
                        let mut cells = [0; BRICK_CELLS / 64];
                        cells[2 * pair..][..2].copy_from_slice(&word.values);
                        returned.read.push((brick, cells));
                    }
                    _ => {
                        returned.visits += a;
                        returned.micros += b;
                    }
                }
            }
        }
    }
}

impl Ground for Bricks {
    fn costs(&self, brick: BrickId) -> Option<&Costs> {
        self.own_costs(brick)
    }

    fn exists(&self, brick: BrickId) -> bool {
        self.is_known(brick)
    }
}

impl Router {
    /// Joins the workers of a plan, whose part `me` this one is: from now on heavy queries are answered by all of them,
    /// and [`Router::next_stage`] and what goes with it must be driven.
    pub fn join(&mut self, me: usize, plan: Arc<Plan>) {
        self.heavy = Some(Heavy::new(me, plan));
    }

    /// Begins the next stage of heavy queries, when all workers are done with the one before and have heard all words
    /// and messages of it, and when nobody searches any more before the first one; false if no further stage is needed,
    /// on all workers alike.
    pub fn next_stage(&mut self) -> bool {
        let Router {
            heavy,
            bricks,
            options,
            ..
        } = self;
        let Some(heavy) = heavy else {
            return false;
        };
        match heavy.stage {
            Stage::Idle => {
                heavy.tell_queries();
                return true;
            }
            Stage::Telling => heavy.queries.sort_unstable(),
            Stage::Flooding if heavy.floods.advance() => return true,
            Stage::Flooding => {
                heavy.stage = Stage::Walking;
                heavy.begin_walks(bricks, options.updates);
                let bytes = heavy.tell_tallies();
                self.stats.search_bytes = self.stats.search_bytes.max(bytes);
                return true;
            }
            Stage::Walking => self.finish_batch(),
        }
        let least = self.least;
        let heavy = self.heavy.as_mut().expect("as before");
        if heavy.next_batch(least) {
            heavy.stage = Stage::Flooding;
            return true;
        }
        heavy.stage = Stage::Idle;
        heavy.queries.clear();
        heavy.batch = 0..0;
        false
    }

    /// Takes in what has come home of own queries.
    fn finish_batch(&mut self) {
        let Some(heavy) = &mut self.heavy else {
            return;
        };
        let batch = heavy.queries[heavy.batch.clone()].iter().copied();
        let returned = std::mem::take(&mut heavy.returned);
        let own: Vec<(Query, Returned)> = batch
            .zip(returned)
            .filter(|(query, _)| query.home == heavy.outbox.me)
            .collect();
        for (query, mut returned) in own {
            let aside = &mut self.heavy.as_mut().expect("as before").aside;
            let at = aside.iter().position(|aside| aside.query == query);
            let aside = aside.swap_remove(at.expect("a query of this worker"));
            // The cells of a route are at different distances.
            returned.cells.sort_unstable_by_key(|cell| cell.1);
            let mut origin = aside.origin;
            if self.options.updates {
                returned.read.extend(returned.cells.iter().map(|(cell, _)| {
                    let (mut cells, place) = ([0; BRICK_CELLS / 64], cell.local().index());
                    cells[place >> 6] |= 1 << (place & 63);
                    (cell.brick(), cells)
                }));
                origin.search.add(returned.read);
            }
            let flooded = Flooded {
                origin,
                visits: returned.visits,
            };
            let spent = aside.spent + Duration::from_micros(returned.micros);
            let slot = query.slot;
            self.flooded(Task::flooded(slot, returned.cells, flooded, spent));
        }
    }

    /// Goes on with the stage of heavy queries that has begun; false when nothing is left to do here until something is
    /// heard.
    pub fn work_heavy(&mut self, visits: usize) -> bool {
        let Router { heavy, bricks, .. } = self;
        let Some(heavy) = heavy.as_mut().filter(|h| h.stage == Stage::Flooding) else {
            return false;
        };
        let more = heavy.floods.work(visits, bricks);
        let (workers, outbox) = (heavy.workers, &mut heavy.outbox);
        let me = outbox.me;
        heavy.floods.take_news(|told| {
            let (visits, bound) = (told.visits.map(u64::from), u64::from(told.bound));
            for to in (0..workers).filter(|&to| to != me) {
                outbox.tell(NEWS, to, told.flood, visits, bound);
            }
        });
        more
    }

    /// Takes in words of workers, this one's own too, in the stage that they were told in.
    pub fn receive_words(&mut self, words: impl IntoIterator<Item = Word>) {
        let Router { heavy, bricks, .. } = self;
        for word in words {
            if let Some(heavy) = heavy {
                heavy.hear(&word, bricks);
            }
        }
    }

    /// Takes in messages of floods, in the stage that they were sent in.
    pub fn receive_messages(&mut self, messages: impl IntoIterator<Item = Message>) {
        if let Some(heavy) = &mut self.heavy {
            heavy.floods.receive(messages);
        }
    }

    /// Moves out what workers are to be told.
    pub fn take_words(&mut self, deliver: impl FnMut(Word)) {
        if let Some(heavy) = &mut self.heavy {
            heavy.outbox.words.drain(..).for_each(deliver);
        }
    }

    /// Moves out the messages of floods.
    pub fn take_messages(&mut self, deliver: impl FnMut(Message)) {
        if let Some(heavy) = &mut self.heavy {
            heavy.floods.take_messages(deliver);
        }
    }
}
