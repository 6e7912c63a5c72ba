//! Ghost zones, one worker: how long they take to be found, what a value takes that travels along a lane, and what an epoch
//! takes of the ghost-zone join.
//!
//! `cargo bench --bench ghost [-- MAP]`; without a map a box of 16³ bricks, a quarter of them blocked at random.

mod common;

use common::{mix, random_box};
use differential_dataflow::input::InputSession;
use octaflow::brick::{BRICK_CELLS, BrickId, Costs, LOCAL_BY_INDEX, Planes};
use octaflow::dataflows::ghost::ghosts;
use octaflow::dataflows::{Diff, Time};
use octaflow::ghost::{Finder, GhostWord, Rings, Share, Through, Zones, lanes};
use octaflow::lattice::Cell;
use octaflow::map::{ReadOptions, read_map};
use octaflow::partition::{Partition, Plan};
use rustc_hash::FxHashMap;
use std::time::{Duration, Instant};
use timely::dataflow::operators::{Inspect, Probe};

type Bricks = Vec<(BrickId, Box<Costs>)>;

/// How many parts the map is divided into.
const PARTS: usize = 8;

/// How many epochs of one change are timed.
const EPOCHS: usize = 2000;

fn main() {
    let map = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let bricks: Bricks = match map {
        Some(path) => {
            let map = read_map(path.as_ref(), &ReadOptions::default());
            map.expect("a map that can be read").bricks
        }
        None => random_box(16, 25, |_| 256),
    };
    println!("{} bricks", bricks.len());
    for rings in [1, 2, 4] {
        for partition in [Partition::Hash, Partition::Hilbert] {
            creation(&bricks, partition, Rings::new(rings).unwrap());
        }
    }
    if bricks.len() <= 5000 {
        join(&bricks, Rings::new(1).unwrap());
    }
}

fn per(time: Duration, count: u64) -> f64 {
    time.as_nanos() as f64 / count.max(1) as f64
}

/// From a loaded map to the words: shapes, plan and owners included.
fn creation(bricks: &Bricks, partition: Partition, rings: Rings) {
    let begun = Instant::now();
    let shapes: Vec<Planes> = bricks.iter().map(|b| Planes::open(&b.1)).collect();
    let weights: Vec<(BrickId, u64)> = bricks
        .iter()
        .zip(&shapes)
        .map(|(b, s)| (b.0, u64::from(s.count())))
        .collect();
    let plan = Plan::build(partition, PARTS, &weights);
    let around: FxHashMap<BrickId, (Planes, u32)> = bricks
        .iter()
        .zip(&shapes)
        .map(|(b, shape)| (b.0, (*shape, plan.owner(b.0) as u32)))
        .collect();
    let look = |id| around.get(&id).map(|(shape, part)| (shape, Some(*part)));
    let prepared = begun.elapsed();
    let mut finder = Finder::new(rings, Through::Lattice);
    let mut words: Vec<GhostWord> = Vec::new();
    for (id, _) in bricks {
        finder.find(*id, look, |word| words.push(word));
    }
    let found = begun.elapsed();
    let ghosts: u64 = words.iter().map(|w| u64::from(w.cells.count_ones())).sum();
    let begun = Instant::now();
    let mut zones = Zones::new(rings, Through::Lattice, Share::new(0, 1));
    for ((id, _), shape) in bricks.iter().zip(&shapes) {
        zones.set_shape(*id, *shape);
        zones.set_part(*id, Some(plan.owner(*id) as u32));
    }
    let mut differences = 0;
    zones.update(|_, _| differences += 1);
    println!(
        "{partition}, {PARTS} parts, {} rings: {ghosts} ghosts in {} words found in {:.1} ns each, {:.1} of them shapes and plan; kept by zones {:.1}",
        rings.count(),
        words.len(),
        per(found, ghosts),
        per(prepared, ghosts),
        per(begun.elapsed(), ghosts),
    );
    assert_eq!(differences, words.len());
    if bricks.len() <= 5000 {
        exchange(bricks, words, ghosts);
    }
}

/// All values of all mirrors to where they are ghosts: gathered into a message a lane, and scattered from there into the
/// bricks that the receiving part keeps.
fn exchange(bricks: &Bricks, words: Vec<GhostWord>, ghosts: u64) {
    let slots: FxHashMap<BrickId, usize> = bricks.iter().map(|b| b.0).zip(0..).collect();
    let own: Vec<[f64; BRICK_CELLS]> = vec![[1.0; BRICK_CELLS]; bricks.len()];
    let lanes = lanes(words);
    let mut held: Vec<FxHashMap<BrickId, Box<[f64; BRICK_CELLS]>>> =
        vec![Default::default(); PARTS];
    for lane in &lanes {
        let held = &mut held[lane.part as usize];
        held.extend(
            lane.bricks()
                .map(|(id, _)| (id, Box::new([0.0; BRICK_CELLS]))),
        );
    }
    let mut messages: Vec<Vec<f64>> = vec![Vec::new(); lanes.len()];
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let begun = Instant::now();
        for (lane, message) in lanes.iter().zip(&mut messages) {
            message.clear();
            for (id, words) in lane.bricks() {
                let brick = &own[slots[&id]];
                words.iter().for_each(|word| word.gather(brick, message));
            }
        }
        for (lane, message) in lanes.iter().zip(&messages) {
            let (held, mut rest) = (&mut held[lane.part as usize], &message[..]);
            for (id, words) in lane.bricks() {
                let brick = held.get_mut(&id).expect("a brick with ghosts");
                words
                    .iter()
                    .for_each(|word| rest = word.scatter(rest, brick));
            }
        }
        best = best.min(begun.elapsed());
    }
    let came: f64 = held
        .iter()
        .flat_map(|held| held.values())
        .flat_map(|b| b.iter())
        .sum();
    assert_eq!(came, ghosts as f64);
    println!(
        "  exchanged along {} lanes in {:.1} ns a value",
        lanes.len(),
        per(best, ghosts)
    );
}

/// The join: all cells with a payload, then epochs.
fn join(bricks: &Bricks, rings: Rings) {
    let shapes: Vec<(BrickId, Planes)> = bricks.iter().map(|b| (b.0, Planes::open(&b.1))).collect();
    let weights: Vec<(BrickId, u64)> = shapes
        .iter()
        .map(|(id, s)| (*id, u64::from(s.count())))
        .collect();
    let plan = Plan::build(Partition::Hash, PARTS, &weights);
    let cells: Vec<Cell> = shapes
        .iter()
        .flat_map(|(id, shape)| {
            let locals = LOCAL_BY_INDEX.into_iter().filter(|l| shape.contains(*l));
            locals.map(|l| id.cell(l))
        })
        .collect();
    timely::execute_directly(move |worker| {
        let mut payloads: InputSession<Time, (Cell, u64), Diff> = InputSession::new();
        let mut parts: InputSession<Time, (BrickId, u32), Diff> = InputSession::new();
        let received = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let sink = received.clone();
        let probe = worker.dataflow(|scope| {
            let (payloads, parts) = (payloads.to_collection(scope), parts.to_collection(scope));
            let ghosts = ghosts(payloads, parts, rings, Through::Lattice).ghosts();
            let stream = ghosts.inner.inspect(move |(ghost, _, diff)| {
                sink.borrow_mut().push((ghost.1.0, *diff));
            });
            stream.probe().0
        });
        let mut time: Time = 0;
        payloads.advance_to(0);
        parts.advance_to(0);
        let begun = Instant::now();
        cells.iter().for_each(|cell| payloads.insert((*cell, 0)));
        weights
            .iter()
            .for_each(|w| parts.insert((w.0, plan.owner(w.0) as u32)));
        let mut step = |payloads: &mut InputSession<Time, (Cell, u64), Diff>| {
            time += 1;
            payloads.advance_to(time);
            parts.advance_to(time);
            payloads.flush();
            parts.flush();
            worker.step_while(|| probe.less_than(&time));
        };
        step(&mut payloads);
        let ghosts = received.borrow().len() as u64;
        println!(
            "join, {} rings: {} payloads, {ghosts} ghosts, the first epoch {:.0} ns a ghost",
            rings.count(),
            cells.len(),
            per(begun.elapsed(), ghosts)
        );
        let mut mirrors: Vec<Cell> = received.take().into_iter().map(|g| g.0).collect();
        mirrors.sort_unstable();
        mirrors.dedup();
        let mut values: FxHashMap<Cell, u64> = FxHashMap::default();
        let mut times = Vec::new();
        for epoch in 0..EPOCHS {
            let cell = mirrors[mix(epoch as u64) as usize % mirrors.len()];
            let value = values.entry(cell).or_insert(0);
            let begun = Instant::now();
            payloads.remove((cell, *value));
            *value += 1;
            payloads.insert((cell, *value));
            step(&mut payloads);
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        println!(
            "one mirror's payload: {:.1} µs an epoch in the median, {:.1} at the 99th percentile; {:.1} differences of ghosts each",
            times[EPOCHS / 2].as_secs_f64() * 1e6,
            times[EPOCHS * 99 / 100].as_secs_f64() * 1e6,
            received.take().len() as f64 / EPOCHS as f64,
        );
        for (name, changed) in [("all mirrors'", &mirrors), ("all cells'", &cells)] {
            let begun = Instant::now();
            for cell in changed {
                let value = values.entry(*cell).or_insert(0);
                payloads.remove((*cell, *value));
                *value += 1;
                payloads.insert((*cell, *value));
            }
            step(&mut payloads);
            let differences = received.take().len() as u64;
            println!(
                "{name} payloads: {:.0} ns a payload, {:.0} a ghost",
                per(begun.elapsed(), changed.len() as u64),
                per(begun.elapsed(), differences / 2),
            );
        }
    });
}
