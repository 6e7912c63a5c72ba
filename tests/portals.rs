//! The coarse graph of routes against its plain differential formulation, on random worlds that change: portals and tolls of
//! every brick after every epoch, and chains between the dataflow's least and what a route costs.

use differential_dataflow::input::InputSession;
use octaflow::brick::{BRICK_CELLS, BrickId, Costs, Local};
use octaflow::dataflows::edits::Edit;
use octaflow::dataflows::graph::graph;
use octaflow::dataflows::portals::{chains, pieces, portals, tolls};
use octaflow::dataflows::specification;
use octaflow::lattice::Cell;
use octaflow::partition::{Partition, Plan};
use octaflow::search::{CellKey, Mode, RegionGraph, Route, Router, RouterOptions};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// How many portals a brick keeps at most.
const MOST: usize = 32;

type World = BTreeMap<Cell, u16>;
type Ends = (Cell, Cell);

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % n
    }
}

/// Cells around a corner of bricks, with walls in them.
fn world(random: &mut Random) -> World {
    let blocked = [0, 4, 20, 45][random.below(4) as usize];
    let costs: &[u16] = [&[256][..], &[256, 512, 300]][random.below(2) as usize];
    let walls: Vec<(usize, i32, u64)> = (0..random.below(4))
        .map(|n| {
            (
                n as usize % 3,
                8 + random.below(18) as i32,
                random.below(40),
            )
        })
        .collect();
    let mut world = World::new();
    for n in 0..22 * 20 * 18 {
        let at = [n % 22, n / 22 % 20, n / 440].map(|c| c + 6);
        let Ok(cell) = Cell::new(at[0], at[1], at[2]) else {
            continue;
        };
        let walled = walls.iter().any(|&(axis, where_, hole)| {
            let beside = (at[(axis + 1) % 3] + at[(axis + 2) % 3]) as u64;
            (where_..where_ + 2).contains(&at[axis]) && beside.abs_diff(hole) > 3
        });
        if !walled && random.below(100) >= blocked {
            world.insert(cell, costs[random.below(costs.len() as u64) as usize]);
        }
    }
    world
}

/// What becomes of some cells.
fn edits(random: &mut Random, world: &World) -> Vec<(Cell, u16)> {
    let cells: Vec<Cell> = world.keys().copied().collect();
    let mut edits = BTreeMap::new();
    for _ in 0..1 + random.below(12) {
        let Some(&near) = cells.get(random.below(cells.len().max(1) as u64) as usize) else {
            break;
        };
        let cell = match random.below(3) {
            0 => near.neighbour(random.below(14) as usize).unwrap_or(near),
            _ => near,
        };
        edits.insert(cell, [0, 0, 256, 700][random.below(4) as usize]);
    }
    edits.into_iter().collect()
}

/// A world after each epoch, and the edits of each: none in the first.
fn history(random: &mut Random) -> (Vec<World>, Vec<Vec<(Cell, u16)>>) {
    let mut worlds = vec![world(random)];
    let mut all_edits = vec![vec![]];
    for epoch in 0..3 {
        let mut edits = edits(random, &worlds[epoch]);
        // Bricks come into being, and others lose all their open cells.
        for _ in 0..random.below(5) {
            let (cell, _) = edits[random.below(edits.len() as u64) as usize];
            let by = [[10, 0, 0], [0, 8, 8], [6, 0, 10]][random.below(3) as usize];
            let [x, y, z] = std::array::from_fn(|a| cell.xyz()[a] + by[a]);
            edits.push((Cell::new(x, y, z).expect("the same parity"), 256));
        }
        if random.below(3) == 0 {
            let gone = brick(edits[0].0);
            let cells = worlds[epoch].keys().filter(|&&cell| brick(cell) == gone);
            edits.extend(cells.map(|&cell| (cell, 0)));
        }
        let mut next = worlds[epoch].clone();
        next.extend(edits.iter().copied());
        worlds.push(next);
        all_edits.push(edits);
    }
    (worlds, all_edits)
}

/// What the dataflows say after each epoch.
#[derive(Default, Clone)]
struct Said {
    pieces: BTreeSet<(Cell, u32)>,
    steps: BTreeSet<(Cell, Cell)>,
    portals: BTreeSet<(Cell, [Cell; 2])>,
    tolls: BTreeSet<([Cell; 2], u32)>,
    chains: BTreeMap<i64, u32>,
    costs: BTreeMap<i64, u32>,
}

enum Change {
    Piece((Cell, u32)),
    Step((Cell, Cell)),
    Portal((Cell, [Cell; 2])),
    Toll(([Cell; 2], u32)),
    Chain((i64, u32)),
    Cost((i64, u32)),
}

fn specified(worlds: &[World], queries: &[Ends]) -> Vec<Said> {
    let changes: Arc<Mutex<Vec<(i64, isize, Change)>>> = Arc::default();
    let (worlds, queries, noting) = (worlds.to_vec(), queries.to_vec(), changes.clone());
    let epochs = worlds.len();
    timely::execute_directly(move |worker| {
        let mut cells: InputSession<i64, (Cell, u16), isize> = InputSession::new();
        let mut ends: InputSession<i64, (i64, Ends), isize> = InputSession::new();
        let probe = worker.dataflow(|scope| {
            let (cells, ends) = (cells.to_collection(scope), ends.to_collection(scope));
            let members = pieces(cells.clone());
            let places = members.clone().map(|(cell, piece)| {
                let (brick, local) = place(cell);
                (piece, (brick, local.index() as u16))
            });
            let pieces = places.reduce(|_piece, places, pieces| {
                let count = places.len() as u32;
                pieces.push(((*places[0].0, count), 1));
            });
            let pieces = pieces.map(|(piece, ((brick, place), count))| {
                let first = Local::new(usize::from(place)).expect("a place");
                (piece, (brick.cell(first), count))
            });
            let steps = portals(cells.clone());
            let portals = steps
                .clone()
                .join_map(members, |&u, &v, &piece| (piece, [u, v]))
                .join_map(pieces.clone(), |_piece, &step, &(first, _)| (first, step));
            let none = ends.clone().filter(|_| false).map(|(_, ends)| ends.0);
            let tolls = tolls(cells.clone(), steps.clone(), none);
            let chains = chains(cells.clone(), ends.clone());
            let goals = specification::routes(cells, ends.clone())
                .join_map(ends, |&query, &(cell, ticks), &(_, goal)| {
                    (query, cell == goal, ticks)
                })
                .filter(|at| at.1)
                .map(|(query, _, ticks)| (query, ticks));
            let notes = [(); 6].map(|()| noting.clone());
            let [a, b, c, d, e, f] = notes;
            let note = |to: &Arc<Mutex<Vec<_>>>, change, time, diff| {
                to.lock().unwrap().push((time, diff, change));
            };
            let (probe, _) = steps
                .consolidate()
                .inspect(move |x| note(&a, Change::Step(x.0), x.1, x.2))
                .probe();
            pieces
                .consolidate()
                .inspect(move |x| note(&e, Change::Piece(x.0.1), x.1, x.2))
                .probe_with(&probe);
            portals
                .consolidate()
                .inspect(move |x| note(&f, Change::Portal(x.0), x.1, x.2))
                .probe_with(&probe);
            tolls
                .consolidate()
                .inspect(move |x| note(&b, Change::Toll(x.0), x.1, x.2))
                .probe_with(&probe);
            chains
                .consolidate()
                .inspect(move |x| note(&c, Change::Chain(x.0), x.1, x.2))
                .probe_with(&probe);
            goals
                .consolidate()
                .inspect(move |x| note(&d, Change::Cost(x.0), x.1, x.2))
                .probe_with(&probe);
            probe
        });
        cells.advance_to(0);
        ends.advance_to(0);
        for (id, &query) in (0..).zip(&queries) {
            ends.insert((id, query));
        }
        let mut before = World::new();
        for (time, world) in (0..).zip(&worlds) {
            for (&cell, &cost) in world {
                if before.get(&cell) != Some(&cost) {
                    cells.insert((cell, cost));
                }
            }
            for (&cell, &cost) in &before {
                if world.get(&cell) != Some(&cost) {
                    cells.remove((cell, cost));
                }
            }
            before = world.clone();
            cells.advance_to(time + 1);
            ends.advance_to(time + 1);
            cells.flush();
            ends.flush();
            worker.step_while(|| probe.less_than(&(time + 1)));
        }
    });
    let changes = std::mem::take(&mut *changes.lock().unwrap());
    Said::accumulate(&changes, epochs)
}

impl Said {
    /// What changes add up to, after each of so many epochs: each is of something that was not there before, or was.
    fn accumulate(changes: &[(i64, isize, Change)], epochs: usize) -> Vec<Said> {
        let mut said = Said::default();
        let after = (0..epochs as i64).map(|epoch| {
            let mut now: Vec<_> = changes.iter().filter(|c| c.0 == epoch).collect();
            now.sort_by_key(|c| c.1);
            for (_, diff, change) in now {
                assert!(diff.abs() == 1 && said.take(change, *diff > 0));
            }
            said.clone()
        });
        after.collect()
    }

    /// Takes in that something appears or goes; false if it was there before, or was not.
    fn take(&mut self, change: &Change, appears: bool) -> bool {
        match (change, appears) {
            (Change::Piece(piece), true) => self.pieces.insert(*piece),
            (Change::Piece(piece), false) => self.pieces.remove(piece),
            (Change::Step(step), true) => self.steps.insert(*step),
            (Change::Step(step), false) => self.steps.remove(step),
            (Change::Portal(portal), true) => self.portals.insert(*portal),
            (Change::Portal(portal), false) => self.portals.remove(portal),
            (Change::Toll(toll), true) => self.tolls.insert(*toll),
            (Change::Toll(toll), false) => self.tolls.remove(toll),
            (Change::Chain(chain), true) => self.chains.insert(chain.0, chain.1).is_none(),
            (Change::Chain(chain), false) => self.chains.remove(&chain.0).is_some(),
            (Change::Cost(cost), true) => self.costs.insert(cost.0, cost.1).is_none(),
            (Change::Cost(cost), false) => self.costs.remove(&cost.0).is_some(),
        }
    }

    /// The bricks with more portals than a brick keeps.
    fn crumbled(&self) -> BTreeSet<BrickId> {
        let mut counts: BTreeMap<BrickId, usize> = BTreeMap::new();
        for step in &self.steps {
            *counts.entry(brick(step.0)).or_default() += 1;
        }
        counts.retain(|_, count| *count > MOST);
        counts.into_keys().collect()
    }
}

fn place(cell: Cell) -> (BrickId, Local) {
    BrickId::locate(cell).expect("in range")
}

fn brick(cell: Cell) -> BrickId {
    place(cell).0
}

fn bricks(world: &World) -> BTreeMap<BrickId, Box<Costs>> {
    let mut bricks: BTreeMap<BrickId, Box<Costs>> = BTreeMap::new();
    for (&cell, &cost) in world {
        let (brick, local) = place(cell);
        let costs = bricks
            .entry(brick)
            .or_insert_with(|| Box::new([0; BRICK_CELLS]));
        costs[local.index()] = cost;
    }
    bricks
}

fn key(cell: Cell) -> CellKey {
    CellKey::of(cell).expect("in range")
}

fn router(world: &World) -> Router {
    router_in(world, Mode::Corridor)
}

fn router_in(world: &World, mode: Mode) -> Router {
    let bricks = bricks(world);
    let options = RouterOptions {
        mode,
        smooth: false,
        updates: true,
        heavy: None,
    };
    let mut router = Router::new(options, Arc::new(bricks.keys().copied().collect()));
    router.load(bricks);
    tell(&mut router);
    router
}

fn tell(router: &mut Router) {
    let (edits, least) = router.take_edits();
    router.hear(&edits, least);
}

fn compare(router: &mut Router, world: &World, said: &Said, queries: &[Ends]) {
    let mut bricks: BTreeMap<BrickId, Said> = BTreeMap::new();
    for &cell in world.keys() {
        bricks.entry(brick(cell)).or_default();
    }
    for &step in &said.steps {
        bricks.entry(brick(step.0)).or_default().steps.insert(step);
    }
    for &toll in &said.tolls {
        bricks
            .entry(brick(toll.0[0]))
            .or_default()
            .tolls
            .insert(toll);
    }
    for (brick, said) in bricks {
        let found = router.portals(brick).unwrap();
        let steps = found.portals.into_iter().map(|(_, [u, v])| (u, v));
        let steps: BTreeSet<_> = steps.collect();
        if said.steps.len() > MOST {
            assert!(steps.len() == MOST && steps.is_subset(&said.steps));
            continue;
        }
        assert_eq!(steps, said.steps, "{brick:?}");
        assert_eq!(found.tolls.into_iter().collect::<BTreeSet<_>>(), said.tolls);
    }
    let whole = said.crumbled().is_empty();
    for (id, &(start, goal)) in (0..).zip(queries) {
        let open = |cell| world.get(&cell).is_some_and(|&cost| cost > 0);
        if !open(start) || !open(goal) {
            continue;
        }
        let chain = router.chain(key(start), key(goal)).unwrap();
        if whole {
            assert_eq!(chain.is_some(), said.chains.contains_key(&id));
            assert_eq!(chain.is_some(), said.costs.contains_key(&id));
        }
        if let Some(ticks) = chain {
            assert!(ticks >= said.chains[&id] && said.chains[&id] >= said.costs[&id]);
        }
    }
}

#[test]
fn portals_and_tolls_are_those_of_the_dataflow_after_every_epoch() {
    let cases = std::env::var("OCTAFLOW_PORTAL_CASES").map_or(12, |n| n.parse().expect("a number"));
    let mut chains = 0;
    for seed in 0..cases {
        let mut random = Random(seed);
        let (worlds, all_edits) = history(&mut random);
        let cells: Vec<Cell> = worlds[0].keys().copied().collect();
        let mut some = || cells[random.below(cells.len() as u64) as usize];
        let queries: Vec<Ends> = (0..6).map(|_| (some(), some())).collect();
        let said = specified(&worlds, &queries);
        let mut router = router(&worlds[0]);
        for ((world, said), edits) in worlds.iter().zip(&said).zip(&all_edits) {
            for &(cell, cost) in edits {
                let (brick, local) = BrickId::locate(cell).expect("in range");
                router.set_cost(brick, local, cost);
            }
            tell(&mut router);
            compare(&mut router, world, said, &queries);
            chains += said.chains.len();
        }
    }
    assert!(chains > 10 * cases as usize, "{chains}");
}

/// What the dataflow of the region graph has given out, after each epoch.
fn graphed(
    world: &World,
    edits: &[Vec<(Cell, u16)>],
    partition: Partition,
    workers: usize,
) -> Vec<Said> {
    let bricks = bricks(world);
    let weights: Vec<(BrickId, u64)> = bricks.keys().map(|&brick| (brick, 1)).collect();
    let plan = Arc::new(Plan::build(partition, workers, &weights));
    let (bricks, epochs) = (Arc::new(bricks), Arc::new(edits.to_vec()));
    let changes: Arc<Mutex<Vec<(i64, isize, Change)>>> = Arc::default();
    let noting = changes.clone();
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let me = worker.index();
        let mut state = RegionGraph::new(me, plan.clone());
        let own = bricks.iter().filter(|(brick, _)| plan.owner(**brick) == me);
        state.load(own.map(|(&brick, costs)| (brick, costs.clone())));
        let state = Rc::new(RefCell::new(state));
        let mut input = worker.dataflow(|scope| {
            let (input, graph) = graph(scope, &state, &plan);
            let notes = [(); 3].map(|()| noting.clone());
            let [a, b, c] = notes;
            let note = |to: &Arc<Mutex<Vec<_>>>, change, time, diff| {
                to.lock().unwrap().push((time, diff, change));
            };
            (graph.pieces).inspect(move |x| note(&a, Change::Piece(x.0), x.1, x.2));
            (graph.portals).inspect(move |x| note(&b, Change::Portal(x.0), x.1, x.2));
            (graph.tolls).inspect(move |x| note(&c, Change::Toll(x.0), x.1, x.2));
            input
        });
        if me == 0 {
            for (time, edits) in (0..).zip(epochs.iter()) {
                let edits = edits.iter().map(|&(cell, cost)| Edit::Cost { cell, cost });
                let done = input.epoch(worker, time, (0..).zip(edits));
                done.expect("edits of costs alone");
            }
        }
        input.close();
        input.follow(worker);
    });
    guards
        .unwrap()
        .join()
        .into_iter()
        .for_each(|guard| guard.unwrap());
    let changes = std::mem::take(&mut *changes.lock().unwrap());
    // What is given out appears when it was not there, and goes when it was.
    Said::accumulate(&changes, edits.len())
}

#[test]
fn the_region_graph_of_several_workers_is_the_specifications_after_every_epoch() {
    let (mut portals, mut gone) = (0, 0);
    for seed in 0..10 {
        let mut random = Random(500 + seed);
        let (worlds, all_edits) = history(&mut random);
        let said = specified(&worlds, &[]);
        let partition = Partition::ALL[seed as usize % Partition::ALL.len()];
        let found = graphed(&worlds[0], &all_edits, partition, 1 + seed as usize % 3);
        for (epoch, (found, said)) in found.iter().zip(&said).enumerate() {
            let crumbled = said.crumbled();
            let portals_of = |said: &Said| -> BTreeSet<(Cell, [Cell; 2])> {
                let portals = said.portals.iter().copied();
                portals
                    .filter(|p| !crumbled.contains(&brick(p.1[0])))
                    .collect()
            };
            let tolls_of = |said: &Said| -> BTreeSet<([Cell; 2], u32)> {
                let tolls = said.tolls.iter().copied();
                tolls
                    .filter(|t| !crumbled.contains(&brick(t.0[0])))
                    .collect()
            };
            let context = format!("seed {seed} epoch {epoch}");
            assert_eq!(found.pieces, said.pieces, "{context}");
            assert_eq!(portals_of(found), portals_of(said), "{context}");
            assert_eq!(tolls_of(found), tolls_of(said), "{context}");
            portals += found.portals.len();
        }
        gone += usize::from(
            found
                .windows(2)
                .any(|two| !two[0].portals.is_subset(&two[1].portals)),
        );
    }
    assert!(portals > 1000 && gone > 3, "{portals} {gone}");
}

/// Rooms of 20 units in a block of many bricks, with doors, pillars and dearer floors.
fn rooms(random: &mut Random) -> World {
    let doors: Vec<[i32; 2]> = (0..64)
        .map(|_| [0; 2].map(|_| random.below(12) as i32))
        .collect();
    let dear = random.below(2) == 0;
    let mut world = World::new();
    for n in 0..100 * 100 * 60 {
        let at = [n % 100, n / 100 % 100, n / 10_000];
        let Ok(cell) = Cell::new(at[0], at[1], at[2]) else {
            continue;
        };
        let room = at.map(|c| c / 20);
        let walled = (0..3).any(|a| {
            let door = doors[((room[0] * 7 + room[1] * 5 + room[2] * 3) as usize + 11 * a) % 64];
            let beside = [at[(a + 1) % 3] % 20, at[(a + 2) % 3] % 20];
            let through = (0..2).all(|k| (door[k]..door[k] + 6).contains(&beside[k]));
            at[a] % 20 < 2 && !through
        });
        let pillar = (at[0] / 6 * 31 + at[1] / 6 * 17) % 13 == 0 && at[2] % 20 < 16;
        if !walled && !pillar {
            world.insert(cell, if dear && at[2] % 20 < 5 { 320 } else { 256 });
        }
    }
    world
}

fn solve(router: &mut Router) -> BTreeMap<i64, Option<Route>> {
    router.begin();
    while router.work() {}
    router.close();
    let answers = router.answers().into_iter();
    answers
        .map(|(id, answer)| (id, answer.route.clone()))
        .collect()
}

#[test]
fn corridors_through_rooms_that_change_are_those_of_a_run_from_scratch() {
    let (mut anew, mut all) = (0, 0);
    for seed in 0..4 {
        let mut random = Random(1000 + seed);
        let mut world = rooms(&mut random);
        let cells: Vec<Cell> = world.keys().copied().collect();
        let mut some = || key(cells[random.below(cells.len() as u64) as usize]);
        let queries: Vec<_> = (0..40).map(|_| (some(), some())).collect();
        let add = |router: &mut Router| {
            for (id, &(start, goal)) in (0..).zip(&queries) {
                router.add_query(id, start, goal);
            }
        };
        let mut standing = router(&world);
        add(&mut standing);
        for epoch in 0..6 {
            let found = solve(&mut standing);
            let [fresh, exact] = [Mode::Corridor, Mode::Exact].map(|mode| {
                let mut other = router_in(&world, mode);
                add(&mut other);
                solve(&mut other)
            });
            assert_eq!(found, fresh, "seed {seed} epoch {epoch}");
            for (found, exact) in found.values().zip(exact.values()) {
                assert_eq!(found.is_some(), exact.is_some());
                if let (Some(found), Some(exact)) = (found, exact) {
                    assert!(found.lower_bound <= exact.cost && exact.cost <= found.cost);
                    assert!(20 * u64::from(found.cost) <= 21 * u64::from(exact.cost));
                }
            }
            for (cell, cost) in edits(&mut random, &world) {
                let (brick, local) = BrickId::locate(cell).expect("in range");
                standing.set_cost(brick, local, cost);
                world.insert(cell, cost);
            }
            tell(&mut standing);
        }
        let answered = standing.answered_by_epoch();
        anew += answered[1..].iter().sum::<u32>();
        all += 40 * (answered.len() as u32 - 1);
    }
    assert!(0 < anew && anew < all / 2, "{anew} of {all} answered anew");
}

/// A coarse search may take fewer portals where costs differ, so that what it comes to hangs on that too, not on tolls alone.
#[test]
fn a_closed_off_cell_that_makes_its_brick_uneven_has_corridors_answered_anew() {
    let pocket = Cell::new(24, 8, 8).expect("a cell");
    let mut world = World::new();
    for n in 0..64 * 16 * 16 {
        let at = [n % 64, n / 64 % 16, n / 1024];
        let Ok(cell) = Cell::new(at[0], at[1], at[2]) else {
            continue;
        };
        let beside = (0..14).any(|step| pocket.neighbour(step) == Some(cell));
        let walled = (40..42).contains(&at[0]) && at[1] < 12;
        if !beside && !walled {
            world.insert(cell, 256);
        }
    }
    let (start, goal) = (Cell::new(2, 2, 2), Cell::new(60, 2, 2));
    let add = |router: &mut Router| {
        router.add_query(1, key(start.expect("a cell")), key(goal.expect("a cell")));
    };
    let mut standing = router(&world);
    add(&mut standing);
    solve(&mut standing);
    for (epoch, cost) in [300, 256, 0].into_iter().enumerate() {
        let (brick, local) = BrickId::locate(pocket).expect("in range");
        standing.set_cost(brick, local, cost);
        world.insert(pocket, cost);
        tell(&mut standing);
        let found = solve(&mut standing);
        let mut fresh = router(&world);
        add(&mut fresh);
        assert_eq!(found, solve(&mut fresh));
        let anew = standing.answered_by_epoch()[1 + epoch];
        assert_eq!(anew, u32::from(epoch < 2), "epoch {epoch}");
    }
}

/// Prints how long the dataflow takes for the portals and tolls of some two hundred bricks, and for an edit of one cell, beside
/// the router: `cargo test --test portals -- --ignored --nocapture`.
#[test]
#[ignore = "prints figures"]
fn how_long_portals_and_tolls_take() {
    let world = rooms(&mut Random(7));
    let bricks: BTreeSet<BrickId> = (world.keys())
        .map(|&cell| BrickId::locate(cell).expect("in range").0)
        .collect();
    let &edited = world.keys().nth(world.len() / 2).expect("a cell");
    let cost = world[&edited];
    let cells = world.clone();
    let [first, edit] = timely::execute_directly(move |worker| {
        let mut input: InputSession<i64, (Cell, u16), isize> = InputSession::new();
        let probe = worker.dataflow(|scope| {
            let cells = input.to_collection(scope);
            let steps = portals(cells.clone());
            let none = cells.clone().filter(|_| false).map(|(cell, _)| cell);
            tolls(cells, steps, none).probe().0
        });
        input.advance_to(0);
        cells.into_iter().for_each(|cell| input.insert(cell));
        let mut solve = |input: &mut InputSession<_, _, _>, time| {
            let begun = Instant::now();
            input.advance_to(time);
            input.flush();
            worker.step_while(|| probe.less_than(&time));
            begun.elapsed()
        };
        let first = solve(&mut input, 1);
        input.remove((edited, cost));
        [first, solve(&mut input, 2)]
    });
    let mut router = router(&world);
    let all = |router: &mut Router| {
        let begun = Instant::now();
        for &brick in &bricks {
            router.portals(brick).expect("a brick that is here");
        }
        begun.elapsed()
    };
    let found = all(&mut router);
    let (brick, local) = BrickId::locate(edited).expect("in range");
    router.set_cost(brick, local, 0);
    let begun = Instant::now();
    tell(&mut router);
    let heard = begun.elapsed() + all(&mut router);
    println!(
        "{} cells, {} bricks: dataflow {first:?}, an edit {edit:?}; router {found:?}, an edit {heard:?}",
        world.len(),
        bricks.len()
    );
}
