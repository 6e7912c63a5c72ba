//! The field as a library: distances through a scanned building, kept exact while a wall goes up and comes down.
//!
//! `cargo run --release --example moving_wall`

use octaflow::brick::BrickId;
use octaflow::dataflows::Time;
use octaflow::dataflows::edits::Edit;
use octaflow::dataflows::field::field;
use octaflow::engine::{Engine, EngineOptions};
use octaflow::lattice::{Cell, UNIT_COST};
use octaflow::map::{ReadOptions, read_map};
use octaflow::partition::{Partition, Plan};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use timely::dataflow::operators::Inspect;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let map = read_map("examples/data/geb079.bt".as_ref(), &ReadOptions::default())?;
    let source = map.frame.snap([13.16, -0.04, 1.24])?;

    // The wall: every open cell of one layer across x, 2 m from the source.
    let layer = map.frame.snap([15.16, -0.04, 1.24])?.x() & !1;
    let mut wall: Vec<Cell> = Vec::new();
    for (brick, costs) in &map.bricks {
        for (at, _) in costs.iter().enumerate().filter(|(_, cost)| **cost > 0) {
            let cell = brick.cell(octaflow::brick::Local::new(at).expect("below 1024"));
            if (layer..layer + 2).contains(&cell.x()) {
                wall.push(cell);
            }
        }
    }

    timely::execute_directly(move |worker| {
        let plan = Arc::new(Plan::build(Partition::Hash, worker.peers(), &[]));
        let options = EngineOptions {
            changes: true,
            ..EngineOptions::default()
        };
        let mut engine = Engine::new(worker.index(), plan.clone(), options);
        let exists: std::collections::HashSet<BrickId> = map.bricks.iter().map(|b| b.0).collect();
        engine.load(map.bricks, |brick| exists.contains(&brick));
        let engine = Rc::new(RefCell::new(engine));

        // Every epoch's changes arrive as a differential stream: here they are only counted.
        let counted = Rc::new(RefCell::new((0, 0)));
        let count = counted.clone();
        let mut input = worker.dataflow::<Time, _, _>(|scope| {
            let (input, changes) = field(scope, &engine, &plan);
            changes.inspect(move |(_, _, diff)| match diff {
                1 => count.borrow_mut().0 += 1,
                _ => count.borrow_mut().1 += 1,
            });
            input
        });
        let source = Edit::AddSource {
            cell: source,
            label: 0,
        };
        let block = |cost| wall.iter().map(move |&cell| Edit::Cost { cell, cost });
        let epochs = [
            ("the first solve", vec![source]),
            ("a wall goes up", block(0).collect()),
            ("and comes down", block(UNIT_COST).collect()),
        ];
        for (time, (what, edits)) in epochs.into_iter().enumerate() {
            let begun = Instant::now();
            let rows = edits
                .into_iter()
                .enumerate()
                .map(|(row, edit)| (row as u64, edit));
            input
                .epoch(worker, time as Time, rows)
                .expect("the source is open");
            let (appeared, vanished) = counted.take();
            println!(
                "{what}: {appeared} records appear and {vanished} vanish in {:.1} ms; {} cells are reached",
                begun.elapsed().as_secs_f64() * 1e3,
                engine.borrow().reached()
            );
        }
        input.close();
    });
    Ok(())
}
