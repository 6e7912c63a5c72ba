//! The engine alone, driven by a world's edits.

use crate::world::{Changes, Edit, Field, World};
use differential_dataflow::consolidation::consolidate;
use octaflow::brick::{BRICK_CELLS, BrickId, Costs, LOCAL_BY_INDEX};
use octaflow::dataflows::Diff;
use octaflow::engine::{Engine, EngineOptions};
use octaflow::lattice::UNREACHED;
use octaflow::partition::{Partition, Plan};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The changes of every epoch and the field after it, by the engine.
pub fn engineered(first: &World, epochs: &[Vec<Edit>]) -> Vec<(Changes, Field)> {
    let mut engine = engine_of(first, true);
    let mut all = vec![solved(&mut engine)];
    for edits in epochs {
        edit(&mut engine, edits);
        all.push(solved(&mut engine));
    }
    all
}

/// An engine that is alone, with a world in it that it has not solved yet.
pub fn engine_of(world: &World, records: bool) -> Engine {
    let mut bricks: BTreeMap<BrickId, Box<Costs>> = BTreeMap::new();
    for (&cell, &cost) in &world.costs {
        let (brick, local) = BrickId::locate(cell).unwrap();
        bricks
            .entry(brick)
            .or_insert_with(|| Box::new([0; BRICK_CELLS]))[local.index()] = cost;
    }
    let plan = Arc::new(Plan::build(Partition::Hash, 1, &[]));
    let options = EngineOptions {
        labels: true,
        changes: records,
        next: records,
    };
    let mut engine = Engine::new(0, plan, options);
    engine.load(bricks, |_| false);
    let sources = world.sources.iter().map(|(&c, &l)| Edit::Add(c, l));
    edit(&mut engine, &sources.collect::<Vec<_>>());
    engine
}

pub fn edit(engine: &mut Engine, edits: &[Edit]) {
    for edit in edits {
        let (Edit::Cost(cell, _) | Edit::Add(cell, _) | Edit::Remove(cell)) = *edit;
        let (brick, local) = BrickId::locate(cell).unwrap();
        match *edit {
            Edit::Cost(_, cost) => engine.set_cost(brick, local, cost),
            Edit::Add(_, label) => engine.add_source(brick, local, label),
            Edit::Remove(_) => drop(engine.remove_source(brick, local)),
        }
    }
}

pub fn solved(engine: &mut Engine) -> (Changes, Field) {
    engine.solve();
    let mut changes = Changes::new();
    while engine.take_changes(7, |c| {
        let record = (c.brick.cell(c.local), (c.ticks, c.label, c.next));
        changes.push((record, Diff::from(c.diff)));
    }) {}
    let count = changes.len();
    consolidate(&mut changes);
    assert_eq!(
        changes.len(),
        count,
        "the engine's changes are consolidated"
    );
    let mut field = Field::new();
    for slot in engine.slots_by_id() {
        let next = engine.next_hops(slot);
        let (brick, _, ticks) = engine.brick(slot);
        let labels = engine.labels(slot).unwrap();
        let reached = LOCAL_BY_INDEX.map(|l| (brick.cell(l), l.index()));
        let reached = reached.iter().filter(|(_, at)| ticks[*at] != UNREACHED);
        field.extend(reached.map(|&(c, at)| (c, (ticks[at], labels[at], next[at]))));
    }
    (changes, field)
}
