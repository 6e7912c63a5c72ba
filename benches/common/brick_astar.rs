//! Brick A* without a hierarchy, to compare with: bricks in a heap by the least estimate of what waits at their
//! borders, among equals the last that came; a visit sweeps a padded tile to its fixed point; what is not below the
//! goal's distance is left alone.

use octaflow::brick::{BRICK_CELLS, BrickId, CellMap, Costs};
use octaflow::lattice::{AXIAL_BASE, Cell, DIAGONAL_BASE, free_distance_ticks};
use octaflow::search::CellKey;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

const FAR: u32 = 1 << 30;
const SIDE: usize = 10;
const LAYER: usize = SIDE * SIDE * SIDE;

/// The costs of a map by brick.
pub struct BrickAstar<'a> {
    bricks: HashMap<BrickId, &'a Costs>,
    least_cost: u16,
}

/// A brick of one query.
struct Reached {
    id: BrickId,
    ticks: [u32; BRICK_CELLS],
    /// The least estimate of what has come to its border since its last visit.
    pending: u32,
}

/// A brick and its shell: even cells, then odd ones, 10³ each.
struct Tile {
    ticks: [u32; 2 * LAYER],
    diagonal: [u32; 2 * LAYER],
    axial: [u32; 2 * LAYER],
}

impl<'a> BrickAstar<'a> {
    pub fn new(map: &'a CellMap) -> Self {
        let costs = map.bricks.iter().flat_map(|b| b.1.iter().copied());
        BrickAstar {
            least_cost: costs.filter(|&c| c > 0).min().unwrap_or(1),
            bricks: map.bricks.iter().map(|b| (b.0, &*b.1)).collect(),
        }
    }

    /// The cost of the best route in ticks, and how many bricks were visited.
    pub fn solve(&self, start: CellKey, goal: CellKey) -> (Option<u32>, u64) {
        let to = goal.cell();
        let estimate = |id: BrickId, place: usize, ticks: u32| {
            let cell = CellKey::from_bits(id.code() << 10 | place as u64)
                .expect("a place")
                .cell();
            ticks + free_distance_ticks(cell, to, self.least_cost) as u32
        };
        let (mut index, mut list) = (HashMap::new(), Vec::new());
        let mut heap = BinaryHeap::new();
        let at = reach(&mut index, &mut list, start.brick());
        list[at].ticks[start.local().index()] = 0;
        list[at].pending = estimate(start.brick(), start.local().index(), 0);
        heap.push((Reverse(list[at].pending), 0, at));
        let (mut best, mut visits) = (FAR, 0);
        let mut tile = Tile {
            ticks: [FAR; 2 * LAYER],
            diagonal: [FAR; 2 * LAYER],
            axial: [FAR; 2 * LAYER],
        };
        while let Some((Reverse(least), _, at)) = heap.pop() {
            if least >= best {
                break;
            }
            if list[at].pending != least {
                continue;
            }
            list[at].pending = FAR;
            visits += 1;
            let id = list[at].id;
            self.load(&mut tile, id, &index, &list);
            tile.sweep();
            let mut changed = tile.store(&mut list[at].ticks);
            if visits == 1 {
                // The start is told of too, though nothing has lowered it.
                changed.push((start.local().index(), 0));
            }
            if id == goal.brick() {
                best = best.min(list[at].ticks[goal.local().index()]);
            }
            self.tell(
                id, &changed, best, estimate, &mut index, &mut list, &mut heap, visits,
            );
        }
        ((best < FAR).then_some(best), visits)
    }

    /// Queues the bricks beside changed cells.
    #[allow(clippy::too_many_arguments)]
    fn tell(
        &self,
        id: BrickId,
        changed: &[(usize, u32)],
        best: u32,
        estimate: impl Fn(BrickId, usize, u32) -> u32,
        index: &mut HashMap<BrickId, usize>,
        list: &mut Vec<Reached>,
        heap: &mut BinaryHeap<(Reverse<u32>, u64, usize)>,
        order: u64,
    ) {
        let mut least = [FAR; 27];
        for &(place, ticks) in changed {
            let (parity, [i, j, k]) = (place >> 9, [place & 7, place >> 3 & 7, place >> 6]);
            let k = k & 7;
            let beside = [i, j, k].map(|c| match (c, parity) {
                (0, _) => -1,
                (7, _) => 1,
                _ => 0,
            });
            if beside == [0; 3] {
                continue;
            }
            let estimate = estimate(id, place, ticks);
            for to in 0..27_i32 {
                let step = [to % 3 - 1, to / 3 % 3 - 1, to / 9 - 1];
                if (0..3).all(|a| step[a] == 0 || step[a] == beside[a]) {
                    least[to as usize] = least[to as usize].min(estimate);
                }
            }
        }
        for (to, &estimate) in least.iter().enumerate() {
            let step = [to as i32 % 3 - 1, to as i32 / 3 % 3 - 1, to as i32 / 9 - 1];
            if to == 13 || estimate >= best {
                continue;
            }
            let Some(beside) = id.offset(step).filter(|b| self.bricks.contains_key(b)) else {
                continue;
            };
            let at = reach(index, list, beside);
            if estimate < list[at].pending {
                list[at].pending = estimate;
                heap.push((Reverse(estimate), order, at));
            }
        }
    }

    fn load(
        &self,
        tile: &mut Tile,
        id: BrickId,
        index: &HashMap<BrickId, usize>,
        list: &[Reached],
    ) {
        for to in 0..27 {
            let step = [to % 3 - 1, to / 3 % 3 - 1, to / 9 - 1];
            let beside = id
                .offset(step)
                .and_then(|b| Some((self.bricks.get(&b)?, index.get(&b))));
            let from = |c: i32| {
                if c < 0 {
                    7..8
                } else if c == 0 {
                    0..8
                } else {
                    0..1
                }
            };
            for parity in 0..2 {
                for k in from(step[2]) {
                    for j in from(step[1]) {
                        for i in from(step[0]) {
                            let place = parity << 9 | k << 6 | j << 3 | i;
                            let [x, y, z] = [(i, step[0]), (j, step[1]), (k, step[2])]
                                .map(|(c, s)| (c as i32 + 8 * s + 1) as usize);
                            let slot = parity * LAYER + (z * SIDE + y) * SIDE + x;
                            let (cost, ticks) = match beside {
                                Some((costs, at)) => (
                                    u32::from(costs[place]),
                                    at.map_or(FAR, |&at| list[at].ticks[place]),
                                ),
                                None => (0, FAR),
                            };
                            let open = cost > 0;
                            tile.ticks[slot] = if open { ticks } else { FAR };
                            tile.diagonal[slot] = if open {
                                (DIAGONAL_BASE * cost) >> 8
                            } else {
                                FAR
                            };
                            tile.axial[slot] = if open { (AXIAL_BASE * cost) >> 8 } else { FAR };
                        }
                    }
                }
            }
        }
    }
}

fn reach(index: &mut HashMap<BrickId, usize>, list: &mut Vec<Reached>, id: BrickId) -> usize {
    *index.entry(id).or_insert_with(|| {
        list.push(Reached {
            id,
            ticks: [FAR; BRICK_CELLS],
            pending: FAR,
        });
        list.len() - 1
    })
}

impl Tile {
    /// Lowers the inner cells to their fixed point, a row of eight at a time.
    fn sweep(&mut self) {
        loop {
            let mut changed = false;
            for parity in 0..2 {
                for k in 1..9 {
                    for j in 1..9 {
                        changed |= self.row(parity, k, j);
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop)]
    fn row(&mut self, parity: usize, k: usize, j: usize) -> bool {
        let at = parity * LAYER + (k * SIDE + j) * SIDE + 1;
        let (mut diagonal, mut axial) = ([2 * FAR; 8], [2 * FAR; 8]);
        // An even cell's odd neighbours are at its own place and one below on each axis; an odd cell's one above.
        let other =
            (1 - parity) * LAYER + ((k + parity - 1) * SIDE + j + parity - 1) * SIDE + parity;
        for corner in 0..8 {
            let from =
                other + (corner >> 2) * SIDE * SIDE + (corner >> 1 & 1) * SIDE + (corner & 1);
            for lane in 0..8 {
                diagonal[lane] =
                    diagonal[lane].min(self.ticks[from + lane] + self.diagonal[from + lane]);
            }
        }
        for from in [
            at - 1,
            at + 1,
            at - SIDE,
            at + SIDE,
            at - SIDE * SIDE,
            at + SIDE * SIDE,
        ] {
            for lane in 0..8 {
                axial[lane] = axial[lane].min(self.ticks[from + lane] + self.axial[from + lane]);
            }
        }
        let mut changed = false;
        for lane in 0..8 {
            let by = (diagonal[lane] + self.diagonal[at + lane])
                .min(axial[lane] + self.axial[at + lane]);
            changed |= by < self.ticks[at + lane];
            self.ticks[at + lane] = by.min(self.ticks[at + lane]);
        }
        changed
    }

    /// Writes the inner cells back; gives those that changed.
    fn store(&self, ticks: &mut [u32; BRICK_CELLS]) -> Vec<(usize, u32)> {
        let mut changed = Vec::new();
        for (place, old) in ticks.iter_mut().enumerate() {
            let (parity, k, j, i) = (place >> 9, place >> 6 & 7, place >> 3 & 7, place & 7);
            let new = self.ticks[parity * LAYER + ((k + 1) * SIDE + j + 1) * SIDE + i + 1];
            if new < *old {
                *old = new;
                changed.push((place, new));
            }
        }
        changed
    }
}

/// The key of a voxel's cell.
pub fn key(voxel: [i32; 3]) -> CellKey {
    let [x, y, z] = voxel.map(|c| 2 * c);
    CellKey::of(Cell::new(x, y, z).expect("even")).expect("in range")
}
