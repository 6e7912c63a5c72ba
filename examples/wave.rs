//! A kernel of one's own: a clap of the hands in a cave, by the wave equation.
//!
//! `cargo run --release --example wave -- 4` steps on four workers and prints how loud it is, and how far it is heard.

use octaflow::brick::{BrickId, Costs, Local};
use octaflow::dataflows::step::step;
use octaflow::map::{ReadOptions, read_map};
use octaflow::partition::{Partition, Plan};
use octaflow::stencil::{
    Boundary, Kernel, LANES, Lanes, Stepper, StepperMap, StepperOptions, Window, weigh,
};
use std::collections::{HashMap, HashSet};
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
    fn next(&self, window: &Window<'_, f32>) -> Lanes<f32> {
        let (now, before, mut next) = (window.now(), window.before(), window.laplacian());
        for l in 0..LANES {
            next[l] = 2.0 * now[l] - before[l] + self.courant2 * next[l];
        }
        next
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let map = read_map(
        "examples/data/Simple.3dmap".as_ref(),
        &ReadOptions::default(),
    )?;
    let workers = std::env::args().nth(1).map_or(Ok(2), |w| w.parse())?;
    timely::execute(timely::Config::process(workers), move |worker| {
        let bricks: HashMap<BrickId, &Costs> = map.bricks.iter().map(|(b, c)| (*b, &**c)).collect();
        let weights = weigh(bricks.iter().map(|(b, c)| (*b, *c)));
        let plan = Arc::new(Plan::build(Partition::Hilbert, worker.peers(), &weights));
        let clap = |brick: BrickId, place: usize| {
            let at = brick.cell(Local::new(place).expect("a place")).xyz();
            let r2: i32 = at
                .iter()
                .zip([100, 120, 100])
                .map(|(a, b)| (a - b) * (a - b))
                .sum();
            [(-0.02 * r2 as f32).exp(); 2]
        };
        let field = StepperMap {
            costs: &|brick| bricks.get(&brick).copied(),
            coefficients: None,
            values: &clap,
        };
        let options = StepperOptions {
            rings: 2,
            first: 0,
            last: 400,
            every: Some(100),
            boundary: Boundary::Reflecting,
        };
        let blocks = weights.iter().map(|w| w.0).collect::<HashSet<_, _>>();
        let stepper = Stepper::new(
            Wave { courant2: 0.5 },
            options,
            worker.index(),
            &plan,
            &blocks,
            &field,
        );
        let stepper = Rc::new(RefCell::new(stepper));
        let probe = worker.dataflow(|scope| step(scope, [()].to_stream(scope), &stepper, &plan));
        worker.step_or_park_while(None, || !probe.done());
        let mut stepper = stepper.borrow_mut();
        let seen = stepper.take_observations();
        for at in [0, 100, 200, 300, 400] {
            let bricks = seen.iter().filter(|o| o.step == at);
            let loudest = bricks
                .clone()
                .map(|o| o.greatest.max(-o.least))
                .fold(0.0, f64::max);
            let heard = bricks.filter(|o| o.greatest > 1e-3).count();
            println!(
                "worker {}, step {at}: at most {loudest:.4}, heard in {heard} bricks",
                worker.index()
            );
        }
    })?;
    Ok(())
}
