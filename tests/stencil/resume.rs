//! A stepper that is built anew from what another held goes on as that one would have.

use super::{Wave, World, mix};
use octaflow::brick::BrickId;
use octaflow::partition::{Partition, Plan};
use octaflow::stencil::{
    Boundary, BrickValues, Diffusion, Kernel, Stepper, StepperMap, StepperOptions, Value, weigh,
};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values now and one step before, by brick and place.
type Field<V> = BTreeMap<(BrickId, usize), [V; 2]>;

/// Steps a field on one worker from one step to another, with another pause on the way if `pause` is given.
fn advance<K: Kernel>(
    world: &World,
    kernel: K,
    steps: [u64; 2],
    rings: usize,
    pause: Option<u64>,
    field: &Field<K::Value>,
) -> Field<K::Value> {
    let weights = weigh(world.bricks.iter().map(|(b, c)| (*b, &**c)));
    let plan = Arc::new(Plan::build(Partition::Hilbert, 1, &weights));
    let blocks: FxHashSet<BrickId> = weights.iter().map(|w| w.0).collect();
    let options = StepperOptions {
        rings,
        first: steps[0],
        last: pause.unwrap_or(steps[1]),
        every: Some(3),
        boundary: Boundary::Fixed(0.25),
    };
    let map = StepperMap {
        costs: &|brick| world.bricks.get(&brick).map(|c| &**c),
        coefficients: None,
        values: &|brick, place| field[&(brick, place)],
    };
    let mut stepper = Stepper::new(kernel, options, 0, &plan, &blocks, &map);
    stepper.begin();
    while stepper.work(1) {}
    if pause.is_some() {
        stepper.go_on(steps[1]);
        stepper.begin();
        while stepper.work(1) {}
    }
    assert!(stepper.is_done());
    let mut left = Field::new();
    let mut put = |bricks: Vec<BrickValues<K::Value>>, which: usize| {
        for (brick, values) in bricks {
            for (place, value) in values {
                left.entry((brick, place)).or_default()[which] = value;
            }
        }
    };
    put(stepper.bricks().collect(), 0);
    put(stepper.bricks_before().collect(), 1);
    left
}

fn goes_on<K: Kernel>(world: &World, kernel: K) {
    let mut field = Field::new();
    for (&brick, costs) in world.bricks.iter() {
        for place in (0..costs.len()).filter(|&p| costs[p] > 0) {
            let random = (mix(brick.code() ^ (place as u64) << 40) >> 40) as f64;
            let value = |n: f64| K::Value::from_f64(n * random / 16_777_216.0 - 0.5);
            field.insert((brick, place), [value(1.0), value(0.9)]);
        }
    }
    let straight = advance(world, kernel, [0, 11], 1, None, &field);
    for rings in [1, 2, 3, 4] {
        for at in [1, 4, 6] {
            let half = advance(world, kernel, [0, at], rings, None, &field);
            assert!(half != straight);
            let resumed = advance(world, kernel, [at, 11], rings, None, &half);
            assert!(resumed == straight, "{rings} rings, resumed at {at}");
            let paused = advance(world, kernel, [0, 11], rings, Some(at), &field);
            assert!(paused == straight, "{rings} rings, paused at {at}");
        }
    }
}

#[test]
fn a_field_goes_on_from_its_values_and_the_ones_before() {
    let world = World::random(23, [3, 2, 1], [6, 5, 6], 15);
    goes_on(&world, Diffusion { step: 0.4_f32 });
    goes_on(&world, Wave(0.3));
}
