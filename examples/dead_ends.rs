//! The region graph as a library: the dead ends of a building, kept by operators of differential dataflow while a wall goes
//! up and comes down. A dead end is a piece of a brick with a single portal out of it.
//!
//! `cargo run --release --example dead_ends`

use differential_dataflow::operators::CountTotal;
use octaflow::dataflows::edits::Edit;
use octaflow::dataflows::graph::graph;
use octaflow::lattice::{Cell, UNIT_COST};
use octaflow::map::{ReadOptions, read_map};
use octaflow::partition::{Partition, Plan};
use octaflow::search::RegionGraph;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let map = read_map("examples/data/geb079.bt".as_ref(), &ReadOptions::default())?;
    // The wall: a layer of cells across x, right through the building.
    let layer = map.frame.snap([15.16, -0.04, 1.24])?.x() & !1;
    let open = map.bricks.iter().flat_map(|(brick, costs)| {
        let places = (0..costs.len()).filter(|&place| costs[place] > 0);
        let locals = places.filter_map(octaflow::brick::Local::new);
        locals.map(|local| brick.cell(local))
    });
    let wall: Vec<Cell> = open
        .filter(|cell| (layer..layer + 2).contains(&cell.x()))
        .collect();

    timely::execute_directly(move |worker| {
        let plan = Arc::new(Plan::build(Partition::Hilbert, worker.peers(), &[]));
        let mut state = RegionGraph::new(worker.index(), plan.clone());
        state.load(map.bricks);
        let state = Rc::new(RefCell::new(state));

        // Pieces, portals, tolls, and dead ends: how many there are.
        let counted = Rc::new(RefCell::new([0; 4]));
        let (mut input, probe) = worker.dataflow(|scope| {
            let (input, graph) = graph(scope, &state, &plan);
            let dead_ends = (graph.portals.clone())
                .map(|(piece, _step)| piece)
                .count_total()
                .filter(|&(_piece, portals)| portals == 1);
            let count = [(); 4].map(|()| counted.clone());
            let [a, b, c, d] = count;
            (graph.pieces).inspect(move |change| a.borrow_mut()[0] += change.2);
            (graph.portals).inspect(move |change| b.borrow_mut()[1] += change.2);
            (graph.tolls).inspect(move |change| c.borrow_mut()[2] += change.2);
            let dead_ends = dead_ends.inspect(move |change| d.borrow_mut()[3] += change.2);
            (input, dead_ends.probe().0)
        });
        let block = |cost| wall.iter().map(move |&cell| Edit::Cost { cell, cost });
        let epochs = [
            ("the map", vec![]),
            ("a wall goes up", block(0).collect()),
            ("and comes down", block(UNIT_COST).collect()),
        ];
        for (time, (what, edits)) in (0..).zip(epochs) {
            let begun = Instant::now();
            let done = input.epoch(worker, time, (0..).zip(edits));
            done.expect("edits of costs alone");
            worker.step_while(|| probe.less_equal(&time));
            let [pieces, portals, tolls, dead_ends] = *counted.borrow();
            println!(
                "{what}, in {:.1} ms: {pieces} pieces, {portals} portals, {tolls} tolls, {dead_ends} dead ends",
                begun.elapsed().as_secs_f64() * 1e3
            );
        }
        input.close();
    });
    Ok(())
}
