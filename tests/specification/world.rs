//! Worlds, their edits, and their fields by Dijkstra's algorithm, which share no code with what they test.

use octaflow::brick::{BrickId, LOCAL_BY_INDEX};
use octaflow::dataflows::Diff;
use octaflow::lattice::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A reached cell: its ticks, its label and the index of its next step.
pub type Record = (Cell, (u32, u32, i8));
pub type Field = BTreeMap<Cell, (u32, u32, i8)>;
/// What an epoch changes, consolidated.
pub type Changes = Vec<(Record, Diff)>;

#[derive(Clone, Copy, Debug)]
pub enum Edit {
    Cost(Cell, u16),
    Add(Cell, u32),
    Remove(Cell),
}

/// The map and the sources as they stand at an epoch.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub costs: BTreeMap<Cell, u16>,
    pub sources: BTreeMap<Cell, u32>,
}

impl World {
    /// The world after edits, in order. A cell that is a source already keeps its label.
    pub fn after(&self, edits: &[Edit]) -> World {
        let mut world = self.clone();
        for &edit in edits {
            match edit {
                Edit::Cost(cell, cost) => drop(world.costs.insert(cell, cost)),
                Edit::Add(cell, label) => drop(world.sources.entry(cell).or_insert(label)),
                Edit::Remove(cell) => drop(world.sources.remove(&cell)),
            }
        }
        world
    }

    fn cost(&self, cell: Cell) -> u16 {
        self.costs.get(&cell).copied().unwrap_or(0)
    }

    /// The field by Dijkstra's algorithm, from the contract's words alone.
    pub fn dijkstra(&self) -> Field {
        let mut reached: BTreeMap<Cell, (u32, u32)> = BTreeMap::new();
        let open = |(cell, label): (&Cell, &u32)| {
            (self.cost(*cell) > 0).then_some(Reverse((0, *label, *cell)))
        };
        let mut heap: BinaryHeap<_> = self.sources.iter().filter_map(open).collect();
        while let Some(Reverse((ticks, label, cell))) = heap.pop() {
            if reached.contains_key(&cell) {
                continue;
            }
            reached.insert(cell, (ticks, label));
            for (beside, base) in neighbours(cell) {
                let ticks = u64::from(ticks) + self.weight(cell, beside, base);
                if self.cost(beside) > 0 && ticks <= (1 << 31) - 2 {
                    heap.push(Reverse((ticks as u32, label, beside)));
                }
            }
        }
        let next = |cell: Cell, ticks: u32| {
            let tight = |(beside, base): (Cell, u64)| {
                reached.get(&beside).is_some_and(|&(behind, _)| {
                    u64::from(behind) + self.weight(cell, beside, base) == u64::from(ticks)
                })
            };
            neighbours(cell).position(tight).map_or(-1, |n| n as i8)
        };
        let record = |(&cell, &(ticks, label))| (cell, (ticks, label, next(cell, ticks)));
        reached.iter().map(record).collect()
    }

    fn weight(&self, u: Cell, v: Cell, base: u64) -> u64 {
        let half = |cell| (base * u64::from(self.cost(cell))) >> 8;
        half(u) + half(v)
    }

    /// How many cells of a field could take either of two labels.
    pub fn ties(&self, field: &Field) -> usize {
        let tied = |cell: &Cell, ticks: u32, label: u32| {
            neighbours(*cell).any(|(beside, base)| {
                field.get(&beside).is_some_and(|&(behind, other, _)| {
                    let through = u64::from(behind) + self.weight(*cell, beside, base);
                    other != label && through == u64::from(ticks)
                })
            })
        };
        let cells = field.iter();
        cells.filter(|(c, (t, l, _))| tied(c, *t, *l)).count()
    }
}

/// The neighbours in the contract's order, and the base of the step to each.
fn neighbours(cell: Cell) -> impl Iterator<Item = (Cell, u64)> {
    let signs = |n: i32| [1, -1][n as usize & 1];
    let diagonal = (0..8).map(move |n| ([signs(n >> 2), signs(n >> 1), signs(n)], 1351));
    let axial = (0..6).map(move |n| {
        let along = |axis| if n / 2 == axis { 2 * signs(n) } else { 0 };
        ([along(0), along(1), along(2)], 1560)
    });
    diagonal.chain(axial).map(move |([dx, dy, dz], base)| {
        let [x, y, z] = cell.xyz();
        (Cell::new(x + dx, y + dy, z + dz).unwrap(), base)
    })
}

/// The worlds at each epoch, the first of them being there from the start.
pub fn history(first: World, epochs: &[Vec<Edit>]) -> Vec<World> {
    let mut worlds = vec![first];
    for edits in epochs {
        worlds.push(worlds.last().unwrap().after(edits));
    }
    worlds
}

/// What takes one state of a collection to another.
pub fn difference<K: Ord + Copy, V: Ord + Copy>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
) -> Vec<((K, V), Diff)> {
    let gone = before.iter().filter(|(k, v)| after.get(k) != Some(v));
    let come = after.iter().filter(|(k, v)| before.get(k) != Some(v));
    let gone = gone.map(|(&k, &v)| ((k, v), -1));
    let mut all: Vec<_> = gone.chain(come.map(|(&k, &v)| ((k, v), 1))).collect();
    all.sort_unstable();
    all
}

/// Adds changes up to the field that they lead to; every record in it must be there once.
pub fn accumulate(field: &mut Field, changes: &Changes) {
    for &((cell, value), diff) in changes.iter().filter(|(_, diff)| *diff < 0) {
        assert_eq!((field.remove(&cell), diff), (Some(value), -1), "{cell}");
    }
    for &((cell, value), diff) in changes.iter().filter(|(_, diff)| *diff > 0) {
        assert_eq!((field.insert(cell, value), diff), (None, 1), "{cell}");
    }
}

/// splitmix64.
fn mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub fn cell(x: i32, y: i32, z: i32) -> Cell {
    Cell::new(x, y, z).unwrap()
}

/// How many bricks the large world has along an axis.
const SIDE: i32 = 4;

/// The sources that the large world begins with: mirror images of each other.
pub fn west() -> Cell {
    cell(10, 32, 12)
}

pub fn east() -> Cell {
    cell(54, 32, 12)
}

/// 65,536 cells, about 15 % of them blocked. In the lower half the others cost 1.0, which makes ties; in the upper
/// half they cost 0.25…4.0.
pub fn large_world() -> World {
    let mut world = World::default();
    for n in 0..SIDE * SIDE * SIDE {
        let brick = BrickId::new(n % SIDE, n / SIDE % SIDE, n / SIDE / SIDE).unwrap();
        for local in LOCAL_BY_INDEX {
            let cell = brick.cell(local);
            let roll = mix(brick.code() << 10 | local.index() as u64);
            let cost = match roll % 100 {
                0..15 => 0,
                _ if cell.z() < 8 * SIDE => 256,
                _ => some_large_cost(roll >> 32),
            };
            world.costs.insert(cell, cost);
        }
    }
    for (source, label) in [(west(), 3), (east(), 7)] {
        world.costs.insert(source, 256);
        world.sources.insert(source, label);
    }
    world
}

fn some_large_cost(roll: u64) -> u16 {
    match roll % 4 {
        0 => 256,
        1 => [64, 128, 384, 512][roll as usize / 4 % 4],
        _ => 64 + (roll % 961) as u16,
    }
}

/// Edits of `count` cells all over the large world; one in five blocks its cell.
pub fn scattered(count: u64, seed: u64) -> Vec<Edit> {
    let each = (0..count).map(|n| {
        let roll = mix(seed << 32 | n);
        let parity = (roll >> 60 & 1) as i32;
        let along = |shift: u32| 2 * ((roll >> shift) as i32 & (8 * SIDE - 1)) + parity;
        let cost = match roll >> 48 & 0xff {
            0..51 => 0,
            _ => some_large_cost(roll >> 24),
        };
        Edit::Cost(cell(along(0), along(8), along(16)), cost)
    });
    each.collect()
}

/// The epoch of [`large_epochs`] that changes nothing but labels, and one in which no source is left.
pub const RELABELLED: usize = 3;
pub const SOURCELESS: usize = 9;

/// What happens to the large world.
pub fn large_epochs() -> Vec<Vec<Edit>> {
    let beside = cell(11, 33, 13);
    let far = cell(40, 50, 60);
    let mut epochs = vec![
        vec![Edit::Cost(beside, 0)],
        vec![Edit::Cost(beside, 1000)],
        vec![Edit::Remove(east()), Edit::Add(east(), 1)],
        scattered(1000, 1),
        vec![Edit::Cost(far, 300), Edit::Add(far, 2)],
        vec![Edit::Cost(west(), 0)],
        vec![Edit::Cost(west(), 700), Edit::Remove(east())],
        scattered(300, 2),
        vec![Edit::Remove(west()), Edit::Remove(far)],
        vec![Edit::Add(west(), 5), Edit::Add(far, 4), Edit::Cost(far, 0)],
        vec![Edit::Cost(far, 256)],
    ];
    // Many writes to one cell in one epoch, and a cell beyond the bricks that were there.
    epochs[7].extend([0, 900, 0, 64].map(|cost| Edit::Cost(beside, cost)));
    let outside = [cell(64, 62, 62), cell(65, 63, 63), cell(63, 63, 63)];
    epochs[7].extend(outside.map(|c| Edit::Cost(c, 200)));
    epochs
}
