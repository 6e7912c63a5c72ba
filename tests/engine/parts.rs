//! Several engines over one plan, driven as the dataflow drives them, but with the worst of schedules.

use super::oracle::{Edit, Point, World};
use octaflow::brick::{BRICK_CELLS, BrickId, Costs, Local};
use octaflow::engine::{CellChange, Engine, EngineOptions, EngineStats, Message};
use octaflow::lattice::Cell;
use octaflow::partition::{Partition, Plan};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A stream of arbitrary numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn flags(&mut self, count: usize) -> Vec<bool> {
        (0..count).map(|_| self.below(3) == 0).collect()
    }
}

/// The brick of a cell and its place there.
pub fn place([x, y, z]: Point) -> (BrickId, Local) {
    let brick = BrickId::new(x >> 4, y >> 4, z >> 4).expect("in range");
    let [i, j, k] = [x, y, z].map(|c| (c as usize & 15) >> 1);
    let local = Local::new((x as usize & 1) << 9 | k << 6 | j << 3 | i).expect("below 1024");
    (brick, local)
}

/// The cell at a place in a brick.
pub fn point(brick: BrickId, local: Local) -> Point {
    let (corner, l) = (brick.xyz(), local.index() as i32);
    let inside = [l & 7, l >> 3 & 7, l >> 6 & 7];
    std::array::from_fn(|a| 16 * corner[a] + 2 * inside[a] + (l >> 9))
}

/// The bricks of a world with the costs of their cells.
pub fn bricks(world: &World) -> BTreeMap<BrickId, Box<Costs>> {
    let mut bricks = BTreeMap::new();
    for (&at, &cost) in &world.costs {
        let (brick, local) = place(at);
        let costs = bricks
            .entry(brick)
            .or_insert_with(|| Box::new([0; BRICK_CELLS]));
        costs[local.index()] = cost;
    }
    bricks
}

/// A plan for a world's bricks.
pub fn plan(world: &World, partition: Partition, parts: usize) -> Arc<Plan> {
    let weights: Vec<(BrickId, u64)> = bricks(world)
        .into_iter()
        .map(|(brick, costs)| (brick, costs.iter().filter(|&&c| c > 0).count() as u64))
        .collect();
    Arc::new(Plan::build(partition, parts, &weights))
}

/// The engines of all parts and the messages under way between them.
pub struct Parts {
    pub plan: Arc<Plan>,
    pub engines: Vec<Engine>,
    /// Messages taken from part `from` for part `to`, at `from · parts + to`.
    mail: Vec<VecDeque<Message>>,
    random: Random,
}

/// What an epoch gave, by part.
pub struct Outcome {
    pub overflow: Vec<Option<Cell>>,
    pub changes: Vec<Vec<CellChange>>,
}

/// One step of a phase.
#[derive(Clone, Copy)]
enum Action {
    Begin(usize),
    Work(usize),
    Collect(usize),
    Deliver(usize),
}

impl Parts {
    /// Engines that have loaded a world's bricks.
    pub fn new(world: &World, plan: Arc<Plan>, options: EngineOptions, seed: u64) -> Self {
        let bricks = bricks(world);
        let engines = (0..plan.parts())
            .map(|me| {
                let mut engine = Engine::new(me, plan.clone(), options);
                let own = bricks.iter().filter(|(b, _)| plan.owner(**b) == me);
                let exists = |brick| bricks.contains_key(&brick);
                engine.load(own.map(|(b, c)| (*b, c.clone())), exists);
                engine
            })
            .collect();
        Parts {
            mail: vec![VecDeque::new(); plan.parts() * plan.parts()],
            plan,
            engines,
            random: Random(seed),
        }
    }

    /// Makes an edit at the owner of its cell; for removals, tells whether there was a source.
    pub fn apply(&mut self, edit: Edit) -> Option<bool> {
        let (Edit::Cost(at, _) | Edit::Add(at, _) | Edit::Remove(at)) = edit;
        let (brick, local) = place(at);
        let engine = &mut self.engines[self.plan.owner(brick)];
        match edit {
            Edit::Cost(_, cost) => engine.set_cost(brick, local, cost),
            Edit::Add(_, label) => engine.add_source(brick, local, label),
            Edit::Remove(_) => return Some(engine.remove_source(brick, local)),
        }
        None
    }

    /// Computes an epoch whose edits are made.
    pub fn epoch(&mut self) -> Outcome {
        self.phase(Engine::begin_retract, false);
        self.phase(Engine::begin_relax, false);
        let overflow = self.engines.iter_mut().map(Engine::overflow).collect();
        self.phase(Engine::begin_label, true);
        self.engines.iter_mut().for_each(Engine::close_epoch);
        let (engines, random) = (&mut self.engines, &mut self.random);
        let changes = engines.iter_mut().map(|e| changes(e, random)).collect();
        Outcome { overflow, changes }
    }

    pub fn stats(&self) -> Vec<EngineStats> {
        self.engines.iter().map(Engine::stats).collect()
    }

    /// Takes arbitrary steps until no part has anything left of the phase. Parts begin it at different times, get
    /// messages of it before that too, and some parts and some ways between them come last whenever anything else can be done.
    fn phase(&mut self, begin: fn(&mut Engine), labels: bool) {
        let parts = self.engines.len();
        let lazy_begin = self.random.flags(parts);
        let lazy_work = self.random.flags(parts);
        let lazy_mail = self.random.flags(parts * parts);
        let (mut begun, mut full) = (vec![false; parts], vec![true; parts]);
        let is_lazy = |action: &Action| match *action {
            Action::Begin(part) => lazy_begin[part],
            Action::Work(part) | Action::Collect(part) => lazy_work[part],
            Action::Deliver(way) => lazy_mail[way],
        };
        loop {
            let mut actions = self.actions(&begun, &full);
            if actions.is_empty() {
                return;
            }
            if !actions.iter().all(is_lazy) {
                actions.retain(|action| !is_lazy(action));
            }
            match actions[self.random.below(actions.len())] {
                Action::Begin(part) => {
                    begun[part] = true;
                    begin(&mut self.engines[part]);
                }
                Action::Work(part) => {
                    full[part] = true;
                    let visits = [1, 1, 2, 5, usize::MAX][self.random.below(5)];
                    self.engines[part].work(visits);
                }
                Action::Collect(part) => {
                    full[part] = false;
                    self.collect(part);
                }
                Action::Deliver(way) => {
                    full[way % parts] = true;
                    self.deliver(way, labels);
                }
            }
        }
    }

    fn actions(&mut self, begun: &[bool], full: &[bool]) -> Vec<Action> {
        let mut actions = Vec::new();
        for part in 0..self.engines.len() {
            if !begun[part] {
                actions.push(Action::Begin(part));
            } else if self.engines[part].work(0) {
                actions.push(Action::Work(part));
            }
            if full[part] {
                actions.push(Action::Collect(part));
            }
        }
        let ways = (0..self.mail.len()).filter(|&way| !self.mail[way].is_empty());
        actions.extend(ways.map(Action::Deliver));
        actions
    }

    fn collect(&mut self, from: usize) {
        let (parts, plan, mail) = (self.engines.len(), &self.plan, &mut self.mail);
        self.engines[from].take_messages(|message| {
            let to = plan.owner(message.brick());
            assert_ne!(to, from, "no part writes to itself");
            mail[from * parts + to].push_back(message);
        });
    }

    fn deliver(&mut self, way: usize, labels: bool) {
        let to = way % self.engines.len();
        let count = [1, 3, 20, usize::MAX][self.random.below(4)].min(self.mail[way].len());
        for message in self.mail[way].drain(..count) {
            self.engines[to].receive([message], labels);
        }
    }
}

/// Takes an epoch's changes in slices of arbitrary size.
fn changes(engine: &mut Engine, random: &mut Random) -> Vec<CellChange> {
    let mut changes = Vec::new();
    while engine.take_changes(random.below(4), |change| changes.push(change)) {}
    let before = changes.len();
    assert!(!engine.take_changes(1, |change| changes.push(change)));
    assert_eq!(changes.len(), before, "changes after the last");
    changes
}
