//! The engine alone, one worker, against a plain sequential bucket-queue Dijkstra in the same run.
//!
//! `cargo bench --bench engine [-- SIDE_IN_BRICKS]`

mod common;

use common::{DenseBox, mix, random_box};
use octaflow::brick::{BrickId, Local};
use octaflow::engine::{Engine, EngineOptions};
use octaflow::partition::{Partition, Plan};
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let side = std::env::args()
        .filter_map(|a| a.parse().ok())
        .next()
        .unwrap_or(16);
    for (name, spread) in [("cost 1.0", 1), ("costs 1.0…4.0", 769)] {
        let cost = |h: u64| 256 + (h % spread) as u16;
        let bricks = random_box(side, 25, cost);
        let dense = DenseBox::new(side, &bricks);
        let source = BrickId::new(0, 0, 0).unwrap();
        let local = (0..1024)
            .find(|&l| bricks[0].1[l] > 0)
            .and_then(Local::new)
            .unwrap();
        let start = Instant::now();
        let at = local.index();
        let n = dense.n;
        let oracle =
            dense.dijkstra((((at >> 9) * n + (at >> 6 & 7)) * n + (at >> 3 & 7)) * n + (at & 7));
        let plain = start.elapsed();

        let mut engine = Engine::new(
            0,
            Arc::new(Plan::build(Partition::Hash, 1, &[])),
            EngineOptions::default(),
        );
        engine.load(bricks, |_| false);
        engine.add_source(source, local, 0);
        let start = Instant::now();
        engine.solve();
        let solve = start.elapsed();
        let reached = engine.reached();
        let stats = engine.stats();
        let cells = engine.brick_count() * 1024;
        println!(
            "{name}: {:.1} M cells, {:.1} M reached: engine {:.1} ns a reached cell, plain Dijkstra {:.1}: ratio {:.2}; {:.2} visits a brick, {:.1} row computations a row",
            cells as f64 / 1e6,
            reached as f64 / 1e6,
            solve.as_nanos() as f64 / reached as f64,
            plain.as_nanos() as f64 / reached as f64,
            plain.as_secs_f64() / solve.as_secs_f64(),
            stats.visits as f64 / engine.brick_count() as f64,
            stats.rows as f64 / (engine.brick_count() * 128) as f64,
        );
        for slot in engine.slots_by_id() {
            let (id, _, ticks) = engine.brick(slot);
            let [bx, by, bz] = id.xyz().map(|c| 8 * c as usize);
            for (at, &t) in ticks.iter().enumerate() {
                let (p, k, j, i) = (at >> 9, at >> 6 & 7, at >> 3 & 7, at & 7);
                let expected = oracle[((p * n + bz + k) * n + by + j) * n + bx + i];
                assert_eq!(t, expected.min(i32::MAX as u32), "{id:?} {at}");
            }
        }
        single_edits(&mut engine, side, &cost);
    }
}

fn single_edits(engine: &mut Engine, side: i32, cost: &dyn Fn(u64) -> u16) {
    let mut micros = Vec::new();
    for n in 0..2000u64 {
        let h = mix(n + 77);
        let at = |s: u32| (h >> s) as i32 & 0xffff;
        let id = BrickId::new(at(0) % side, at(16) % side, at(32) % side).unwrap();
        let local = Local::new((h >> 48) as usize % 1024).unwrap();
        let old = engine.cost(id, local);
        let start = Instant::now();
        engine.set_cost(id, local, if old > 0 { 0 } else { cost(h) });
        engine.solve();
        micros.push(start.elapsed().as_nanos() as f64 / 1e3);
    }
    micros.sort_by(f64::total_cmp);
    println!(
        "  single-cell edits: median {:.1} µs, p99 {:.1} µs, max {:.1} µs",
        micros[1000], micros[1980], micros[1999]
    );
}
