//! What chance would not find: the ends of the numbers and of the lattice, and the largest and the least changes.

use super::oracle::{Edit, Field, GREATEST, Point, World, half};
use super::parts::{self, Random, place, plan};
use super::scenes::{Palette, brick_points};
use super::watched::Watched;
use octaflow::engine::{CellChange, Engine, EngineOptions};
use octaflow::partition::Partition;

const ALL: EngineOptions = EngineOptions {
    labels: true,
    changes: true,
    next: true,
};

/// A box of bricks, a part of its cells blocked.
fn hall(corner: Point, size: Point, palette: Palette, blocked_percent: usize) -> World {
    let (mut world, mut random) = (World::default(), Random(1));
    for x in 0..size[0] {
        for y in 0..size[1] {
            for z in 0..size[2] {
                let brick = [corner[0] + x, corner[1] + y, corner[2] + z];
                for at in brick_points(brick.map(|c| 16 * c)) {
                    let cost = palette.draw(&mut random);
                    if random.below(100) >= blocked_percent {
                        world.apply(Edit::Cost(at, cost));
                    }
                }
            }
        }
    }
    world
}

fn watch(world: &World, partition: Partition, parts: usize) -> Watched {
    let plan = plan(world, partition, parts);
    Watched::new(world.clone(), plan, ALL, 7)
}

/// Costs of a row of cells, each one step from the one before, so dear that the last but one lies exactly `ticks` from
/// the first. The last costs least.
fn costs_over(step: usize, ticks: u64) -> Vec<u16> {
    let dearest = half(step, u16::MAX);
    let dear_steps = (ticks - 6 * dearest) / (2 * dearest);
    let rest = ticks - 2 * dearest * dear_steps - dearest;
    // Halves are floored, so it takes a few costs to make every number.
    let some = || u16::MAX - 31..=u16::MAX;
    for c in (1..=u16::MAX).rev() {
        let left = rest.checked_sub(2 * half(step, c) + 4 * dearest);
        if left.is_none_or(|left| left > dearest) {
            continue;
        }
        for (a, b) in some().flat_map(|a| some().map(move |b| (a, b))) {
            let left = rest - 2 * (half(step, a) + half(step, b) + half(step, c));
            if let Some(d) = cost_of_half(step, left) {
                let mut costs = vec![u16::MAX; dear_steps as usize + 1];
                costs.extend([a, b, c, d, 1]);
                return costs;
            }
        }
    }
    panic!("no costs make {ticks} ticks");
}

/// The cost whose half is `ticks`, if there is one.
fn cost_of_half(step: usize, ticks: u64) -> Option<u16> {
    let base = if step < 8 { 1351 } else { 1560 };
    let cost = u16::try_from((256 * ticks).div_ceil(base)).ok()?;
    (cost > 0 && half(step, cost) == ticks).then_some(cost)
}

/// A corridor from `start` along a diagonal (step 0) or an axis (step 8).
fn corridor(start: Point, step: usize, costs: &[u16]) -> Vec<(Point, u16)> {
    let direction = if step < 8 { [1, 1, 1] } else { [2, 0, 0] };
    let cell = |n: i32| std::array::from_fn(|axis| start[axis] + n * direction[axis]);
    (0..).map(cell).zip(costs.iter().copied()).collect()
}

fn world_of(cells: &[(Point, u16)]) -> World {
    let mut world = World::default();
    world.costs.extend(cells.iter().copied());
    world
}

/// A corridor whose last cell lies in another brick than the one before, and in another part if there are two.
fn bordered(step: usize, costs: &[u16], parts: usize) -> (Vec<(Point, u16)>, Watched) {
    for n in 0..200 {
        let start = if step < 8 { [n; 3] } else { [2 * n, 8, 8] };
        let cells = corridor(start, step, costs);
        let [last, beyond] = [2, 1].map(|n| place(cells[cells.len() - n].0).0);
        let world = world_of(&cells);
        let plan = plan(&world, Partition::Hash, parts);
        if last != beyond && (parts == 1 || plan.owner(last) != plan.owner(beyond)) {
            return (cells, Watched::new(world, plan, ALL, 7));
        }
    }
    panic!("no corridor ends at a border");
}

#[test]
fn the_greatest_distance_is_reached_and_the_next_one_overflows() {
    for (step, parts) in [(8, 1), (8, 3), (0, 1), (0, 4)] {
        let (cells, mut watched) = bordered(step, &costs_over(step, GREATEST), parts);
        let [(source, _), .., (last, cost), (beyond, _)] = cells[..] else {
            unreachable!("a corridor has cells");
        };
        let overflown = |watched: &Watched| Vec::from_iter(watched.world.solve().overflown);
        // A cell beyond the greatest distance; then without it.
        watched.epoch([Edit::Add(source, 0)]);
        assert_eq!(overflown(&watched), [beyond]);
        assert_eq!(u64::from(watched.field()[&last].ticks), GREATEST);
        watched.epoch([Edit::Cost(beyond, 0)]);
        assert!(overflown(&watched).is_empty());
        // A distance that rises too far; then a source behind it, as long as it stays; then as before.
        watched.epoch([Edit::Cost(last, cost + 1)]);
        assert_eq!(overflown(&watched), [last]);
        watched.epoch([Edit::Cost(beyond, 9), Edit::Add(beyond, 1)]);
        assert!(overflown(&watched).is_empty());
        watched.epoch([Edit::Remove(beyond)]);
        assert_eq!(overflown(&watched), [last]);
        watched.epoch([Edit::Cost(last, cost)]);
        assert_eq!(overflown(&watched), [beyond]);
    }
}

#[test]
fn a_distance_one_too_great_is_an_overflow_wherever_the_cell_lies() {
    let costs = costs_over(8, GREATEST + 1);
    for shift in 0..8 {
        let cells = corridor([2 * shift, 8, 8], 8, &costs);
        let mut watched = watch(&world_of(&cells), Partition::Slab, 2);
        watched.epoch([Edit::Add(cells[0].0, 0)]);
        let (last, _) = cells[cells.len() - 2];
        assert!(watched.world.solve().overflown.contains(&last));
    }
}

#[test]
fn the_only_source_takes_the_whole_field_with_it() {
    let world = hall([0, 0, 0], [3, 3, 2], Palette::Mixed, 25);
    let at = *world.costs.range([20, 20, 16]..).next().unwrap().0;
    for parts in 1..=4 {
        let mut watched = watch(&world, Partition::Hilbert, parts);
        let count = |changes: &[Vec<CellChange>], diff| {
            let with = changes.iter().flatten().filter(|c| c.diff == diff);
            with.count()
        };
        let first = watched.epoch([Edit::Add(at, 0)]);
        let field = watched.field();
        assert!(field.len() > 10_000);
        assert_eq!((count(&first, 1), count(&first, -1)), (field.len(), 0));
        let gone = watched.epoch([Edit::Remove(at)]);
        assert_eq!((count(&gone, 1), count(&gone, -1)), (0, field.len()));
        let again = watched.epoch([Edit::Add(at, 0)]);
        assert_eq!(again, first);
        // Another label alone changes every cell, another source beside it few or many.
        let relabelled = watched.epoch([Edit::Remove(at), Edit::Add(at, 5)]);
        assert_eq!(count(&relabelled, 1), field.len());
        assert_eq!(count(&relabelled, -1), field.len());
        assert_eq!(watched.epoch([Edit::Remove(at)]).len(), parts);
        assert_eq!(watched.field(), Field::new());
    }
}

#[test]
fn a_wall_that_opens_lets_the_field_through_and_closes_again() {
    let mut world = hall([100, 7, 4000], [4, 2, 2], Palette::Few, 20);
    let wall: Vec<Point> = (world.costs.keys().copied())
        .filter(|at| at[0] & !1 == 1600 + 32)
        .collect();
    for &at in &wall {
        world.apply(Edit::Cost(at, 0));
    }
    let source = *world.costs.keys().next().unwrap();
    for (partition, parts) in [(Partition::Slab, 4), (Partition::Hash, 3)] {
        let mut watched = watch(&world, partition, parts);
        watched.epoch([Edit::Add(source, 0)]);
        let before = watched.field();
        assert!(before.keys().all(|at| at[0] < 1632));
        let door = wall[wall.len() / 2];
        let door = [door, [door[0] ^ 1, door[1] ^ 1, door[2] ^ 1]];
        watched.epoch(door.map(|at| Edit::Cost(at, 256)));
        assert!(watched.field().len() > before.len() + 4000);
        watched.epoch(wall.iter().map(|&at| Edit::Cost(at, 100)));
        watched.epoch(wall.iter().chain(&door).map(|&at| Edit::Cost(at, 0)));
        assert_eq!(watched.field(), before);
    }
}

/// Thousands of edits all over a box of bricks and around it, the same cells several times.
fn storm(world: &World, random: &mut Random, count: usize) -> Vec<Edit> {
    let sources: Vec<Point> = world.sources.keys().copied().collect();
    (0..count)
        .map(|_| {
            let [x, y, z] = [90, 70, 40].map(|end| random.below(end) as i32);
            let at = [x, y & !1 | x & 1, z & !1 | x & 1];
            match random.below(100) {
                0..30 => Edit::Cost(at, 0),
                30..90 => Edit::Cost(at, Palette::Mixed.draw(random)),
                90..95 => Edit::Add(at, random.below(1000) as u32),
                _ if sources.is_empty() => Edit::Remove(at),
                _ => Edit::Remove(sources[random.below(sources.len())]),
            }
        })
        .collect()
}

#[test]
fn thousands_of_edits_give_the_same_bits_for_every_number_of_parts_and_partition() {
    let world = hall([0, 0, 0], [4, 4, 2], Palette::Mixed, 25);
    let mut epochs = vec![vec![Edit::Add(*world.costs.keys().next().unwrap(), 3)]];
    let (mut next, mut random) = (world.clone(), Random(3));
    for count in [4000, 12, 8000] {
        epochs
            .last()
            .unwrap()
            .iter()
            .for_each(|&edit| next.apply(edit));
        epochs.push(storm(&next, &mut random, count));
    }
    let alone = alone(&world, &epochs);
    let cases = Partition::ALL
        .into_iter()
        .zip([4, 3, 2, 4, 3, 4])
        .chain([(Partition::Hash, 1)]);
    for (partition, parts) in cases {
        let mut watched = watch(&world, partition, parts);
        for (edits, expected) in epochs.iter().zip(&alone) {
            let mut changes = watched.epoch(edits.iter().copied()).concat();
            changes.sort_by_key(|c| (c.brick.index64(c.local), c.diff));
            assert!(changes == *expected, "{partition}, {parts} parts");
        }
    }
}

/// The changes of every epoch as an engine gives them that is alone and never interrupted.
fn alone(world: &World, epochs: &[Vec<Edit>]) -> Vec<Vec<CellChange>> {
    let mut engine = Engine::new(0, plan(world, Partition::Hash, 1), ALL);
    let bricks = parts::bricks(world);
    engine.load(bricks.clone(), |brick| bricks.contains_key(&brick));
    let epoch = |edits: &Vec<Edit>| {
        for edit in edits {
            match *edit {
                Edit::Cost(at, cost) => engine.set_cost(place(at).0, place(at).1, cost),
                Edit::Add(at, label) => engine.add_source(place(at).0, place(at).1, label),
                Edit::Remove(at) => _ = engine.remove_source(place(at).0, place(at).1),
            }
        }
        engine.solve();
        let mut changes = Vec::new();
        while engine.take_changes(1000, |change| changes.push(change)) {}
        changes
    };
    epochs.iter().map(epoch).collect()
}

#[test]
fn an_epoch_that_changes_nothing_visits_nothing() {
    let world = hall([9, 9, 9], [3, 2, 2], Palette::Any, 30);
    let [source, other] = [0, 500].map(|n| *world.costs.keys().nth(n).unwrap());
    let blocked = (brick_points([144, 144, 144]).into_iter())
        .find(|at| !world.costs.contains_key(at))
        .unwrap();
    for parts in 1..=4 {
        let mut watched = watch(&world, Partition::Morton, parts);
        watched.epoch([Edit::Add(source, 4)]);
        let stats = watched.parts.stats();
        let same = [
            Edit::Cost(other, world.costs[&other]),
            Edit::Cost(blocked, 0),
            Edit::Cost([4000, 4000, 4000], 0),
            Edit::Add(source, 1),
            Edit::Remove(other),
            Edit::Remove([4000, 4000, 4000]),
        ];
        for edits in [&same[..], &[], &same[..]] {
            let changes = watched.epoch(edits.iter().copied());
            assert!(changes.iter().all(Vec::is_empty));
            assert_eq!(watched.parts.stats(), stats);
        }
    }
}

#[test]
fn the_ends_of_the_lattice_are_walls() {
    let ends = [0, 4095];
    let corners: Vec<Point> = (0..8)
        .map(|n| [ends[n & 1], ends[n >> 1 & 1], ends[n >> 2]])
        .collect();
    let mut world = World::default();
    for &corner in &corners {
        world
            .costs
            .extend(hall(corner, [1, 1, 1], Palette::Unit, 0).costs);
    }
    for parts in 1..=4 {
        let mut watched = watch(&world, Partition::Octant, parts);
        watched.epoch([Edit::Add([0, 0, 0], 0), Edit::Add([65535; 3], 1)]);
        assert_eq!(watched.field().len(), 2 * 1024);
        // One more source in each corner, and a second brick beside it.
        let sources = corners.iter().zip(2..).map(|(c, label)| {
            let at = c.map(|c| 16 * c + 8);
            Edit::Add(at, label)
        });
        let inwards = |c: i32| if c == 0 { 1 } else { 4094 };
        let more = corners
            .iter()
            .flat_map(|&[x, y, z]| brick_points([inwards(x), y, z].map(|c| 16 * c)));
        watched.epoch(sources.chain(more.map(|at| Edit::Cost(at, 128))));
        assert_eq!(watched.field().len(), 16 * 1024);
        watched.epoch([Edit::Remove([65535; 3]), Edit::Cost([0, 0, 0], 0)]);
    }
}

#[test]
fn a_dormant_source_sleeps_and_wakes() {
    let world = hall([2047, 2047, 2047], [2, 2, 2], Palette::Unit, 0);
    let [at, far] = [[32767; 3], [32760; 3]];
    for parts in 1..=4 {
        let mut watched = watch(&world, Partition::Hybrid, parts);
        watched.epoch([Edit::Add(at, 1), Edit::Add(far, 2)]);
        let awake = watched.field();
        watched.epoch([Edit::Cost(at, 0)]);
        assert!(watched.field().values().all(|reached| reached.label == 2));
        watched.epoch([Edit::Cost(at, 256)]);
        assert_eq!(watched.field(), awake);
        // Buried in one order and the other, and named anew while its cell is blocked.
        watched.epoch([Edit::Cost(at, 0), Edit::Remove(at)]);
        watched.epoch([Edit::Add(at, 0)]);
        watched.epoch([Edit::Cost(at, 256)]);
        assert_eq!(watched.field()[&at].label, 0);
        watched.epoch([Edit::Remove(at), Edit::Cost(at, 0), Edit::Add(at, 7)]);
        watched.epoch([Edit::Cost(at, 1), Edit::Cost(at, 0), Edit::Cost(at, 256)]);
        assert_eq!(watched.field()[&at].label, 7);
    }
}
