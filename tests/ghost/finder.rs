//! Ghosts brick by brick: many rings, and changes of shapes and parts without a dataflow.

use super::world::{Case, Point, Random, World, brick_id, brick_of};
use octaflow::brick::{BrickId, Local, Planes};
use octaflow::ghost::{Finder, GhostWord, Rings, Share, Through, Zones, lanes};
use octaflow::lattice::Cell;
use octaflow::partition::{Partition, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// A ghost without its payload: part, owner, cell, ring.
type Ghost = (u32, u32, Point, u32);

fn shapes(world: &World) -> BTreeMap<BrickId, Planes> {
    let mut shapes: BTreeMap<BrickId, Planes> = BTreeMap::new();
    for p in world.cells.keys() {
        let cell = Cell::new(p[0], p[1], p[2]).unwrap();
        let (brick, local) = BrickId::locate(cell).unwrap();
        shapes.entry(brick).or_default().set(local, true);
    }
    shapes
}

fn of_word(word: &GhostWord) -> impl Iterator<Item = Ghost> {
    let (brick, part, owner, ring) = (word.brick, word.part, word.owner, u32::from(word.ring));
    let locals = word.locals();
    locals.map(move |local: Local| (part, owner, brick.cell(local).xyz(), ring))
}

fn expected(world: &World, rings: u32, through: Through) -> BTreeSet<Ghost> {
    let ghosts = world.ghosts(rings, through).into_iter();
    ghosts
        .map(|(part, owner, p, ring, _)| (part, owner, p, ring))
        .collect()
}

/// A few cells far apart, or a thin way of cells along them.
fn sparse(random: &mut Random, rings: u32) -> World {
    let mut world = World::default();
    let span = 3 * rings as i32 + 20;
    let mut at: Point = [0; 3].map(|_| 30_000 + 2 * random.below(50) as i32);
    for _ in 0..300 {
        world.cells.insert(at, 0);
        let d = [0; 3].map(|_| [1, -1][random.below(2)]);
        let next: Point = std::array::from_fn(|a| at[a] + d[a]);
        if next.iter().all(|c| (30_000..30_000 + span).contains(c)) {
            at = next;
        }
    }
    let bricks: BTreeSet<Point> = world.cells.keys().map(|p| brick_of(*p)).collect();
    world.plan = bricks
        .into_iter()
        .map(|b| (b, random.below(3) as u32))
        .collect();
    world
}

#[test]
fn many_rings_are_found_too() {
    let mut random = Random(11);
    for rings in [5, 8, 9, 12, 13, 17, 28, 29, 40, 60] {
        for through in [Through::Lattice, Through::Cells] {
            let mut world = sparse(&mut random, rings);
            if rings > 13 && through == Through::Lattice {
                // The search cell by cell fills the space between: few cells are enough.
                let few: Vec<Point> = world.cells.keys().copied().step_by(60).collect();
                world.cells.retain(|p, _| few.contains(p));
            }
            let shapes = shapes(&world);
            let parts: BTreeMap<BrickId, u32> =
                world.plan.iter().map(|(b, p)| (brick_id(*b), *p)).collect();
            let look = |brick| Some((shapes.get(&brick)?, parts.get(&brick).copied()));
            let mut finder = Finder::new(Rings::new(rings).unwrap(), through);
            let mut found = BTreeSet::new();
            for brick in shapes.keys() {
                finder.find(*brick, look, |word| found.extend(of_word(&word)));
            }
            assert!(
                found == expected(&world, rings, through),
                "{rings} rings, {through:?}"
            );
        }
    }
}

#[test]
fn zones_follow_changes_of_shapes_and_parts() {
    for seed in 0..40 {
        let case = Case::new(500 + seed, false);
        let mut random = Random(seed);
        let workers = 1 + random.below(3);
        let rings = Rings::new(case.rings).unwrap();
        let zone = |worker| Zones::new(rings, case.through, Share::new(worker, workers));
        let mut zones: Vec<Zones> = (0..workers).map(zone).collect();
        let mut words: BTreeMap<GhostWord, isize> = BTreeMap::new();
        let mut known: BTreeSet<BrickId> = BTreeSet::new();
        for world in &case.worlds {
            let shapes = shapes(world);
            known.extend(shapes.keys());
            known.extend(world.plan.keys().map(|b| brick_id(*b)));
            for zones in &mut zones {
                for &brick in &known {
                    zones.set_shape(brick, shapes.get(&brick).copied().unwrap_or(Planes::NONE));
                    zones.set_part(brick, world.plan.get(&brick.xyz()).copied());
                }
                zones.update(|word, diff| *words.entry(word).or_default() += diff);
            }
            words.retain(|_, count| *count != 0);
            assert!(words.values().all(|&count| count == 1));
            let found: BTreeSet<Ghost> = words.keys().flat_map(of_word).collect();
            assert!(
                found == expected(world, case.rings, case.through),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn values_travel_along_lanes_to_where_they_are_ghosts() {
    for seed in 0..20 {
        let case = Case::new(900 + seed, false);
        let world = &case.worlds[0];
        let mut zones = Zones::new(
            Rings::new(case.rings).unwrap(),
            case.through,
            Share::new(0, 1),
        );
        for (brick, shape) in shapes(world) {
            zones.set_shape(brick, shape);
            zones.set_part(brick, world.plan.get(&brick.xyz()).copied());
        }
        let mut words = Vec::new();
        zones.update(|word, _| words.push(word));
        let mut came = BTreeSet::new();
        for lane in lanes(words) {
            let mut sent: Vec<Option<Point>> = Vec::new();
            for (brick, words) in lane.bricks() {
                let cell = |at| Some(brick.cell(Local::new(at).unwrap()).xyz());
                let values = std::array::from_fn(cell);
                words
                    .iter()
                    .for_each(|word| word.gather(&values, &mut sent));
            }
            assert_eq!(sent.len(), lane.len());
            let mut rest = &sent[..];
            for (brick, words) in lane.bricks() {
                let mut values = [None; 1024];
                words
                    .iter()
                    .for_each(|word| rest = word.scatter(rest, &mut values));
                for (at, value) in values.into_iter().enumerate() {
                    let Some(value) = value else { continue };
                    assert_eq!(brick.cell(Local::new(at).unwrap()).xyz(), value);
                    came.insert((lane.part, lane.owner, value));
                }
            }
            assert!(rest.is_empty());
        }
        let ghosts = expected(world, case.rings, case.through).into_iter();
        let ghosts: BTreeSet<_> = ghosts.map(|(part, owner, p, _)| (part, owner, p)).collect();
        assert!(came == ghosts, "seed {seed}");
    }
}

#[test]
fn the_first_ring_is_what_the_engine_keeps_of_other_workers() {
    use octaflow::engine::shell::{DIRECTIONS, ghosts, owner_local};
    let bricks = (0..125).map(|n| BrickId::new(n % 5, n / 5 % 5, n / 25).unwrap());
    let weights: Vec<(BrickId, u64)> = bricks.map(|b| (b, 1024)).collect();
    let exists: BTreeSet<BrickId> = weights.iter().map(|w| w.0).collect();
    for partition in Partition::ALL {
        let plan = Plan::build(partition, 4, &weights);
        let mut shells: BTreeSet<(u32, u32, Point, u32)> = BTreeSet::new();
        for &brick in &exists {
            let part = plan.owner(brick) as u32;
            for (direction, step) in DIRECTIONS.into_iter().enumerate() {
                let Some(beside) = brick.offset(step).filter(|b| exists.contains(b)) else {
                    continue;
                };
                let owner = plan.owner(beside) as u32;
                if owner != part {
                    let places = (0..ghosts(direction)).map(|g| owner_local(direction, g));
                    shells.extend(places.map(|l| (part, owner, beside.cell(l).xyz(), 1)));
                }
            }
        }
        let look = |b: BrickId| {
            exists
                .contains(&b)
                .then(|| (&Planes::ALL, Some(plan.owner(b) as u32)))
        };
        let mut finder = Finder::new(Rings::new(1).unwrap(), Through::Lattice);
        let mut found = BTreeSet::new();
        for &brick in &exists {
            finder.find(brick, look, |word| found.extend(of_word(&word)));
        }
        assert!(found == shells, "{partition}");
    }
}
