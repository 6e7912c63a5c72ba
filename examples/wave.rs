//! A kernel of one's own: a clap of the hands in a maze, by the wave equation.
//!
//! `cargo run --release --example wave` prints how loud it still is, and where.

use octaflow::brick::{BrickId, Local};
use octaflow::dataflows::step::step;
use octaflow::map::{ReadOptions, read_map};
use octaflow::partition::{Partition, Plan};
use octaflow::stencil::*;
use std::{cell::RefCell, rc::Rc, sync::Arc};
use timely::dataflow::operators::ToStream;

/// The leapfrog rule, at a squared Courant number.
#[derive(Clone, Copy)]
struct Wave {
    courant2: f32,
}

impl Kernel for Wave {
    type Value = f32;
    const BEFORE: bool = true;

    #[inline(always)]
    fn next(&self, cell: Neighbourhood<'_, f32>) -> f32 {
        2.0 * cell.now() - cell.before() + self.courant2 * cell.laplacian()
    }
}

/// A clap is a Gaussian, at rest.
fn clap(brick: BrickId, place: usize) -> [f32; 2] {
    let at = brick.cell(Local::new(place).expect("a place")).xyz();
    let r2: i32 = (0..3).map(|a| (at[a] - [100, 120, 100][a]).pow(2)).sum();
    [(-0.02 * r2 as f32).exp(); 2]
}

fn main() -> octaflow::Result<()> {
    let map = read_map(
        "examples/data/Simple.3dmap".as_ref(),
        &ReadOptions::default(),
    )?;
    let run = timely::execute(timely::Config::process(2), move |worker| {
        let weights = weigh(map.bricks.iter().map(|(b, c)| (*b, &**c)));
        let plan = Arc::new(Plan::build(Partition::Hilbert, worker.peers(), &weights));
        let blocks = weights.iter().map(|w| w.0).collect();
        let costs_of = |brick| map.bricks.binary_search_by_key(&brick, |b| b.0);
        let field = StepperMap {
            costs: &|brick| Some(&*map.bricks[costs_of(brick).ok()?].1),
            coefficients: None,
            values: &clap,
        };
        let wave = Wave { courant2: 0.5 };
        let stepper = Stepper::new(wave, OPTIONS, worker.index(), &plan, &blocks, &field);
        let stepper = Rc::new(RefCell::new(stepper));
        let probe = worker.dataflow(|scope| step(scope, [()].to_stream(scope), &stepper, &plan));
        worker.step_or_park_while(None, || !probe.done());
        let seen = stepper.borrow_mut().take_observations();
        for at in (0..=400).step_by(100) {
            let bricks = seen.iter().filter(|o| o.step == at);
            let loudest = bricks.clone().map(|o| o.greatest).fold(0.0, f64::max);
            let heard = bricks.filter(|o| o.greatest > 1e-3).count();
            println!("step {at}: {loudest:.4} at most, heard in {heard} bricks here");
        }
    });
    drop(run.expect("the workers run"));
    Ok(())
}

const OPTIONS: StepperOptions = StepperOptions {
    rings: 2,
    first: 0,
    last: 400,
    every: Some(100),
    boundary: Boundary::Reflecting,
};
