//! Worlds, their histories, and the answers by a search cell by cell, which shares no code with what it tests.

use octaflow::brick::{BRICK_CELLS, BrickId, Costs, Local};
use std::collections::BTreeMap;

pub type Point = [i32; 3];

/// Where a world lies and how it begins.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The brick at its corner, in bricks.
    pub corner: [i32; 3],
    /// How many bricks it spans along an axis.
    pub edge: i32,
    /// How many bricks are filled at first, some of them twice.
    pub bricks: usize,
    /// How many walls go through it.
    pub walls: u32,
}

/// What happens in an epoch.
#[derive(Clone, Debug, Default)]
pub struct Epoch {
    /// The bricks whose costs change.
    pub bricks: Vec<(BrickId, Option<Box<Costs>>)>,
    /// Queries that come (1) and go (−1), with start and goal.
    pub queries: Vec<(i64, [Point; 2], isize)>,
}

/// Epochs, and the answers at each: of the queries with both ends open, whether these are joined.
#[derive(Clone, Debug)]
pub struct History {
    pub epochs: Vec<Epoch>,
    pub answers: Vec<BTreeMap<i64, bool>>,
}

/// A stream of arbitrary numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}

/// The brick of a cell and its place there.
pub fn place([x, y, z]: Point) -> (BrickId, Local) {
    let brick = BrickId::new(x >> 4, y >> 4, z >> 4).expect("in range");
    let [i, j, k] = [x, y, z].map(|c| (c as usize & 15) >> 1);
    let local = Local::new((x as usize & 1) << 9 | k << 6 | j << 3 | i).expect("below 1024");
    (brick, local)
}

/// The cells of a brick.
pub fn points(brick: BrickId) -> impl Iterator<Item = Point> {
    let corner = brick.xyz();
    (0..BRICK_CELLS as i32).map(move |l| {
        let inside = [l & 7, l >> 3 & 7, l >> 6 & 7];
        std::array::from_fn(|a| 16 * corner[a] + 2 * inside[a] + (l >> 9))
    })
}

/// A world as a box of cells, open or not.
struct World {
    shape: Shape,
    random: Random,
    /// By brick: the costs of those that exist.
    bricks: BTreeMap<BrickId, Box<Costs>>,
    queries: BTreeMap<i64, [Point; 2]>,
}

impl World {
    fn some_brick(&mut self) -> BrickId {
        let edge = self.shape.edge as usize;
        let [x, y, z] = self
            .shape
            .corner
            .map(|c| c + self.random.below(edge) as i32);
        BrickId::new(x, y, z).expect("in range")
    }

    fn some_point(&mut self) -> Point {
        let brick = self.some_brick();
        let points: Vec<Point> = points(brick).collect();
        points[self.random.below(BRICK_CELLS)]
    }

    /// An end of a query: a cell that is open, if one is found soon.
    fn some_end(&mut self) -> Point {
        let mut end = self.some_point();
        for _ in 0..8 {
            if !self.is_open(end) {
                end = self.some_point();
            }
        }
        end
    }

    fn some_cost(&mut self) -> u16 {
        [1, 256, 1000, u16::MAX][self.random.below(4)]
    }

    /// Fills a brick: whole, or with some share of its cells open.
    fn fill(&mut self, brick: BrickId) {
        let open = [100, 100, 100, 90, 70, 50, 35, 30, 20, 0][self.random.below(10)];
        let mut costs = Box::new([0; BRICK_CELLS]);
        for cost in costs.iter_mut() {
            *cost = if self.random.below(100) < open {
                self.some_cost()
            } else {
                0
            };
        }
        self.bricks.insert(brick, costs);
    }

    /// Blocks what lies in two neighbouring layers across an axis, but for some holes: no step leads through.
    fn wall(&mut self) {
        let axis = self.random.below(3);
        let at =
            16 * self.shape.corner[axis] + self.random.below(16 * self.shape.edge as usize) as i32;
        let holes = [0, 0, 1, 400][self.random.below(4)];
        for (brick, costs) in &mut self.bricks {
            for point in points(*brick).filter(|point| (point[axis] - at) as u32 <= 1) {
                if self.random.below(40_000) >= holes {
                    costs[place(point).1.index()] = 0;
                }
            }
        }
    }

    /// One change of the map; the bricks that it may have changed.
    fn edit(&mut self) -> Vec<BrickId> {
        let brick = self.some_brick();
        match self.random.below(12) {
            0 => self.fill(brick),
            1 => drop(self.bricks.remove(&brick)),
            2 => {
                self.wall();
                return self.bricks.keys().copied().collect();
            }
            3..6 => {
                // A layer of one brick, blocked or opened but for few cells.
                let (axis, at) = (self.random.below(3), self.random.below(15) as i32);
                let cost = [0, 256][self.random.below(2)];
                let Some(costs) = self.bricks.get_mut(&brick) else {
                    return Vec::new();
                };
                for point in points(brick).filter(|point| (point[axis] & 15) >> 1 == at >> 1) {
                    if self.random.below(60) > 0 {
                        costs[place(point).1.index()] = cost;
                    }
                }
            }
            _ => {
                let (brick, local) = place(self.some_point());
                let cost = if self.random.below(2) == 0 {
                    0
                } else {
                    self.some_cost()
                };
                let costs = self.bricks.entry(brick);
                costs.or_insert_with(|| Box::new([0; BRICK_CELLS]))[local.index()] = cost;
                return vec![brick];
            }
        }
        vec![brick]
    }

    /// Queries that come, between any two cells, and some that go.
    fn ask(&mut self, count: usize) -> Vec<(i64, [Point; 2], isize)> {
        let mut changes = Vec::new();
        for _ in 0..count {
            let query = self.random.below(200) as i64 - 50;
            if let Some(ends) = self.queries.remove(&query) {
                changes.push((query, ends, -1));
            } else {
                let ends = [self.some_end(), self.some_end()];
                self.queries.insert(query, ends);
                changes.push((query, ends, 1));
            }
        }
        changes
    }

    fn is_open(&self, at: Point) -> bool {
        let (brick, local) = place(at);
        let costs = self.bricks.get(&brick);
        costs.is_some_and(|costs| costs[local.index()] > 0)
    }

    fn answers(&self) -> BTreeMap<i64, bool> {
        let span = 16 * self.shape.edge;
        let index = |at: Point| {
            let [x, y, z] = std::array::from_fn(|a| at[a] - 16 * self.shape.corner[a]);
            ((z * span + y) * span + x) as usize
        };
        let mut labels = vec![0u32; (span * span * span) as usize];
        let mut last = 0;
        for start in self.bricks.keys().flat_map(|&brick| points(brick)) {
            if !self.is_open(start) || labels[index(start)] != 0 {
                continue;
            }
            last += 1;
            labels[index(start)] = last;
            let mut stack = vec![start];
            while let Some([x, y, z]) = stack.pop() {
                for [dx, dy, dz] in steps() {
                    let at = [x + dx, y + dy, z + dz];
                    let inside =
                        |a: usize| (0..span).contains(&(at[a] - 16 * self.shape.corner[a]));
                    if (0..3).all(inside) && labels[index(at)] == 0 && self.is_open(at) {
                        labels[index(at)] = last;
                        stack.push(at);
                    }
                }
            }
        }
        let open = |ends: &[Point; 2]| ends.iter().all(|&end| self.is_open(end));
        let asked = self.queries.iter().filter(|(_, ends)| open(ends));
        asked
            .map(|(&query, ends)| (query, labels[index(ends[0])] == labels[index(ends[1])]))
            .collect()
    }
}

fn steps() -> impl Iterator<Item = Point> {
    let signs = |n: i32| 1 - 2 * (n & 1);
    let diagonal = (0..8).map(move |n| [signs(n), signs(n >> 1), signs(n >> 2)]);
    let axial = (0..6).map(move |n| {
        let mut step = [0; 3];
        step[n as usize / 2] = 2 * signs(n);
        step
    });
    diagonal.chain(axial)
}

impl History {
    pub fn new(shape: Shape, epochs: usize, seed: u64) -> History {
        let mut world = World {
            shape,
            random: Random(seed),
            bricks: BTreeMap::new(),
            queries: BTreeMap::new(),
        };
        for _ in 0..shape.bricks {
            let brick = world.some_brick();
            world.fill(brick);
        }
        (0..shape.walls).for_each(|_| world.wall());
        let mut history = History {
            epochs: Vec::new(),
            answers: Vec::new(),
        };
        let mut changed: Vec<BrickId> = world.bricks.keys().copied().collect();
        for epoch in 0..epochs {
            let (edits, queries) = match epoch {
                0 => (0, 120),
                _ => ([1, 1, 3, 20][world.random.below(4)], world.random.below(10)),
            };
            (0..edits).for_each(|_| changed.extend(world.edit()));
            let bricks = changed
                .drain(..)
                .map(|b| (b, world.bricks.get(&b).cloned()));
            history.epochs.push(Epoch {
                bricks: bricks.collect(),
                queries: world.ask(queries),
            });
            history.answers.push(world.answers());
        }
        history
    }

    /// The bricks of the first epoch and how many open cells each has.
    pub fn weights(&self) -> Vec<(BrickId, u64)> {
        let bricks = self.epochs[0].bricks.iter();
        let open = |costs: &Costs| costs.iter().filter(|&&cost| cost > 0).count() as u64;
        bricks
            .filter_map(|(brick, costs)| Some((*brick, open(costs.as_ref()?))))
            .collect()
    }
}
