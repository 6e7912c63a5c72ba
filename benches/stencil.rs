//! Diffusion on a box with 5 % walls: rings against time on one worker and two, and rings against messages between
//! two processes.
//!
//! `cargo bench --bench stencil [-- SIDE]`, in blocks of 65,536 cells: 4 (the default) is 4.2 M cells. The
//! step of numba and of numpy on as many cells: `peers_stencil.py 128`.

mod common;

use common::random_box;
use octaflow::brick::{BrickId, Costs};
use octaflow::dataflows::step::step;
use octaflow::partition::{Partition, Plan};
use octaflow::stencil::{
    Boundary, Diffusion, Kernel, Stepper, StepperMap, StepperOptions, Value, VariableDiffusion,
    weigh,
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use timely::dataflow::operators::ToStream;

const STEPS: u64 = 64;

/// How often everything is measured, by turns.
const ROUNDS: usize = 5;

fn main() {
    let side = std::env::args()
        .filter_map(|a| a.parse().ok())
        .next()
        .unwrap_or(4);
    let bricks = Arc::new(random_box(4 * side, 5, |_| 256));
    let cells: u64 = bricks
        .iter()
        .flat_map(|b| b.1.iter())
        .filter(|&&c| c > 0)
        .count() as u64;
    println!("{side}³ blocks, {cells} open cells, {STEPS} steps");
    let variants: Vec<(String, Box<dyn Fn() -> Duration>)> = [1, 2]
        .into_iter()
        .flat_map(|workers| [1, 2, 4, 8].map(|rings| (workers, rings)))
        .map(|(workers, rings)| {
            let bricks = bricks.clone();
            let name = format!("f32, {workers} workers, {rings} rings");
            let run = move || solve(&bricks, Diffusion { step: 0.5_f32 }, workers, rings);
            (name, Box::new(run) as Box<dyn Fn() -> Duration>)
        })
        .chain([1, 2].map(|rings| {
            let bricks = bricks.clone();
            let run = move || solve(&bricks, Diffusion { step: 0.5_f64 }, 1, rings);
            (
                format!("f64, 1 worker, {rings} rings"),
                Box::new(run) as Box<dyn Fn() -> Duration>,
            )
        }))
        .chain(std::iter::once({
            let bricks = bricks.clone();
            let run = move || solve(&bricks, VariableDiffusion { step: 0.1_f32 }, 1, 2);
            (
                "f32 by cost, 1 worker, 2 rings".to_owned(),
                Box::new(run) as Box<dyn Fn() -> Duration>,
            )
        }))
        .collect();
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); variants.len()];
    for _ in 0..ROUNDS {
        for ((_, run), times) in variants.iter().zip(&mut times) {
            times.push(run());
        }
    }
    let first = median(&mut times[0]);
    for ((name, _), times) in variants.iter().zip(&mut times) {
        let time = median(times);
        println!(
            "{name}: {:.3} ns a cell and step, {:.2} G cells/s, {:.2}x the first",
            time.as_secs_f64() * 1e9 / (cells * STEPS) as f64,
            (cells * STEPS) as f64 / time.as_secs_f64() / 1e9,
            first.as_secs_f64() / time.as_secs_f64(),
        );
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn solve<K: Kernel + Send + Sync>(
    bricks: &Arc<Vec<(BrickId, Box<Costs>)>>,
    kernel: K,
    workers: usize,
    rings: usize,
) -> Duration {
    let took = Arc::new(Mutex::new(Duration::ZERO));
    let (bricks, result) = (bricks.clone(), took.clone());
    timely::execute(timely::Config::process(workers), move |worker| {
        let weights = weigh(bricks.iter().map(|(b, c)| (*b, &**c)));
        let plan = Arc::new(Plan::build(Partition::Hilbert, worker.peers(), &weights));
        let blocks: FxHashSet<BrickId> = weights.iter().map(|w| w.0).collect();
        let index: FxHashMap<BrickId, &Costs> = bricks.iter().map(|(b, c)| (*b, &**c)).collect();
        let options = StepperOptions {
            rings,
            first: 0,
            last: STEPS,
            every: None,
            boundary: Boundary::Reflecting,
        };
        let by_cost = |cost: u16| K::Value::from_f64(f64::from(cost) / 256.0);
        let map = StepperMap {
            costs: &|brick| index.get(&brick).copied(),
            coefficients: K::COEFFICIENTS.then_some(&by_cost as &dyn Fn(u16) -> K::Value),
            values: &|brick, place| {
                [K::Value::from_f64(
                    (common::mix(brick.code() << 10 | place as u64) >> 40) as f64 / 16_777_216.0,
                ); 2]
            },
        };
        let stepper = Stepper::new(kernel, options, worker.index(), &plan, &blocks, &map);
        let stepper = Rc::new(RefCell::new(stepper));
        octaflow::dataflows::gather::broadcast(worker, || ());
        let begun = Instant::now();
        let probe = worker.dataflow(|scope| step(scope, [()].to_stream(scope), &stepper, &plan));
        worker.step_or_park_while(None, || !probe.done());
        if worker.index() == 0 {
            *result.lock().expect("no worker panics") = begun.elapsed();
        }
    })
    .expect("the workers run");
    *took.lock().expect("no worker panics")
}
