//! The oracle: the field of a world by the words of the contract alone, a sequential Dijkstra that shares no code with
//! the engine.

use octaflow::engine::{NO_LABEL, NO_NEXT};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// A cell by its lattice coordinates.
pub type Point = [i32; 3];

/// The greatest distance there is, in ticks.
pub const GREATEST: u64 = (1 << 31) - 2;

/// The fixed neighbour order.
const STEPS: [Point; 14] = [
    [1, 1, 1],
    [1, 1, -1],
    [1, -1, 1],
    [1, -1, -1],
    [-1, 1, 1],
    [-1, 1, -1],
    [-1, -1, 1],
    [-1, -1, -1],
    [2, 0, 0],
    [-2, 0, 0],
    [0, 2, 0],
    [0, -2, 0],
    [0, 0, 2],
    [0, 0, -2],
];

/// What is known of a reached cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    pub ticks: u32,
    pub label: u32,
    pub next: i8,
}

/// The reached cells.
pub type Field = BTreeMap<Point, Reached>;

/// One edit of a world.
#[derive(Clone, Copy, Debug)]
pub enum Edit {
    /// Sets a cell's stored cost.
    Cost(Point, u16),
    /// Makes a cell a source with a label, unless it is one.
    Add(Point, u32),
    /// Takes a source away, if it is one.
    Remove(Point),
}

/// The open cells and the sources.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Costs above 0.
    pub costs: BTreeMap<Point, u16>,
    /// Labels of sources, dormant ones too.
    pub sources: BTreeMap<Point, u32>,
}

/// Half of the weight of step number `step` at a cell of stored cost `cost`, in ticks.
pub fn half(step: usize, cost: u16) -> u64 {
    let base: u64 = if step < 8 { 1351 } else { 1560 };
    (base * u64::from(cost)) >> 8
}

fn plus(point: Point, step: Point) -> Point {
    std::array::from_fn(|a| point[a] + step[a])
}

/// The solution of a world.
pub struct Solution {
    pub field: Field,
    /// Open cells beside reached ones that are unreached only because their distance would be too great.
    pub overflown: BTreeSet<Point>,
}

impl World {
    pub fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Cost(at, 0) => {
                self.costs.remove(&at);
            }
            Edit::Cost(at, cost) => {
                self.costs.insert(at, cost);
            }
            Edit::Add(at, label) => {
                self.sources.entry(at).or_insert(label);
            }
            Edit::Remove(at) => {
                self.sources.remove(&at);
            }
        }
    }

    pub fn solve(&self) -> Solution {
        let graph = Graph::new(self);
        let distances = graph.distances(self);
        let field = graph.field(self, &distances);
        let overflown = (0..graph.cells.len())
            .filter(|&v| distances[v].is_none())
            .filter(|&v| graph.edges(v).any(|(_, u, _)| distances[u].is_some()))
            .map(|v| graph.cells[v].0)
            .collect();
        Solution { field, overflown }
    }
}

/// The open cells, numbered, with the numbers of their neighbours.
struct Graph {
    cells: Vec<(Point, u16)>,
    beside: Vec<[Option<usize>; 14]>,
}

impl Graph {
    fn new(world: &World) -> Self {
        let cells: Vec<(Point, u16)> = world.costs.iter().map(|(&p, &c)| (p, c)).collect();
        let numbers: FxHashMap<Point, usize> =
            cells.iter().enumerate().map(|(v, c)| (c.0, v)).collect();
        let beside = cells
            .iter()
            .map(|&(p, _)| STEPS.map(|step| numbers.get(&plus(p, step)).copied()))
            .collect();
        Graph { cells, beside }
    }

    /// The edges of cell `v`: step, neighbour, weight.
    fn edges(&self, v: usize) -> impl Iterator<Item = (usize, usize, u64)> {
        (0..14).filter_map(move |step| {
            let u = self.beside[v][step]?;
            let weight = half(step, self.cells[v].1) + half(step, self.cells[u].1);
            Some((step, u, weight))
        })
    }

    fn distances(&self, world: &World) -> Vec<Option<u64>> {
        let mut distances = vec![None; self.cells.len()];
        let mut heap: BinaryHeap<_> = (0..self.cells.len())
            .filter(|&v| world.sources.contains_key(&self.cells[v].0))
            .map(|v| Reverse((0, v)))
            .collect();
        while let Some(Reverse((d, v))) = heap.pop() {
            if d > GREATEST || distances[v].is_some() {
                continue;
            }
            distances[v] = Some(d);
            for (_, u, weight) in self.edges(v) {
                if distances[u].is_none() {
                    heap.push(Reverse((d + weight, u)));
                }
            }
        }
        distances
    }

    /// Labels are the least over all shortest paths, so they follow the distances upwards.
    fn field(&self, world: &World, distances: &[Option<u64>]) -> Field {
        let mut order: Vec<(u64, usize)> = (0..self.cells.len())
            .filter_map(|v| Some((distances[v]?, v)))
            .collect();
        order.sort_unstable();
        let mut labels = vec![NO_LABEL; self.cells.len()];
        let mut field = Field::new();
        for (d, v) in order {
            let (mut label, mut next) = (NO_LABEL, NO_NEXT);
            if d == 0 {
                label = world.sources[&self.cells[v].0];
            } else {
                for (step, u, weight) in self.edges(v) {
                    if distances[u].is_some_and(|du| du + weight == d) {
                        label = label.min(labels[u]);
                        if next == NO_NEXT {
                            next = step as i8;
                        }
                    }
                }
            }
            labels[v] = label;
            let ticks = d as u32;
            field.insert(self.cells[v].0, Reached { ticks, label, next });
        }
        field
    }
}
