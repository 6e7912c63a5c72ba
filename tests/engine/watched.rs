//! Engines under watch: after every epoch all that they say is held against the oracle.

use super::oracle::{Edit, Field, Point, Reached, World};
use super::parts::{Parts, place, point};
use octaflow::brick::Local;
use octaflow::engine::{CellChange, EngineOptions, NO_LABEL, NO_NEXT};
use octaflow::lattice::UNREACHED;
use octaflow::partition::Plan;
use std::sync::Arc;

/// A world, the engines that hold it, and the sum of the changes that they gave.
pub struct Watched {
    pub world: World,
    pub parts: Parts,
    options: EngineOptions,
    sum: Field,
}

impl Watched {
    pub fn new(world: World, plan: Arc<Plan>, options: EngineOptions, seed: u64) -> Self {
        Watched {
            parts: Parts::new(&world, plan, options, seed),
            world,
            options,
            sum: Field::new(),
        }
    }

    /// Makes edits and computes an epoch; gives its changes, part by part.
    pub fn epoch(&mut self, edits: impl IntoIterator<Item = Edit>) -> Vec<Vec<CellChange>> {
        for edit in edits {
            let found = self.parts.apply(edit);
            if let Edit::Remove(at) = edit {
                assert_eq!(found, Some(self.world.sources.contains_key(&at)));
            }
            self.world.apply(edit);
        }
        let outcome = self.parts.epoch();
        let solution = self.world.solve();
        for (part, cell) in outcome.overflow.iter().enumerate() {
            let owned = |at: &&Point| self.parts.plan.owner(place(**at).0) == part;
            let expected = solution.overflown.iter().any(|at| owned(&at));
            assert_eq!(cell.is_some(), expected, "overflow of part {part}");
            if let Some(cell) = cell {
                let at = cell.xyz();
                assert!(solution.overflown.contains(&at) && owned(&&at), "{cell}");
            }
        }
        self.check_field(solution.field);
        for changes in &outcome.changes {
            self.add_up(changes);
        }
        self.check_sum();
        outcome.changes
    }

    fn check_field(&mut self, mut expected: Field) {
        if !self.options.labels {
            expected.values_mut().for_each(|r| r.label = NO_LABEL);
        }
        let field = self.field();
        assert_same("the field", &field, &expected);
        let reached: u64 = self.parts.engines.iter().map(|e| e.reached()).sum();
        assert_eq!(reached, expected.len() as u64);
    }

    /// The field as the engines hold it, all else that they hold being checked on the way.
    pub fn field(&mut self) -> Field {
        let (mut field, mut open) = (Field::new(), 0);
        for (part, engine) in self.parts.engines.iter_mut().enumerate() {
            let slots = engine.slots_by_id();
            assert_eq!(slots.len(), engine.brick_count());
            assert!(slots.is_sorted_by_key(|&slot| engine.brick(slot).0));
            for slot in slots {
                let next = engine.next_hops(slot);
                let (brick, costs, ticks) = engine.brick(slot);
                let labels = engine.labels(slot);
                assert_eq!(self.parts.plan.owner(brick), part);
                assert_eq!(labels.is_some(), self.options.labels);
                for n in 0..1024 {
                    let local = Local::new(n).unwrap();
                    let at = point(brick, local);
                    let label = labels.map_or(NO_LABEL, |l| l[n]);
                    let cost = self.world.costs.get(&at).copied().unwrap_or(0);
                    assert_eq!(costs[n], cost, "the cost at {at:?}");
                    assert_eq!(engine.cost(brick, local), cost);
                    open += usize::from(cost > 0);
                    if ticks[n] == UNREACHED {
                        assert_eq!((label, next[n]), (NO_LABEL, NO_NEXT), "{at:?}");
                    } else {
                        let (ticks, next) = (ticks[n], next[n]);
                        field.insert(at, Reached { ticks, label, next });
                    }
                }
            }
        }
        assert_eq!(open, self.world.costs.len(), "open cells");
        for &at in self.world.sources.keys() {
            let (brick, local) = place(at);
            let owner = self.parts.plan.owner(brick);
            assert!(self.parts.engines[owner].is_source(brick, local), "{at:?}");
        }
        field
    }

    /// Adds one part's changes of one epoch to the sum: ascending, a cell's −1 first, nothing that cancels out.
    fn add_up(&mut self, changes: &[CellChange]) {
        let key = |c: &CellChange| (c.brick.index64(c.local), c.diff);
        assert!(changes.is_sorted_by(|a, b| key(a) < key(b)), "the order");
        for (n, change) in changes.iter().enumerate() {
            let at = point(change.brick, change.local);
            let record = Reached {
                ticks: change.ticks,
                label: change.label,
                next: change.next,
            };
            if change.diff == -1 {
                assert_eq!(self.sum.remove(&at), Some(record), "−1 at {at:?}");
            } else {
                assert_eq!(change.diff, 1);
                assert_eq!(self.sum.insert(at, record), None, "+1 at {at:?}");
                let before = n.checked_sub(1).map(|n| changes[n]);
                let cancels = CellChange {
                    diff: -1,
                    ..*change
                };
                assert_ne!(before, Some(cancels), "what cancels out at {at:?}");
            }
        }
    }

    fn check_sum(&mut self) {
        let mut expected = Field::new();
        if self.options.changes {
            expected = self.field();
        }
        if !self.options.next {
            expected.values_mut().for_each(|r| r.next = NO_NEXT);
        }
        assert_same("the sum of changes", &self.sum, &expected);
    }
}

/// Panics with the first cell in which two fields differ.
fn assert_same(what: &str, field: &Field, expected: &Field) {
    for at in field.keys().chain(expected.keys()) {
        let (found, expected) = (field.get(at), expected.get(at));
        assert_eq!(found, expected, "{what} at {at:?}");
    }
}
