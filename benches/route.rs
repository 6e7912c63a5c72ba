//! Routes, one worker, without a dataflow: against A* of the `pathfinding` crate, and against brick A*.
//!
//! `cargo bench --bench route` measures the 10,000 published problems of the map Complex in both modes, and every
//! tenth of them with the `pathfinding` crate on the same cells, costs and heuristic. `cargo bench --bench route --
//! MAP` measures 100 random pairs of open voxels for each decile of route length on another map, beside brick A*
//! without a hierarchy, and prints the table. `cargo bench --bench route -- --heavy` measures random queries through
//! maps whose costs differ from cell to cell: searches, and floods for those that go far.

#[path = "common/brick_astar.rs"]
mod brick_astar;
mod common;

use brick_astar::{BrickAstar, key};
use common::mix;
use octaflow::brick::{BrickId, CellMap, Costs, Local};
use octaflow::lattice::{Cell, UNIT_COST, free_distance_ticks};
use octaflow::map::{ReadOptions, read_map};
use octaflow::partition::{Partition, Plan};
use octaflow::search::{CellKey, HEAVY, Mode, Router, RouterOptions};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

const COMPLEX: &str = "examples/data/Complex.3dmap";
const PROBLEMS: &str = "examples/data/Complex.3dmap.3dscen";

/// How often the published problems are solved.
const ROUNDS: usize = 3;

/// Every which problem the `pathfinding` crate solves.
const STRIDE: usize = 10;

type Pair = (CellKey, CellKey);

fn main() {
    let mut arguments = std::env::args().skip(1);
    if std::env::args().any(|a| a == "--heavy") {
        return heavy();
    }
    match arguments.find(|a| !a.starts_with("--")) {
        Some(map) => deciles(&map),
        None => published(),
    }
}

/// What one query came to.
struct Solved {
    cost: Option<u32>,
    lower_bound: Option<u32>,
    time: Duration,
}

type Bricks = [(BrickId, Box<Costs>)];

fn solve(map: &CellMap, pairs: &[Pair], mode: Mode) -> (Vec<Solved>, Duration, u64) {
    let options = RouterOptions {
        mode,
        heavy: Some(HEAVY),
        ..RouterOptions::default()
    };
    answer(&map.bricks, pairs, options)
}

/// Answers queries; also gives how long it took in all, and the memory of the largest search.
fn answer(bricks: &Bricks, pairs: &[Pair], options: RouterOptions) -> (Vec<Solved>, Duration, u64) {
    let exists = Arc::new(bricks.iter().map(|b| b.0).collect());
    let mut router = Router::new(options, exists);
    router.join(0, Arc::new(Plan::build(Partition::Hash, 1, &[])));
    router.load(bricks.iter().cloned());
    let least = router.take_edits().1;
    router.hear(&[], least);
    for (id, pair) in (0..).zip(pairs) {
        router.add_query(id, pair.0, pair.1);
    }
    router.begin();
    let begun = Instant::now();
    while router.work() {}
    while router.next_stage() {
        loop {
            let more = router.work_heavy(usize::MAX);
            let mut words = Vec::new();
            router.take_words(|word| words.push(word));
            if !more && words.is_empty() {
                break;
            }
            router.receive_words(words);
        }
    }
    let took = begun.elapsed();
    let solved = router.answers().into_iter().map(|(_, answer)| Solved {
        cost: answer.route.as_ref().map(|r| r.cost),
        lower_bound: answer.route.as_ref().map(|r| r.lower_bound),
        time: Duration::from_micros(answer.micros),
    });
    (solved.collect(), took, router.stats().search_bytes)
}

fn published() {
    let map = read_map(COMPLEX.as_ref(), &ReadOptions::default()).expect("a map");
    let text = std::fs::read_to_string(PROBLEMS).expect("problems");
    let pairs: Vec<Pair> = text.lines().skip(2).map(pair).collect();
    let some: Vec<Pair> = pairs.iter().copied().step_by(STRIDE).collect();
    for round in 0..ROUNDS {
        println!("round {}", round + 1);
        let (exact, exact_took, bytes) = solve(&map, &pairs, Mode::Exact);
        report("exact", &exact, exact_took);
        let (corridor, took, _) = solve(&map, &pairs, Mode::Corridor);
        report("corridor", &corridor, took);
        let quality = quality(&exact, &corridor);
        println!(
            "corridor: {:.2}x the throughput of exact; {quality}",
            ratio(exact_took, took)
        );
        let (same, same_took, _) = solve(&map, &some, Mode::Exact);
        let (costs, took) = with_pathfinding(&map, &some);
        assert!(
            costs.iter().zip(&same).all(|(a, b)| *a == b.cost),
            "the costs are the same"
        );
        println!(
            "pathfinding 4: {:.2} ms a query over {} problems; octaflow {:.1}x as fast on these",
            took.as_secs_f64() * 1e3 / some.len() as f64,
            some.len(),
            ratio(took, same_took),
        );
        println!("the largest search took {:.1} MB", bytes as f64 / 1e6);
    }
}

fn pair(line: &str) -> Pair {
    let numbers: Vec<i32> = line
        .split_whitespace()
        .take(6)
        .map(|w| w.parse().expect("a voxel"))
        .collect();
    let at = |n: usize| key([numbers[n], numbers[n + 1], numbers[n + 2]]);
    (at(0), at(3))
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

/// The value that a share of the values does not exceed.
fn quantile<T: Copy + PartialOrd>(values: &[T], share: f64) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn report(name: &str, solved: &[Solved], took: Duration) {
    let times: Vec<Duration> = solved.iter().map(|s| s.time).collect();
    println!(
        "{name}: {:.3} ms mean, p50 {:?} p90 {:?} p99 {:?} max {:?}; {} of {} found",
        took.as_secs_f64() * 1e3 / solved.len() as f64,
        quantile(&times, 0.5),
        quantile(&times, 0.9),
        quantile(&times, 0.99),
        quantile(&times, 1.0),
        solved.iter().filter(|s| s.cost.is_some()).count(),
        solved.len(),
    );
}

fn quality(exact: &[Solved], corridor: &[Solved]) -> String {
    let both = exact
        .iter()
        .zip(corridor)
        .filter_map(|(e, c)| Some((e.cost?, c.cost?, c.lower_bound?)));
    let (mut to_bound, mut to_optimum) = (Vec::new(), Vec::new());
    for (optimum, cost, bound) in both.filter(|b| b.0 > 0) {
        assert!(bound <= optimum && optimum <= cost);
        to_bound.push(f64::from(cost) / f64::from(bound));
        to_optimum.push(f64::from(cost) / f64::from(optimum));
    }
    format!(
        "cost / lower bound median {:.4}, cost / optimum median {:.4} max {:.4}",
        quantile(&to_bound, 0.5),
        quantile(&to_optimum, 0.5),
        quantile(&to_optimum, 1.0),
    )
}

/// The costs of the best routes by the `pathfinding` crate: nodes are coordinates, costs stand in dense arrays.
fn with_pathfinding(map: &CellMap, pairs: &[Pair]) -> (Vec<Option<u32>>, Duration) {
    let index: HashMap<BrickId, usize> = map
        .bricks
        .iter()
        .enumerate()
        .map(|(n, b)| (b.0, n))
        .collect();
    let high: [i32; 3] =
        std::array::from_fn(|a| map.bricks.iter().map(|b| b.0.xyz()[a]).max().unwrap_or(0) + 1);
    let mut dense = vec![usize::MAX; high.iter().product::<i32>() as usize];
    let at = |[x, y, z]: [i32; 3]| ((z * high[1] + y) * high[0] + x) as usize;
    for (id, &n) in &index {
        dense[at(id.xyz())] = n;
    }
    let open = |xyz: [i32; 3]| {
        let brick = xyz.map(|c| c >> 4);
        let inside = (0..3).all(|a| brick[a] >= 0 && brick[a] < high[a]);
        let n = if inside { dense[at(brick)] } else { usize::MAX };
        let [x, y, z] = xyz.map(|c| (c & 15) as usize);
        n != usize::MAX
            && map.bricks[n].1[(x & 1) << 9 | (z >> 1) << 6 | (y >> 1) << 3 | x >> 1] > 0
    };
    let begun = Instant::now();
    let costs = pairs.iter().map(|(start, goal)| {
        let to = goal.cell();
        let found = pathfinding::prelude::astar(
            &start.cell().xyz(),
            |from| {
                octaflow::lattice::NEIGHBOURS
                    .iter()
                    .enumerate()
                    .filter_map(|(step, by)| {
                        let next: [i32; 3] = std::array::from_fn(|a| from[a] + by[a]);
                        open(next).then_some((next, if step < 8 { 2702_u64 } else { 3120 }))
                    })
                    .collect::<Vec<_>>()
            },
            |&[x, y, z]| free_distance_ticks(Cell::new(x, y, z).expect("a cell"), to, UNIT_COST),
            |&xyz| xyz == to.xyz(),
        );
        found.map(|f| f.1 as u32)
    });
    let costs = costs.collect();
    (costs, begun.elapsed())
}

/// How many pairs a decile of route length has.
const PAIRS: usize = 100;

fn deciles(path: &str) {
    let map = read_map(path.as_ref(), &ReadOptions::default()).expect("a map");
    let pairs = random_pairs(&map.bricks);
    let (solved, _, bytes) = solve(&map, &pairs, Mode::Exact);
    let bricks = BrickAstar::new(&map);
    let mut rows: Vec<(u32, Duration, Duration, u64)> = Vec::new();
    for (pair, solved) in pairs.iter().zip(&solved) {
        // One that is unreachable has no length; both programs would flood its component.
        let Some(cost) = solved.cost else { continue };
        if rows.len() == 10 * PAIRS {
            break;
        }
        let begun = Instant::now();
        let (found, visits) = bricks.solve(pair.0, pair.1);
        let took = begun.elapsed();
        assert_eq!(found, Some(cost));
        rows.push((cost, solved.time, took, visits));
    }
    rows.sort_by_key(|r| r.0);
    println!(
        "| decile | length, voxels | octaflow p50 | p99 | brick A* p50 | p99 | ratio p50 | p99 |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (n, rows) in rows.chunks(rows.len().div_ceil(10).max(1)).enumerate() {
        row(&(n + 1).to_string(), rows);
    }
    row("all", &rows);
    println!("the largest search took {:.1} MB", bytes as f64 / 1e6);
}

fn row(name: &str, rows: &[(u32, Duration, Duration, u64)]) {
    let own: Vec<Duration> = rows.iter().map(|r| r.1).collect();
    let other: Vec<Duration> = rows.iter().map(|r| r.2).collect();
    let longest = rows.iter().map(|r| r.0).max().unwrap_or(0);
    let [a, b, c, d] =
        [(&own, 0.5), (&own, 0.99), (&other, 0.5), (&other, 0.99)].map(|(v, s)| quantile(v, s));
    println!(
        "| {name} | {:.0} | {:.2} ms | {:.2} ms | {:.2} ms | {:.2} ms | {:.1}x | {:.1}x |",
        f64::from(longest) / 3120.0,
        a.as_secs_f64() * 1e3,
        b.as_secs_f64() * 1e3,
        c.as_secs_f64() * 1e3,
        d.as_secs_f64() * 1e3,
        ratio(c, a),
        ratio(d, b),
    );
}

/// How many bricks the maps of [`heavy`] have along an axis, and how many queries they are asked.
const HEAVY_BRICKS: i32 = 24;
const HEAVY_PAIRS: usize = 20;

fn heavy() {
    // Over some hundred cells; or from each cell to the next, a seventh of them blocked.
    let rolling = |cell: Cell| {
        let waves = [
            [0.031, 0.017, 0.011, 0.3],
            [0.013, 0.037, 0.019, 1.1],
            [0.023, 0.007, 0.041, 2.9],
        ];
        let height = waves.iter().map(|[x, y, z, phase]| {
            (x * f64::from(cell.x()) + phase).sin()
                * (y * f64::from(cell.y()) + phase).sin()
                * (z * f64::from(cell.z()) + phase).sin()
        });
        (256.0 * (1.5 * height.sum::<f64>()).exp()) as u16
    };
    let independent = |cell: Cell| {
        let [x, y, z] = cell.xyz().map(|c| c as u64);
        let drawn = mix(x << 42 | y << 21 | z);
        let cost = 64.0 * 16f64.powf((drawn >> 32) as f64 / f64::from(u32::MAX));
        if drawn.is_multiple_of(7) {
            0
        } else {
            cost as u16
        }
    };
    let maps: [(&str, &dyn Fn(Cell) -> u16); 2] =
        [("rolling", &rolling), ("independent", &independent)];
    for (name, cost) in maps {
        let mut bricks: Vec<(BrickId, Box<Costs>)> = Vec::new();
        for code in 0..HEAVY_BRICKS.pow(3) {
            let [x, y, z] = [
                code % HEAVY_BRICKS,
                code / HEAVY_BRICKS % HEAVY_BRICKS,
                code / HEAVY_BRICKS.pow(2),
            ];
            let id = BrickId::new(x, y, z).expect("in range");
            let costs =
                std::array::from_fn(|place| cost(id.cell(Local::new(place).expect("a place"))));
            bricks.push((id, Box::new(costs)));
        }
        let mut pairs = random_pairs(&bricks);
        pairs.truncate(HEAVY_PAIRS);
        let alone = RouterOptions::default();
        let (searched, alone_took, _) = answer(&bricks, &pairs, alone);
        for heavy in [HEAVY / 4, HEAVY / 2, HEAVY, 2 * HEAVY, 8 * HEAVY] {
            let (flooded, took, bytes) = answer(
                &bricks,
                &pairs,
                RouterOptions {
                    heavy: Some(heavy),
                    ..alone
                },
            );
            assert!(searched.iter().zip(&flooded).all(|(a, b)| a.cost == b.cost));
            println!(
                "{name}: {HEAVY_PAIRS} queries by searches {:.2} s, by floods after {heavy} cells {:.2} s, {:.2} times as fast; {:.0} MB",
                alone_took.as_secs_f64(),
                took.as_secs_f64(),
                ratio(alone_took, took),
                bytes as f64 / 1e6,
            );
        }
    }
}

/// Pairs of open even cells, at random, a tenth more than are measured.
fn random_pairs(bricks: &Bricks) -> Vec<Pair> {
    let mut seed = 1;
    let mut draw = |below: usize| {
        seed = mix(seed);
        (seed % below as u64) as usize
    };
    let mut end = || loop {
        let (id, costs) = &bricks[draw(bricks.len())];
        let place = draw(512);
        if costs[place] > 0 {
            return CellKey::from_bits(id.code() << 10 | place as u64).expect("a place");
        }
    };
    (0..11 * PAIRS).map(|_| (end(), end())).collect()
}
