//! The stepper against a plain model, on random maps, for every partition, number of workers and rings.

mod change;
mod physics;
mod resume;

use octaflow::brick::{BRICK_CELLS, BrickId, Costs, Local};
use octaflow::dataflows::step::step;
use octaflow::lattice::NEIGHBOURS;
use octaflow::partition::{Partition, Plan};
use octaflow::stencil::{
    Boundary, Diffusion, Kernel, Neighbourhood, Observation, Snapshot, Stepper, StepperMap,
    StepperOptions, Value, VariableDiffusion, weigh,
};
use rustc_hash::FxHashSet;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use timely::dataflow::operators::ToStream;

/// A map, and the values of its open cells by lattice coordinates.
#[derive(Clone)]
pub struct World {
    pub bricks: Arc<BTreeMap<BrickId, Box<Costs>>>,
    pub values: Arc<BTreeMap<[i32; 3], f64>>,
}

pub fn mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl World {
    /// Bricks around a place, some left out, with a share of blocked cells and random costs and values.
    fn random(seed: u64, corner: [i32; 3], size: [i32; 3], percent: u64) -> Self {
        let (mut bricks, mut values) = (BTreeMap::new(), BTreeMap::new());
        for n in 0..size.iter().product() {
            let at = [n % size[0], n / size[0] % size[1], n / size[0] / size[1]];
            let [x, y, z]: [i32; 3] = std::array::from_fn(|a| corner[a] + at[a]);
            let id = BrickId::new(x, y, z).unwrap();
            if mix(seed ^ mix(id.code())).is_multiple_of(8) {
                continue;
            }
            let mut costs = Box::new([0; BRICK_CELLS]);
            for place in 0..BRICK_CELLS {
                let random = mix(seed ^ mix(id.code() << 10 | place as u64));
                if random % 100 >= percent {
                    costs[place] = 1 + (random >> 32) as u16 % 1000;
                    let cell = id.cell(Local::new(place).unwrap()).xyz();
                    values.insert(cell, (mix(random) >> 40) as f64 / (1 << 20) as f64 - 8.0);
                }
            }
            bricks.insert(id, costs);
        }
        World {
            bricks: Arc::new(bricks),
            values: Arc::new(values),
        }
    }

    pub fn cost(&self, [x, y, z]: [i32; 3]) -> u16 {
        let cell = octaflow::lattice::Cell::new(x, y, z).unwrap();
        let Some((brick, local)) = BrickId::locate(cell) else {
            return 0;
        };
        self.bricks.get(&brick).map_or(0, |c| c[local.index()])
    }
}

/// How a run is divided.
#[derive(Clone, Copy, Debug)]
pub struct Division {
    pub workers: usize,
    pub partition: Partition,
    pub rings: usize,
}

/// What came of a run: the last values by cell, snapshots by step, observations in the order of their bricks.
#[derive(Debug, Default, PartialEq)]
pub struct Ran {
    pub last: BTreeMap<[i32; 3], u64>,
    pub snapshots: BTreeMap<u64, BTreeMap<[i32; 3], u64>>,
    pub observations: BTreeMap<(u64, BrickId), [u64; 3]>,
}

impl Ran {
    pub fn value(&self, cell: [i32; 3]) -> f64 {
        f64::from_bits(self.last[&cell])
    }
}

pub fn run<K: Kernel + Send + Sync>(
    world: &World,
    kernel: K,
    division: Division,
    options: StepperOptions,
) -> Ran {
    let ran: Arc<Mutex<Ran>> = Arc::default();
    let (world, result) = (world.clone(), ran.clone());
    timely::execute(timely::Config::process(division.workers), move |worker| {
        let weights = weigh(world.bricks.iter().map(|(b, c)| (*b, &**c)));
        let plan = Arc::new(Plan::build(division.partition, worker.peers(), &weights));
        let blocks: FxHashSet<BrickId> = weights.iter().map(|w| w.0).collect();
        let value = |brick: BrickId, place: usize| {
            let cell = brick.cell(Local::new(place).unwrap()).xyz();
            [K::Value::from_f64(world.values[&cell]); 2]
        };
        let coefficient = |cost: u16| K::Value::from_f64(f64::from(cost) / 256.0);
        let map = StepperMap {
            costs: &|brick| world.bricks.get(&brick).map(|c| &**c),
            coefficients: Some(&coefficient),
            values: &value,
        };
        let options = StepperOptions {
            rings: division.rings,
            ..options
        };
        let stepper = Stepper::new(kernel, options, worker.index(), &plan, &blocks, &map);
        let stepper = Rc::new(RefCell::new(stepper));
        let probe = worker.dataflow(|scope| step(scope, [()].to_stream(scope), &stepper, &plan));
        let mut snapshots = Vec::new();
        while !probe.done() {
            worker.step_or_park(None);
            snapshots.extend(stepper.borrow_mut().take_snapshot());
        }
        while let Some(snapshot) = stepper.borrow_mut().take_snapshot() {
            snapshots.push(snapshot);
        }
        let observations = stepper.borrow_mut().take_observations();
        let mut stepper = stepper.borrow_mut();
        collect(
            &mut result.lock().unwrap(),
            &mut stepper,
            snapshots,
            observations,
        );
    })
    .unwrap();
    Arc::try_unwrap(ran).unwrap().into_inner().unwrap()
}

fn collect<K: Kernel>(
    ran: &mut Ran,
    stepper: &mut Stepper<K>,
    snapshots: Vec<Snapshot<K::Value>>,
    observations: Vec<Observation>,
) {
    let cells = |brick: BrickId, values: Vec<(usize, K::Value)>| {
        let cell = move |place| brick.cell(Local::new(place).unwrap()).xyz();
        values
            .into_iter()
            .map(move |(place, value)| (cell(place), value.to_f64().to_bits()))
    };
    for (brick, values) in stepper.bricks() {
        ran.last.extend(cells(brick, values));
    }
    for snapshot in snapshots {
        let all = ran.snapshots.entry(snapshot.step).or_default();
        for (brick, values) in snapshot.bricks {
            all.extend(cells(brick, values));
        }
    }
    for o in observations {
        let numbers = [o.total, o.least, o.greatest].map(f64::to_bits);
        assert_eq!(ran.observations.insert((o.step, o.brick), numbers), None);
    }
}

pub fn options(last: u64, every: Option<u64>, boundary: Boundary) -> StepperOptions {
    StepperOptions {
        rings: 1,
        first: 0,
        last,
        every,
        boundary,
    }
}

/// Diffusion cell by cell, from the formula.
fn model(
    world: &World,
    boundary: Boundary,
    by_cost: bool,
    dt: f64,
    steps: u64,
) -> BTreeMap<[i32; 3], f64> {
    let mut now: BTreeMap<[i32; 3], f64> = (*world.values).clone();
    for _ in 0..steps {
        let next = now.iter().map(|(&cell, &own)| {
            let a = f64::from(world.cost(cell)) / 256.0;
            let mut sum = 0.0;
            for (step, by) in NEIGHBOURS.iter().enumerate() {
                let beside: [i32; 3] = std::array::from_fn(|i| cell[i] + by[i]);
                let face = if step < 8 { 3.0 / 16.0 } else { 1.0 / 16.0 };
                sum += match (now.get(&beside), boundary) {
                    (Some(&u), _) if by_cost => {
                        let b = f64::from(world.cost(beside)) / 256.0;
                        face * 2.0 * a * b / (a + b) * (u - own)
                    }
                    (Some(&u), _) => face * (u - own),
                    (None, Boundary::Reflecting) => 0.0,
                    (None, Boundary::Absorbing) => face * -own,
                    (None, Boundary::Fixed(value)) => face * (value - own),
                };
            }
            (cell, own + dt * sum)
        });
        now = next.collect();
    }
    now
}

fn assert_near(ran: &Ran, expected: &BTreeMap<[i32; 3], f64>, tolerance: f64) {
    assert_eq!(ran.last.len(), expected.len());
    for (cell, &value) in expected {
        let got = ran.value(*cell);
        assert!(
            (got - value).abs() <= tolerance,
            "{cell:?}: {got} is not {value}"
        );
    }
}

fn divisions() -> impl Iterator<Item = Division> {
    Partition::ALL
        .into_iter()
        .enumerate()
        .map(|(n, partition)| Division {
            workers: 1 + n % 3,
            partition,
            rings: [2, 3, 1, 8, 5, 4][n],
        })
}

/// Runs a kernel divided in every way; all runs must give the same bits.
fn same_bits<K: Kernel + Send + Sync>(world: &World, kernel: K, options: StepperOptions) -> Ran {
    let alone = Division {
        workers: 1,
        partition: Partition::Hash,
        rings: 1,
    };
    let first = run(world, kernel, alone, options);
    for division in divisions() {
        assert_eq!(first, run(world, kernel, division, options), "{division:?}");
    }
    first
}

fn worlds() -> [World; 3] {
    [
        World::random(1, [3, 2, 3], [4, 5, 3], 30),
        // Beyond one block on every side, mostly blocked.
        World::random(2, [0, 0, 0], [9, 3, 2], 70),
        // At the end of the coordinates.
        World::random(3, [4091, 4093, 4094], [5, 3, 2], 10),
    ]
}

#[test]
fn diffusion_is_that_of_the_formula_however_it_is_divided() {
    for world in &worlds() {
        for boundary in [
            Boundary::Reflecting,
            Boundary::Absorbing,
            Boundary::Fixed(3.5),
        ] {
            let ran = same_bits(
                world,
                Diffusion { step: 0.5 },
                options(7, Some(3), boundary),
            );
            assert_near(&ran, &model(world, boundary, false, 0.5, 7), 1e-12);
            assert_eq!(ran.snapshots.keys().copied().collect::<Vec<_>>(), [3, 6]);
            let at_six = model(world, boundary, false, 0.5, 6);
            let six = Ran {
                last: ran.snapshots[&6].clone(),
                ..Ran::default()
            };
            assert_near(&six, &at_six, 1e-12);
            let single = same_bits(
                world,
                Diffusion { step: 0.5_f32 },
                options(7, None, boundary),
            );
            assert_near(&single, &model(world, boundary, false, 0.5, 7), 1e-4);
        }
    }
}

#[test]
fn diffusivities_of_faces_are_harmonic_means() {
    for world in &worlds() {
        let ran = same_bits(
            world,
            VariableDiffusion { step: 0.1 },
            options(5, None, Boundary::Reflecting),
        );
        assert_near(
            &ran,
            &model(world, Boundary::Reflecting, true, 0.1, 5),
            1e-12,
        );
    }
}

#[derive(Clone, Copy)]
struct Wave(f64);

impl Kernel for Wave {
    type Value = f64;
    const BEFORE: bool = true;

    #[inline(always)]
    fn next(&self, cell: Neighbourhood<'_, f64>) -> f64 {
        2.0 * cell.now() - cell.before() + self.0 * cell.laplacian()
    }
}

#[test]
fn a_kernel_may_keep_the_step_before() {
    for world in &worlds() {
        let ran = same_bits(world, Wave(0.3), options(6, Some(4), Boundary::Absorbing));
        let (mut before, mut now) = ((*world.values).clone(), (*world.values).clone());
        for _ in 0..6 {
            let lap = |cell: &[i32; 3]| {
                let at = |step: usize| {
                    let by = NEIGHBOURS[step];
                    let beside: [i32; 3] = std::array::from_fn(|a| cell[a] + by[a]);
                    now.get(&beside).copied().unwrap_or(0.0) - now[cell]
                };
                (0..8).map(at).sum::<f64>() * 3.0 / 16.0 + (8..14).map(at).sum::<f64>() / 16.0
            };
            let next = now
                .iter()
                .map(|(c, u)| (*c, 2.0 * u - before[c] + 0.3 * lap(c)))
                .collect();
            before = std::mem::replace(&mut now, next);
        }
        assert_near(&ran, &now, 1e-11);
    }
}

#[derive(Clone, Copy)]
struct Drift;

/// Takes the value of the neighbour in one direction, a wall's as one's own.
impl Kernel for Drift {
    type Value = f64;
    const WALLS: bool = true;

    #[inline(always)]
    fn next(&self, cell: Neighbourhood<'_, f64>) -> f64 {
        cell.reflected(5)
    }
}

#[test]
fn neighbours_come_in_the_fixed_order() {
    for world in &worlds() {
        let ran = same_bits(world, Drift, options(3, None, Boundary::Reflecting));
        let mut now = (*world.values).clone();
        for _ in 0..3 {
            let beside =
                |cell: &[i32; 3]| std::array::from_fn::<i32, 3, _>(|a| cell[a] + NEIGHBOURS[5][a]);
            now = now
                .iter()
                .map(|(c, u)| (*c, now.get(&beside(c)).copied().unwrap_or(*u)))
                .collect();
        }
        assert_near(&ran, &now, 0.0);
    }
}

#[test]
fn nothing_happens_in_no_steps() {
    let world = &worlds()[0];
    let ran = same_bits(
        world,
        Diffusion { step: 0.5 },
        options(0, Some(1), Boundary::Reflecting),
    );
    assert_near(&ran, &world.values, 0.0);
    assert!(ran.snapshots.is_empty());
}
