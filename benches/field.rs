//! The field's dataflow on a box with 25 % random obstacles: one worker, two workers, two processes, edits, a large
//! box, and a plain sequential Dijkstra, all in one run and by turns.
//!
//! `cargo bench --bench field [-- SIDE [LARGE_SIDE]]`, sides in bricks of 1024 cells: 16 is 4.2 M cells (the
//! default), 48 is 113 M cells (left out unless given).

mod common;

use common::{DenseBox, mix, random_box};
use octaflow::brick::{BrickId, Costs, Local};
use octaflow::cluster::{self, ClusterConfig, Fatal};
use octaflow::dataflows::Time;
use octaflow::dataflows::edits::Edit;
use octaflow::dataflows::field::field;
use octaflow::dataflows::gather::{broadcast, gather};
use octaflow::engine::{Engine, EngineOptions};
use octaflow::partition::{Partition, Plan};
use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use timely::worker::Worker;

const EDITS: usize = 2_000;

/// How often everything but the large box is measured.
const ROUNDS: usize = 5;

/// What worker 0 measured.
#[derive(Clone, Debug, Default)]
struct Measured {
    solve: Duration,
    reached: u64,
    edits: Vec<Duration>,
    thousand: Duration,
    rss_before: u64,
    rss_after: u64,
    visits: u64,
}

struct Setup {
    side: i32,
    workers: usize,
    processes: usize,
    process: usize,
    addresses: Vec<String>,
}

fn main() {
    let numbers: Vec<i32> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    if let Ok(child) = std::env::var("OCTAFLOW_BENCH_CHILD") {
        let mut words = child.split(' ').map(str::to_owned);
        let side = words.next().and_then(|w| w.parse().ok()).expect("a side");
        let addresses = words.collect();
        run(Setup {
            side,
            workers: 1,
            processes: 2,
            process: 1,
            addresses,
        });
        return;
    }
    let side = numbers.first().copied().unwrap_or(16);
    let single = |workers| Setup {
        side,
        workers,
        processes: 1,
        process: 0,
        addresses: Vec::new(),
    };
    let mut rounds: [Vec<Measured>; 3] = Default::default();
    let mut plain = Vec::new();
    for _ in 0..ROUNDS {
        plain.push(plain_dijkstra(side));
        rounds[0].push(run(single(1)));
        rounds[1].push(run(single(2)));
        rounds[2].push(two_processes(side));
    }
    let ratios = |of: &[Measured], to: &dyn Fn(usize) -> Duration| {
        let ratio = |n: usize| to(n).as_secs_f64() / of[n].solve.as_secs_f64();
        spread((0..ROUNDS).map(ratio).collect())
    };
    let [ones, twos, processes] = &rounds;
    let one = &ones[0];
    let ns = |m: &Measured| m.solve.as_nanos() as f64 / m.reached as f64;
    let cells = f64::from(side * side * side) * 1024.0;
    println!(
        "{:.1} M cells, {:.2} M reached, one worker (median of {ROUNDS} rounds, least and most in brackets):",
        cells / 1e6,
        one.reached as f64 / 1e6
    );
    println!(
        "  first solve            {} ns a reached cell",
        spread(ones.iter().map(ns).collect())
    );
    println!(
        "  over plain Dijkstra    {} times as fast",
        ratios(ones, &|n| plain[n])
    );
    println!(
        "  memory                 {:.1} bytes a cell, costs included",
        (one.rss_after - one.rss_before) as f64 / cells
    );
    println!("  single-cell edit       {}", edits(ones));
    let share = |m: &Measured| m.thousand.as_secs_f64() / m.solve.as_secs_f64();
    println!(
        "  1,000 edits, one epoch {} of a fresh solve",
        spread(ones.iter().map(share).collect())
    );
    println!(
        "two workers: {} times as fast as one, {:.2} times the visits; single-cell edit {}",
        ratios(twos, &|n| ones[n].solve),
        twos[0].visits as f64 / one.visits as f64,
        edits(twos)
    );
    println!(
        "two processes of one worker: {} times as fast as one; two workers are {} times as fast as they",
        ratios(processes, &|n| ones[n].solve),
        ratios(twos, &|n| processes[n].solve),
    );
    if let Some(&large) = numbers.get(1) {
        let big = run(Setup {
            side: large,
            ..single(1)
        });
        println!(
            "{:.1} M cells, one worker: {:.1} ns a reached cell, {:.2} times as much as at {:.1} M; single-cell edit {:.1} µs in the median",
            f64::from(large * large * large) * 1024.0 / 1e6,
            ns(&big),
            ns(&big) / ns(one),
            cells / 1e6,
            percentiles(&big.edits).0
        );
    }
}

/// The median of some figures, with the least and the most.
fn spread(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let (least, most) = (figures[0], figures[figures.len() - 1]);
    format!("{:.3} [{least:.3}…{most:.3}]", figures[figures.len() / 2])
}

/// The median and the 99th percentile of single-cell edits, over the rounds.
fn edits(rounds: &[Measured]) -> String {
    let (medians, p99s): (Vec<f64>, Vec<f64>) =
        rounds.iter().map(|m| percentiles(&m.edits)).unzip();
    format!(
        "{} µs in the median, {} µs at the 99th percentile",
        spread(medians),
        spread(p99s)
    )
}

fn percentiles(times: &[Duration]) -> (f64, f64) {
    let mut micros: Vec<f64> = times.iter().map(|t| t.as_nanos() as f64 / 1e3).collect();
    micros.sort_by(f64::total_cmp);
    (micros[micros.len() / 2], micros[micros.len() * 99 / 100])
}

fn plain_dijkstra(side: i32) -> Duration {
    let bricks = random_box(side, 25, |_| 256);
    let dense = DenseBox::new(side, &bricks);
    let (n, at) = (dense.n, first_open(&bricks[0].1).index());
    let source = (((at >> 9) * n + (at >> 6 & 7)) * n + (at >> 3 & 7)) * n + (at & 7);
    drop(bricks);
    let begun = Instant::now();
    std::hint::black_box(dense.dijkstra(source));
    begun.elapsed()
}

fn first_open(costs: &Costs) -> Local {
    let open = costs.iter().position(|&c| c > 0).expect("an open cell");
    Local::new(open).expect("below 1024")
}

fn two_processes(side: i32) -> Measured {
    let listeners: Vec<_> = (0..2)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .collect();
    let addresses: Vec<String> = listeners
        .iter()
        .map(|l| l.local_addr().expect("a bound port").to_string())
        .collect();
    drop(listeners);
    let mut child = Command::new(std::env::current_exe().expect("an executable"))
        .env(
            "OCTAFLOW_BENCH_CHILD",
            format!("{side} {}", addresses.join(" ")),
        )
        .spawn()
        .expect("a second process");
    let measured = run(Setup {
        side,
        workers: 1,
        processes: 2,
        process: 0,
        addresses,
    });
    assert!(child.wait().expect("the child ends").success());
    measured
}

type Parts = Vec<Mutex<Vec<(BrickId, Box<Costs>)>>>;

fn run(setup: Setup) -> Measured {
    let rss_before = rss_bytes();
    let bricks = random_box(setup.side, 25, |_| 256);
    let source = (bricks[0].0, first_open(&bricks[0].1));
    let weights: Vec<(BrickId, u64)> = bricks
        .iter()
        .map(|(id, costs)| (*id, costs.iter().filter(|&&c| c > 0).count() as u64))
        .collect();
    let plan = Arc::new(Plan::build(
        Partition::Hash,
        setup.workers * setup.processes,
        &weights,
    ));
    let parts: Parts = (0..setup.workers).map(|_| Mutex::default()).collect();
    for (id, costs) in bricks {
        let owner = plan.owner(id);
        if owner / setup.workers == setup.process {
            parts[owner % setup.workers]
                .lock()
                .unwrap()
                .push((id, costs));
        }
    }
    let config = ClusterConfig {
        workers: setup.workers,
        processes: setup.processes,
        process: setup.process,
        addresses: setup.addresses.clone(),
        deadline: Duration::from_secs(120),
        settings: Vec::new(),
        fatal: Fatal::default(),
    };
    let connected = cluster::connect(&config).expect("a cluster");
    let (side, workers) = (setup.side, setup.workers);
    let work = move |worker: &mut Worker| measure(worker, side, workers, &plan, &parts, source);
    let results = cluster::execute(connected, work).expect("a run");
    let first = results.into_iter().next().expect("a worker");
    Measured {
        rss_before,
        ..first
    }
}

fn measure(
    worker: &mut Worker,
    side: i32,
    workers: usize,
    plan: &Arc<Plan>,
    parts: &Parts,
    (brick, local): (BrickId, Local),
) -> Measured {
    let mut engine = Engine::new(worker.index(), plan.clone(), EngineOptions::default());
    let bricks = std::mem::take(&mut *parts[worker.index() % workers].lock().unwrap());
    let inside = move |id: BrickId| id.xyz().iter().all(|&c| c < side);
    engine.load(bricks, inside);
    let engine = Rc::new(RefCell::new(engine));
    let mut input = worker.dataflow::<Time, _, _>(|scope| field(scope, &engine, plan).0);
    broadcast(worker, || ());
    let mut measured = Measured::default();
    if worker.index() == 0 {
        let cell = brick.cell(local);
        let begun = Instant::now();
        input
            .epoch(worker, 0, [(0, Edit::AddSource { cell, label: 0 })])
            .expect("sound");
        measured.solve = begun.elapsed();
        measured.rss_after = rss_bytes();
        let mut blocked = std::collections::HashSet::new();
        let mut edit = |seed: u64| {
            let h = mix(seed);
            let at = |s: u32| (h >> s) as i32 & 0xffff;
            let id = BrickId::new(at(0) % side, at(16) % side, at(32) % side).expect("inside");
            let cell = id.cell(Local::new((h >> 48) as usize % 1024).expect("below 1024"));
            // A cell changes from open to blocked or back; the random box is its own record of which are open.
            let (_, l) = BrickId::locate(cell).expect("inside");
            let was_open = mix(id.code() << 10 | l.index() as u64) % 100 >= 25;
            let open = was_open != blocked.contains(&cell);
            if !blocked.remove(&cell) {
                blocked.insert(cell);
            }
            Edit::Cost {
                cell,
                cost: if open { 0 } else { 256 },
            }
        };
        for n in 0..EDITS {
            let row = edit(n as u64);
            let begun = Instant::now();
            input
                .epoch(worker, 1 + n as Time, [(0, row)])
                .expect("sound");
            measured.edits.push(begun.elapsed());
        }
        let rows: Vec<(u64, Edit)> = (0..1000).map(|n| (n, edit(1_000_000 + n))).collect();
        let begun = Instant::now();
        input.epoch(worker, 1_000_000, rows).expect("sound");
        measured.thousand = begun.elapsed();
    }
    input.follow(worker);
    let visits = engine.borrow().stats().visits;
    measured.visits = gather(worker, visits).into_iter().sum();
    let reached = engine.borrow().reached();
    measured.reached = gather(worker, reached).into_iter().sum();
    measured
}

fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
