//! Routes through the dataflow against the oracle, on random worlds, workers, partitions and updates: every epoch's
//! records, and the cells of the routes in the end.
//!
//! `OCTAFLOW_ROUTE_CASES=2000 cargo test --release --test route` looks longer.

mod floods;
mod oracle;

use differential_dataflow::input::InputSession;
use octaflow::brick::{BRICK_CELLS, BrickId, Costs};
use octaflow::dataflows::edits::Edit;
use octaflow::dataflows::epochs::EpochError;
use octaflow::dataflows::route::{QueryEdit, route};
use octaflow::dataflows::{Time, specification};
use octaflow::lattice::Cell;
use octaflow::partition::{Partition, Plan};
use octaflow::search::{Answer, CellKey, Mode, RouteRecord, RouteStatus, Router, RouterOptions};
use oracle::{Expected, Point, STEPS, World, expected, weight};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use timely::dataflow::operators::Inspect;

/// Random numbers from a seed: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// The queries by id.
type Queries = BTreeMap<i64, (Point, Point)>;

struct Case {
    first: World,
    epochs: Vec<(Vec<Edit>, Vec<QueryEdit>)>,
    /// The world and the queries after the first solve and after every epoch.
    states: Vec<(World, Queries)>,
    workers: usize,
    partition: Partition,
    options: RouterOptions,
}

fn cell(p: Point) -> Cell {
    Cell::new(p[0], p[1], p[2]).unwrap()
}

fn key(p: Point) -> CellKey {
    CellKey::of(cell(p)).unwrap()
}

/// All lattice points of a box.
fn points(low: Point, size: Point) -> Vec<Point> {
    let mut points = Vec::new();
    for x in low[0]..low[0] + size[0] {
        for y in low[1]..low[1] + size[1] {
            for z in low[2]..low[2] + size[2] {
                if (x ^ y) & 1 == 0 && (x ^ z) & 1 == 0 {
                    points.push([x, y, z]);
                }
            }
        }
    }
    points
}

fn case(seed: u64) -> Case {
    let mut random = Random(seed);
    let low = [16, 32, 48].map(|c| (c - random.below(20) as i32).max(0));
    let size = [0; 3].map(|_| 6 + random.below(34) as i32);
    let all = points(low, size);
    let blocked = [0, 3, 15, 35, 55][random.below(5)];
    let costs: &[u16] = [
        &[256][..],
        &[256, 256, 256, 300],
        &[100, 256, 1000, 65_535],
        &[1, 2, 3],
    ][random.below(4)];
    let wall = low[0] + size[0] / 2;
    let walled = random.chance(50);
    let mut world = World::new();
    for &p in &all {
        let hole = p[1] - low[1] < 3 && p[2] - low[2] < 4;
        let in_wall = walled && (wall..wall + 2).contains(&p[0]) && !hole;
        if !in_wall && !random.chance(blocked) {
            world.insert(p, costs[random.below(costs.len())]);
        }
    }
    if world.is_empty() {
        world.insert(all[0], 256);
    }
    let first = world.clone();
    let mut queries = Queries::new();
    let mut next_id = 0;
    let mut add = |queries: &mut Queries, random: &mut Random| {
        let known: Vec<(Point, Point)> = queries.values().copied().collect();
        let mut start = all[random.below(all.len())];
        let mut goal = all[random.below(all.len())];
        if !known.is_empty() && random.chance(40) {
            let other = known[random.below(known.len())];
            if random.chance(50) {
                start = other.0;
            } else {
                goal = other.1;
            }
        }
        if random.chance(5) {
            goal = start;
        }
        next_id += 1 + random.below(3) as i64;
        let id = if random.chance(50) { next_id } else { -next_id };
        queries.insert(id, (start, goal));
        QueryEdit::Add {
            query: id,
            start: key(start),
            goal: key(goal),
        }
    };
    // Without updates, searches are grown from query to query.
    let updates = !random.chance(30);
    for _ in 0..random.below(9) + if updates { 1 } else { 20 } {
        add(&mut queries, &mut random);
    }
    let mut states = vec![(world.clone(), queries.clone())];
    let mut epochs = Vec::new();
    for _ in 0..if updates { random.below(7) } else { 0 } {
        let (mut edits, mut changes) = (Vec::new(), Vec::new());
        let routes: Vec<Point> = queries
            .values()
            .filter_map(|&(s, g)| match expected(&world, s, g) {
                Expected::Found(route) => Some(route[random.below(route.len())].0),
                _ => None,
            })
            .collect();
        for _ in 0..[0, 1, 1, 2, 12][random.below(5)] {
            let mut at = all[random.below(all.len())];
            if !routes.is_empty() && random.chance(60) {
                at = routes[random.below(routes.len())];
                if random.chance(50) {
                    let step = STEPS[random.below(14)];
                    at = std::array::from_fn(|a| at[a] + step[a]);
                    if at.iter().any(|c| *c < 0) {
                        at = routes[0];
                    }
                }
            }
            let cost = [0, 0, 256, costs[random.below(costs.len())], 77][random.below(5)];
            edits.push(Edit::Cost {
                cell: cell(at),
                cost,
            });
            if cost == 0 {
                world.remove(&at);
            } else {
                world.insert(at, cost);
            }
        }
        if random.chance(40) {
            changes.push(add(&mut queries, &mut random));
        }
        if random.chance(30)
            && let Some((&id, _)) = queries.iter().nth(random.below(queries.len().max(1)))
        {
            queries.remove(&id);
            changes.push(QueryEdit::Remove { query: id });
        }
        epochs.push((edits, changes));
        states.push((world.clone(), queries.clone()));
    }
    Case {
        first,
        epochs,
        states,
        workers: 1 + random.below(3),
        partition: Partition::ALL[random.below(Partition::ALL.len())],
        options: RouterOptions {
            mode: if random.chance(30) {
                Mode::Corridor
            } else {
                Mode::Exact
            },
            smooth: random.chance(30),
            updates,
            heavy: [None, Some(0), Some(50), Some(700)][random.below(4)],
        },
    }
}

/// A maze of corridors two voxels wide through 64 bricks, and queries that share an end: their searches flood it, so that
/// sides are grown from query to query.
fn maze(seed: u64) -> Case {
    const ROOMS: usize = 9;
    let mut random = Random(seed);
    let mut world = World::new();
    let mut dig = |low: Point, size: Point, random: &mut Random| {
        for p in points(low, size) {
            world.insert(p, if random.chance(seed * 10) { 300 } else { 256 });
        }
    };
    let corner = |room: [usize; 3]| room.map(|r| 20 + 6 * r as i32);
    let (mut seen, mut way) = (BTreeSet::from([[0usize; 3]]), vec![[0usize; 3]]);
    dig(corner([0; 3]), [4; 3], &mut random);
    while let Some(&room) = way.last() {
        let mut beside: Vec<(usize, [usize; 3])> = Vec::new();
        for axis in 0..3 {
            for by in [1, usize::MAX] {
                let mut next = room;
                next[axis] = next[axis].wrapping_add(by);
                if next[axis] < ROOMS && (!seen.contains(&next) || random.chance(seed)) {
                    beside.push((axis, next));
                }
            }
        }
        if beside.is_empty() {
            way.pop();
            continue;
        }
        let (axis, next) = beside[random.below(beside.len())];
        let mut size = [4; 3];
        size[axis] = 10;
        let (a, b) = (corner(room), corner(next));
        dig(std::array::from_fn(|k| a[k].min(b[k])), size, &mut random);
        if seen.insert(next) {
            way.push(next);
        }
    }
    let open: Vec<Point> = world.keys().copied().collect();
    let mut any = || open[random.below(open.len())];
    let (start, goal) = (any(), any());
    let mut queries = Queries::new();
    for id in 0..18 {
        let ends = match id % 3 {
            0 => (start, any()),
            1 => (any(), goal),
            _ => (any(), any()),
        };
        queries.insert(id, ends);
    }
    Case {
        first: world.clone(),
        epochs: Vec::new(),
        states: vec![(world, queries)],
        workers: 1 + seed as usize % 2,
        partition: Partition::Hash,
        options: RouterOptions {
            mode: Mode::Exact,
            smooth: false,
            updates: false,
            heavy: [None, Some(0), Some(2000)][seed as usize % 3],
        },
    }
}

fn bricks(world: &World) -> BTreeMap<BrickId, Box<Costs>> {
    let mut bricks: BTreeMap<BrickId, Box<Costs>> = BTreeMap::new();
    for (&p, &cost) in world {
        let (brick, local) = BrickId::locate(cell(p)).unwrap();
        bricks
            .entry(brick)
            .or_insert_with(|| Box::new([0; BRICK_CELLS]))[local.index()] = cost;
    }
    bricks
}

type Changes = Vec<(RouteRecord, Time, isize)>;

/// Runs a case: all changes, and the answers in the end.
fn run(case: &Case) -> (Changes, BTreeMap<i64, Answer>) {
    try_run(case).unwrap()
}

fn try_run(case: &Case) -> Result<(Changes, BTreeMap<i64, Answer>), EpochError> {
    let bricks = bricks(&case.first);
    let weights: Vec<(BrickId, u64)> = bricks.keys().map(|&b| (b, 1)).collect();
    let plan = Arc::new(Plan::build(case.partition, case.workers, &weights));
    let exists = Arc::new(bricks.keys().copied().collect());
    let first: Vec<QueryEdit> = case.states[0]
        .1
        .iter()
        .map(|(&query, &(start, goal))| QueryEdit::Add {
            query,
            start: key(start),
            goal: key(goal),
        })
        .collect();
    let changes: Arc<Mutex<Changes>> = Arc::default();
    let seen = changes.clone();
    let (options, epochs) = (case.options, case.epochs.clone());
    let guards = timely::execute(timely::Config::process(case.workers), move |worker| {
        let mut router = Router::new(options, Arc::clone(&exists));
        let own = bricks.iter().filter(|b| plan.owner(*b.0) == worker.index());
        router.load(own.map(|(id, costs)| (*id, costs.clone())));
        let router = Rc::new(RefCell::new(router));
        let seen = seen.clone();
        let mut input = worker.dataflow::<Time, _, _>(|scope| {
            let (input, stream) = route(scope, &router, &plan);
            stream.inspect(move |change| seen.lock().unwrap().push(*change));
            input
        });
        let mut ended = Ok(());
        if worker.index() == 0 {
            let first = first.iter().copied();
            ended = input.epoch_with(worker, 0, [], first, || ());
            for (time, (edits, queries)) in (1..).zip(&epochs) {
                let edits = (1..).zip(edits.iter().copied());
                let queries = queries.iter().copied();
                let epoch = input.epoch_with(worker, time, edits, queries, || ());
                ended = ended.and(epoch);
            }
        }
        input.follow(worker);
        let answers = router.borrow();
        let answers = answers.answers().into_iter();
        ended.map(|()| answers.map(|(id, a)| (id, a.clone())).collect::<Vec<_>>())
    });
    let mut answers = BTreeMap::new();
    for ended in guards.unwrap().join() {
        answers.extend(ended.unwrap()?);
    }
    let changes = std::mem::take(&mut *changes.lock().unwrap());
    Ok((changes, answers))
}

fn check(seed: u64, case: Case) {
    let (changes, answers) = run(&case);
    let mut standing: BTreeSet<RouteRecord> = BTreeSet::new();
    for (time, (world, queries)) in (0..).zip(&case.states) {
        let mut now: Vec<_> = changes.iter().filter(|c| c.1 == time).collect();
        now.sort_unstable_by_key(|c| (c.2, c.0));
        for (record, _, diff) in now {
            match diff {
                1 => assert!(
                    standing.insert(*record),
                    "seed {seed} time {time}: {record:?} twice"
                ),
                -1 => assert!(
                    standing.remove(record),
                    "seed {seed} time {time}: {record:?} gone"
                ),
                _ => panic!("seed {seed} time {time}: {diff} times {record:?}"),
            }
        }
        let ids: Vec<i64> = standing.iter().map(|r| r.query).collect();
        let expected_ids: Vec<i64> = queries.keys().copied().collect();
        assert_eq!(ids, expected_ids, "seed {seed} time {time}");
        for record in &standing {
            let (start, goal) = queries[&record.query];
            let context = format!("seed {seed} time {time} query {}", record.query);
            compare(
                record,
                &expected(world, start, goal),
                case.options.mode,
                &context,
            );
        }
    }
    let (world, queries) = case.states.last().unwrap();
    let records: BTreeSet<RouteRecord> = answers.iter().map(|(&id, a)| a.record(id)).collect();
    assert_eq!(records, standing, "seed {seed}: the changes add up");
    for (id, answer) in &answers {
        let (start, goal) = queries[id];
        let context = format!("seed {seed} query {id}");
        compare_cells(
            world,
            answer,
            &expected(world, start, goal),
            case.options,
            &context,
        );
    }
    // A run from scratch on the last state gives the same answers, in both modes.
    let scratch = Case {
        first: world.clone(),
        epochs: Vec::new(),
        states: vec![(world.clone(), queries.clone())],
        workers: 1,
        partition: Partition::Hash,
        ..case
    };
    let (_, fresh) = run(&scratch);
    for (id, answer) in &answers {
        assert_eq!(answer.status, fresh[id].status, "seed {seed} query {id}");
        assert_eq!(answer.route, fresh[id].route, "seed {seed} query {id}");
    }
}

fn compare(record: &RouteRecord, expected: &Expected, mode: Mode, context: &str) {
    match expected {
        Expected::Invalid => assert_eq!(record.status, RouteStatus::Invalid, "{context}"),
        Expected::Unreachable => assert_eq!(record.status, RouteStatus::Unreachable, "{context}"),
        Expected::Found(route) => {
            assert_eq!(record.status, RouteStatus::Found, "{context}");
            let optimum = route[route.len() - 1].1;
            let (cost, bound) = (record.cost.unwrap(), record.lower_bound.unwrap());
            match mode {
                Mode::Exact => {
                    assert_eq!((cost, bound), (optimum, optimum), "{context}");
                    assert_eq!(record.cells as usize, route.len(), "{context}");
                }
                Mode::Corridor => {
                    assert!(bound <= optimum && optimum <= cost, "{context}");
                    assert!(20 * u64::from(cost) <= 21 * u64::from(optimum), "{context}");
                }
            }
        }
    }
}

fn compare_cells(
    world: &World,
    answer: &Answer,
    expected: &Expected,
    options: RouterOptions,
    context: &str,
) {
    let Some(route) = &answer.route else { return };
    let cells: Vec<(Point, u32)> = route
        .cells
        .iter()
        .map(|&(k, t)| (k.cell().xyz(), t))
        .collect();
    let Expected::Found(best) = expected else {
        panic!("{context}: found what is not there")
    };
    if options.mode == Mode::Exact {
        assert_eq!(&cells, best, "{context}");
    }
    assert_eq!(
        (cells[0], cells[cells.len() - 1]),
        ((best[0].0, 0), (best[best.len() - 1].0, route.cost))
    );
    let mut length = 0.0;
    for pair in cells.windows(2) {
        let by: Point = std::array::from_fn(|a| pair[1].0[a] - pair[0].0[a]);
        let step = STEPS.iter().position(|&s| s == by).expect("a step");
        let weight = weight(world, pair[0].0, step, pair[1].0).expect("open cells");
        assert_eq!(pair[0].1 + weight, pair[1].1, "{context}");
        length += if step < 8 { 3f64.sqrt() } else { 2.0 };
    }
    assert_eq!(route.bends.is_some(), options.smooth, "{context}");
    if let (Some(units), Some(bends)) = (route.smooth_units(), &route.bends) {
        let ends = [cells[0].0, cells[cells.len() - 1].0];
        assert_eq!([bends[0].xyz(), bends[bends.len() - 1].xyz()], ends);
        let is_open = |bend: &Cell| world.get(&bend.xyz()).is_some_and(|&cost| cost > 0);
        assert!(bends.iter().all(is_open), "{context}");
        assert!(
            units <= length * (1.0 + 1e-9),
            "{context}: {units} {length}"
        );
    }
}

#[test]
fn routes_are_the_oracles_after_every_epoch() {
    let cases = std::env::var("OCTAFLOW_ROUTE_CASES").ok();
    let cases = cases.and_then(|c| c.parse().ok()).unwrap_or(150);
    for seed in 0..cases {
        check(seed, case(seed));
    }
}

#[test]
fn searches_that_are_grown_in_a_maze_give_the_oracles_routes() {
    for seed in 0..4 {
        check(seed, maze(seed));
    }
}

#[test]
fn a_heavy_query_beyond_the_range_of_distances_ends_its_epoch() {
    // 2,690 axial steps at the greatest cost pass 2³¹ - 2 ticks, 2,680 do not.
    let line = |steps: i32| (0..=steps).map(|n| ([2 * n, 0, 0], u16::MAX));
    let world: World = line(2690).collect();
    for (steps, ended) in [(2680, None), (2690, Some(EpochError::Beyond(7)))] {
        let case = Case {
            first: world.clone(),
            epochs: Vec::new(),
            states: vec![(
                world.clone(),
                Queries::from([(7, ([0, 0, 0], [2 * steps, 0, 0]))]),
            )],
            workers: 2,
            partition: Partition::Hash,
            options: RouterOptions {
                heavy: Some(100),
                ..RouterOptions::default()
            },
        };
        assert_eq!(try_run(&case).err(), ended, "{steps} steps");
    }
}

/// How often the specification has each cell of each route.
type Counts = BTreeMap<(i64, u32, Point), isize>;

/// The routes of all states of a case by the specification: what it has accumulated after each of them.
fn specified(case: &Case) -> Vec<BTreeMap<i64, Vec<(Point, u32)>>> {
    let states: Vec<(World, Queries)> = case.states.clone();
    timely::execute_directly(move |worker| {
        let (mut cells, mut queries) = (InputSession::new(), InputSession::new());
        let seen: Rc<RefCell<Counts>> = Rc::default();
        let keep = seen.clone();
        let probe = worker.dataflow::<Time, _, _>(|scope| {
            let cells = cells.to_collection(scope);
            let routes = specification::routes(cells, queries.to_collection(scope));
            let routes = routes.inspect(move |&((query, (cell, ticks)), _, diff)| {
                *keep
                    .borrow_mut()
                    .entry((query, ticks, cell.xyz()))
                    .or_default() += diff;
            });
            routes.probe().0
        });
        let (mut world, mut asked) = (World::new(), Queries::new());
        let mut all = Vec::new();
        for (time, (next_world, next_asked)) in (1..).zip(states) {
            world
                .iter()
                .for_each(|(&p, &c)| cells.update((cell(p), c), -1));
            next_world
                .iter()
                .for_each(|(&p, &c)| cells.update((cell(p), c), 1));
            let ends = |ends: (Point, Point)| (cell(ends.0), cell(ends.1));
            asked
                .iter()
                .for_each(|(&q, &e)| queries.update((q, ends(e)), -1));
            next_asked
                .iter()
                .for_each(|(&q, &e)| queries.update((q, ends(e)), 1));
            (world, asked) = (next_world, next_asked);
            cells.advance_to(time);
            queries.advance_to(time);
            cells.flush();
            queries.flush();
            worker.step_or_park_while(None, || probe.less_than(&time));
            let mut routes: BTreeMap<i64, Vec<(Point, u32)>> = BTreeMap::new();
            for (&(query, ticks, point), &count) in seen.borrow().iter() {
                assert!((0..=1).contains(&count));
                if count == 1 {
                    routes.entry(query).or_default().push((point, ticks));
                }
            }
            all.push(routes);
        }
        all
    })
}

#[test]
fn the_specification_is_the_oracles_too() {
    for case in (0..200).map(case).filter(|c| c.first.len() < 900).take(12) {
        for (routes, (world, queries)) in specified(&case).iter().zip(&case.states) {
            for (query, &(start, goal)) in queries {
                let found = routes.get(query).cloned();
                match expected(world, start, goal) {
                    Expected::Found(route) => assert_eq!(found, Some(route)),
                    _ => assert_eq!(found, None),
                }
            }
            assert!(routes.keys().all(|query| queries.contains_key(query)));
        }
    }
}
