//! What was counted in cells, from the workers that read it to those that own the bricks, and which cells change.
//!
//! ```text
//!  a worker's share of a scan ─► counted: its own bricks at once, others' as records
//!                                                                │ to the owner of the brick
//!                                                                ▼
//!                                                            Count: add to the tallies of their level
//!                                                                │ at the end of an input, if somebody asks:
//!                                                                │ (cell, cost) that goes −1, that comes +1
//!                                                                ▼
//!                              LOD 15 ─► coarsen ─► LOD 14 ─► …  ─► the level asked for
//!                                                                │ to worker 0
//!                                                                ▼
//!                                                            Gather: the cells of each round whose cost changed
//! ```
//!
//! Points are not records of a collection: they are added up where they are read, cell by cell, and only the sums travel.
//! What changes of cells is differential from there on.
//!
//! # Frontiers
//! A time is a round: one input, or a stretch of one, or one level of the tables at the end. Where a round ends an input
//! ([`Telling`]), cells are judged when its frontier passes it on the owner; the changes are whole when the probe passes it.
//!
//! # Invariants
//! - One round is under way at a time ([`TallyInput::end_round`] waits), so that what a worker adds to its own bricks
//!   falls into the round of what others send. Between two rounds all tallies are whole: that is when they are saved.
//! - Tallies add up, so that they do not depend on the order in which records come.

use super::coarsen::levels;
use super::epochs::stage;
use super::wire::PodVec;
use super::{Diff, Time};
use crate::brick::{BrickId, Costs};
use crate::lattice::Cell;
use crate::partition::Plan;
use crate::tally::{Rule, Tallies, TallyRecord, owner_at};
use differential_dataflow::AsCollection;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::core::input::Handle as InputHandle;
use timely::dataflow::operators::{Operator, Probe, probe};
use timely::dataflow::{Scope, StreamVec};
use timely::worker::Worker;

/// The longest time between two looks at the work.
const LOOK: Duration = Duration::from_millis(100);

/// What a worker knows of its bricks.
#[derive(Debug)]
pub struct Ledger {
    /// The tallies of each level, the finest first.
    pub levels: Vec<Tallies>,
    /// How cells are judged.
    pub rule: Rule,
    /// How they were judged when changes were told last.
    pub told: Rule,
    /// What is told at the end of the round under way, if changes are wanted at all.
    pub telling: Telling,
    /// Bricks whose tallies at the finest level are whole: what else comes of them is older, and left out.
    pub closed: FxHashSet<BrickId>,
}

/// What is told at the end of a round.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Telling {
    /// Nothing: the input goes on.
    Nothing,
    /// The cells whose costs have changed since they were told last.
    #[default]
    Changes,
    /// All costs as they were told last by a run that goes on: those of bricks that were touched since; the others follow
    /// from their tallies.
    Again(FxHashMap<BrickId, Box<Costs>>),
}

impl Ledger {
    /// No tallies of `levels` levels yet, of points with `attributes` attributes.
    pub fn new(levels: usize, attributes: usize, rule: Rule) -> Self {
        Ledger {
            levels: vec![Tallies::new(attributes); levels],
            rule,
            told: Rule { open: None, ..rule },
            telling: Telling::default(),
            closed: FxHashSet::default(),
        }
    }

    fn take(&mut self, record: &TallyRecord) {
        let level = record.level();
        let is_closed = || level == 0 && self.closed.contains(&record.brick());
        if self.closed.is_empty() || !is_closed() {
            record.add_to(&mut self.levels[level]);
        }
    }

    /// What is to be told: `(cell, cost)` of open cells that go (−1) and come (1).
    fn tell(&mut self, is_own: impl Fn(BrickId) -> bool, mut each: impl FnMut(Cell, u16, Diff)) {
        let (told, rule) = (self.told, self.rule);
        match std::mem::take(&mut self.telling) {
            Telling::Changes => {}
            Telling::Nothing => return,
            Telling::Again(kept) => {
                let each = |id: BrickId, local, cost| each(id.cell(local), cost, 1);
                return self.levels[0].retell(&told, kept, is_own, each);
            }
        }
        self.levels[0].changes(&told, &rule, is_own, |id, local, old, new| {
            for (cost, diff) in [(old, -1), (new, 1)] {
                if cost > 0 {
                    each(id.cell(local), cost, diff);
                }
            }
        });
        self.told = rule;
    }
}

/// The ledger that a worker's operators share.
pub type SharedLedger = Rc<RefCell<Ledger>>;

/// The cells of each round whose cost changed, with their costs now; worker 0 has them all.
pub type ChangedCells = Rc<RefCell<BTreeMap<Time, BTreeMap<Cell, u16>>>>;

/// Where what a worker has counted enters the dataflow. Every worker feeds its own.
pub struct TallyInput {
    handle: InputHandle<Time, CapacityContainerBuilder<PodVec<TallyRecord>>>,
    probe: probe::Handle<Time>,
}

/// The changes that somebody asks for: of how many levels above the finest, and after which round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How many levels above the finest.
    pub level: usize,
    /// Rounds up to this one are not told of.
    pub after: Time,
}

/// Brings what is counted to the owners of the bricks; gathers the changes that are wanted.
pub fn ingest<'scope>(
    scope: Scope<'scope, Time>,
    plan: &Arc<Plan>,
    ledger: &SharedLedger,
    wanted: Option<Wanted>,
) -> (TallyInput, ChangedCells) {
    let me = scope.index();
    let mut handle: InputHandle<Time, CapacityContainerBuilder<PodVec<TallyRecord>>> =
        InputHandle::new_with_builder();
    let records = handle.to_stream(scope);
    let (owners, owns) = (plan.clone(), plan.clone());
    let (adding, judging) = (ledger.clone(), ledger.clone());
    let changes: StreamVec<Time, ((Cell, u16), Time, Diff)> = stage(
        records,
        "Count",
        move |record: &TallyRecord| match record.finishing() {
            Some(worker) => worker as u64,
            None => owner_at(&owners, record.level(), record.brick()) as u64,
        },
        move |_time, record| adding.borrow_mut().take(&record),
        move |time, out| {
            if wanted.is_some() {
                let mut ledger = judging.borrow_mut();
                let is_own = |brick| owns.owner(brick) == me;
                ledger.tell(is_own, |cell, cost, diff| {
                    out.push(((cell, cost), time, diff));
                });
            }
        },
    );
    let wanted = wanted.unwrap_or(Wanted {
        level: 0,
        after: Time::MAX,
    });
    let cells = changes.as_collection();
    let cells = levels(cells.clone(), wanted.level).pop().unwrap_or(cells);
    let changed = ChangedCells::default();
    let sink = changed.clone();
    let (probe, _) = (cells.inner)
        .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
            Exchange::new(|_| 0),
            "Gather",
            move |_, _| {
                move |input, _| {
                    input.for_each(|_, records| {
                        let mut sink = sink.borrow_mut();
                        for ((cell, cost), time, diff) in records.drain(..) {
                            if time > wanted.after {
                                note(sink.entry(time).or_default(), cell, cost, diff);
                            }
                        }
                    });
                }
            },
        )
        .probe();
    (TallyInput { handle, probe }, changed)
}

/// Takes in a difference of a cell: a cost that comes is its cost now, and without one it is blocked.
fn note(changed: &mut BTreeMap<Cell, u16>, cell: Cell, cost: u16, diff: Diff) {
    let now = changed.entry(cell).or_insert(0);
    if diff > 0 {
        *now = cost;
    }
}

impl TallyInput {
    /// Begins a round.
    pub fn begin_round(&mut self, time: Time) {
        self.handle.advance_to(time);
    }

    /// Sends what was counted for others, `level` levels above the finest, and works on what has come.
    pub fn send(&mut self, worker: &mut Worker, level: usize, others: &mut Tallies) {
        others.drain_records(level as u32, |record| self.handle.send(record));
        self.handle.flush();
        worker.step();
    }

    /// Ends a round, and works until every worker has.
    pub fn end_round(&mut self, worker: &mut Worker) {
        let time = *self.handle.time();
        self.handle.send(TallyRecord::finish(worker.index()));
        self.handle.advance_to(time + 1);
        while self.probe.less_equal(&time) {
            worker.step_or_park(Some(LOOK));
        }
    }
}
