//! Figures of large maps: rooms between thin walls with doors, and scattered obstacles.

use super::End;
use super::world::{place, points};
use differential_dataflow::input::InputSession;
use octaflow::brick::{BRICK_CELLS, BrickId, Costs, Local};
use octaflow::dataflows::regions::{reachable, specification};
use octaflow::dataflows::{Collection, Time};
use octaflow::partition::{Partition, Plan};
use octaflow::regions::{Changes, Profile, Region, Regions};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use timely::dataflow::operators::probe::Handle;
use timely::worker::Worker;

/// How many bricks a map has along an axis.
const EDGE: i32 = 56;

/// How many lattice units lie between two walls.
const ROOM: i32 = 72;

const QUERIES: i64 = 10_000;

type Fill = fn(BrickId) -> Box<Costs>;

type Reachable = for<'s> fn(
    Collection<'s, (Region, Region)>,
    Collection<'s, Profile>,
    Collection<'s, (Region, End)>,
) -> Collection<'s, (i64, bool)>;

/// An arbitrary number for each number.
fn mix(n: u64) -> u64 {
    let z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 32)
}

/// Rooms: between two there is a door, one even cell at the middle of the wall, in three walls of four.
fn rooms(brick: BrickId) -> Box<Costs> {
    let mut costs = Box::new([256; BRICK_CELLS]);
    let corner = brick.xyz().map(|c| 16 * c);
    let is_walled = |c: i32| (c..c + 16).any(|c| c % ROOM < 2);
    if !corner.into_iter().any(is_walled) {
        return costs;
    }
    for point in points(brick) {
        for axis in (0..3).filter(|&axis| point[axis] % ROOM < 2) {
            let middle = |a: usize| if a == axis { 0 } else { ROOM / 2 };
            let is_middle = (0..3).all(|a| point[a] % ROOM == middle(a));
            let [x, y, z] = point.map(|c| (c / ROOM) as u64);
            let has_door = mix(((x << 20 | y << 10 | z) << 2) + axis as u64) & 3 > 0;
            if !(is_middle && has_door) {
                costs[place(point).1.index()] = 0;
            }
        }
    }
    costs
}

/// Obstacles: the given share of cells in a hundred, scattered.
fn scattered(brick: BrickId, percent: u64) -> Box<Costs> {
    let mut costs = Box::new([256; BRICK_CELLS]);
    for (l, cost) in costs.iter_mut().enumerate() {
        if mix(brick.code() << 10 | l as u64) % 100 < percent {
            *cost = 0;
        }
    }
    costs
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|n| n.parse().ok());
    pages.unwrap_or(0usize) * 4096
}

/// How long this thread has run: the machine may be shared.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn median(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort_unstable();
    let micros = |n: usize| took[n.min(took.len() - 1)].as_nanos() as f64 / 1e3;
    (micros(took.len() / 2), micros(took.len() * 99 / 100))
}

/// A worker's inputs.
struct Inputs {
    edges: InputSession<Time, (Region, Region), isize>,
    profiles: InputSession<Time, Profile, isize>,
    ends: InputSession<Time, (Region, End), isize>,
    probe: Handle<Time>,
    time: Time,
}

impl Inputs {
    fn new(worker: &mut Worker, reachable: Reachable) -> Inputs {
        let (mut edges, mut profiles) = (InputSession::new(), InputSession::new());
        let mut ends = InputSession::new();
        let probe = worker.dataflow(|scope| {
            let edges = edges.to_collection(scope);
            let profiles = profiles.to_collection(scope);
            reachable(edges, profiles, ends.to_collection(scope))
                .probe()
                .0
        });
        let time = 0;
        edges.advance_to(time);
        profiles.advance_to(time);
        ends.advance_to(time);
        Inputs {
            edges,
            profiles,
            ends,
            probe,
            time,
        }
    }

    /// Gives an epoch to the dataflow and waits for it.
    fn run(&mut self, worker: &mut Worker, changes: &Changes) -> Duration {
        let start = Instant::now();
        (changes.edges.iter()).for_each(|&(edge, diff)| self.edges.update(edge, diff));
        (changes.profiles.iter()).for_each(|&(p, diff)| self.profiles.update(p, diff));
        self.time += 1;
        self.edges.advance_to(self.time);
        self.profiles.advance_to(self.time);
        self.ends.advance_to(self.time);
        self.edges.flush();
        self.profiles.flush();
        self.ends.flush();
        worker.step_or_park_while(None, || self.probe.less_than(&self.time));
        start.elapsed()
    }
}

/// Loads a map and makes 400 single-cell edits: half of them anywhere, half close or open a door.
fn measure(worker: &mut Worker, (name, fill): (&str, Fill), all: &[BrickId], plan: &Plan) {
    let me = worker.index();
    let say = |line: String| {
        if me == 0 {
            println!("  {line}");
        }
    };
    let own: Vec<BrickId> = (all.iter().copied())
        .filter(|&brick| plan.owner(brick) == me)
        .collect();
    // One after the other, as an engine that has read a map holds them.
    let costs = own.iter().map(|&brick| (brick, fill(brick)));
    let mut bricks: FxHashMap<BrickId, Box<Costs>> = costs.collect();
    say(format!(
        "{name}: {} bricks of worker 0 of {}",
        own.len(),
        worker.peers()
    ));
    let mut regions = Regions::new(me, Arc::new(plan.clone()));
    let before = resident_bytes();
    let start = cpu();
    regions.update(&own, |brick| bricks.get(&brick).map(|c| &**c));
    let took = cpu() - start;
    let changes = regions.take_changes();
    say(format!(
        "load, CPU {took:.1?}, {:.1} MB more than before (with changes), {} edges, {} profiles",
        resident_bytes().saturating_sub(before) as f64 / 1e6,
        changes.edges.len(),
        changes.profiles.len()
    ));
    let flows: [(&str, Reachable); 2] = [("reachable", reachable), ("iterate", specification)];
    let mut flows = flows.map(|(name, flow)| (name, Inputs::new(worker, flow)));
    for (name, inputs) in &mut flows {
        for end in 0..2 * QUERIES {
            let at = mix(end as u64) as usize;
            let brick = all[at % all.len()];
            if plan.owner(brick) == me {
                let local = Local::new(at >> 32 & 1023).unwrap();
                let region = regions.region_of(brick, local, &bricks[&brick]);
                if let Some(region) = region {
                    inputs.ends.insert((region, (end / 2, end as u8 & 1)));
                }
            }
        }
        let start = cpu();
        inputs.run(worker, &changes);
        let took = cpu() - start;
        say(format!(
            "{name}: first solve, CPU {took:.1?}, {:.0} MB in all",
            resident_bytes() as f64 / 1e6
        ));
    }
    for doors in [false, true] {
        let mut took: [Vec<Duration>; 3] = Default::default();
        let mut structural = 0;
        for n in 0..200 {
            let at = if doors {
                door(n / 2)
            } else {
                [1, 2, 3].map(|a| (mix(4 * n + a) % (8 * EDGE as u64)) as i32 * 2)
            };
            let (brick, local) = place(at);
            if let Some(costs) = bricks.get_mut(&brick) {
                costs[local.index()] = 256 - costs[local.index()];
            }
            let start = Instant::now();
            regions.update(&[brick], |brick| bricks.get(&brick).map(|c| &**c));
            took[0].push(start.elapsed());
            let changes = regions.take_changes();
            structural += usize::from(!changes.edges.is_empty() || !changes.profiles.is_empty());
            for ((_, inputs), took) in flows.iter_mut().zip(&mut took[1..]) {
                took.push(inputs.run(worker, &changes));
            }
        }
        let [update, product, plain] = took.map(median);
        say(format!(
            "200 edits of {}, {structural} with changes here, p50 and p99 in µs: update {update:.1?}, reachable {product:.1?}, iterate {plain:.1?}",
            if doors { "doors" } else { "cells" }
        ));
    }
}

/// The even cell in some door's place.
fn door(n: u64) -> [i32; 3] {
    let rooms = (16 * EDGE / ROOM) as u64;
    let axis = (mix(n) % 3) as usize;
    std::array::from_fn(|a| {
        let room = (mix(3 * n + a as u64) >> 20) % (rooms - 1);
        let within = if a == axis { ROOM } else { ROOM / 2 };
        ROOM * room as i32 + within
    })
}

#[test]
#[ignore = "a measurement"]
fn figures() {
    let maps: [(&str, Fill); 3] = [
        ("rooms", rooms),
        ("20 % scattered", |brick| scattered(brick, 20)),
        ("70 % scattered", |brick| scattered(brick, 70)),
    ];
    let along = 0..EDGE * EDGE * EDGE;
    let brick = |n: i32| BrickId::new(n % EDGE, n / EDGE % EDGE, n / EDGE / EDGE);
    let mut all: Vec<BrickId> = along.filter_map(brick).collect();
    all.sort_unstable();
    let weights: Vec<_> = all.iter().map(|&brick| (brick, 1024)).collect();
    let all = Arc::new(all);
    for workers in [1, 2] {
        let plan = Arc::new(Plan::build(Partition::Hash, workers, &weights));
        for map in maps {
            let (all, plan) = (all.clone(), plan.clone());
            let config = timely::Config::process(workers);
            let guards = timely::execute(config, move |worker| {
                measure(worker, map, &all, &plan);
            });
            drop(guards);
        }
    }
}
