//! Floods alone, driven here for several workers at once: the ways that they find, and what these hang on.

use super::oracle::{Expected, Point, World, expected};
use super::{Random, bricks};
use octaflow::brick::{BRICK_CELLS, BrickId, Costs, Local};
use octaflow::engine::{Floods, Ground, Message, Walked};
use octaflow::lattice::{Cell, UNREACHED};
use octaflow::partition::{Partition, Plan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The bricks of one worker, and all that there are.
struct Part {
    own: BTreeMap<BrickId, Box<Costs>>,
    all: BTreeSet<BrickId>,
}

impl Ground for Part {
    fn costs(&self, brick: BrickId) -> Option<&Costs> {
        self.own.get(&brick).map(|costs| &**costs)
    }

    fn exists(&self, brick: BrickId) -> bool {
        self.all.contains(&brick)
    }
}

/// What a flood has come to.
struct Found {
    /// From the start to the goal; none if there is no way.
    route: Vec<(Point, u32)>,
    /// The cells that it hangs on.
    read: BTreeSet<Point>,
}

fn at(point: Point) -> (BrickId, Local) {
    let [x, y, z] = point;
    BrickId::locate(Cell::new(x, y, z).expect("a cell")).expect("in range")
}

/// Floods from several starts to goals, all at the same time.
fn flood(world: &World, ends: &[(Point, Point)], plan: Plan, random: &mut Random) -> Vec<Found> {
    let (bricks, plan) = (bricks(world), Arc::new(plan));
    let all: BTreeSet<BrickId> = bricks.keys().copied().collect();
    let mut workers: Vec<(Floods, Part)> = (0..plan.parts())
        .map(|me| {
            let own = bricks.iter().filter(|(brick, _)| plan.owner(**brick) == me);
            let own = own.map(|(brick, costs)| (*brick, costs.clone())).collect();
            let all = all.clone();
            (Floods::new(me, Arc::clone(&plan)), Part { own, all })
        })
        .collect();
    let least = world.values().copied().min().expect("an open cell");
    for (floods, _) in &mut workers {
        for &(start, goal) in ends {
            floods.begin(at(start), at(goal), least, UNREACHED);
        }
    }
    loop {
        let more: Vec<bool> = workers.iter_mut().map(|w| w.0.advance()).collect();
        assert!(more.iter().all(|&m| m == more[0]), "workers know the same");
        if !more[0] {
            break;
        }
        finish_round(&mut workers, &plan, random);
    }
    (0..ends.len() as u32)
        .map(|number| found(&mut workers, &plan, number))
        .collect()
}

/// Works until nobody has anything left, in a random order.
fn finish_round(workers: &mut [(Floods, Part)], plan: &Plan, random: &mut Random) {
    loop {
        let mut more = false;
        let first = random.below(workers.len());
        for turn in 0..workers.len() {
            let me = (first + turn) % workers.len();
            let (floods, part) = &mut workers[me];
            more |= floods.work(1 + random.below(3), part);
            let (mut messages, mut news) = (Vec::new(), Vec::new());
            floods.take_messages(|message| messages.push(message));
            floods.take_news(|told| news.push(told));
            more |= !messages.is_empty() || !news.is_empty();
            for (to, (floods, _)) in workers.iter_mut().enumerate() {
                if to != me {
                    news.iter().for_each(|told| floods.hear(*told));
                }
                let own = |message: &&Message| plan.owner(message.brick()) == to;
                floods.receive(messages.iter().filter(own).copied());
            }
        }
        if !more {
            return;
        }
    }
}

fn found(workers: &mut [(Floods, Part)], plan: &Plan, number: u32) -> Found {
    let mut read = BTreeSet::new();
    for (floods, part) in workers.iter_mut() {
        floods.read(number, part, |brick, cells| {
            for place in 0..BRICK_CELLS {
                if cells[place >> 6] >> (place & 63) & 1 == 1 {
                    let local = Local::new(place).expect("a place");
                    read.insert(brick.cell(local).xyz());
                }
            }
        });
    }
    let mut route = Vec::new();
    let mut from = workers.iter().find_map(|(floods, _)| floods.goal(number));
    while let Some((brick, local)) = from {
        let (floods, part) = &mut workers[plan.owner(brick)];
        let walked = floods.walk(number, (brick, local), part, |brick, local, ticks| {
            route.push((brick.cell(local).xyz(), ticks));
        });
        from = match walked {
            Walked::Home => None,
            Walked::Away(brick, local) => Some((brick, local)),
        };
    }
    route.reverse();
    Found { route, read }
}

/// Cells of a box of some bricks: costs of a few kinds, some blocked, and a wall with a hole.
fn world(random: &mut Random) -> World {
    let blocked = [0, 10, 30][random.below(3)];
    let costs = [&[256][..], &[256, 300, 520], &[1, 64, 256, 2000]][random.below(3)];
    let lump = [1, 3, 7][random.below(3)];
    let size: Point = std::array::from_fn(|_| 20 + random.below(24) as i32);
    let (wall, hole) = (random.below(60) as i32, random.below(20) as i32);
    let seed = random.next();
    let mut world = World::new();
    for n in 0..size.iter().product() {
        let at = [n % size[0], n / size[0] % size[1], n / (size[0] * size[1])];
        let at = at.map(|c| c + 5);
        let [x, y, z] = at;
        let lumps = at.map(|c| (c / lump) as u64);
        let number = lumps
            .iter()
            .fold(seed, |n, &c| Random(n ^ c.wrapping_mul(0x9e3b)).next());
        let walled = (wall..wall + 2).contains(&x) && (y - hole).abs() > 4;
        if Cell::new(x, y, z).is_ok() && !walled && random.below(100) >= blocked {
            world.insert(at, costs[number as usize % costs.len()]);
        }
    }
    world
}

/// A route is the contract's; and edits of cells that it does not hang on change nothing of it.
#[test]
fn floods_find_the_oracles_routes_and_know_what_these_hang_on() {
    let (mut routes, mut apart) = (0, 0);
    for seed in 0..40 {
        let mut random = Random(9000 + seed);
        let world = world(&mut random);
        let cells: Vec<Point> = world.keys().copied().collect();
        let ends: Vec<(Point, Point)> = (0..3)
            .map(|_| [(); 2].map(|()| cells[random.below(cells.len())]).into())
            .collect();
        let weights: Vec<(BrickId, u64)> = bricks(&world).keys().map(|&b| (b, 1)).collect();
        let partition = Partition::ALL[random.below(Partition::ALL.len())];
        let plan = Plan::build(partition, 1 + random.below(3), &weights);
        let all = flood(&world, &ends, plan, &mut random);
        for (&(start, goal), found) in ends.iter().zip(&all) {
            let context = format!("seed {seed} from {start:?} to {goal:?}");
            let Expected::Found(best) = expected(&world, start, goal) else {
                assert!(found.route.is_empty(), "{context}");
                continue;
            };
            assert_eq!(found.route, best, "{context}");
            routes += 1;
            let on: BTreeSet<Point> = best.iter().map(|cell| cell.0).collect();
            let mut other = world.clone();
            let least = world.values().copied().min().expect("an open cell");
            for _ in 0..60 {
                let mut cell = cells[random.below(cells.len())];
                if random.below(4) == 0 {
                    cell = std::array::from_fn(|a| cell[a] + [-1, 1][random.below(2)]);
                }
                if !found.read.contains(&cell) && !on.contains(&cell) {
                    apart += 1;
                    match random.below(3) {
                        0 => drop(other.remove(&cell)),
                        1 => drop(other.insert(cell, least)),
                        _ => drop(other.insert(cell, 3000)),
                    }
                }
            }
            assert_eq!(
                expected(&other, start, goal),
                Expected::Found(best),
                "{context}"
            );
        }
    }
    assert!(routes > 60 && apart > 300, "{routes} {apart}");
}
