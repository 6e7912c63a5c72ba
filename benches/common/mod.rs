//! What the benches share: random boxes and a plain sequential Dijkstra to compare with.
#![allow(dead_code)]

use octaflow::brick::{BRICK_CELLS, BrickId, Costs, LOCAL_BY_INDEX};

/// splitmix64: the hash that places obstacles.
pub fn mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A box of `side`³ bricks with `percent` % random obstacles, costs 1.0 elsewhere; `cost` may change an open cell's.
pub fn random_box(
    side: i32,
    percent: u64,
    cost: impl Fn(u64) -> u16,
) -> Vec<(BrickId, Box<Costs>)> {
    let mut bricks = Vec::new();
    for z in 0..side {
        for y in 0..side {
            for x in 0..side {
                let id = BrickId::new(x, y, z).expect("in range");
                let mut costs = Box::new([0; BRICK_CELLS]);
                for local in LOCAL_BY_INDEX {
                    let seed = mix(id.code() << 10 | local.index() as u64);
                    if seed % 100 >= percent {
                        costs[local.index()] = cost(mix(seed));
                    }
                }
                bricks.push((id, costs));
            }
        }
    }
    bricks.sort_unstable_by_key(|b| b.0);
    bricks
}

/// Sequential Dijkstra with a bucket queue over dense arrays of a box of `side`³ bricks; gives the distances,
/// indexed by `((parity · n + k) · n + j) · n + i` with `n = 8 · side`.
pub struct DenseBox {
    pub n: usize,
    pub costs: Vec<u16>,
}

impl DenseBox {
    pub fn new(side: i32, bricks: &[(BrickId, Box<Costs>)]) -> Self {
        let n = 8 * side as usize;
        let mut costs = vec![0; 2 * n * n * n];
        for (id, brick) in bricks {
            let [bx, by, bz] = id.xyz().map(|c| 8 * c as usize);
            for (at, &cost) in brick.iter().enumerate() {
                let (p, k, j, i) = (at >> 9, at >> 6 & 7, at >> 3 & 7, at & 7);
                costs[((p * n + bz + k) * n + by + j) * n + bx + i] = cost;
            }
        }
        DenseBox { n, costs }
    }

    pub fn dijkstra(&self, source: usize) -> Vec<u32> {
        let n = self.n;
        let half = |base: u32, c: u16| (base * u32::from(c)) >> 8;
        const WIDTH: u32 = 2702;
        let mut ticks = vec![u32::MAX; self.costs.len()];
        let mut buckets: Vec<Vec<(u32, u32)>> = vec![vec![(0, source as u32)]];
        ticks[source] = 0;
        let mut current = 0;
        while current < buckets.len() {
            while let Some((d, cell)) = buckets[current].pop() {
                let cell = cell as usize;
                if ticks[cell] != d {
                    continue;
                }
                let (i, j, k) = (cell % n, cell / n % n, cell / n / n % n);
                let p = cell / n / n / n;
                let c = self.costs[cell];
                let (hd, ha) = (half(1351, c), half(1560, c));
                let mut offer = |p: usize, i: usize, j: usize, k: usize, h: u32, base: u32| {
                    if i >= n || j >= n || k >= n {
                        return;
                    }
                    let to = ((p * n + k) * n + j) * n + i;
                    let c = self.costs[to];
                    let new = d + h + half(base, c);
                    if c > 0 && new < ticks[to] {
                        ticks[to] = new;
                        let bucket = (new / WIDTH) as usize;
                        if bucket >= buckets.len() {
                            buckets.resize_with(bucket + 1, Vec::new);
                        }
                        buckets[bucket].push((new, to as u32));
                    }
                };
                for step in 0..8usize {
                    let at = |c: usize, bit: usize| {
                        let high = step >> bit & 1;
                        if p == 0 {
                            (c + high).wrapping_sub(1)
                        } else {
                            c + high
                        }
                    };
                    offer(1 - p, at(i, 0), at(j, 1), at(k, 2), hd, 1351);
                }
                offer(p, i + 1, j, k, ha, 1560);
                offer(p, i.wrapping_sub(1), j, k, ha, 1560);
                offer(p, i, j + 1, k, ha, 1560);
                offer(p, i, j.wrapping_sub(1), k, ha, 1560);
                offer(p, i, j, k + 1, ha, 1560);
                offer(p, i, j, k.wrapping_sub(1), ha, 1560);
            }
            current += 1;
        }
        ticks
    }
}
