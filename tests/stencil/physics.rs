//! What diffusion must do whatever the numbers: keep mass, keep to the extrema, and converge to the analytic solution.

use super::{Boundary, Division, World, mix, options, run};
use octaflow::brick::{BRICK_CELLS, BrickId, Local};
use octaflow::partition::Partition;
use octaflow::stencil::{Diffusion, GREATEST_STEP};
use std::collections::BTreeMap;
use std::sync::Arc;

const DIVISION: Division = Division {
    workers: 2,
    partition: Partition::Hilbert,
    rings: 2,
};

fn open_box(side: i32, value: impl Fn([i32; 3]) -> f64, percent: u64) -> World {
    let (mut bricks, mut values) = (BTreeMap::new(), BTreeMap::new());
    for n in 0..side.pow(3) {
        let id = BrickId::new(n % side, n / side % side, n / side / side).unwrap();
        let mut costs = Box::new([0; BRICK_CELLS]);
        for place in 0..BRICK_CELLS {
            if mix(id.code() << 10 | place as u64) % 100 >= percent {
                costs[place] = 256;
                let cell = id.cell(Local::new(place).unwrap()).xyz();
                values.insert(cell, value(cell));
            }
        }
        bricks.insert(id, costs);
    }
    World {
        bricks: Arc::new(bricks),
        values: Arc::new(values),
    }
}

#[test]
fn walls_keep_mass_and_extrema() {
    let hot = |cell: [i32; 3]| f64::from(cell[0] < 9) * 100.0 - f64::from(cell[2]);
    let world = open_box(3, hot, 35);
    let step = GREATEST_STEP;
    let ran = run(
        &world,
        Diffusion { step },
        DIVISION,
        options(200, Some(50), Boundary::Reflecting),
    );
    let (least, greatest) = world
        .values
        .values()
        .fold((f64::MAX, f64::MIN), |(l, g), v| (l.min(*v), g.max(*v)));
    let mass: f64 = world.values.values().sum();
    for at in [50, 100, 150, 200] {
        let of_step = ran.observations.iter().filter(|o| o.0.0 == at);
        let total: f64 = of_step.clone().map(|o| f64::from_bits(o.1[0])).sum();
        assert!(
            (total - mass).abs() <= 1e-9 * mass.abs().max(1.0),
            "{total} is not {mass}"
        );
        for (_, [_, l, g]) in of_step {
            let slack = 1e-12 * (greatest - least);
            assert!(f64::from_bits(*l) >= least - slack && f64::from_bits(*g) <= greatest + slack);
        }
    }
}

/// The error against a Gaussian that has spread, at one resolution: with each halving of the cells the steps quarter.
fn gaussian_error(refinement: i32) -> f64 {
    let centre = f64::from(16 * 2 * refinement / 2);
    // In lattice units of this resolution.
    let sigma2 = (2.5 * f64::from(refinement)).powi(2);
    let (step, steps) = (0.25, 16 * refinement.pow(2) as u64);
    let gaussian = |cell: [i32; 3], spread: f64| {
        let r2: f64 = cell.iter().map(|&c| (f64::from(c) - centre).powi(2)).sum();
        (sigma2 / spread).powf(1.5) * (-r2 / (2.0 * spread)).exp()
    };
    let world = open_box(2 * refinement, |cell| gaussian(cell, sigma2), 0);
    let ran = run(
        &world,
        Diffusion { step },
        DIVISION,
        options(steps, None, Boundary::Reflecting),
    );
    let spread = sigma2 + 2.0 * step * steps as f64;
    let near = |c: &&[i32; 3]| {
        c.iter()
            .all(|&c| (f64::from(c) - centre).abs() <= 5.0 * f64::from(refinement))
    };
    let errors = world
        .values
        .keys()
        .filter(near)
        .map(|&c| (ran.value(c) - gaussian(c, spread)).abs());
    errors.fold(0.0, f64::max)
}

#[test]
fn a_gaussian_converges_at_second_order() {
    let (coarse, fine) = (gaussian_error(1), gaussian_error(2));
    let order = (coarse / fine).log2();
    assert!(
        (1.8..2.3).contains(&order),
        "order {order} from {coarse} and {fine}"
    );
}
