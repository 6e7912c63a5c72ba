//! The specification against Dijkstra's algorithm on small worlds, and the engine against the specification on a
//! large one: every epoch's changes and the fields that they add up to.
//!
//! `cargo test --release --test specification -- --ignored --nocapture` measures the one against the other.

mod alone;
mod world;

use alone::{edit, engine_of, engineered, solved};
use differential_dataflow::consolidation::consolidate;
use differential_dataflow::input::InputSession;
use octaflow::dataflows::{Diff, Time, specification};
use octaflow::lattice::Cell;
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use timely::worker::Worker;
use world::*;

/// How a test runs the specification.
#[derive(Clone, Copy, Debug)]
struct Run {
    workers: usize,
    /// All epochs under way at once, rather than one after the other.
    together: bool,
    /// Next hops too; they are −1 without.
    next: bool,
}

/// One epoch after the other, with next hops.
fn one_by_one(workers: usize) -> Run {
    Run {
        workers,
        together: false,
        next: true,
    }
}

/// The updates of an epoch: costs and sources.
type Inputs = (Vec<((Cell, u16), Diff)>, Vec<((Cell, u32), Diff)>);

/// The time of an epoch: there are gaps between them, and some are negative.
fn time(epoch: usize) -> Time {
    3 * epoch as Time - 7
}

/// The changes of every epoch by the specification, and how long each took.
fn specified(run: Run, worlds: &[World]) -> (Vec<Changes>, Vec<Duration>) {
    let mut before = &World::default();
    let mut inputs: Vec<Inputs> = Vec::new();
    for world in worlds {
        let costs = difference(&before.costs, &world.costs);
        inputs.push((costs, difference(&before.sources, &world.sources)));
        before = world;
    }
    let config = timely::Config::process(run.workers);
    let guards = timely::execute(config, move |worker| work(worker, run, &inputs));
    let mut changes = vec![Changes::new(); worlds.len()];
    let mut took = Vec::new();
    for guard in guards.unwrap().join() {
        let (seen, spent) = guard.unwrap();
        took = spent;
        for (record, at, diff) in seen {
            let epoch = (0..worlds.len()).find(|&epoch| time(epoch) == at);
            changes[epoch.expect("a time of an epoch")].push((record, diff));
        }
    }
    changes.iter_mut().for_each(consolidate);
    (changes, took)
}

/// One worker's share of the input, what it sees of the output, and how long it took for each epoch.
fn work(
    worker: &mut Worker,
    run: Run,
    inputs: &[Inputs],
) -> (Vec<(Record, Time, Diff)>, Vec<Duration>) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (mut cells, mut sources) = (InputSession::new(), InputSession::new());
    let probe = worker.dataflow(|scope| {
        let cells = cells.to_collection(scope);
        let field = specification::field(cells.clone(), sources.to_collection(scope));
        let records = if run.next {
            let next = specification::next(cells, field.clone());
            next.join_map(field, |&cell, &next, &(ticks, label)| {
                (cell, (ticks, label, next))
            })
        } else {
            field.map(|(cell, (ticks, label))| (cell, (ticks, label, -1)))
        };
        let keep = Rc::clone(&seen);
        let records = records.inspect(move |change| keep.borrow_mut().push(*change));
        records.probe().0
    });
    let (mine, peers) = (worker.index(), worker.peers());
    let mut took = Vec::new();
    for (epoch, (costs, seeds)) in inputs.iter().enumerate() {
        let start = Instant::now();
        cells.advance_to(time(epoch));
        sources.advance_to(time(epoch));
        for (record, diff) in costs.iter().skip(mine).step_by(peers) {
            cells.update(*record, *diff);
        }
        for (record, diff) in seeds.iter().skip(mine).step_by(peers) {
            sources.update(*record, *diff);
        }
        cells.advance_to(time(epoch) + 1);
        sources.advance_to(time(epoch) + 1);
        cells.flush();
        sources.flush();
        if !run.together {
            worker.step_or_park_while(None, || probe.less_equal(&time(epoch)));
        }
        took.push(start.elapsed());
    }
    drop((cells, sources));
    worker.step_or_park_while(None, || !probe.done());
    (seen.take(), took)
}

/// Cells around a corner where eight bricks meet.
fn some_cell() -> impl Strategy<Value = Cell> {
    (0..2, 6..10, 6..10, 6..10).prop_map(|(p, x, y, z)| cell(2 * x + p, 2 * y + p, 2 * z + p))
}

fn some_cost() -> impl Strategy<Value = u16> {
    let odd = [1, 85, 128, 255, 257, 512, 1000, u16::MAX];
    prop_oneof![2 => Just(0), 4 => Just(256), 3 => prop::sample::select(odd.to_vec())]
}

fn some_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        5 => (some_cell(), some_cost()).prop_map(|(cell, cost)| Edit::Cost(cell, cost)),
        2 => (some_cell(), 0u32..6).prop_map(|(cell, label)| Edit::Add(cell, label)),
        1 => some_cell().prop_map(Edit::Remove),
    ]
}

/// A world, and epochs of edits, some of which change or remove what is a source for certain.
fn some_history() -> impl Strategy<Value = (World, Vec<Vec<Edit>>)> {
    let costs = prop::collection::btree_map(some_cell(), some_cost(), 0..250);
    let sources = prop::collection::btree_map(some_cell(), 0u32..6, 0..4);
    let epochs = prop::collection::vec(prop::collection::vec(some_edit(), 0..10), 1..6);
    let moves = prop::collection::vec((any::<bool>(), 0u32..6), 5);
    (costs, sources, epochs, moves).prop_map(|(costs, sources, mut epochs, moves)| {
        for ((epoch, source), (again, label)) in epochs.iter_mut().zip(sources.keys()).zip(moves) {
            epoch.push(Edit::Remove(*source));
            if again {
                epoch.push(Edit::Add(*source, label));
            }
        }
        (World { costs, sources }, epochs)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn specification_engine_and_dijkstra_agree_on_small_worlds(
        (first, epochs) in some_history(), workers in 1..4usize, together in any::<bool>(),
    ) {
        let worlds = history(first.clone(), &epochs);
        let (specified, _) = specified(Run { workers, together, next: true }, &worlds);
        let engineered = engineered(&first, &epochs);
        let mut before = Field::new();
        for ((world, changes), (by_engine, field)) in worlds.iter().zip(&specified).zip(&engineered) {
            let expected = world.dijkstra();
            prop_assert_eq!(changes, &difference(&before, &expected));
            prop_assert_eq!(by_engine, changes);
            prop_assert_eq!(field, &expected);
            before = expected;
        }
    }
}

fn specification_and_engine_agree_on_a_large_world(workers: usize) {
    let (first, epochs) = (large_world(), large_epochs());
    let worlds = history(first.clone(), &epochs);
    let (specified, _) = specified(one_by_one(workers), &worlds);
    let engineered = engineered(&first, &epochs);
    let mut accumulated = Field::new();
    for (epoch, (changes, (by_engine, field))) in specified.iter().zip(&engineered).enumerate() {
        assert!(changes == by_engine, "changes of epoch {epoch}");
        accumulate(&mut accumulated, changes);
        assert!(&accumulated == field, "field of epoch {epoch}");
    }
    assert!(engineered[0].1.len() > 50_000);
    assert!(engineered[SOURCELESS].1.is_empty());
    assert!(worlds[0].ties(&engineered[0].1) > 100);
    let relabelled = &specified[RELABELLED];
    let half = relabelled.len() / 2;
    assert!(half > 10_000);
    let unlabelled =
        |&((cell, (ticks, _, next)), diff): &(Record, Diff)| ((cell, ticks, next), diff);
    let mut unlabelled: Vec<_> = relabelled.iter().map(unlabelled).collect();
    consolidate(&mut unlabelled);
    assert_eq!(unlabelled, [], "only labels change");
    assert!(engineered.last().unwrap().1 == worlds.last().unwrap().dijkstra());
}

#[test]
fn specification_and_engine_agree_on_a_large_world_with_one_worker() {
    specification_and_engine_agree_on_a_large_world(1);
}

#[test]
fn specification_and_engine_agree_on_a_large_world_with_two_workers() {
    specification_and_engine_agree_on_a_large_world(2);
}

#[test]
fn a_path_beyond_the_longest_distance_leads_nowhere() {
    let world = World {
        costs: (0..2720).map(|x| (cell(2 * x, 0, 0), u16::MAX)).collect(),
        sources: [(cell(0, 0, 0), 0)].into(),
    };
    let (specified, _) = specified(one_by_one(1), std::slice::from_ref(&world));
    let expected = world.dijkstra();
    assert!(expected.len() > 2600 && expected.len() < 2720);
    assert_eq!(specified[0], difference(&Field::new(), &expected));
    let mut engine = engine_of(&world, true);
    assert_eq!(solved(&mut engine).1, expected);
    assert!(engine.overflow().is_some());
}

#[test]
#[ignore = "a measurement"]
fn figures() {
    let first = large_world();
    let edits: Vec<Vec<Edit>> = scattered(200, 3).chunks(1).map(<[Edit]>::to_vec).collect();
    let run = Run {
        next: false,
        ..one_by_one(1)
    };
    let (changes, specified) = specified(run, &history(first.clone(), &edits));
    let mut engine = engine_of(&first, false);
    let mut engineered = Vec::new();
    for edits in [Vec::new()].iter().chain(&edits) {
        let start = Instant::now();
        edit(&mut engine, edits);
        engine.solve();
        engineered.push(start.elapsed());
    }
    let reached = changes[0].len();
    for (name, mut took) in [("specification", specified), ("engine", engineered)] {
        let solve = took.remove(0);
        took.sort_unstable();
        println!(
            "{name}: first solve {:.0} ns for each of {reached} reached cells, single edits {:.1} µs (median of {})",
            solve.as_nanos() as f64 / reached as f64,
            took[took.len() / 2].as_nanos() as f64 / 1e3,
            took.len(),
        );
    }
}
