//! The specification against Dijkstra's algorithm on small worlds, and the engine against the specification on a
//! large one: every epoch's changes and the fields that they add up to.
//!
//! `cargo test --release --test specification -- --ignored --nocapture` measures the one against the other.

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::input::InputSession;
use octaflow::brick::{BRICK_CELLS, BrickId, Costs, LOCAL_BY_INDEX};
use octaflow::dataflows::{Diff, Time, specification};
use octaflow::engine::{Engine, EngineOptions};
use octaflow::lattice::{Cell, UNREACHED};
use octaflow::partition::{Partition, Plan};
use proptest::prelude::*;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use timely::worker::Worker;

/// A reached cell: its ticks, its label and the index of its next step.
type Record = (Cell, (u32, u32, i8));
type Field = BTreeMap<Cell, (u32, u32, i8)>;
/// What an epoch changes, consolidated.
type Changes = Vec<(Record, Diff)>;

#[derive(Clone, Copy, Debug)]
enum Edit {
    Cost(Cell, u16),
    Add(Cell, u32),
    Remove(Cell),
}

/// The map and the sources as they stand at an epoch.
#[derive(Clone, Debug, Default)]
struct World {
    costs: BTreeMap<Cell, u16>,
    sources: BTreeMap<Cell, u32>,
}

impl World {
    /// The world after edits, in order. A cell that is a source already keeps its label.
    fn after(&self, edits: &[Edit]) -> World {
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
    fn dijkstra(&self) -> Field {
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
    fn ties(&self, field: &Field) -> usize {
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
fn history(first: World, epochs: &[Vec<Edit>]) -> Vec<World> {
    let mut worlds = vec![first];
    for edits in epochs {
        worlds.push(worlds.last().unwrap().after(edits));
    }
    worlds
}

/// What takes one state of a collection to another.
fn difference<K: Ord + Copy, V: Ord + Copy>(
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
fn accumulate(field: &mut Field, changes: &Changes) {
    for &((cell, value), diff) in changes.iter().filter(|(_, diff)| *diff < 0) {
        assert_eq!((field.remove(&cell), diff), (Some(value), -1), "{cell}");
    }
    for &((cell, value), diff) in changes.iter().filter(|(_, diff)| *diff > 0) {
        assert_eq!((field.insert(cell, value), diff), (None, 1), "{cell}");
    }
}

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

/// The changes of every epoch and the field after it, by the engine.
fn engineered(first: &World, epochs: &[Vec<Edit>]) -> Vec<(Changes, Field)> {
    let mut engine = engine_of(first, true);
    let mut all = vec![solved(&mut engine)];
    for edits in epochs {
        edit(&mut engine, edits);
        all.push(solved(&mut engine));
    }
    all
}

/// An engine that is alone, with a world in it that it has not solved yet.
fn engine_of(world: &World, records: bool) -> Engine {
    let mut bricks: BTreeMap<BrickId, Box<Costs>> = BTreeMap::new();
    for (&cell, &cost) in &world.costs {
        let (brick, local) = BrickId::locate(cell).unwrap();
        bricks
            .entry(brick)
            .or_insert_with(|| Box::new([0; BRICK_CELLS]))[local.index()] = cost;
    }
    let plan = Arc::new(Plan::build(Partition::Hash, 1, &[]));
    let options = EngineOptions {
        labels: true,
        changes: records,
        next: records,
    };
    let mut engine = Engine::new(0, plan, options);
    engine.load(bricks, |_| false);
    let sources = world.sources.iter().map(|(&c, &l)| Edit::Add(c, l));
    edit(&mut engine, &sources.collect::<Vec<_>>());
    engine
}

fn edit(engine: &mut Engine, edits: &[Edit]) {
    for edit in edits {
        let (Edit::Cost(cell, _) | Edit::Add(cell, _) | Edit::Remove(cell)) = *edit;
        let (brick, local) = BrickId::locate(cell).unwrap();
        match *edit {
            Edit::Cost(_, cost) => engine.set_cost(brick, local, cost),
            Edit::Add(_, label) => engine.add_source(brick, local, label),
            Edit::Remove(_) => drop(engine.remove_source(brick, local)),
        }
    }
}

fn solved(engine: &mut Engine) -> (Changes, Field) {
    engine.solve();
    let mut changes = Changes::new();
    while engine.take_changes(7, |c| {
        let record = (c.brick.cell(c.local), (c.ticks, c.label, c.next));
        changes.push((record, Diff::from(c.diff)));
    }) {}
    let count = changes.len();
    consolidate(&mut changes);
    assert_eq!(
        changes.len(),
        count,
        "the engine's changes are consolidated"
    );
    let mut field = Field::new();
    for slot in engine.slots_by_id() {
        let next = engine.next_hops(slot);
        let (brick, _, ticks) = engine.brick(slot);
        let labels = engine.labels(slot).unwrap();
        let reached = LOCAL_BY_INDEX.map(|l| (brick.cell(l), l.index()));
        let reached = reached.iter().filter(|(_, at)| ticks[*at] != UNREACHED);
        field.extend(reached.map(|&(c, at)| (c, (ticks[at], labels[at], next[at]))));
    }
    (changes, field)
}

/// splitmix64.
fn mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn cell(x: i32, y: i32, z: i32) -> Cell {
    Cell::new(x, y, z).unwrap()
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

/// How many bricks the large world has along an axis.
const SIDE: i32 = 4;

/// The sources that the large world begins with: mirror images of each other.
fn west() -> Cell {
    cell(10, 32, 12)
}

fn east() -> Cell {
    cell(54, 32, 12)
}

/// 65,536 cells, about 15 % of them blocked. In the lower half the others cost 1.0, which makes ties; in the upper
/// half they cost 0.25…4.0.
fn large_world() -> World {
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
fn scattered(count: u64, seed: u64) -> Vec<Edit> {
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
const RELABELLED: usize = 3;
const SOURCELESS: usize = 9;

/// What happens to the large world.
fn large_epochs() -> Vec<Vec<Edit>> {
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
    let mut world = World::default();
    world.costs = (0..2720).map(|x| (cell(2 * x, 0, 0), u16::MAX)).collect();
    world.sources.insert(cell(0, 0, 0), 0);
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
