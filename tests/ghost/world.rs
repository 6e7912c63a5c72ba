//! Worlds of cells, payloads and plans, their histories, and the ghosts by a search cell by cell, which shares no code
//! with what it tests.

use octaflow::brick::BrickId;
use octaflow::ghost::Through;
use octaflow::partition::{Partition, Plan};
use std::collections::{BTreeMap, BTreeSet};

pub type Point = [i32; 3];

/// The greatest coordinate.
pub const TOP: i32 = 65_535;

/// Random numbers from a seed: splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// A ghost: part, owner, cell, ring, payload.
pub type Ghost = (u32, u32, Point, u32, i64);

/// Cells with payloads, and the part of each brick that has one.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub cells: BTreeMap<Point, i64>,
    pub plan: BTreeMap<Point, u32>,
}

pub fn brick_of(p: Point) -> Point {
    p.map(|c| c >> 4)
}

pub fn brick_id([x, y, z]: Point) -> BrickId {
    BrickId::new(x, y, z).expect("in range")
}

fn steps() -> impl Iterator<Item = Point> {
    let all = (0..125).map(|n| [n % 5 - 2, n / 5 % 5 - 2, n / 25 - 2]);
    all.filter(|s| {
        let absolute = s.map(i32::abs);
        absolute == [1, 1, 1]
            || absolute.iter().sum::<i32>() == 2 && absolute.iter().max() == Some(&2)
    })
}

impl World {
    fn owner(&self, p: Point) -> Option<u32> {
        self.plan.get(&brick_of(p)).copied()
    }

    /// The ghosts by a wave of sets of points from the cells of each part.
    pub fn ghosts(&self, rings: u32, through: Through) -> BTreeSet<Ghost> {
        let steps: Vec<Point> = steps().collect();
        assert_eq!(steps.len(), 14);
        let mut ghosts = BTreeSet::new();
        let parts: BTreeSet<u32> = self.plan.values().copied().collect();
        for part in parts {
            let own = self.cells.keys().filter(|p| self.owner(**p) == Some(part));
            let mut seen: BTreeSet<Point> = own.copied().collect();
            let mut front: Vec<Point> = seen.iter().copied().collect();
            for ring in 1..=rings {
                let mut next = Vec::new();
                for p in &front {
                    for s in &steps {
                        let q: Point = std::array::from_fn(|a| p[a] + s[a]);
                        let inside = q.iter().all(|c| (0..=TOP).contains(c));
                        let open = through == Through::Lattice || self.cells.contains_key(&q);
                        if inside && open && seen.insert(q) {
                            next.push(q);
                        }
                    }
                }
                for p in &next {
                    if let (Some(payload), Some(owner)) = (self.cells.get(p), self.owner(*p)) {
                        ghosts.insert((part, owner, *p, ring, *payload));
                    }
                }
                front = next;
            }
        }
        ghosts
    }
}

/// What changes in an epoch: cells with their payloads, and parts of bricks.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub cells: Vec<((Point, i64), isize)>,
    pub plan: Vec<((Point, u32), isize)>,
}

/// A world from epoch to epoch.
pub struct Case {
    pub worlds: Vec<World>,
    pub changes: Vec<Changes>,
    pub rings: u32,
    pub through: Through,
    pub workers: usize,
}

fn points(low: Point, size: Point) -> Vec<Point> {
    let mut points = Vec::new();
    for x in low[0]..low[0] + size[0] {
        for y in low[1]..low[1] + size[1] {
            for z in low[2]..low[2] + size[2] {
                if (x ^ y) & 1 == 0 && (x ^ z) & 1 == 0 {
                    points.push([x, y, z]);
                }
            }
        }
    }
    points
}

/// Parts for the bricks of some points by one of the partitions.
fn plan(random: &mut Random, cells: &BTreeMap<Point, i64>, all: &[Point]) -> BTreeMap<Point, u32> {
    let mut weights: BTreeMap<Point, u64> = BTreeMap::new();
    for p in cells.keys() {
        *weights.entry(brick_of(*p)).or_default() += 1;
    }
    let weights: Vec<(BrickId, u64)> = weights.iter().map(|(b, w)| (brick_id(*b), *w)).collect();
    let partition = Partition::ALL[random.below(Partition::ALL.len())];
    let parts = [1, 2, 2, 3, 5, 40][random.below(6)];
    let plan = Plan::build(partition, parts, &weights);
    let bricks: BTreeSet<Point> = all.iter().map(|p| brick_of(*p)).collect();
    let lonely = if random.chance(30) { 15 } else { 0 };
    let owned = bricks.into_iter().filter(|_| !random.chance(lonely));
    owned.map(|b| (b, plan.owner(brick_id(b)) as u32)).collect()
}

impl Case {
    /// A case from a seed; a small one has few cells.
    pub fn new(seed: u64, small: bool) -> Case {
        let mut random = Random(seed);
        let widest = if small { 12 } else { 36 };
        let size = [0; 3].map(|_| 2 + random.below(widest) as i32);
        let low: Point = std::array::from_fn(|a| match random.below(3) {
            0 => 0,
            1 => TOP + 1 - size[a],
            _ => 4096 - random.below(40) as i32,
        });
        let all = points(low, size);
        let share = [100, 100, 90, 60, 30, 5][random.below(6)];
        let mut world = World::default();
        for p in &all {
            if random.chance(share) {
                world.cells.insert(*p, random.below(9) as i64);
            }
        }
        world.plan = plan(&mut random, &world.cells, &all);
        let mut worlds = vec![world];
        for _ in 0..random.below(5) {
            let mut world = worlds.last().expect("not empty").clone();
            change(&mut random, &mut world, &all);
            worlds.push(world);
        }
        let nothing = World::default();
        let before = std::iter::once(&nothing).chain(&worlds);
        let changes = before.zip(&worlds).map(|(a, b)| differences(a, b));
        Case {
            changes: changes.collect(),
            worlds,
            rings: random.below(5) as u32,
            through: [Through::Lattice, Through::Cells][random.below(2)],
            workers: 1 + random.below(3),
        }
    }
}

fn change(random: &mut Random, world: &mut World, all: &[Point]) {
    if all.is_empty() {
        return;
    }
    for _ in 0..[0, 1, 1, 5, 300][random.below(5)] {
        // Payloads alone.
        let p = all[random.below(all.len())];
        world.cells.entry(p).and_modify(|payload| *payload += 1);
    }
    for _ in 0..[0, 0, 1, 3, 200][random.below(5)] {
        let p = all[random.below(all.len())];
        if world.cells.remove(&p).is_none() {
            world.cells.insert(p, random.below(9) as i64);
        }
    }
    match random.below(5) {
        0 => world.plan = plan(random, &world.cells, all),
        1 | 2 => {
            let brick = brick_of(all[random.below(all.len())]);
            if random.chance(20) {
                world.plan.remove(&brick);
            } else {
                world.plan.insert(brick, random.below(6) as u32);
            }
        }
        _ => {}
    }
    if random.chance(10) {
        let brick = brick_of(all[random.below(all.len())]);
        world.cells.retain(|p, _| brick_of(*p) != brick);
    }
}

fn differences(a: &World, b: &World) -> Changes {
    fn of<V: Copy + PartialEq>(
        a: &BTreeMap<Point, V>,
        b: &BTreeMap<Point, V>,
    ) -> Vec<((Point, V), isize)> {
        let gone = a.iter().filter(|(p, v)| b.get(*p) != Some(v));
        let come = b.iter().filter(|(p, v)| a.get(*p) != Some(v));
        let gone = gone.map(|(p, v)| ((*p, *v), -1));
        gone.chain(come.map(|(p, v)| ((*p, *v), 1))).collect()
    }
    Changes {
        cells: of(&a.cells, &b.cells),
        plan: of(&a.plan, &b.plan),
    }
}
