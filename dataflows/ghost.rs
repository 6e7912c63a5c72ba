//! Ghost zones: which payloads of others each part must hold, kept right while cells, payloads and the plan change.
//!
//! ```text
//!  cells (cell, payload)                                   plan (brick, part)
//!     │           │ cell                                        │
//!     │           ▼  to the worker in whose share it is         │
//!     │        shapes: which cells of a brick exist             │
//!     │           │                                             │
//!     │           ▼  to all workers that own a brick in reach   ▼
//!     │         zones ◄─────────────────────────────────────────┘
//!     │           │ ghost words: 64 places of a brick, part, ring, owner
//!     ▼           ▼
//!  by (brick, word), to the worker in whose share the brick is
//!     └── join ───┘
//!          │ a ghost for each place of a word that has a payload
//!          ├──► ghosts  (part,  (cell, payload, ring))
//!          └──► mirrors (owner, (cell, payload, part that needs it, ring))
//! ```
//!
//! # What it computes
//! What [`crate::ghost`] says, which [`specification::ghosts`](super::specification::ghosts) says with an `iterate` over cells. It
//! speaks of lattice coordinates in units of the level that the cells are given in, so it serves every level of
//! detail: a brick is 16 such units an axis.
//!
//! The operators of shapes and zones keep one version of what they know; what goes in and comes out is differential.
//! A payload that changes leaves no difference of a cell, so it passes by shapes and zones and goes through the join
//! alone, with the few words of its 64 places.
//!
//! # Frontiers
//! A time is an epoch. Shapes and zones work on an epoch when the frontiers of their inputs have passed it, one epoch
//! after the other; their outputs' frontiers pass it then. Epochs may be under way together.
//!
//! # Invariants
//! - At each epoch a brick has at most one part; a plan that gives it two panics. A cell exists while the multiplicities
//!   of its payloads add up to more than 0.
//! - Cells outside 0…65535 lie in no brick: they are nobody's and no ghosts.
//! - The ghosts are a function of the collections as they stand at an epoch. Their differences may cancel: where the
//!   owner of a ghost changes and nothing else, the ghost goes and comes in the same epoch.
//! - Whose worker finds the ghosts of a brick follows from the brick alone ([`Share`]), not from the plan.

use super::{Collection, Diff, Time};
use crate::brick::{BrickId, Local, Planes};
use crate::ghost::{GhostWord, Rings, Share, Through, Zones};
use crate::lattice::Cell;
use differential_dataflow::operators::arrange::arrangement::arrange_core;
use differential_dataflow::trace::implementations::{ValBatcher, ValSpine};
use differential_dataflow::{AsCollection, ExchangeData};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Capability, InputCapability, Operator};

/// A ghost: whose it is, the cell with its payload, who needs it, and how many steps away.
type Ghost<Payload> = (u32, (Cell, Payload, u32, u32));

/// A ghost as its part has it: the cell, its payload and the ring.
pub type Held<Payload> = (Cell, Payload, u32);

/// A mirror as its owner has it: the cell, its payload, the part that needs it and the ring.
pub type Shown<Payload> = (Cell, Payload, u32, u32);

/// What parts must hold beyond their own.
pub struct Ghosts<'scope, Payload: ExchangeData> {
    joined: Collection<'scope, Ghost<Payload>>,
}

impl<'scope, Payload: ExchangeData> Ghosts<'scope, Payload> {
    /// The ghosts of each part: `(part, (cell, payload, ring))`.
    pub fn ghosts(&self) -> Collection<'scope, (u32, Held<Payload>)> {
        let joined = self.joined.clone();
        joined.map(|(_owner, (cell, payload, part, ring))| (part, (cell, payload, ring)))
    }

    /// The mirrors of each part: `(owner, (cell, payload, part that needs it, ring))`.
    pub fn mirrors(&self) -> Collection<'scope, (u32, Shown<Payload>)> {
        self.joined.clone()
    }
}

/// The ghosts of each part of a plan: the cells in the rings 1…K about its own, with their payloads.
///
/// # Example
/// ```
/// use differential_dataflow::input::Input;
/// use octaflow::brick::BrickId;
/// use octaflow::dataflows::ghost::ghosts;
/// use octaflow::ghost::{Rings, Through};
/// use octaflow::lattice::Cell;
///
/// let cell = |x, y, z| Cell::new(x, y, z).unwrap();
/// let brick = |x| BrickId::new(x, 0, 0).unwrap();
/// timely::execute_directly(move |worker| {
///     worker.dataflow(|scope| {
///         let payloads = [(cell(14, 2, 2), "a"), (cell(16, 2, 2), "b"), (cell(20, 2, 2), "c")]
///             .map(|(cell, payload)| (cell, payload.to_owned()));
///         let (_, cells) = scope.new_collection_from(payloads);
///         let (_, plan) = scope.new_collection_from([(brick(0), 7), (brick(1), 9)]);
///         let ghosts = ghosts(cells, plan, Rings::new(2).unwrap(), Through::Lattice);
///         let (_, expected) = scope.new_collection_from([
///             (7, (cell(16, 2, 2), "b".to_owned(), 1)),
///             (9, (cell(14, 2, 2), "a".to_owned(), 1)),
///         ]);
///         ghosts.ghosts().assert_eq(expected);
///     });
/// });
/// ```
pub fn ghosts<'scope, Payload: ExchangeData>(
    cells: Collection<'scope, (Cell, Payload)>,
    plan: Collection<'scope, (BrickId, u32)>,
    rings: Rings,
    through: Through,
) -> Ghosts<'scope, Payload> {
    let words = zones(shapes(cells.clone()), plan, rings, through);
    let share = Share::new(0, words.scope().peers());
    let words = words.map(|word| ((word.brick, word.word), word));
    let words = arrange_core::<_, _, ValBatcher<_, _, _, _>, ValSpine<Key, GhostWord, Time, Diff>>(
        words.inner,
        Pipeline,
        "Ghost words",
        ValBatcher::new,
    );
    let payloads = cells.flat_map(|(cell, payload)| {
        let (brick, local) = BrickId::locate(cell)?;
        let place = (local.index() & 63) as u8;
        Some(((brick, (local.index() >> 6) as u8), (place, payload)))
    });
    let to_share = Exchange::new(move |record: &((Key, (u8, Payload)), Time, Diff)| {
        share.worker_of(record.0.0.0) as u64
    });
    let payloads = arrange_core::<
        _,
        _,
        ValBatcher<_, _, _, _>,
        ValSpine<Key, (u8, Payload), Time, Diff>,
    >(payloads.inner, to_share, "Payloads", ValBatcher::new);
    let joined = payloads.join_core(words, |&(brick, word), (place, payload), ghosts| {
        let local = Local::new(usize::from(word) << 6 | usize::from(*place))?;
        ghosts.contains(local).then(|| {
            let ghost = (
                brick.cell(local),
                payload.clone(),
                ghosts.part,
                u32::from(ghosts.ring),
            );
            (ghosts.owner, ghost)
        })
    });
    Ghosts { joined }
}

/// A brick and one of its 16 words of 64 places.
type Key = (BrickId, u8);

/// The shape of each brick that has cells: which of them exist.
pub fn shapes<'scope, Payload: ExchangeData>(
    cells: Collection<'scope, (Cell, Payload)>,
) -> Collection<'scope, (BrickId, Planes)> {
    let share = Share::new(0, cells.scope().peers());
    let cells = cells.inner.flat_map(|((cell, _payload), time, diff)| {
        let (brick, local) = BrickId::locate(cell)?;
        Some(((brick, local.index() as u16), time, diff))
    });
    let to_share =
        Exchange::new(move |cell: &(Place, Time, Diff)| share.worker_of(cell.0.0) as u64);
    let shapes = cells.unary_frontier(to_share, "Shapes", |_, _| {
        let mut epochs: Epochs<Vec<(Place, Diff)>> = Epochs::default();
        let mut census = Census::default();
        move |(input, frontier), output| {
            input.for_each(|cap, cells| {
                for (place, time, diff) in cells.drain(..) {
                    epochs.at(&cap, time).push((place, diff));
                }
            });
            while let Some((cap, mut cells)) = epochs.complete(|t| !frontier.less_equal(t)) {
                let time = *cap.time();
                let mut session = output.session(&cap);
                census.update(&mut cells, |brick, shape, diff| {
                    session.give(((brick, shape), time, diff));
                });
            }
        }
    });
    shapes.as_collection()
}

/// The ghosts of each part, word by word, on the workers in whose shares the bricks are.
///
/// `shapes` are the cells that exist in each brick, `plan` is the part of each brick.
pub fn zones<'scope>(
    shapes: Collection<'scope, (BrickId, Planes)>,
    plan: Collection<'scope, (BrickId, u32)>,
    rings: Rings,
    through: Through,
) -> Collection<'scope, GhostWord> {
    let scope = shapes.scope();
    let share = Share::new(scope.index(), scope.peers());
    let shapes = to_concerned(shapes, share, rings);
    let plan = to_concerned(plan, share, rings);
    let words = shapes.binary_frontier(
        plan,
        Exchange::new(|record: &Addressed<Planes>| record.0.0),
        Exchange::new(|record: &Addressed<u32>| record.0.0),
        "Zones",
        |_, _| {
            let mut epochs: Epochs<BrickChanges> = Epochs::default();
            let mut zones = Zones::new(rings, through, share);
            move |(shapes, shapes_frontier), (plan, plan_frontier), output| {
                shapes.for_each(|cap, records| {
                    for ((_to, brick, shape), time, diff) in records.drain(..) {
                        epochs.at(&cap, time).shapes.push(((brick, shape), diff));
                    }
                });
                plan.for_each(|cap, records| {
                    for ((_to, brick, part), time, diff) in records.drain(..) {
                        epochs.at(&cap, time).parts.push(((brick, part), diff));
                    }
                });
                let is_complete =
                    |t: &Time| !shapes_frontier.less_equal(t) && !plan_frontier.less_equal(t);
                while let Some((cap, changes)) = epochs.complete(is_complete) {
                    changes.apply(&mut zones);
                    let time = *cap.time();
                    let mut session = output.session(&cap);
                    zones.update(|word, diff| session.give((word, time, diff)));
                }
            }
        },
    );
    words.as_collection()
}

/// A brick and the index of a place in it.
type Place = (BrickId, u16);

/// What a brick has, on its way to a worker.
type Addressed<Of> = ((u64, BrickId, Of), Time, Diff);

/// Records of bricks for all workers with a brick in reach of them.
fn to_concerned<'scope, Of: ExchangeData>(
    records: Collection<'scope, (BrickId, Of)>,
    share: Share,
    rings: Rings,
) -> StreamVec<'scope, Time, Addressed<Of>> {
    records.inner.flat_map(move |((brick, of), time, diff)| {
        let workers = share.concerned(brick, rings).into_iter();
        workers.map(move |to| ((to as u64, brick, of.clone()), time, diff))
    })
}

/// What waits for the end of its epoch.
struct Epochs<Waiting>(BTreeMap<Time, (Capability<Time>, Waiting)>);

impl<Waiting> Default for Epochs<Waiting> {
    fn default() -> Self {
        Epochs(BTreeMap::new())
    }
}

impl<Waiting: Default> Epochs<Waiting> {
    /// What waits for the end of epoch `time`, which a message with capability `cap` told of.
    fn at(&mut self, cap: &InputCapability<Time>, time: Time) -> &mut Waiting {
        let epoch = self.0.entry(time);
        &mut epoch
            .or_insert_with(|| (cap.delayed(&time, 0), Waiting::default()))
            .1
    }

    /// The first epoch that waits, if it is complete.
    fn complete(
        &mut self,
        is_complete: impl Fn(&Time) -> bool,
    ) -> Option<(Capability<Time>, Waiting)> {
        let first = self.0.first_entry()?;
        is_complete(first.key()).then(|| first.remove())
    }
}

/// What an epoch changes of bricks.
#[derive(Default)]
struct BrickChanges {
    shapes: Vec<((BrickId, Planes), Diff)>,
    parts: Vec<((BrickId, u32), Diff)>,
}

impl BrickChanges {
    fn apply(mut self, zones: &mut Zones) {
        consolidated(&mut self.shapes);
        consolidated(&mut self.parts);
        for &((brick, shape), diff) in &self.shapes {
            zones.set_shape(brick, if diff > 0 { shape } else { Planes::NONE });
        }
        let came = |a: &&[((BrickId, u32), Diff)]| a.iter().filter(|p| p.1 > 0).count();
        for brick in self.parts.chunk_by(|a, b| a.0.0 == b.0.0) {
            assert!(came(&brick) <= 1, "a plan gives each brick one part");
            let &((id, part), diff) = brick.last().expect("a chunk has records");
            zones.set_part(id, (diff > 0).then_some(part));
        }
    }
}

/// Adds up the differences of equal records; by brick, those that go before those that come.
fn consolidated<Of: Ord>(records: &mut Vec<((BrickId, Of), Diff)>) {
    differential_dataflow::consolidation::consolidate(records);
    records.sort_by_key(|((brick, _), diff)| (*brick, *diff > 0));
}

/// How often each cell is there.
#[derive(Default)]
struct Census {
    shapes: FxHashMap<BrickId, Planes>,
    /// The multiplicities that are neither 0 nor 1.
    odd: FxHashMap<Place, Diff>,
}

impl Census {
    /// Adds differences of cells, and tells the shapes that go (−1) and come (1).
    fn update(
        &mut self,
        cells: &mut Vec<(Place, Diff)>,
        mut each: impl FnMut(BrickId, Planes, Diff),
    ) {
        differential_dataflow::consolidation::consolidate(cells);
        for brick in cells.chunk_by(|a, b| a.0.0 == b.0.0) {
            let id = brick[0].0.0;
            let before = self.shapes.get(&id).copied().unwrap_or_default();
            let mut after = before;
            for &(place, diff) in brick {
                let local = Local::new(usize::from(place.1)).expect("a place of a brick");
                let odd = self.odd.remove(&place);
                let count = odd.unwrap_or_else(|| Diff::from(before.contains(local))) + diff;
                if count != 0 && count != 1 {
                    self.odd.insert(place, count);
                }
                after.set(local, count > 0);
            }
            if before == after {
                continue;
            }
            if !before.is_empty() {
                each(id, before, -1);
            }
            if after.is_empty() {
                self.shapes.remove(&id);
            } else {
                self.shapes.insert(id, after);
                each(id, after, 1);
            }
        }
    }
}
