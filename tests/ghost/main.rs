//! Ghosts through the dataflow against a search cell by cell, on random worlds, plans, workers and changes, and against
//! the specification.
//!
//! `OCTAFLOW_GHOST_CASES=2000 cargo test --release --test ghost` looks longer.

mod command;
mod finder;
mod world;

use differential_dataflow::input::InputSession;
use octaflow::brick::BrickId;
use octaflow::dataflows::ghost::ghosts;
use octaflow::dataflows::{Collection, Diff, Time, specification};
use octaflow::ghost::{Rings, Through};
use octaflow::lattice::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use timely::dataflow::operators::{Inspect, Probe};
use world::{Case, Changes, Ghost, Point, brick_id};

/// What came out: records, their times and differences.
type Output<Record> = Arc<Mutex<Vec<(Record, Time, Diff)>>>;

/// A ghost as its part has it.
type Held = (u32, (Point, i64, u32));

/// A mirror as its owner has it.
type Shown = (u32, (Point, i64, u32, u32));

fn cell(p: Point) -> Cell {
    Cell::new(p[0], p[1], p[2]).unwrap()
}

fn capture<Record: differential_dataflow::ExchangeData, Kept: Send + 'static>(
    collection: Collection<Record>,
    output: &Output<Kept>,
    keep: fn(&Record) -> Kept,
) -> timely::dataflow::operators::probe::Handle<Time> {
    let output = output.clone();
    let stream = collection.inner.inspect(move |(record, time, diff)| {
        output.lock().unwrap().push((keep(record), *time, *diff))
    });
    stream.probe().0
}

/// Runs a history: each epoch's changes are dealt out among the workers, and several epochs are under way at once in
/// every other case.
fn run(case: &Case, plain: bool) -> (Output<Held>, Output<Shown>) {
    let (held, shown): (Output<Held>, Output<Shown>) = Default::default();
    let outputs = (held.clone(), shown.clone());
    let changes: Arc<Vec<Changes>> = Arc::new(case.changes.clone());
    let (rings, through) = (Rings::new(case.rings).unwrap(), case.through);
    let in_step = changes.len().is_multiple_of(2);
    timely::execute(timely::Config::process(case.workers), move |worker| {
        let mut cells: InputSession<Time, (Cell, i64), Diff> = InputSession::new();
        let mut plan: InputSession<Time, (BrickId, u32), Diff> = InputSession::new();
        let probe = worker.dataflow(|scope| {
            let (cells, plan) = (cells.to_collection(scope), plan.to_collection(scope));
            let keep = |g: &(u32, (Cell, i64, u32))| (g.0, (g.1.0.xyz(), g.1.1, g.1.2));
            if plain {
                let ghosts = specification::ghosts(cells, plan, rings, through);
                return capture(ghosts, &held, keep);
            }
            let ghosts = ghosts(cells, plan, rings, through);
            capture(ghosts.mirrors(), &shown, |g| {
                (g.0, (g.1.0.xyz(), g.1.1, g.1.2, g.1.3))
            });
            capture(ghosts.ghosts(), &held, keep)
        });
        for (time, changes) in (0..).zip(changes.iter()) {
            cells.advance_to(time);
            plan.advance_to(time);
            let mine = |i: usize| i % worker.peers() == worker.index();
            for (_, ((p, payload), diff)) in
                changes.cells.iter().enumerate().filter(|(i, _)| mine(*i))
            {
                cells.update((cell(*p), *payload), *diff);
            }
            for (_, ((p, part), diff)) in changes.plan.iter().enumerate().filter(|(i, _)| mine(*i))
            {
                plan.update((brick_id(*p), *part), *diff);
            }
            cells.advance_to(time + 1);
            plan.advance_to(time + 1);
            cells.flush();
            plan.flush();
            if in_step {
                worker.step_while(|| probe.less_than(&(time + 1)));
            }
        }
    })
    .unwrap();
    outputs
}

/// The records that are there at the end of an epoch, each of which must be there once.
fn standing<Record: Ord + Clone>(output: &Output<Record>, epoch: Time) -> BTreeSet<Record> {
    let mut counts: BTreeMap<Record, Diff> = BTreeMap::new();
    for (record, time, diff) in output.lock().unwrap().iter() {
        if *time <= epoch {
            *counts.entry(record.clone()).or_default() += diff;
        }
    }
    counts.retain(|_, count| *count != 0);
    assert!(counts.values().all(|&count| count == 1));
    counts.into_keys().collect()
}

fn held(ghosts: &BTreeSet<Ghost>) -> BTreeSet<Held> {
    let ghosts = ghosts.iter();
    ghosts
        .map(|&(part, _, p, ring, v)| (part, (p, v, ring)))
        .collect()
}

fn check(seed: u64, small: bool) {
    let case = Case::new(seed, small);
    let (ghosts, mirrors) = run(&case, false);
    let plain = small.then(|| run(&case, true).0);
    for (epoch, world) in (0..).zip(&case.worlds) {
        let expected = world.ghosts(case.rings, case.through);
        let about = || {
            format!(
                "seed {seed}, epoch {epoch}, {} rings, {:?}",
                case.rings, case.through
            )
        };
        assert!(
            standing(&ghosts, epoch) == held(&expected),
            "ghosts: {}",
            about()
        );
        let shown = expected.iter();
        let shown = shown.map(|&(part, owner, p, ring, v)| (owner, (p, v, part, ring)));
        assert!(
            standing(&mirrors, epoch) == shown.collect(),
            "mirrors: {}",
            about()
        );
        if let Some(plain) = &plain {
            assert!(
                standing(plain, epoch) == held(&expected),
                "specification: {}",
                about()
            );
        }
    }
}

fn cases() -> u64 {
    let cases = std::env::var("OCTAFLOW_GHOST_CASES");
    cases.map_or(60, |cases| cases.parse().unwrap())
}

#[test]
fn ghosts_are_those_of_a_search_cell_by_cell() {
    (0..cases()).for_each(|seed| check(seed, false));
}

#[test]
fn the_specification_says_the_same() {
    (0..cases() / 4).for_each(|seed| check(1_000_000 + seed, true));
}

#[test]
fn a_payload_moves_its_own_ghosts_alone() {
    let mut case = Case::new(3, false);
    case.worlds.truncate(1);
    let world = &mut case.worlds[0];
    *world = world::World::default();
    for x in 0..64 {
        for (y, z) in [(x & 1, x & 1), (2 + (x & 1), x & 1)] {
            world.cells.insert([x, y, z], 0);
        }
    }
    world.plan = (0..4).map(|x| ([x, 0, 0], x as u32)).collect();
    case.changes = vec![Changes {
        cells: world.cells.iter().map(|(p, v)| ((*p, *v), 1)).collect(),
        plan: world.plan.iter().map(|(p, v)| ((*p, *v), 1)).collect(),
    }];
    let at = |x: i32| [x, x & 1, x & 1];
    case.changes.push(Changes {
        cells: vec![
            ((at(15), 0), -1),
            ((at(15), 5), 1),
            ((at(7), 0), -1),
            ((at(7), 5), 1),
        ],
        plan: Vec::new(),
    });
    (case.rings, case.through, case.workers) = (2, Through::Lattice, 2);
    let (ghosts, _) = run(&case, false);
    let mut moved: Vec<_> = ghosts
        .lock()
        .unwrap()
        .iter()
        .filter(|g| g.1 == 1)
        .copied()
        .collect();
    moved.sort();
    assert_eq!(
        moved,
        [((1, (at(15), 0, 1)), 1, -1), ((1, (at(15), 5, 1)), 1, 1)]
    );
}

#[test]
fn cells_may_be_there_more_than_once_and_out_of_range() {
    let changes = |cells: Vec<((Point, i64), isize)>| Changes {
        cells,
        plan: Vec::new(),
    };
    let mut case = Case::new(5, false);
    (case.rings, case.through, case.workers) = (1, Through::Cells, 2);
    case.changes = vec![
        Changes {
            cells: vec![
                (([14, 0, 0], 1), 2),
                (([16, 0, 0], 7), 1),
                (([-2, 0, 0], 7), 1),
            ],
            plan: vec![(([0, 0, 0], 0), 1), (([1, 0, 0], 1), 1)],
        },
        changes(vec![(([14, 0, 0], 2), 1)]),
        changes(vec![(([14, 0, 0], 1), -2)]),
        changes(vec![(([14, 0, 0], 2), -1)]),
    ];
    let (ghosts, _) = run(&case, false);
    let mut all: Vec<_> = ghosts.lock().unwrap().clone();
    differential_dataflow::consolidation::consolidate_updates(&mut all);
    all.sort_by_key(|g| (g.1, g.0));
    let far = (0, ([16, 0, 0], 7, 1));
    let near = |payload| (1, ([14, 0, 0], payload, 1));
    let expected = [
        (far, 0, 1),
        (near(1), 0, 2),
        (near(2), 1, 1),
        (near(1), 2, -2),
        (far, 3, -1),
        (near(2), 3, -1),
    ];
    assert_eq!(all, expected);
}
