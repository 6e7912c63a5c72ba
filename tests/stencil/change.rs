//! A stepper whose map changes goes on as one would that is built anew in the changed map.

use super::{Wave, World, mix};
use octaflow::brick::{BRICK_CELLS, BrickId, Costs};
use octaflow::partition::{Partition, Plan};
use octaflow::stencil::{
    Boundary, Kernel, MapChange, Stepper, StepperMap, StepperOptions, Value, VariableDiffusion,
    block_of, weigh,
};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::sync::Arc;

type Bricks = BTreeMap<BrickId, Box<Costs>>;
type Field<V> = BTreeMap<(BrickId, usize), [V; 2]>;

/// What a stepper holds.
fn field_of<K: Kernel>(stepper: &Stepper<K>) -> Field<K::Value> {
    let mut field = Field::new();
    for (brick, values) in stepper.bricks() {
        for (place, value) in values {
            field.insert((brick, place), [value, K::Value::default()]);
        }
    }
    for (brick, values) in stepper.bricks_before() {
        for (place, value) in values {
            field.get_mut(&(brick, place)).unwrap()[1] = value;
        }
    }
    field
}

fn blocks_of(bricks: &Bricks) -> FxHashSet<BrickId> {
    bricks.keys().map(|&brick| block_of(brick)).collect()
}

fn finish<K: Kernel>(stepper: &mut Stepper<K>) {
    stepper.begin();
    while stepper.work(1) {}
    assert!(stepper.is_done());
    while stepper.take_snapshot().is_some() {}
}

/// Changes a third of the cells of some bricks, and adds bricks beside the map and far from it.
fn changed(bricks: &Bricks, seed: u64) -> (Bricks, FxHashSet<BrickId>) {
    let (mut after, mut named) = (bricks.clone(), FxHashSet::default());
    let first = bricks.keys().next().unwrap().xyz();
    let new = [[-3, 0, 0], [8, 1, 0], [40, 40, 40]];
    let new =
        new.map(|by| BrickId::new(first[0] + by[0], first[1] + by[1], first[2] + by[2]).unwrap());
    for (n, brick) in bricks.keys().copied().chain(new).enumerate() {
        if n % 3 == 1 && bricks.contains_key(&brick) {
            continue;
        }
        let costs = after
            .entry(brick)
            .or_insert_with(|| Box::new([0; BRICK_CELLS]));
        for (place, cost) in costs.iter_mut().enumerate() {
            let random = mix(seed ^ mix(brick.code() << 10 | place as u64));
            match random % 6 {
                0 => *cost = 0,
                1 => *cost = 1 + (random >> 40) as u16 % 2000,
                _ => {}
            }
        }
        named.insert(brick);
    }
    (after, named)
}

fn goes_on_in_a_changed_map<K: Kernel>(world: &World, kernel: K, rings: usize) {
    let weights = weigh(world.bricks.iter().map(|(b, c)| (*b, &**c)));
    let plan = Arc::new(Plan::build(Partition::Hilbert, 1, &weights));
    let coefficient = |cost: u16| K::Value::from_f64(f64::from(cost) / 256.0);
    let options = StepperOptions {
        rings,
        first: 0,
        last: 4,
        every: Some(3),
        boundary: if K::COEFFICIENTS {
            Boundary::Reflecting
        } else {
            Boundary::Fixed(0.25)
        },
    };
    let random = |brick: BrickId, place: usize| {
        let random = (mix(brick.code() ^ (place as u64) << 40) >> 40) as f64 / 16_777_216.0;
        [random, 0.9 * random].map(K::Value::from_f64)
    };
    let map = StepperMap {
        costs: &|brick| world.bricks.get(&brick).map(|c| &**c),
        coefficients: Some(&coefficient),
        values: &random,
    };
    let mut blocks = blocks_of(&world.bricks);
    let mut stepper = Stepper::new(kernel, options, 0, &plan, &blocks, &map);
    finish(&mut stepper);

    let (bricks, named) = changed(&world.bricks, 9);
    let former = blocks.clone();
    blocks.extend(blocks_of(&bricks));
    let new_blocks: Vec<BrickId> = blocks.difference(&former).copied().collect();
    assert!(new_blocks.len() >= 2);
    let before = field_of(&stepper);
    let change = MapChange {
        bricks: &named,
        blocks: &blocks,
        new_blocks: &new_blocks,
    };
    let map = StepperMap {
        costs: &|brick| bricks.get(&brick).map(|c| &**c),
        coefficients: Some(&coefficient),
        values: &random,
    };
    let told = stepper.change_map(&plan, 0, &change, &map);
    let after = field_of(&stepper);

    // Cells that stay keep what they held, those that open take the map's values, and what the others held is told.
    let mut expected: Field<K::Value> = Field::new();
    let mut opened = 0;
    for (&brick, costs) in &bricks {
        for place in (0..BRICK_CELLS).filter(|&p| costs[p] > 0) {
            let mut held = before.get(&(brick, place)).copied().unwrap_or_else(|| {
                opened += 1;
                random(brick, place)
            });
            if !K::BEFORE {
                held[1] = K::Value::default();
            }
            expected.insert((brick, place), held);
        }
    }
    assert!(after == expected && told.opened == opened);
    let lost = before.iter().filter(|(cell, _)| !after.contains_key(cell));
    let lost: Vec<_> = lost.map(|(&(b, p), &held)| (b, p, held)).collect();
    assert!(told.lost == lost && !lost.is_empty());

    stepper.go_on(9);
    finish(&mut stepper);
    let options = StepperOptions {
        first: 4,
        last: 9,
        ..options
    };
    let map = StepperMap {
        values: &|brick, place| after[&(brick, place)],
        ..map
    };
    let mut anew = Stepper::new(kernel, options, 0, &plan, &blocks, &map);
    assert_eq!(stepper.greatest_conductance(), anew.greatest_conductance());
    finish(&mut anew);
    assert!(field_of(&stepper) == field_of(&anew), "{rings} rings");
}

#[test]
fn a_stepper_goes_on_in_a_changed_map_as_one_built_anew() {
    let world = World::random(77, [6, 3, 2], [4, 3, 2], 30);
    for rings in [1, 3, 8] {
        goes_on_in_a_changed_map(&world, Wave(0.2), rings);
        goes_on_in_a_changed_map(&world, VariableDiffusion { step: 0.01_f32 }, rings);
    }
}
